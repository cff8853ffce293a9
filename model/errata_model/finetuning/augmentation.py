"""Slightly different views of the same images, under which labels stay what they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_SHIFT = 0.1  # of the side, either way
_SCALE = 0.15  # of the size's logarithm
_STRETCH = 0.075  # likewise, of the ratio of width and height
_ROTATION = math.radians(10)
_BRIGHTNESS = 0.2  # in standard deviations, and of the contrast's logarithm


def augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Shift, scale, stretch and turn each image a little, and change its brightness and contrast.

    Not mirrored: a mirrored letter, road sign or X-ray is another one. What leaves the square comes back mirrored at
    its edge.

    Args:
        images: (n, 3, H, W) floats of mean 0 and standard deviation 1.
        generator: of the draws, on the processor.

    Returns:
        The same shape.
    """
    import torch  # noqa: PLC0415 - takes seconds

    def draw(most: float) -> torch.Tensor:
        return (torch.rand(len(images), generator=generator) * 2 - 1) * most

    angle, scale, stretch = draw(_ROTATION), draw(_SCALE), draw(_STRETCH)
    wide, high = torch.exp(scale + stretch), torch.exp(scale - stretch)
    # Coordinates run from -1 to 1: a shift by a part of the side is twice that.
    rows = [
        torch.stack([angle.cos() * wide, -angle.sin() * high, draw(2 * _SHIFT)], dim=1),
        torch.stack([angle.sin() * wide, angle.cos() * high, draw(2 * _SHIFT)], dim=1),
    ]
    grid = torch.nn.functional.affine_grid(
        torch.stack(rows, dim=1).to(images.device), list(images.shape), align_corners=False
    )
    moved = torch.nn.functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    contrast, brightness = (draw(_BRIGHTNESS)[:, None, None, None].to(images.device) for _ in range(2))
    return moved * contrast.exp() + brightness
