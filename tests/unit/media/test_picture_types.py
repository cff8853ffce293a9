"""Formats told by their first bytes."""

from __future__ import annotations

import io

import pytest
from PIL import Image, features

from errata.labelstudio.picture_types import picture_type


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("BMP", "image/bmp"),
        ("AVIF", "image/avif"),
        ("TIFF", None),
        ("PPM", None),
    ],
)
def test_formats_are_told_as_pillow_writes_them(form: str, kind: str | None) -> None:
    """What browsers show has its type; what they do not has none."""
    if form in ("AVIF", "WEBP") and not features.check(form.lower()):
        pytest.skip(f"this Pillow writes no {form}")
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, form)
    assert picture_type(buffer.getvalue()) == kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html>",
        b"GIF89",
        b"RIFF1234WAVE",
        b"%PDF-1.7",
        b"BM, hello",
    ],
)
def test_nothing_else_is_a_picture(content: bytes) -> None:
    """Documents that could run scripts above all: they are never sent as pictures."""
    assert picture_type(content) is None
