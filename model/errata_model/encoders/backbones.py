"""torchvision's backbones by name: their weights, and the preprocessing that these want. Importing it is quick."""

from __future__ import annotations

import difflib
import pickle
import re
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from errata_model.encoders.naming import UnknownEncoder
from errata_model.encoders.weights import WeightsUnavailable, download

if TYPE_CHECKING:
    import torch

# What torch.load raises on hostile content.
_UNREADABLE = (pickle.UnpicklingError, EOFError, OSError, RuntimeError, ValueError, LookupError, AssertionError)

_SIDE = 224  # pixels, where weights name none
PHOTOGRAPHS_MEAN, PHOTOGRAPHS_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Preset:
    """What torchvision's preprocessing of one set of weights says of size, colours and resampling."""

    side: int
    resampling: Image.Resampling
    mean: tuple[float, ...]
    std: tuple[float, ...]


def own_weights(name: str) -> tuple[str, Path]:
    """Return where torchvision's own weights are downloaded from, and where they are kept. Imports torch.

    Raises:
        UnknownEncoder: torchvision does not know the name.
    """
    import torch  # noqa: PLC0415

    url = str(default_weights(name).url)
    return url, Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def default_weights(name: str) -> Any:
    """Return torchvision's best weights of a backbone, as it describes them; nothing is downloaded.

    Raises:
        UnknownEncoder: torchvision does not know the name.
    """
    import torchvision  # noqa: PLC0415

    from errata_model.encoders.scenes import scene_names  # noqa: PLC0415 - imports torch

    names = [*torchvision.models.list_models(module=torchvision.models), *scene_names()]
    if name not in names:
        near = ", ".join(difflib.get_close_matches(name, names, n=3)) or "resnet50, convnext_tiny, vit_b_16"
        raise UnknownEncoder(f"{name!r} is not a torchvision backbone; use `pixels` or one such as {near}.")
    return torchvision.models.get_model_weights(name).DEFAULT


def read_preset(name: str) -> Preset:
    """Return the preprocessing that torchvision's best weights of a backbone want.

    Those of a detector or a segmentation network say nothing of squares, but want the colours of all photographs.
    """
    from torchvision.transforms import InterpolationMode  # noqa: PLC0415

    preset = default_weights(name).transforms()
    if not hasattr(preset, "crop_size"):
        return Preset(_SIDE, Image.Resampling.BILINEAR, PHOTOGRAPHS_MEAN, PHOTOGRAPHS_STD)
    resampling = {
        InterpolationMode.BILINEAR: Image.Resampling.BILINEAR,
        InterpolationMode.BICUBIC: Image.Resampling.BICUBIC,
    }[preset.interpolation]
    return Preset(preset.crop_size[0], resampling, tuple(preset.mean), tuple(preset.std))


def build_backbone(name: str, weights: Path | None, trust: ssl.SSLContext | None) -> torch.nn.Module:
    """Return a backbone with its weights; that of a detector or a segmentation network as a `SceneBackbone`.

    Args:
        name: of the backbone, or of the network that has it.
        weights: a state_dict's file, of such a network whatever its classes; None for torchvision's own, downloaded
            where they are not here yet.
        trust: whose certificates count at the download; None for Python's own.

    Raises:
        WeightsUnavailable: the weights cannot be had or do not fit the backbone.
        UnknownEncoder: torchvision does not know the name.
    """
    import torchvision  # noqa: PLC0415

    from errata_model.encoders.scenes import SceneBackbone, scene_names  # noqa: PLC0415 - imports torch

    default = default_weights(name)
    if weights is None:
        url, file = own_weights(name)
        download(url, file, trust=trust)
        with _as_unfit(name, file):
            model = torchvision.models.get_model(name, weights=default)
            return SceneBackbone(model) if name in scene_names() else model
    model = build_untrained_backbone(name)
    if hasattr(model, "transform_input"):  # GoogLeNet and Inception: their weights ask for it
        model.transform_input = True  # type: ignore[assignment]
    state = _read_state(weights)
    with _as_unfit(name, weights):
        state = {_new_key(key): _to_single(value) for key, value in state.items()}
        (model.load_network if isinstance(model, SceneBackbone) else model.load_state_dict)(state)
    return model


def build_untrained_backbone(name: str) -> torch.nn.Module:
    """Return a backbone that torchvision knows, its weights to be replaced."""
    import torchvision  # noqa: PLC0415

    from errata_model.encoders.scenes import scene_names, untrained_scene  # noqa: PLC0415 - imports torch

    if name in scene_names():
        return untrained_scene(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of initial values
        return torchvision.models.get_model(name, weights=None)  # type: ignore[no-any-return]


def _read_state(file: Path) -> Any:
    import torch  # noqa: PLC0415

    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise WeightsUnavailable(
            f"{file} is no file of weights that torch can read safely; save a state_dict by torch.save."
        ) from error


@contextmanager
def _as_unfit(name: str, file: Path) -> Iterator[None]:
    try:
        yield
    except (*_UNREADABLE, TypeError, AttributeError) as error:
        raise WeightsUnavailable(
            f"{file} does not hold the weights of {name}; name the file of its state_dict, "
            "or the encoder that the weights belong to."
        ) from error


def _new_key(key: str) -> str:
    """Return today's name of a DenseNet layer: torchvision's own files still have the old ones."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", key)


def _to_single(value: torch.Tensor) -> torch.Tensor:
    return value.float() if value.is_floating_point() else value
