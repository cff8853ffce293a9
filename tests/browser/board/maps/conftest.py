"""The projector's and the confusion map's pages on projects made for them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest
from PIL import Image

from errata.boards.table import NONE, BoardTable, RowDetail
from errata.review.records import Project
from errata.wiring import Wiring
from errata_model.records import Control, Finding, GivenLabel

_COLOURS = {"car": (200, 60, 60), "truck": (60, 60, 200), "bus & co": (60, 170, 60)}
_SHADES = {"day": 1.0, "night": 0.35}


@dataclass(frozen=True)
class Maps:
    """errata's service with a project that was audited, and two whose tables are drawn."""

    server: Any
    wide_id: int  # 400 classes
    flat_id: int  # nothing is known of what its tasks look like


@pytest.fixture(scope="module")
def board(maps: Maps) -> Any:
    """Open browsers on this service."""
    return maps.server


@pytest.fixture(scope="session")
def maps(label_studio: Any, make_server: Any) -> Iterator[Maps]:
    """Serve the pages of pictures with two controls, of 400 classes, and of a project whose tasks have no vectors."""
    source = _two_controls(label_studio.client)
    wide, flat = (
        label_studio.client.post("api/projects/", {"title": title, "label_config": "<View></View>"})["id"]
        for title in ("400 classes", "No vectors")
    )
    server, url = make_server(source), label_studio.url
    with closing(Wiring(server.settings)) as errata:
        for table in (_drawn(wide, "400 classes", 400, url), _drawn(flat, "No vectors", 3, url, has_map=False)):
            errata.audits.connected(Project(table.project_id, table.title, url))
            errata.boards.save(table, (_detail(table, row) for row in range(len(table))))
    server.audit()
    server.serve()
    yield Maps(server, wide, flat)
    server.end()


def _two_controls(client: Any, n: int = 120, n_wrong: int = 12) -> int:
    """Make a project of coloured pictures, dark or light, labelled by colour and by light; return its id."""
    names = list(_COLOURS)
    choices = "".join(f"<Choice value={quoteattr(name)}/>" for name in names)
    config = (
        '<View><Image name="image" value="$image"/>'
        f'<Choices name="label" toName="image">{choices}</Choices>'
        '<Choices name="light" toName="image"><Choice value="day"/><Choice value="night"/></Choices></View>'
    )
    project_id = int(client.post("api/projects/", {"title": "Cars by day and by night", "label_config": config})["id"])
    true = [names[number % len(names)] for number in range(n)]
    lights = ["day" if number % 2 else "night" for number in range(n)]
    pictures = [_picture(number, name, light) for number, (name, light) in enumerate(zip(true, lights, strict=True))]
    addresses: list[str] = []
    for start in range(0, n, 50):
        files = [(f"{start + k:03}.png", content) for k, content in enumerate(pictures[start : start + 50])]
        said = client.upload(f"api/projects/{project_id}/import", files, {"commit_to_project": "false"})
        asked = {"ids": json.dumps(said["file_upload_ids"])}
        listed = client.get(f"api/projects/{project_id}/file-uploads", asked)
        place = {upload_id: number for number, upload_id in enumerate(said["file_upload_ids"])}
        addresses += [f"/data/{each['file']}" for each in sorted(listed, key=lambda each: place[each["id"]])]
    given = [names[(k + 1) % len(names)] if k < n_wrong else name for k, name in enumerate(true)]
    tasks = [
        {"data": {"image": address}, "annotations": [{"result": [_choice("label", one), _choice("light", other)]}]}
        for address, one, other in zip(addresses, given, lights, strict=True)
    ]
    client.post(f"api/projects/{project_id}/import", tasks)
    return project_id


def _choice(control: str, label: str) -> dict[str, Any]:
    return {"from_name": control, "to_name": "image", "type": "choices", "value": {"choices": [label]}}


def _drawn(project_id: int, title: str, n_classes: int, url: str, has_map: bool = True) -> BoardTable:
    """Draw an audit of ten labels a class. One of each class is taken for the class beside it, blocks of five."""
    rng = np.random.default_rng(6)
    names = tuple(f"class {number:03}" for number in range(n_classes))
    given = np.repeat(np.arange(n_classes, dtype=np.int32), 10)
    n = len(given)
    is_suspect = np.arange(n) % 10 == 0
    beside = np.minimum(given - given % 5 + (given % 5 + 1) % 5, n_classes - 1).astype(np.int32)
    queue = np.full(n, NONE, dtype=np.int32)
    queue[is_suspect] = np.arange(is_suspect.sum())
    middles = rng.uniform(0.1, 0.9, (n_classes, 2))
    xy = (middles[given] + rng.normal(0, 0.01, (n, 2))).astype(np.float32)
    return BoardTable(
        version=f"drawn-{n_classes}",
        model_version="drawn",
        project_id=project_id,
        title=title,
        url=url,
        controls=(Control("label", "choices", "text", "text", "text", names),),
        labels=names,
        annotators=("ann@example.com",),
        detectors=("disagreement",),
        keys=np.array([f"{project_id}-{row:08}".zfill(20) for row in range(n)], dtype="S20"),
        tasks=np.arange(1, n + 1),
        annotations=np.arange(1, n + 1),
        control=np.zeros(n, dtype=np.int16),
        given=given,
        predicted=np.where(is_suspect, beside, given).astype(np.int32),
        disagreement=np.where(is_suspect, 0.9, 0.1).astype(np.float32),
        queue=queue,
        fired=is_suspect.astype(np.uint64),
        annotator=np.zeros(n, dtype=np.int32),
        place=np.full((n, 4), np.nan, dtype=np.float32),
        leaf=np.arange(n, dtype=np.int32),
        xy=xy if has_map else np.full((n, 2), np.nan, dtype=np.float32),
        apart=is_suspect & has_map,
        vectors=rng.normal(0, 1, (n, 4)).astype(np.float16) if has_map else np.zeros((n, 4), dtype=np.float16),
        trustworthiness={"label": 0.9} if has_map else {},
    )


def _detail(table: BoardTable, row: int) -> RowDetail:
    label = table.labels[table.given[row]]
    given = GivenLabel(row + 1, row + 1, "ann@example.com", "label", None, "choices", label, str(row))
    disagreement = float(table.disagreement[row])
    finding = Finding(table.keys[row].decode(), given, {}, disagreement, None, "", None, "suspect", "drawn")
    return RowDetail(finding, f"text {row}", 0, {})


def _picture(seed: int, name: str, light: str, size_px: int = 48) -> bytes:
    noise = np.random.default_rng(seed).integers(-25, 25, (size_px, size_px, 3))
    pixels = _SHADES[light] * (noise + np.array(_COLOURS[name]))
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
