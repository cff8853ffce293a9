"""Pictures as DataFrames hold them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from errata.errors import MediaError
from errata.notebook.media import FrameMedia, address_of

SHADES = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


def png(array: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def test_every_form_of_a_picture_is_read(tmp_path: Path) -> None:
    """The same pixels come of a path, bytes, a PIL image and an array, of bytes or of numbers."""
    path = tmp_path / "picture.png"
    path.write_bytes(png(SHADES))
    forms = [str(path), path, png(SHADES), bytearray(png(SHADES)), Image.fromarray(SHADES), SHADES, SHADES * 1.0]
    media = FrameMedia(dict(enumerate(forms)), 10_000)
    for n, form in enumerate(forms):
        read = np.asarray(Image.open(io.BytesIO(media.read(address_of(form, n), n))))
        assert read.tolist() == SHADES.tolist(), type(form)
    others = {0: SHADES[..., 0], 1: SHADES[..., :1], 2: SHADES[..., 0] > 20, 3: Image.fromarray(SHADES).convert("CMYK")}
    media = FrameMedia(others, 10_000)
    assert [Image.open(io.BytesIO(media.read("", n))).size for n in others] == [(4, 4)] * 4


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("gone.png", r"gone\.png cannot be read \(No such file or directory\)"),
        ("a\0b", "cannot be read"),
        ("https://example.com/a.png", "it is an address"),
        (SHADES / 255.0, "multiply yours by 255"),
        (SHADES * 100.0, "numbers from 0 to 255"),
        (np.full((4, 4), np.nan), "numbers from 0 to 255"),
        (np.zeros((4, 4, 2), np.uint8), r"an array of \(4, 4, 2\) is no picture"),
        (np.zeros((0, 4), np.uint8), "is no picture"),
        (np.zeros(4, np.uint8), "is no picture"),
        (7, "not int"),
        (None, "not NoneType"),
    ],
)
def test_what_is_no_picture_is_told_in_words(value: Any, words: str, tmp_path: Path, monkeypatch: Any) -> None:
    """A row without a usable picture says what is wrong with it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MediaError, match=words):
        FrameMedia({1: value}, 10_000).read("whatever the address is", 1)


def test_nothing_but_the_rows_pictures_is_read(tmp_path: Path) -> None:
    """An address opens no file: the row says which one it is. Files have a largest size."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "large").write_bytes(b"x" * 101)
    media = FrameMedia({1: b"mine", 2: str(tmp_path / "large")}, 100)
    assert media.read(str(tmp_path / "secret"), 1) == b"mine"
    with pytest.raises(MediaError, match="larger than 100 bytes"):
        media.read(str(tmp_path / "large"), 2)
    with pytest.raises(MediaError):
        media.read(str(tmp_path / "secret"), 3)
