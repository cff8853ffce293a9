"""The formats of sounds and films that browsers play, told by their first bytes."""

from __future__ import annotations

import re

_FIRST_BYTES = (
    (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"), "audio/mpeg"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "audio/aac"),
    (re.compile(rb"fLaC"), "audio/flac"),
    (re.compile(rb"OggS.{24}.(\x01vorbis|OpusHead|\x7fFLAC|Speex)", re.DOTALL), "audio/ogg"),
    (re.compile(rb"OggS"), "video/ogg"),
    (re.compile(rb".{4}ftypM4[AB] ", re.DOTALL), "audio/mp4"),
    (re.compile(rb".{4}ftyp(?!avi[fs]|hei|mif1|msf1)", re.DOTALL), "video/mp4"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "video/webm"),
)


def played_type(content: bytes) -> str | None:
    """Return the media type of a sound or a film, None where browsers do not play it."""
    return next((kind for first, kind in _FIRST_BYTES if first.match(content)), None)
