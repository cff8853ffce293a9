"""Image files of unknown origin to RGB images."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "PPM", "TGA", "JPEG2000", "AVIF")
_DEEP_MODES = ("I", "F")
_ORIENTATION, _QUARTER_TURNS = 0x0112, (5, 6, 7, 8)  # EXIF's tag, and its values that swap width and height

# What Pillow's decoders raise on hostile content. A warning is among them where warnings are errors.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    MemoryError,
    AssertionError,
    Warning,
    struct.error,
    zlib.error,
)


class UnusableImage(ValueError):
    """The content cannot be used as an image; the text says why in a few words."""


def upright_size(content: bytes) -> tuple[int, int]:
    """Return width and height in pixels as an annotator sees them: EXIF orientation is applied. Reads the header alone.

    Raises:
        UnusableImage: empty, no image, or of a format that is not supported.
    """
    image = _open(content)
    width, height = image.size
    try:
        is_turned = image.getexif().get(_ORIENTATION) in _QUARTER_TURNS
    except _BROKEN:
        is_turned = False
    return (height, width) if is_turned else (width, height)


def decode_image(content: bytes, max_pixels: int, least_side: int | None = None, ground: str = "white") -> Image.Image:
    """Decode an image file as an annotator sees it.

    EXIF orientation is applied, transparency is laid over `ground`, of an animation the first frame is taken.
    More than 8 bits a channel are stretched from the image's own least to its greatest value.

    Args:
        content: the file.
        max_pixels: the largest width times height. It is compared with the header, before anything is decoded.
        least_side: in pixels. A JPEG is decoded to a half, a quarter or an eighth where neither side falls below
            this by that: in half of the time and less, averaged over the pixels that are left out.

    Returns:
        An RGB image that is fully loaded.

    Raises:
        UnusableImage: empty, no image, of a format that is not supported, too large, or broken.
    """
    image = _open(content)
    width, height = image.size
    if width * height > max_pixels:
        raise UnusableImage(f"{width} x {height} pixels are more than the {max_pixels} allowed")
    if width * height == 0:
        raise UnusableImage("the image has no pixels")
    try:
        if least_side is not None:
            image.draft(None, (least_side, least_side))  # for all but JPEG nothing
        image.load()
    except _BROKEN as error:
        raise UnusableImage(f"the {image.format or 'image'} file is truncated or broken") from error
    try:
        return _to_rgb(_upright(image), ground)
    except _BROKEN as error:
        raise UnusableImage(f"{image.format} images of mode {image.mode} are not supported") from error


def _open(content: bytes) -> Image.Image:
    if not content:
        raise UnusableImage("the file is empty")
    Image.init()  # formats that this build of Pillow lacks (AVIF) would be a KeyError
    formats = [name for name in FORMATS if name in Image.OPEN]
    try:
        return Image.open(io.BytesIO(content), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnusableImage("it has too many pixels") from error
    except _BROKEN as error:
        raise UnusableImage(_describe_unknown(content)) from error


def _describe_unknown(content: bytes) -> str:
    start = content[:512].lstrip().lower()
    if start.startswith((b"<svg", b"<?xml")) and b"<svg" in content[:4096].lower():
        return "SVG drawings are not supported"
    if start.startswith((b"<!doctype html", b"<html")):
        return "it is a web page, not an image"
    if start.startswith(b"%pdf"):
        return "PDF documents are not supported"
    return "it is not an image, of a format that is not supported, or its header is broken"


def _upright(image: Image.Image) -> Image.Image:
    with contextlib.suppress(*_BROKEN):  # a broken EXIF block beside good pixels: browsers show the pixels
        ImageOps.exif_transpose(image, in_place=True)  # a copy would take as long as decoding
    return image


def _to_rgb(image: Image.Image, ground: str) -> Image.Image:
    if image.mode.startswith(_DEEP_MODES):
        return _stretch(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        page = Image.new("RGBA", rgba.size, ground)
        page.alpha_composite(rgba)
        return page.convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _stretch(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.float32)
    finite = np.isfinite(values)
    if not finite.any():
        raise ValueError("no finite pixel")
    low, high = float(values[finite].min()), float(values[finite].max())
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    # Halved first, so that the span of extreme floats does not overflow.
    span = max(high / 2 - low / 2, float(np.finfo(np.float32).tiny))
    grey = (values / 2 - low / 2) / span * 255
    return Image.fromarray(grey.round().astype(np.uint8)).convert("RGB")
