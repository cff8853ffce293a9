from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from errata.boards.table import RowDetail
from errata.errors import LabelStudioUnreachable, MediaError, UsageError
from errata.store.pictures import PictureFolder
from errata.web.board.originals import Originals
from errata.web.board.pictures import Pictures
from errata_model.records import Finding, GivenLabel
from errata_model.regions.shapes import Box, Mask, Shape

WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(range(200))


def png(side: int = 200, colour: str = "blue") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, "PNG")
    return buffer.getvalue()


class Files:
    """Knows files by address, and counts how often each is read."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes | Exception] = {}
        self.read_: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def read(self, uri: str, task_id: int) -> bytes:
        self.read_.append(uri)
        assert self.gate.wait(120)
        content = self.contents.get(uri, MediaError("it is missing"))
        if isinstance(content, Exception):
            raise content
        return content


class Index:
    """Knows what is behind addresses."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}

    def known(self, uris: Sequence[str]) -> dict[str, str]:
        return {uri: self.keys[uri] for uri in uris if uri in self.keys}

    def remember(self, found: Mapping[str, str]) -> None:
        raise AssertionError("nothing is learned of what is behind addresses here")


class Rows:
    """A table's rows."""

    def __init__(self) -> None:
        self.kept: list[RowDetail] = []

    def add(self, shown: str, given: Shape | None = None, proposed: Shape | None = None) -> int:
        label = GivenLabel(10, 1, "ann", "kind", None, "boxes", "car", "hash")
        finding = Finding("f", label, {}, 0.5, None, "why", None, "suspect", "m1")
        self.kept.append(RowDetail(finding, shown, 0, {}, given, proposed))
        return len(self.kept) - 1

    def details(self, project_id: int, version: str, rows: Sequence[int], *, has_masks: bool = True) -> list[RowDetail]:
        if (project_id, version) != (7, "v1") or max(rows) >= len(self.kept):
            raise UsageError("The table is not kept any more; reload the page.")
        return [self.kept[row] for row in rows]


class World:
    """The pages with pictures, and a browser that is signed in."""

    def __init__(self, open_pages: Callable[..., Any], folder: Path) -> None:
        self.files, self.rows, self.index = Files(), Rows(), Index()
        self.now = 0.0
        originals = Originals(self.files, 10**6, 120, lambda: self.now)
        pictures = Pictures(self.rows, originals, PictureFolder(folder), self.index, 10**6)
        pages = open_pages(pictures.routes())
        self.browser = pages.browser()
        self.browser.sign_in()
        self.browser.http.headers["X-Errata"] = ""

    def get(self, path: str, **options: Any) -> Any:
        return self.browser.get(f"/board/api/projects/7/{path}", **options)

    def picture(self, row: int, query: str = "context=25&size=320") -> Image.Image:
        answer = self.get(f"pictures/v1/{row}.jpg?{query}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg"), answer.text
        return Image.open(io.BytesIO(answer.content))


@pytest.fixture
def world(open_pages: Callable[..., Any], tmp_path: Path) -> World:
    return World(open_pages, tmp_path)


def test_a_row_s_crop_is_rendered_once(world: World) -> None:
    """However often it is asked for, by whomever, and after a new audit, as long as the file is the same."""
    world.files.contents["/data/a.png"] = png()
    world.index.keys["/data/a.png"] = hashlib.sha256(png()).hexdigest()
    row = world.rows.add("/data/a.png", given=Box(0.25, 0.25, 0.5, 0.5))
    first = world.picture(row)
    assert first.size == (150, 150)
    world.now += 500
    world.files.contents.clear()
    assert world.picture(row).tobytes() == first.tobytes()
    answer = world.get(f"pictures/v1/{row}.jpg?context=25&size=320")
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert "sandbox" in answer.headers["content-security-policy"]
    world.index.keys["/data/a.png"] = "another by now"
    assert world.get(f"pictures/v1/{row}.jpg?context=25&size=320").status_code == 404


def test_a_file_that_changed_since_the_audit_is_shown_but_not_kept(world: World) -> None:
    """What is kept under a content's key is of that content."""
    world.files.contents["/data/a.png"] = png(colour="red")
    world.index.keys["/data/a.png"] = hashlib.sha256(png()).hexdigest()
    row = world.rows.add("/data/a.png")
    assert world.picture(row).getpixel((50, 50))[0] > 200
    world.now += 500
    world.files.contents["/data/a.png"] = png()
    assert world.picture(row).getpixel((50, 50))[0] < 50


