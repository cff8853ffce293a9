"""Pictures of every sort, odd, broken or hostile: each is seen as people see it or named with the reason."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

Make = Callable[..., Any]
HUES = ("red", "green", "blue")
N = 60
ROTATED = 6  # EXIF: to be shown turned by a quarter to the right


@pytest.fixture
def good(export: Make, picture: Make, saved: Make) -> Any:
    """An export of N pictures, red, green and blue in turn; the first is labelled wrong."""
    made = export("image", HUES)
    for n in range(N):
        made.add(saved(picture(HUES[n % 3])), "blue" if n == 0 else HUES[n % 3])
    return made


def assert_the_rest_is_ranked(heard: Any, odd: Sequence[int] = ()) -> None:
    """The picture that is labelled wrong comes first of the usual ones, and every usual one has its place."""
    usual = [each["task"] for each in heard.findings if each["task"] not in odd]
    assert usual[0] == 1
    assert sorted(usual) == list(range(1, N + 1))


def png(size: tuple[int, int], bits: int, colours: int, pixels: bytes) -> bytes:
    """Return a PNG file around compressed pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", *size, bits, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def bomb(side_px: int) -> bytes:
    """Return a PNG of a few bytes that says to be huge."""
    return png((side_px, side_px), 8, 0, zlib.compress(bytes(9)))


def adobe_cmyk(image: Image.Image) -> Image.Image:
    """Return a picture as CMYK without black, which Pillow writes inverted and marks, as Photoshop does."""
    return Image.merge("CMYK", (*(ImageOps.invert(band) for band in image.split()), Image.new("L", image.size)))


def sixteen_bit_png(image: Image.Image) -> bytes:
    """Return a picture as a PNG of 16 bits a colour, which Pillow reads and does not write."""
    values = np.asarray(image).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    return png(image.size, 16, 2, zlib.compress(rows))


def as_palette(image: Image.Image) -> Image.Image:
    return image.quantize(64)


