"""Slightly different views of the same images, and where their boxes are then."""

from __future__ import annotations

import torch

_ZOOM = 0.25  # of the size's logarithm, either way
_BRIGHTNESS = 0.2  # in standard deviations, and of the contrast's logarithm
_LEAST_VISIBLE = 0.5  # of a box that is to be found where it is cut off


def augment(
    images: torch.Tensor, sizes_wh: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Zoom and shift each image, mirror half of them left to right, and change brightness and contrast.

    Args:
        images: (n, 3, H, W) normalised floats; what is no image is 0, or nearly.
        sizes_wh: (n, 2) pixels from the top left corner that are the image.
        generator: of the draws, on the processor.

    Returns:
        images: the same shape.
        factors: (n, 2): x and y of a point are multiplied by these,
        offsets: (n, 2): and then these are added.
    """

    def draw(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    n, _, height, width = images.shape
    canvas = torch.tensor([width, height], dtype=torch.float32)
    zoom = ((draw(n, 1) * 2 - 1) * _ZOOM).exp()
    room = canvas - zoom * sizes_wh  # negative: so much is cut off
    offsets = draw(n, 2) * room
    signs = torch.ones(n, 2)
    is_mirrored = draw(n) < 0.5
    signs[is_mirrored, 0] = -1
    factors = zoom * signs
    offsets[:, 0] += torch.where(is_mirrored, zoom[:, 0] * sizes_wh[:, 0], 0.0)
    # From -1 to 1 over the canvas, a target's pixel is taken from (target - offset) / factor.
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = (1 / factors).unbind(1)
    theta[:, :, 2] = (1 - 2 * offsets / canvas) / factors - 1
    grid = torch.nn.functional.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    moved = torch.nn.functional.grid_sample(images, grid, padding_mode="zeros", align_corners=False)
    contrast, brightness = (((draw(n) * 2 - 1) * _BRIGHTNESS)[:, None, None, None].to(images.device) for _ in range(2))
    return moved * contrast.exp() + brightness, factors, offsets


def move_boxes(
    corners: torch.Tensor, factors: torch.Tensor, offsets: torch.Tensor, canvas_wh: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where the boxes of one image are in its view.

    Args:
        corners: (M, 4) x0, y0, x1, y1 in pixels.
        factors: (2,) of `augment`.
        offsets: (2,) likewise.
        canvas_wh: within which boxes are cut off.

    Returns:
        corners: (M, 4); of boxes that are out of sight without area.
        is_visible: (M,) whether enough of a box is left to be found.
    """
    ends = torch.stack([corners[:, :2], corners[:, 2:]]) * factors + offsets
    low, high = ends.amin(dim=0), ends.amax(dim=0)
    limit = low.new_tensor(canvas_wh)
    cut_low, cut_high = torch.minimum(low.clamp(min=0), limit), torch.minimum(high.clamp(min=0), limit)
    left = (cut_high - cut_low).prod(dim=1) / (high - low).prod(dim=1).clamp(min=1e-6)
    return torch.cat([cut_low, cut_high], dim=1), left >= _LEAST_VISIBLE
