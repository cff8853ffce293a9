"""Texts as embeddings of a sentence-transformers model, through the extra `errata[text]`."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.encoders.weights import WeightsUnavailable, check_host

_VERSION = "1"  # to be raised when embeddings by the same weights change
_CHARACTERS_A_TOKEN = 4  # about; where it is too many, a piece is halved
_PIECES = 128  # of a text, at most, are embedded: with 256 tokens each, about 40 pages
_BATCH = 32
# What loading raises on what is not there or broken.
_UNREADABLE = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, ImportError)


class SentenceEncoder:
    """The embedding that a sentence-transformers model gives.

    Where a text is longer than the model reads, it is cut into pieces between words, and their embeddings are averaged
    by length; of a text of more than 128 pieces, 128 from all over it are read. Nothing is cut off silently.

    Attributes:
        name: of a model, `sentence-transformers/all-MiniLM-L6-v2` say, or the folder that one was saved to.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._loading = threading.Lock()
        self._loaded: Any = None

    @cached_property
    def identity(self) -> str:
        """Name, hash of the weights, the length that the model reads, and version. Loads the model.

        Raises:
            WeightsUnavailable: the extra is not installed, or the model cannot be had.
        """
        model = self._model()
        digest = hashlib.sha256(repr(model.max_seq_length).encode())
        for key, tensor in sorted(model.state_dict().items()):
            digest.update(f"{key} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
        return f"{self.name}:{digest.hexdigest()[:16]}:{_VERSION}"

    @cached_property
    def width(self) -> int:
        """The number of columns of an embedding. Loads the model."""
        return int(self._embed(["a"]).shape[1])

    @property
    def blocks(self) -> tuple[int, ...]:
        """One, as wide as the embedding."""
        return (self.width,)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (N, D) float32, in order; zeros for a text with nothing in it. From one thread at a time.

        Raises:
            WeightsUnavailable: as `identity`.
        """
        pieces_of = [self._pieces(text) for text in texts]
        embedded = self._embed([piece for pieces in pieces_of for piece in pieces])
        ends = list(accumulate(map(len, pieces_of), initial=0))
        rows = np.zeros((len(texts), self.width), dtype=np.float32)
        for row, pieces in enumerate(pieces_of):
            if pieces:
                lengths = [len(piece) for piece in pieces]
                rows[row] = np.average(embedded[ends[row] : ends[row + 1]], axis=0, weights=lengths)
        return rows

    def _embed(self, pieces: list[str]) -> NDArray[np.float32]:
        if not pieces:
            return np.zeros((0, self.width), dtype=np.float32)
        found = self._model().encode(pieces, batch_size=_BATCH, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(found, dtype=np.float32)

    def _pieces(self, text: str) -> list[str]:
        """Cut a text into pieces that the model reads whole, of a giant evenly spread ones."""
        longest = self._model().max_seq_length or math.inf
        if not math.isfinite(longest):
            return [text] if text.strip() else []
        whole = _cut(text, int(longest) * _CHARACTERS_A_TOKEN)
        if len(whole) > _PIECES:
            whole = [whole[n * len(whole) // _PIECES] for n in range(_PIECES)]
        return [part for piece in whole for part in self._halved(piece, int(longest))]

    def _halved(self, piece: str, longest: int) -> list[str]:
        if len(piece) > longest // 2 and self._n_tokens(piece) >= longest and len(piece) > 1:
            middle = piece.rfind(" ", 1, len(piece) // 2 + 1)
            middle = middle if middle > len(piece) // 4 else len(piece) // 2
            return self._halved(piece[:middle], longest) + self._halved(piece[middle:], longest)
        return [piece] if piece.strip() else []

    def _n_tokens(self, piece: str) -> int:
        """Count the tokens that the model would see: no more than it reads."""
        model = self._model()
        tokenize = getattr(model, "preprocess", None) or model.tokenize  # its name before sentence-transformers 5
        return int(tokenize([piece])["attention_mask"].sum())

    def _model(self) -> Any:
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self.name)
            return self._loaded


def _cut(text: str, size: int) -> list[str]:
    pieces, start = [], 0
    while start < len(text):
        end = start + size
        if end < len(text):
            space = text.rfind(" ", start + size // 2, end)
            end = space if space > 0 else end
        pieces.append(text[start:end])
        start = end
    return pieces


def _load(name: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - an extra, and takes seconds
    except ImportError as error:
        raise WeightsUnavailable(
            f"The text encoder {name!r} needs sentence-transformers, which is not installed; run "
            "`pip install 'errata[text]'`, or use `words,characters`, which needs nothing."
        ) from error
    try:
        return SentenceTransformer(name, local_files_only=True).eval()
    except _UNREADABLE as error:
        if Path(name).is_absolute() or Path(name).exists():
            raise WeightsUnavailable(
                f"{name} holds no sentence-transformers model that could be loaded ({type(error).__name__}); name a "
                "folder that one was saved to by `SentenceTransformer.save`."
            ) from error
    try:
        _check_hub()
        return SentenceTransformer(name).eval()
    except (WeightsUnavailable, *_UNREADABLE) as error:
        why = error.__cause__ if isinstance(error, WeightsUnavailable) else type(error).__name__
        raise WeightsUnavailable(
            f"The text encoder {name!r} is no folder, not in the cache, and could not be downloaded ({why}); check its "
            "name and the network, name the folder of a model that was copied from a machine that can download, or use "
            "`words,characters`, which needs nothing."
        ) from error


def _check_hub() -> None:
    """Fail within seconds where the hub cannot be reached: its own client tries for minutes."""
    from huggingface_hub import constants  # noqa: PLC0415 - comes with sentence-transformers

    if constants.HF_HUB_OFFLINE:
        raise OSError("HF_HUB_OFFLINE is set")
    check_host(constants.ENDPOINT)