def test_the_tiles_of_a_scene_fetch_it_once(world: World) -> None:
    """Also where they are asked for at the same moment; later it is fetched again, and too much is not kept."""
    world.files.contents["/data/a.png"] = png()
    rows = [world.rows.add("/data/a.png", given=Box(0.01 * n, 0, 0.3, 0.3)) for n in range(24)]
    world.files.gate.clear()
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(world.picture, row) for row in rows[:12]]
        world.files.gate.set()
        [each.result() for each in asked]
    assert world.files.read_ == ["/data/a.png"]
    world.now += 60
    world.picture(rows[12])
    world.now += 119
    world.picture(rows[13])
    assert len(world.files.read_) == 1
    world.now += 121
    world.picture(rows[14])
    assert len(world.files.read_) == 2
    for n in range(3):
        world.files.contents[f"/data/{n}"] = png() + b"\0" * 400_000
        world.picture(world.rows.add(f"/data/{n}"))
    world.picture(rows[15])
    assert world.files.read_.count("/data/a.png") == 3


def test_a_page_of_crops_is_one_answer(world: World) -> None:
    """A line a row, each as soon as it is there; one that cannot be had says why, and is asked for anew later."""
    world.files.contents["/data/a.png"] = png()
    rows = [world.rows.add("/data/a.png", given=Box(0.1 * n, 0, 0.3, 0.3)) for n in range(3)]
    gone = world.rows.add("/data/gone.png")
    path = f"pictures/v1?rows={rows[2]},{gone},{rows[0]},{rows[0]},{rows[1]}&context=25&size=160"
    answer = world.get(path)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    lines = {said["row"]: said for said in map(json.loads, answer.text.splitlines())}
    assert len(answer.text.splitlines()) == len(lines) == 4
    assert lines[gone] == {"row": gone, "problem": "The file cannot be had: it is missing."}
    for row in rows:
        alone = world.get(f"pictures/v1/{row}.jpg?context=25&size=160").content
        assert base64.b64decode(lines[row]["jpeg"]) == alone
    assert world.files.read_.count("/data/a.png") == 1
    kept = world.get(f"pictures/v1?rows={rows[1]},{rows[2]}&context=25&size=160")
    assert kept.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert [json.loads(line)["row"] for line in kept.text.splitlines()] == [rows[1], rows[2]]


def test_a_missing_region_is_dashed_and_the_scene_is_plain(world: World) -> None:
    """The scene has an outline where it is asked for; the page draws its own."""
    world.files.contents["/data/a.png"] = png()
    box = Box(0.25, 0.25, 0.5, 0.5)
    given, missing = world.rows.add("/data/a.png", given=box), world.rows.add("/data/a.png", proposed=box)

    def n_light(row: int, query: str) -> int:
        return int(np.count_nonzero(np.asarray(world.picture(row, query).convert("L")) > 180))

    assert 0 < n_light(missing, "context=25&size=320") < n_light(given, "context=25&size=320")
    assert n_light(given, "context=25&size=320&outline=0") == 0
    assert n_light(given, "context=scene&size=160") == 0
    assert n_light(given, "context=scene&size=160&outline=1") > 0


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (MediaError("Label Studio answered 404"), 404, "The file cannot be had: Label Studio answered 404."),
        (LabelStudioUnreachable("Label Studio at http://10.0.0.1 cannot be reached"), 502, "errata's log says why"),
        (b"no picture", 415, "it is not an image"),
        (png()[:60], 415, "truncated or broken"),
        (png(2000), 415, "allowed"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 415, "SVG"),
    ],
)
def test_a_picture_that_cannot_be_had_is_an_answer_in_words(
    world: World, content: bytes | Exception, status: int, said: str
) -> None:
    """Small, and kept by no browser: it may be there again."""
    world.files.contents["/data/a.png"] = content
    answer = world.get(f"pictures/v1/{world.rows.add('/data/a.png')}.jpg?context=scene&size=160")
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "10.0.0.1" not in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("pictures/v1/0.jpg?context=30&size=160", 400),
        ("pictures/v1/0.jpg?context=25&size=99999", 400),
        ("pictures/v1/99.jpg", 404),
        ("pictures/v1/99999999999999999999999.jpg", 404),
        ("pictures/v1/" + "9" * 5000 + ".jpg", 404),
        ("../" + "9" * 5000 + "/pictures/v1/0.jpg", 404),
        ("pictures/v0/0.jpg", 404),
        ("pictures/v1", 400),
        ("pictures/v1?rows=0,x", 400),
        ("pictures/v1?rows=0&size=99", 400),
        ("pictures/v1?rows=" + "0," * 100 + "0", 400),
        ("pictures/v1?rows=99", 404),
        ("pictures/v1?rows=99999999999", 404),
        ("pictures/v0?rows=0", 404),
        ("pictures/../0.jpg", 404),
        ("pictures/v1/-1.jpg", 404),
        ("masks/v1/0.png?which=other", 400),
        ("masks/v1/0.png?which=given", 404),
        ("media/v0/0", 404),
    ],
)
def test_what_is_not_there_is_said(world: World, path: str, status: int) -> None:
    """A table that is gone, a row it never had, and words that no address has."""
    world.files.contents["/data/a.png"] = png()
    world.rows.add("/data/a.png", given=Box(0, 0, 1, 1))
    answer = world.get(path)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])