FORMS: dict[str, Callable[[Image.Image, Make], bytes]] = {
    "CMYK JPEG": lambda image, saved: saved(adobe_cmyk(image), "JPEG", quality=95),
    "palette PNG": lambda image, saved: saved(as_palette(image)),
    "palette PNG, transparent": lambda image, saved: saved(as_palette(image), transparency=0),
    "palette GIF": lambda image, saved: saved(as_palette(image), "GIF"),
    "animated GIF": lambda image, saved: saved(
        as_palette(image), "GIF", save_all=True, append_images=[Image.new("P", image.size)]
    ),
    "animated WebP": lambda image, saved: saved(
        image, "WEBP", save_all=True, append_images=[Image.new("RGB", image.size)], lossless=True
    ),
    "TIFF": lambda image, saved: saved(image, "TIFF"),
    "16-bit colour PNG": lambda image, saved: sixteen_bit_png(image),
    "progressive JPEG": lambda image, saved: saved(image, "JPEG", quality=95, progressive=True),
    "transparent PNG": lambda image, saved: saved(image.convert("RGBA")),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_picture_in_another_form(good: Any, audit: Make, picture: Make, saved: Make, form: str) -> None:
    """It is recognised by its hue: the right label is undoubted, the wrong one proposed to be the right."""
    right = good.add(FORMS[form](picture("green"), saved), "green")
    wrong = good.add(FORMS[form](picture("blue"), saved), "red")
    heard = audit(good)
    assert heard.summary["unusable"] == {}
    assert heard.of(right)["proposal"] is None
    assert heard.of(wrong)["proposal"]["top"][0][0] == "blue"
    assert_the_rest_is_ranked(heard, (right, wrong))


def test_sixteen_bits_are_not_all_white(good: Any, audit: Make, picture: Make, saved: Make) -> None:
    """Twelve bits in sixteen: a dark one and a bright one stay apart, and show what the 8-bit ones show."""
    good.labels = (*HUES, "bright", "dark")
    ramp = np.tile(np.linspace(0, 4000, 48), (32, 1))
    for n in range(12):
        values = np.random.default_rng(n).normal(0, 60, ramp.shape) + (ramp if n % 2 else ramp[:, ::-1])
        good.add(saved(Image.fromarray(values.clip(0, 4095).astype(np.uint16))), "bright" if n % 2 else "dark")
    odd = range(N + 1, N + 13)
    good.tasks[N]["annotations"][0]["result"][0]["value"]["choices"] = ["bright"]
    heard = audit(good)
    assert heard.of(N + 1)["proposal"]["top"][0][0] == "dark"
    assert all(heard.of(task)["proposal"] is None for task in odd[1:])
    assert_the_rest_is_ranked(heard, odd)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_stored_on_its_side(good: Any, audit: Make, picture: Make, saved: Make, form: str) -> None:
    """What EXIF says to turn is turned: a copy stored on its side shows the same as the upright one.

    Of a JPEG nearly the same: saving it again moves it by more than pictures of so little variety differ by.
    """
    upright = picture("green", (48, 32))
    exif = Image.Exif()
    exif[0x0112] = ROTATED
    options = {"quality": 100, "subsampling": 0} if form == "JPEG" else {"lossless": True} if form == "WEBP" else {}
    one = good.add(saved(upright, form, **options), "green")
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    other = good.add(saved(turned, form, exif=exif, **options), "red")
    finding = audit(good).of(other)
    assert finding["proposal"]["top"][0][0] == "green"
    if form != "JPEG":
        assert f"Nearly the same image is labelled green in task {one}." in finding["reason"]


def test_two_tasks_with_the_same_picture(good: Any, audit: Make, picture: Make, saved: Make) -> None:
    """Labelled differently the likelier wrong one is doubted, and names the other task."""
    content = saved(picture("red"))
    one, other, third = (good.add(content, label) for label in ("red", "green", "red"))
    suspects = {each["task"]: each for each in audit(good, "--json").findings}
    assert "near_duplicate" in suspects[other]["detectors"]
    assert f"Nearly the same image is labelled red in tasks {one}, {third}." in suspects[other]["reason"]
    assert one not in suspects
    assert third not in suspects


def test_copies_with_the_same_wrong_label_do_not_vouch_for_one_another(
    good: Any, audit: Make, picture: Make, saved: Make
) -> None:
    content = saved(picture("red"))
    copies = [good.add(content, "green") for _ in range(4)]
    heard = audit(good)
    assert all(heard.of(task)["proposal"]["top"][0][0] == "red" for task in copies)
    assert {each["task"] for each in heard.findings[:8]} >= {1, *copies}  # of 64; some pictures are drawn odd


def test_what_cannot_be_used(good: Any, audit: Make, picture: Make, saved: Make) -> None:
    """Each with its reason and its task; the audit goes on."""
    jpeg = saved(picture("red", (300, 200)), "JPEG")
    broken = {
        b"": "the file is empty",
        b"no picture at all": "it is not an image",
        jpeg[: len(jpeg) // 2]: "the JPEG file is truncated or broken",
        jpeg[:10]: "it is not an image",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>': "SVG drawings are not supported",
        b"<!DOCTYPE html><html>log in</html>": "it is a web page, not an image",
        b"%PDF-1.4": "PDF documents are not supported",
        bomb(30_000): "pixels",
        bomb(2**31 - 1): "pixels",
    }
    odd = {good.add(content, "red"): why for content, why in broken.items()}
    gone = good.add(b"x", "red")
    good.tasks[gone - 1]["data"]["image"] = "nowhere.png"
    outside = good.add(b"x", "red")
    good.tasks[outside - 1]["data"]["image"] = "../config.xml"
    heard = audit(good)
    unusable = heard.summary["unusable"]
    assert unusable.keys() == {str(task) for task in (*odd, gone, outside)}
    assert {task: why for task, why in odd.items() if why not in unusable[str(task)]} == {}
    assert sum(heard.summary["skipped"].values()) == len(odd) + 2
    assert_the_rest_is_ranked(heard)
    assert {each["task"] for each in heard.findings}.isdisjoint(odd)


def test_one_pixel_and_one_colour(good: Any, audit: Make, saved: Make) -> None:
    """Pictures that show nothing are judged by what is left: their colour, or not at all."""
    odd = [
        good.add(saved(Image.new("RGB", size, colour)), "red")
        for size, colour in (((1, 1), "red"), ((500, 1), "white"), ((1, 500), "black"), ((64, 64), "grey"))
    ]
    heard = audit(good)
    assert heard.summary["unusable"] == {}
    assert_the_rest_is_ranked(heard, odd)


def test_no_picture_can_be_used(export: Make, audit: Make) -> None:
    made = export("image", HUES)
    for n in range(6):
        made.add(b"no picture", HUES[n % 2])
    heard = audit(made, code=2)
    assert "cannot be audited yet" in heard.told
    assert "6 x media: it is not an image" in heard.told
    assert "--media names its folder" in heard.told
    assert "Label a few" not in heard.told
