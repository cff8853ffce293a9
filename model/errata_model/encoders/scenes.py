"""torchvision's detectors and segmentation networks: what is of use of them is the backbone, with its pyramid.

Importing it imports torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
import torchvision
from torch import nn

_EXAMPLE = 64  # pixels


def scene_names() -> list[str]:
    """Return the names of the networks whose backbone can be used: all that do not insist on one size of images."""
    models = torchvision.models
    detectors = [name for name in models.list_models(module=models.detection) if "_fpn" in name]
    return [*detectors, *models.list_models(module=models.segmentation)]


class SceneBackbone(nn.Module):
    """The backbone of a detector or a segmentation network: as good as a classification backbone.

    What the final layer sees is the mean of the last map of the backbone's body. The pyramid, where there is one, is
    run for its maps alone; and so is the last map halved, where there is none: segmentation networks keep their maps
    from becoming coarse.

    Args:
        network: of `scene_names`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        backbone = network.get_submodule("backbone")
        has_pyramid = hasattr(backbone, "fpn")
        self.body = backbone.get_submodule("body") if has_pyramid else backbone
        self.aside = _Pyramid(backbone.get_submodule("fpn")) if has_pyramid else _Halved()
        with torch.no_grad():
            maps = self.body.eval()(torch.zeros(1, 3, _EXAMPLE, _EXAMPLE))
        self.last = nn.Linear(list(maps.values())[-1].shape[1], 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n, 1), which nobody needs, of (n, 3, H, W), normalised: maps are taken on the way."""
        maps = list(self.body(images).values())
        self.aside(maps)
        found: torch.Tensor = self.last(maps[-1].mean(dim=(2, 3)))
        return found

    def load_network(self, state: Mapping[str, Any]) -> None:
        """Take the backbone's weights out of those of a whole network, whatever classes that tells apart.

        Raises:
            RuntimeError: they are of another network.
        """
        rest = {name: value for name, value in self.state_dict().items() if name.startswith("last.")}
        self.load_state_dict({**rest, **{_own_name(name): value for name, value in state.items() if _is_used(name)}})


def untrained_scene(name: str) -> SceneBackbone:
    """Return the backbone of a network of `scene_names`, its weights to be replaced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of initial values
        return SceneBackbone(torchvision.models.get_model(name, weights=None, weights_backbone=None))


def _is_used(name: str) -> bool:
    return name.startswith("backbone.") and not name.startswith("backbone.fpn.extra_blocks.")


def _own_name(name: str) -> str:
    """Return what weights of a whole network are called here."""
    of_backbone = name.removeprefix("backbone.")
    if of_backbone.startswith("fpn."):
        return f"aside.{of_backbone.removeprefix('fpn.')}"
    return f"body.{of_backbone.removeprefix('body.')}"


class _Pyramid(nn.Module):
    """A feature pyramid of torchvision's, whose maps can be taken on the way, unlike that one's.

    Source:
        Lin et al., "Feature Pyramid Networks for Object Detection", 2017.
    """

    def __init__(self, pyramid: nn.Module) -> None:
        super().__init__()
        self.inner_blocks = pyramid.get_submodule("inner_blocks")
        self.layer_blocks = pyramid.get_submodule("layer_blocks")

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """Return the finest map of maps of a body, finest first."""
        levels = list(zip(self.inner_blocks.children(), self.layer_blocks.children(), maps, strict=True))
        inner, outer, coarsest = levels[-1]
        merged = inner(coarsest)
        found: torch.Tensor = outer(merged)
        for inner, outer, finer in reversed(levels[:-1]):
            lateral = inner(finer)
            merged = lateral + nn.functional.interpolate(merged, size=lateral.shape[-2:], mode="nearest")
            found = outer(merged)
        return found


class _Halved(nn.Module):
    """Half the size of the last map, by no layer of the network's own."""

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        return nn.functional.avg_pool2d(maps[-1], 2)