def test_a_mask_is_white_where_it_is_and_transparent_elsewhere(world: World) -> None:
    """It has the scene's proportions, and lies over a scene of any size."""
    bitmap = np.zeros((20, 40), bool)
    bitmap[5:15, 10:30] = True
    row = world.rows.add("/data/a.png", given=Mask(bitmap, 50, 20, 100, 200), proposed=Box(0, 0, 1, 1))
    answer = world.get(f"masks/v1/{row}.png?which=given")
    picture = Image.open(io.BytesIO(answer.content)).convert("RGBA")
    assert (answer.headers["content-type"], picture.size) == ("image/png", (200, 100))
    alpha = np.asarray(picture)[..., 3]
    assert (alpha[55:65, 30:50] == 255).all()
    assert np.count_nonzero(alpha) == 200
    assert (np.asarray(picture)[alpha > 0] == 255).all()
    large = world.rows.add("/data/a.png", given=Mask(np.ones((10, 10), bool), 0, 0, 9000, 4000))
    assert Image.open(io.BytesIO(world.get(f"masks/v1/{large}.png").content)).size == (910, 2048)
    assert world.get(f"masks/v1/{row}.png?which=proposed").status_code == 404


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        (None, 200, slice(None)),
        ("bytes=0-", 206, slice(None)),
        ("bytes=10-19", 206, slice(10, 20)),
        ("bytes=200-99999", 206, slice(200, None)),
        ("bytes=-16", 206, slice(-16, None)),
        ("bytes=-99999", 206, slice(None)),
        ("bytes=99999-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=20-10", 200, slice(None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("seconds=1-2", 200, slice(None)),
        ("bytes=" + "9" * 400 + "-", 200, slice(None)),
    ],
)
def test_a_player_gets_the_part_it_asks_for(world: World, asked: str | None, status: int, part: slice | None) -> None:
    """With the type that the file's first bytes say, and never as a page."""
    world.files.contents["/data/a.wav"] = WAV
    row = world.rows.add("/data/a.wav")
    answer = world.get(f"media/v1/{row}", headers={"Range": asked} if asked else {})
    assert answer.status_code == status
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    if part is not None:
        assert answer.content == WAV[part]
        assert answer.headers["content-type"] == "audio/wav"
    if status == 206 and part is not None:
        first, end, _ = part.indices(len(WAV))
        assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/{len(WAV)}"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (WAV, "audio/wav"),
        (b"ID3\x04" + bytes(50), "audio/mpeg"),
        (b"\xff\xfb\x90" + bytes(50), "audio/mpeg"),
        (b"\xff\xf1\x50" + bytes(50), "audio/aac"),
        (b"fLaC" + bytes(50), "audio/flac"),
        (b"OggS" + bytes(24) + b"\x13OpusHead" + bytes(50), "audio/ogg"),
        (b"OggS" + bytes(24) + b"\x2a\x80theora" + bytes(50), "video/ogg"),
        (b"\0\0\0\x20ftypisom" + bytes(50), "video/mp4"),
        (b"\0\0\0\x20ftypM4A " + bytes(50), "audio/mp4"),
        (b"\x1a\x45\xdf\xa3" + bytes(50), "video/webm"),
        (png(), "image/png"),
        (b"<html><script>alert(1)</script>", None),
        (b"%PDF-1.7", None),
        (b"<svg/>", None),
        (b"", None),
    ],
)
def test_only_what_browsers_show_or_play_is_given(world: World, content: bytes, kind: str | None) -> None:
    """A file that could be a page, or anything else, is not."""
    world.files.contents["/data/a"] = content
    answer = world.get(f"media/v1/{world.rows.add('/data/a')}")
    assert (answer.status_code, answer.headers["content-type"]) == ((200, kind) if kind else (415, "application/json"))
