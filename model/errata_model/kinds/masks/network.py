"""A small network that says of every pixel which class it is of, and whether it is in the core of a region."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

_WIDTHS = (24, 32, 48, 64)  # channels at 2, 4, 8 and 16 pixels
MULTIPLE = 16  # of pixels that sides must be


class UNet(nn.Module):
    """Maps down to a sixteenth of the size and up again, each joined to that of the same size on the way down.

    The first map has half of the image's size, four pixels side by side in its channels, and so has the last, which is
    enlarged: most time would be spent at the whole size.

    Where there are maps of a pretrained network, those of a size go into the block of that size on the way down, beside
    the network's own: it begins with what they tell, and sees what they do not.

    Args:
        n_classes: K.
        seen: channels of pretrained maps at strides 4, 8 and 16; none where there are no such maps.

    Source:
        Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015.
    """

    def __init__(self, n_classes: int, seen: Sequence[int] = ()) -> None:
        super().__init__()
        self.narrowed = nn.ModuleList(
            _narrow(channels, width) for channels, width in zip(seen, _WIDTHS[1:], strict=False)
        )
        taken = [12, *(own + (here if seen else 0) for own, here in pairwise(_WIDTHS))]
        self.down = nn.ModuleList(_block(one, two) for one, two in zip(taken, _WIDTHS, strict=True))
        joined = [(below + here, here) for here, below in pairwise(_WIDTHS)]
        self.up = nn.ModuleList(_block(one, two) for one, two in reversed(joined))
        self.last = nn.Conv2d(_WIDTHS[0], n_classes + 2, 1)

    def forward(self, images: torch.Tensor, seen: Sequence[torch.Tensor] = ()) -> torch.Tensor:
        """Return (n, K + 2, H, W) of (n, 3, H, W): logits of no class, of each class, and of being a core.

        Args:
            images: whose sides are multiples of 16.
            seen: the pretrained maps of these.
        """
        narrow = [block(each) for block, each in zip(self.narrowed, seen, strict=True)]
        maps = nn.functional.pixel_unshuffle(images, 2)
        passed = []
        for number, block in enumerate(self.down):
            maps = nn.functional.max_pool2d(maps, 2) if number else maps
            maps = block(torch.cat([maps, narrow[number - 1]], dim=1) if number and narrow else maps)
            passed.append(maps)
        for block, beside in zip(self.up, reversed(passed[:-1]), strict=True):
            maps = block(torch.cat([nn.functional.interpolate(maps, scale_factor=2.0), beside], dim=1))
        return nn.functional.interpolate(self.last(maps), scale_factor=2.0, mode="bilinear")


def mask_loss(said: torch.Tensor, classes: torch.Tensor, is_core: torch.Tensor) -> torch.Tensor:
    """Return how far (n, K + 2, H, W) logits are from (n, H, W) classes, 0 for none, and from what is a core, 0 or 1.

    Pixels of class -1 are not counted.
    """
    is_known = classes >= 0
    by_class = nn.functional.cross_entropy(said[:, :-1], classes, ignore_index=-1)
    by_core = nn.functional.binary_cross_entropy_with_logits(said[:, -1], is_core, reduction="none")
    return by_class + (by_core * is_known).sum() / is_known.sum().clamp(min=1)


def _narrow(taken: int, given: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(taken), nn.Conv2d(taken, given, 1), nn.ReLU(inplace=True))


def _block(taken: int, given: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (taken, given):
        layers += [nn.Conv2d(channels, given, 3, padding=1, bias=False), nn.BatchNorm2d(given), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
