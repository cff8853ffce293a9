"""Encoders of the user's own, `package.module:Class`, held to what errata's own promise."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from errata.errors import UsageError
from errata.user_classes import blame, blamed, is_class_name, load_class
from errata_model.encoders.images import UnusableImage

_IMAGES = "`identity`, `width`, `prepare(image)` and `encode(prepared)`"
_TEXTS = "`identity`, `width` and `encode(texts)`"


class UserEncoder:
    """What encoders of images and of texts have in common.

    Args:
        name: "package.module:Class", found in the environment or in the working directory.
        parts: what the class must have, as Python names; those that are not `identity` or `width` are methods.
        wanted: the same in words.

    Attributes:
        identity: the name and what the class itself says, so that it is no other encoder's.
        width: the number of columns.

    Raises:
        UsageError: there is no such class, it cannot be made without arguments, or something is missing.
    """

    def __init__(self, name: str, parts: Sequence[str], wanted: str) -> None:
        self._name = name
        self._encoder = _made(name)
        with blamed(f"{name} cannot say its identity and its width"):
            missing = [part for part in parts if not hasattr(self._encoder, part)]
            if missing:
                raise UsageError(f"{name} has no `{missing[0]}`; an encoder has {wanted}, see docs/reference.md.")
            identity, width = self._encoder.identity, self._encoder.width
        if not isinstance(identity, str) or not identity:
            raise UsageError(f"{name} has no text as its `identity`; give one that changes whenever its rows do.")
        if isinstance(width, bool) or not isinstance(width, (int, np.integer)) or width < 1:
            raise UsageError(f"{name} has no whole number from 1 as its `width`; give the columns of its rows.")
        self.identity = f"{name}:{identity}"
        self.width = int(width)

    def checked(self, found: Any, n: int) -> NDArray[np.float32]:
        """Return what the class gave for n items as (n, D) float32.

        Raises:
            UsageError: it is anything else, or not finite.
        """
        with blamed(f"{self._name}.encode gave no array"), np.errstate(over="ignore"):
            rows = np.asarray(found, dtype=np.float32)
        if rows.shape != (n, self.width):
            raise UsageError(
                f"{self._name}.encode gave an array {rows.shape} for {n} items and a width of {self.width}; it must "
                f"give {(n, self.width)}: a row an item, in order."
            )
        n_bad = int((~np.isfinite(rows).all(axis=1)).sum())
        if n_bad:
            raise UsageError(f"{self._name}.encode gave NaN or infinite numbers for {n_bad} of {n} items; mend it.")
        return rows


class UserImageEncoder(UserEncoder):
    """A class with the methods of `ImageEncoder`."""

    least_side = None

    def __init__(self, name: str) -> None:
        super().__init__(name, ("identity", "width", "prepare", "encode"), _IMAGES)

    def prepare(self, image: Image.Image) -> NDArray[Any]:
        """See `ImageEncoder.prepare`.

        Raises:
            UnusableImage: the class says so.
            UsageError: it fails.
        """
        try:
            return self._encoder.prepare(image)  # type: ignore[no-any-return]
        except UnusableImage:
            raise
        except Exception as error:
            raise blame(f"{self._name} failed to prepare an image", error) from error

    def encode(self, prepared: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """See `ImageEncoder.encode`.

        Raises:
            UsageError: the class fails, or gives anything but rows.
        """
        with blamed(f"{self._name} failed to encode"):
            found = self._encoder.encode(prepared)
        return self.checked(found, len(prepared))


class UserTextEncoder(UserEncoder):
    """A class with the methods of `TextEncoder` whose rows are dense."""

    def __init__(self, name: str) -> None:
        super().__init__(name, ("identity", "width", "encode"), _TEXTS)

    @property
    def blocks(self) -> tuple[int, ...]:
        """One, as wide as the rows."""
        return (self.width,)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `TextEncoder.encode`.

        Raises:
            UsageError: the class fails, or gives anything but rows.
        """
        if not texts:
            return np.zeros((0, self.width), dtype=np.float32)
        with blamed(f"{self._name} failed to encode"):
            found = self._encoder.encode(texts)
        return self.checked(found, len(texts))


def user_image_encoder(name: str) -> UserImageEncoder | None:
    """Load a class where this is the name of one, and not of a file."""
    return UserImageEncoder(name) if is_class_name(name) and not Path(name).exists() else None


def user_text_encoder(name: str) -> UserTextEncoder | None:
    """Load a class where this is the name of one, and not of a model's folder."""
    return UserTextEncoder(name) if is_class_name(name) and not Path(name).exists() else None


def _made(name: str) -> Any:
    found = load_class(name)
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise UsageError(f"{name} is made without arguments ({error}); give them defaults.") from error
    except ValueError:  # of a class that is not written in Python
        pass
    if inspect.isabstract(found):
        missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
        raise UsageError(f"{name} is abstract: it has no {missing}; write what is missing.")
    with blamed(f"{name} cannot be made"):
        return found()
