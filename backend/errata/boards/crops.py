"""Pictures of single labels: the region and some of what is around it, with its outline, or the whole scene."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from errata.boards.decoded import DecodedPictures
from errata.boards.outlines import OUTLINE_PX, draw_outline
from errata_model.encoders.decoding import decode_image, upright_size
from errata_model.regions.geometry import bounds_xyxy
from errata_model.regions.shapes import Mask, Shape, Size

Context = Literal["0", "25", "100", "scene"]
Window = tuple[float, float, float, float]  # left, top, right, bottom in pixels of the upright picture

_GROUND = "#c8c8c8"  # under what is transparent: neither black nor white ink gets lost on it
_QUALITY = 88
_FAR_PX = 1e9  # no region is so far away from its picture
_LEAST_PX = 128  # of a small region's crop, lest the line hide it: it has this longer side, enlarged to it
_LAYOUT = 4  # of these pictures: another number, other keys


@dataclass(frozen=True, slots=True)
class Crop:
    """What to show of a picture.

    Attributes:
        shape: the region; None shows the scene.
        context: how much is shown on each side of the region, in per cent of its longer side; or the scene.
        longest_px: the longer side of what comes out has so many pixels at most; nothing is enlarged but small regions
            that are outlined.
        is_outlined: the region is drawn.
        is_dashed: its line is broken, as of a region that is missing.
    """

    shape: Shape | None
    context: Context
    longest_px: int
    is_outlined: bool = True
    is_dashed: bool = False

    def key(self, content_key: str) -> str:
        """Return 64 hex digits: the same content and the same crop of it, the same picture."""
        said = hashlib.sha256(repr((_LAYOUT, content_key, self.context, self.longest_px)).encode())
        said.update(repr((self.is_outlined, self.is_dashed)).encode())
        if isinstance(self.shape, Mask):
            mask = self.shape
            said.update(repr((mask.top, mask.left, mask.height, mask.width, mask.bitmap.shape)).encode())
            said.update(mask.bitmap.tobytes())
        else:
            said.update(repr(self.shape).encode())
        return said.hexdigest()


def render_crop(
    content: bytes, crop: Crop, max_pixels: int, name: Hashable = None, decoded: DecodedPictures | None = None
) -> bytes:
    """Return a crop as a JPEG file.

    A JPEG is decoded to no more pixels than are needed (a half, a quarter or an eighth of its own on each side).

    Args:
        content: of the picture's file.
        crop: what to show of it.
        max_pixels: the largest picture that is decoded.
        name: of the content, for `decoded`.
        decoded: keeps large pictures for the next crop of them.

    Raises:
        UnusableImage: the file is no picture, of a format that is not supported, too large, or broken.
    """
    size = upright_size(content)
    window = _window(crop, size)
    longer = max(window[2] - window[0], window[3] - window[1])
    is_small = crop.is_outlined and crop.shape is not None and crop.context != "scene" and longer < _LEAST_PX
    scale = min(_LEAST_PX if is_small else longer, crop.longest_px) / longer
    least_side = max(1, math.ceil(min(size) * min(scale, 1.0)))

    def decode() -> Image.Image:
        return decode_image(content, max_pixels, least_side, _GROUND)

    part = _decoded_part(content, min(size) // least_side)
    n_pixels = size[0] * size[1] // part**2
    picture = decoded.get((name, part), n_pixels, decode) if decoded else decode()
    shown = _cut(picture, window, size, scale)
    if crop.is_outlined and crop.shape is not None:
        draw_outline(shown, crop.shape, window, size, is_dashed=crop.is_dashed)
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=_QUALITY, subsampling=0 if max(shown.size) <= 160 else 2)
    return file.getvalue()


def _decoded_part(content: bytes, smaller: int) -> int:
    """Return how many times smaller a picture is decoded that may be `smaller` times so: a JPEG by its blocks."""
    if not content.startswith(b"\xff\xd8"):
        return 1
    return next(part for part in (8, 4, 2, 1) if smaller >= part)


def _window(crop: Crop, size: Size) -> Window:
    """Return what is shown, in pixels of the upright picture: at least one, and nothing outside of it."""
    width, height = size
    if crop.shape is None or crop.context == "scene":
        return 0.0, 0.0, float(width), float(height)
    with np.errstate(over="ignore"):
        left, top, right, bottom = bounds_xyxy([crop.shape], size)[0].tolist()
    if not all(abs(edge) < _FAR_PX for edge in (left, top, right, bottom)):  # nor where one is no number
        return 0.0, 0.0, float(width), float(height)
    longer = max(right - left, bottom - top)
    margin = longer * int(crop.context) / 100
    if crop.is_outlined:  # the line is drawn around the object, not on it
        margin = max(margin, OUTLINE_PX * max(1.0, longer / crop.longest_px))
    left, right = _inside(left - margin, right + margin, width)
    top, bottom = _inside(top - margin, bottom + margin, height)
    return left, top, right, bottom


def _inside(low: float, high: float, end: int) -> tuple[float, float]:
    """Return the part of an interval that is in [0, end], widened to whole pixels, one at least."""
    first = min(max(0, math.floor(low)), end - 1)
    return float(first), float(max(first + 1, min(end, math.ceil(high))))


def _cut(picture: Image.Image, window: Window, size: Size, scale: float) -> Image.Image:
    """Return a window of a picture that may have been decoded to fewer pixels than it has."""
    across, down = picture.width / size[0], picture.height / size[1]
    box = (window[0] * across, window[1] * down, window[2] * across, window[3] * down)
    wanted = tuple(max(1, round(side * scale)) for side in (window[2] - window[0], window[3] - window[1]))
    if picture.size == size and scale == 1:
        return picture.crop(tuple(map(round, box)))  # type: ignore[arg-type]  # four
    return picture.resize(wanted, Image.Resampling.HAMMING, box=box, reducing_gap=2.0)  # type: ignore[arg-type]  # two
