"""Texts as counts of hashed n-grams: any language, nothing downloaded, nothing fitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_VERSION = "1"  # to be raised when the counts of the same text change
_WIDTH = 2**18
_PIECE = 50_000  # characters that are counted at a time
_BATCH = 1_000_000  # characters whose counts are held apart from the rest
_LONGEST = 2_000_000  # characters of a text that are read: about 700 pages

# A word is a run of what is neither space nor punctuation, so that the marks and joiners that Indic and Arabic
# scripts write within words stay there; each Chinese or Japanese character is a word, and so two of them a bigram.
_BETWEEN = r"\s!-/:-@\[-`{-~\u00a1-\u00bf\u060c\u061b\u061f\u0964\u0965\u2000-\u200b\u2010-\u206f\u3000-\u303f"
_CHARACTERS_THAT_ARE_WORDS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
_WORD = f"[{_CHARACTERS_THAT_ARE_WORDS}]|[^{_BETWEEN}{_CHARACTERS_THAT_ARE_WORDS}]+"


@dataclass(frozen=True, slots=True)
class Ngrams:
    """One way to take a text apart."""

    name: str
    analyzer: str  # scikit-learn's
    lengths: tuple[int, int]  # of the n-grams, the least and the greatest


NGRAMS = {
    "words": Ngrams("words", "word", (1, 2)),
    "characters": Ngrams("characters", "char_wb", (3, 5)),
}


class HashedNgrams:
    """Counts how often each n-gram occurs, in columns that a hash of the n-gram decides (MurmurHash3, unsigned).

    The hash knows no vocabulary: a column is the same in every process, on every platform and for every text. Time
    is linear in a text's length, a second for 200 pages; memory is bounded by counting 50,000 characters at a time.
    Of a text beyond two million characters, passages from all over it are read, as many as make up that number.

    Source:
        Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009, without signs: counts
        stay counts.
    """

    width = _WIDTH
    blocks = (_WIDTH,)

    def __init__(self, ngrams: Ngrams) -> None:
        self._ngrams = ngrams

    @property
    def identity(self) -> str:
        """Name and version."""
        return f"{self._ngrams.name}:{_VERSION}"

    def encode(self, texts: Sequence[str]) -> csr_array:
        """Return (N, D) float32 counts >= 0, in order. Safe to call from several threads."""
        from scipy.sparse import csr_array, vstack  # noqa: PLC0415 - slow to import

        blocks = [self._count(batch) for batch in _batches(texts)]
        return csr_array(vstack(blocks, format="csr")) if blocks else csr_array((0, _WIDTH), dtype=np.float32)

    def _count(self, pieces_of: Sequence[Sequence[str]]) -> csr_array:
        from scipy.sparse import csr_array  # noqa: PLC0415

        pieces = [piece for of_text in pieces_of for piece in of_text]
        ends = np.cumsum([0, *map(len, pieces_of)])
        add_up = csr_array(
            (np.ones(len(pieces), dtype=np.float32), np.arange(len(pieces)), ends), shape=(len(pieces_of), len(pieces))
        )
        return csr_array(add_up @ csr_array(self._vectorizer.transform(pieces)))

    @cached_property
    def _vectorizer(self) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer  # noqa: PLC0415 - takes a second

        return HashingVectorizer(
            analyzer=self._ngrams.analyzer,
            ngram_range=self._ngrams.lengths,
            token_pattern=_WORD,
            n_features=_WIDTH,
            alternate_sign=False,
            norm=None,
            dtype=np.float32,
        )


def _batches(texts: Sequence[str]) -> Iterator[list[list[str]]]:
    batch: list[list[str]] = []
    held = 0
    for text in texts:
        batch.append(_pieces(text))
        held += min(len(text), _LONGEST)
        if held >= _BATCH:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _pieces(text: str) -> list[str]:
    """Cut a text into pieces, between words where there are spaces; at least one, and of a giant evenly spread ones."""
    pieces: list[str] = []
    start = 0
    step = max(1.0, len(text) / _LONGEST)
    while start < len(text) or not pieces:
        end = start + _PIECE
        if end < len(text):
            space = text.rfind(" ", start + _PIECE // 2, end)
            end = space if space > 0 else end
        pieces.append(text[start:end])
        start = int(start + (end - start) * step)
    return pieces
