"""Image bytes to embeddings: what an audit needs of any image encoder."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from errata_model.encoders.decoding import UnusableImage, decode_image
from errata_model.encoders.pixels import PixelEncoder
from errata_model.encoders.torchvision import TorchvisionEncoder
from errata_model.encoders.weights import UnknownEncoder, WeightsUnavailable, find_weights

__all__ = [
    "ImageEncoder",
    "PixelEncoder",
    "TorchvisionEncoder",
    "UnknownEncoder",
    "UnusableImage",
    "WeightsUnavailable",
    "decode_image",
    "load_image_encoder",
]


class ImageEncoder(Protocol):
    """Turns images into embeddings. It was not trained on any label of the audit."""

    @property
    def identity(self) -> str:
        """Name, hash of the weights and version of the preprocessing: the same string, the same embeddings."""

    @property
    def width(self) -> int:
        """The number of columns, D, of an embedding."""

    def prepare(self, image: Image.Image) -> NDArray[Any]:
        """Bring an RGB image into the form that `encode` takes. Safe to call from several threads."""

    def encode(self, prepared: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """Return (N, D) finite embeddings, in order. To be called from one thread at a time."""


def load_image_encoder(name: str, weights: Path | None, trust: ssl.SSLContext | None = None) -> ImageEncoder:
    """Return the encoder of that name; quick, nothing is imported or downloaded yet.

    Args:
        name: `pixels`, or a torchvision classification backbone such as `resnet50`.
        weights: a state_dict's file, or a folder of NAME.pth; None downloads torchvision's on first use.
        trust: whose certificates count at the download; Python's own by default.

    Raises:
        WeightsUnavailable: `weights` names nothing that is there.
    """
    if name == "pixels":
        return PixelEncoder()
    return TorchvisionEncoder(name, None if weights is None else find_weights(name, weights), trust)
