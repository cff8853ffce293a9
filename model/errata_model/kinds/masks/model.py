"""A project's networks of masks as plain arrays, and what they believe of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from errata_model.kinds.masks.instances import cut
from errata_model.regions.records import Believed
from errata_model.regions.shapes import Size
from errata_model.vision.pictures import scale

if TYPE_CHECKING:
    from torch import nn

    from errata_model.kinds.masks.training import Trained

_MOST_VALUES = 1 << 18  # of the probabilities that are kept of a picture


class MaskModel:
    """Networks that believe about pictures.

    Args:
        networks: that have learned.
        labels: K, in the order of the networks' classes.
        is_whole: (K,) which classes are marked as a whole.
        side: of the longer side of the pictures that they know, in pixels.
    """

    def __init__(
        self, networks: Sequence[Trained], labels: Sequence[str], is_whole: NDArray[np.bool_], side: int
    ) -> None:
        self.networks = tuple(networks)
        self.labels = tuple(labels)
        self.is_whole = is_whole
        self.side = side

    def predict(self, picture: Image.Image) -> Believed:
        """Believe what all networks together say of an RGB picture. To be called from one thread at a time."""
        return self.believe(scale(picture, self.side), picture.size, range(len(self.networks)))

    def believe(self, image: NDArray[np.uint8], size: Size, numbers: Sequence[int]) -> Believed:
        """Return what some of the networks believe of a scaled image.

        Args:
            image: (3, h, w).
            size: of the picture, in pixels: that of the masks.
            numbers: of the networks.

        Returns:
            Its evidence is `probabilities`, (h', w', K + 1) uint8 of 255 over the whole picture, of no class first.
        """
        said = [self.networks[number].predict(image) for number in numbers]
        probabilities, cores = (np.mean([each[place] for each in said], axis=0) for place in range(2))
        regions = cut(probabilities, cores, self.labels, self.is_whole, size)
        return Believed(regions, {"probabilities": _quantize(probabilities)})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that `load_masks_model` needs. Weights of convolutions are kept in half precision."""
        trunk = self.networks[0].trunk  # that of all
        arrays: dict[str, NDArray[Any]] = {
            "labels": np.array(self.labels, dtype=str),
            "is_whole": self.is_whole,
            "side": np.array(self.side),
            "n_networks": np.array(len(self.networks)),
            "backbone": np.array("" if trunk is None else trunk.name),
            **_to_arrays("trunk", trunk),
        }
        for number, trained in enumerate(self.networks):
            arrays |= _to_arrays(f"state.{number}", trained.network)
        return arrays


def load_masks_model(arrays: Mapping[str, NDArray[Any]]) -> MaskModel:
    """Return the model of `MaskModel.arrays`.

    Raises:
        ValueError: the arrays are of no such model.
    """
    from errata_model.kinds.masks.training import new_network  # noqa: PLC0415
    from errata_model.vision.trunks import build_untrained  # noqa: PLC0415 - imports torch, which takes seconds

    try:
        labels = [str(label) for label in arrays["labels"]]
        backbone = str(arrays["backbone"])
        trunk = build_untrained(backbone) if backbone else None
        if trunk is not None:
            _load("trunk", trunk, arrays)
        networks = [new_network(len(labels), trunk) for _ in range(int(arrays["n_networks"]))]
        for number, trained in enumerate(networks):
            _load(f"state.{number}", trained.network, arrays)
        return MaskModel(networks, labels, np.asarray(arrays["is_whole"], dtype=bool), int(arrays["side"]))
    except (KeyError, RuntimeError, TypeError) as error:
        raise ValueError("`arrays` must be those of a model of masks") from error


def _to_arrays(name: str, module: nn.Module | None) -> dict[str, NDArray[Any]]:
    state = {} if module is None else module.state_dict()
    kept = {f"{name}.{key}": values.cpu().numpy() for key, values in state.items()}
    return {key: each.astype(np.float16) if _is_weight(each) else each for key, each in kept.items()}


def _is_weight(values: NDArray[Any]) -> bool:
    """Say whether values are of a convolution: variances of what it gives may be too large for half precision."""
    return values.dtype == np.float32 and values.ndim > 1


def _load(name: str, module: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    import torch  # noqa: PLC0415 - takes seconds

    begin = f"{name}."
    module.load_state_dict(
        {
            key.removeprefix(begin): torch.from_numpy(np.array(values, copy=True))
            for key, values in arrays.items()
            if key.startswith(begin)
        }
    )


def _quantize(probabilities: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return (h', w', K + 1) uint8 of (K + 1, h, w), each a mean over as many pixels as keep it small."""
    factor = int(np.ceil(np.sqrt(probabilities.size / _MOST_VALUES)))
    if factor > 1:
        n, height, width = probabilities.shape
        padded = np.pad(probabilities, ((0, 0), (0, -height % factor), (0, -width % factor)), mode="edge")
        probabilities = padded.reshape(n, -(-height // factor), factor, -(-width // factor), factor).mean(axis=(2, 4))
    return np.ascontiguousarray(np.rint(255 * probabilities).astype(np.uint8).transpose(1, 2, 0))
