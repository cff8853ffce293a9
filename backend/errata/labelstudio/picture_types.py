"""The formats of pictures that browsers show, told by their first bytes."""

from __future__ import annotations

import re

# Every current browser shows these. An SVG is a document that may hold scripts; TIFF is shown by few.
_FIRST_BYTES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb".{4}ftypavi[fs]", re.DOTALL), "image/avif"),
    (re.compile(rb"BM.{4}\x00\x00\x00\x00", re.DOTALL), "image/bmp"),
)


def picture_type(content: bytes) -> str | None:
    """Return a picture's media type, None where browsers do not show it."""
    return next((kind for first, kind in _FIRST_BYTES if first.match(content)), None)
