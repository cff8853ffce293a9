"""Image bytes to embeddings: what an audit needs of any image encoder."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from errata_model.encoders.decoding import UnusableImage, decode_image
from errata_model.encoders.naming import UnknownEncoder, encoder_names
from errata_model.encoders.pixels import PixelEncoder
from errata_model.encoders.torchvision import TorchvisionEncoder
from errata_model.encoders.weights import WeightsUnavailable, find_weights

__all__ = [
    "ImageEncoder",
    "PixelEncoder",
    "TorchvisionEncoder",
    "UnknownEncoder",
    "UnusableImage",
    "WeightsUnavailable",
    "decode_image",
    "load_image_encoder",
    "load_image_encoders",
]


class ImageEncoder(Protocol):
    """Turns images into embeddings. It was not trained on any label of the audit."""

    @property
    def identity(self) -> str:
        """Name, hash of the weights and version of the preprocessing: the same string, the same embeddings."""

    @property
    def width(self) -> int:
        """The number of columns, D, of an embedding."""

    @property
    def least_side(self) -> int | None:
        """How many pixels wide and high an image need be; a JPEG may be decoded to no fewer. None: wanted whole."""

    def prepare(self, image: Image.Image) -> NDArray[Any]:
        """Bring an RGB image into the form that `encode` takes. Safe to call from several threads."""

    def encode(self, prepared: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """Return (N, D) finite embeddings, in order. To be called from one thread at a time."""


def load_image_encoders(
    name: str,
    weights: Path | None,
    trust: ssl.SSLContext | None = None,
    load_other: Callable[[str], ImageEncoder | None] = lambda _: None,
) -> tuple[ImageEncoder, ...]:
    """Return the encoders whose rows are to lie side by side, in order; quick, as `load_image_encoder`.

    Args:
        name: one or several names, commas between.
        weights: as for `load_image_encoder`; a folder where several of the encoders have weights.
        trust: as for `load_image_encoder`.
        load_other: asked first for each name; None where it knows none of that name.

    Raises:
        UnknownEncoder: no name, or a name twice.
        WeightsUnavailable: `weights` names nothing that is there, or one file for several encoders.
    """
    names = encoder_names(name)
    others = {each: load_other(each) for each in names}
    with_weights = [each for each in names if others[each] is None and each != "pixels"]
    if weights is not None and weights.is_file() and len(with_weights) > 1:
        raise WeightsUnavailable(
            f"{weights} holds the weights of one encoder, but {' and '.join(with_weights)} are asked for; let "
            "ERRATA_WEIGHTS name a folder that holds NAME.pth of each."
        )
    return tuple(others[each] or load_image_encoder(each, weights, trust) for each in names)


def load_image_encoder(name: str, weights: Path | None, trust: ssl.SSLContext | None = None) -> ImageEncoder:
    """Return the encoder of that name; quick, nothing is imported or downloaded yet.

    Args:
        name: `pixels`, or a torchvision backbone such as `resnet50`, or `fcos_resnet50_fpn` for a detector's.
        weights: a state_dict's file, or a folder of NAME.pth; None downloads torchvision's on first use.
        trust: whose certificates count at the download; Python's own by default.

    Raises:
        WeightsUnavailable: `weights` names nothing that is there.
    """
    if name == "pixels":
        return PixelEncoder()
    return TorchvisionEncoder(name, None if weights is None else find_weights(name, weights), trust)
