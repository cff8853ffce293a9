"""Texts to features: what an audit needs of any text encoder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from errata_model.encoders.naming import UnknownEncoder, encoder_names
from errata_model.encoders.ngrams import NGRAMS, HashedNgrams
from errata_model.encoders.sentences import SentenceEncoder
from errata_model.encoders.weights import WeightsUnavailable
from errata_model.features import Features

__all__ = [
    "DEFAULT_TEXT_ENCODER",
    "TextEncoder",
    "UnknownEncoder",
    "UnusableText",
    "WeightsUnavailable",
    "is_counting",
    "load_text_encoder",
    "readable_text",
]

DEFAULT_TEXT_ENCODER = "words,characters"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # but tabs and line feeds
_RUN = re.compile(r"\S{1,200}")  # the time for marks upon marks grows with the square of their number


class UnusableText(ValueError):
    """The text cannot be learned from; says why in a few words."""


class TextEncoder(Protocol):
    """Turns texts into features. It was not trained on any label of the audit."""

    @property
    def identity(self) -> str:
        """Name, hash of the weights and version of the preprocessing: the same string, the same features."""

    @property
    def width(self) -> int:
        """The number of columns, D."""

    @property
    def blocks(self) -> tuple[int, ...]:
        """The widths of the parts that a row is made of; they add up to D."""

    def encode(self, texts: Sequence[str]) -> Features:
        """Return (N, D), in order; a row of zeros for a text with nothing in it."""


def readable_text(text: str) -> str:
    """Return the text in the one form that its characters have (Unicode NFKC), without control characters.

    Raises:
        UnusableText: there is nothing to read.
    """
    readable = _CONTROL.sub(" ", text).strip()
    if not readable.isascii():
        readable = _RUN.sub(lambda run: unicodedata.normalize("NFKC", run[0]), readable).strip()
    if all(unicodedata.category(character)[0] in "ZC" for character in readable):
        raise UnusableText("the text is empty")
    return readable


def load_text_encoder(
    name: str = DEFAULT_TEXT_ENCODER, load_other: Callable[[str], TextEncoder | None] = lambda _: None
) -> TextEncoder:
    """Return the encoder of that name; quick, nothing is imported or downloaded yet.

    Args:
        name: `words`, `characters`, a sentence-transformers model's name or folder; or several of one sort with
            commas between, whose rows are laid side by side.
        load_other: asked first for each name; None where it knows none of that name. Its encoders are dense.

    Raises:
        UnknownEncoder: no name, a name twice, or counts beside embeddings.
    """
    names = encoder_names(name, DEFAULT_TEXT_ENCODER)
    if len({part in NGRAMS for part in names}) > 1:
        raise UnknownEncoder(
            f"{name!r} mixes counts (`words`, `characters`) with embeddings, which one learner cannot take together; "
            f"use either `{DEFAULT_TEXT_ENCODER}` or the models alone."
        )
    parts = [load_other(part) or _load_one(part) for part in names]
    return parts[0] if len(parts) == 1 else JointTextEncoder(parts)


def _load_one(name: str) -> TextEncoder:
    return HashedNgrams(NGRAMS[name]) if name in NGRAMS else SentenceEncoder(name)


def is_counting(name: str) -> bool:
    """Say whether the encoder of that name counts, which is quicker than to read what was kept of a text."""
    return not Path(name).is_dir() and {part.strip() for part in name.split(",")} <= NGRAMS.keys()


class JointTextEncoder:
    """Several encoders of one sort as one: their rows side by side.

    Attributes:
        parts: the encoders, in order.
    """

    def __init__(self, parts: Sequence[TextEncoder]) -> None:
        self.parts = tuple(parts)

    @property
    def identity(self) -> str:
        """The parts' identities, in order."""
        return ",".join(part.identity for part in self.parts)

    @property
    def width(self) -> int:
        """The sum of the parts' widths."""
        return sum(part.width for part in self.parts)

    @property
    def blocks(self) -> tuple[int, ...]:
        """The parts' blocks, in order."""
        return tuple(width for part in self.parts for width in part.blocks)

    def encode(self, texts: Sequence[str]) -> Features:
        """Return (N, D): sparse counts or dense embeddings, as the parts are."""
        rows = [part.encode(texts) for part in self.parts]
        if isinstance(rows[0], np.ndarray):
            return np.concatenate(rows, axis=1)
        from scipy.sparse import csr_array, hstack  # noqa: PLC0415 - slow to import, and embeddings need none of it

        return csr_array(hstack(rows, format="csr"))
