"""Texts as tokens with the places where they stand: any script, nothing downloaded."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST_PIECE = 200  # tokens that are tagged together

# Scripts that write no spaces between words: each character, with its marks, is a token.
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003fffd"
)
_MARKS = (
    r"\u0300-\u036f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3"
    r"\u3099\u309a"
)
# What a word of other scripts ends at. Marks and joiners that Indic and Arabic scripts write within words stay there.
_BETWEEN = (
    r"\s!-/:-@\[-`{-~\u00a1-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u060c\u061b\u061f\u0964\u0965\u2000-\u200b"
    r"\u2010-\u206f\u20a0-\u20cf\u2190-\u2bff\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\U0001f000-\U0001faff"
)
_TOKEN = re.compile(
    rf"[{_UNSPACED}][{_MARKS}]*"  # before words: what is one of these is not part of one
    rf"|\d+(?:[.,]\d+)*(?=$|[{_BETWEEN}])"  # 1,024.5 in one piece
    rf"|[^{_BETWEEN}{_UNSPACED}]+"
    r"|\S"
)
_ENDS_A_SENTENCE = re.compile(r"[.!?\u3002\uff01\uff1f\u0964\u061f\u06d4]+")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Where the tokens of a text are.

    Attributes:
        starts: (T,) int64, code points, ascending.
        ends: (T,) int64, exclusive; a token ends before the next begins, or where it begins.
        pieces: (P + 1,) int64: piece p, which is tagged by itself, is tokens pieces[p] to pieces[p + 1].
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    pieces: NDArray[np.int64]

    def words(self, text: str) -> list[str]:
        """Return the tokens of the text that these are of."""
        return [text[start:end] for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True)]


def tokenize(text: str) -> Tokens:
    """Return the tokens of a text: words, numbers, single signs, and single characters of scripts without spaces.

    Pieces end with a line, and where these are long, with a sentence, or after 200 tokens at the latest.
    """
    places = [found.span() for found in _TOKEN.finditer(text)]
    spans = np.array(places, dtype=np.int64).reshape(-1, 2)
    return Tokens(spans[:, 0], spans[:, 1], _pieces(text, places))


def _pieces(text: str, places: list[tuple[int, int]]) -> NDArray[np.int64]:
    ends: list[int] = []
    first, sentence = 0, 0
    for n, (start, end) in enumerate(places, start=1):
        if _ENDS_A_SENTENCE.fullmatch(text, start, end):
            sentence = n
        next_start = places[n][0] if n < len(places) else len(text)
        if n == len(places) or "\n" in text[end:next_start]:
            ends.append(n)
        elif n - first >= LONGEST_PIECE:
            ends.append(sentence if sentence > first else n)
        else:
            continue
        first = ends[-1]
    return np.array([0, *ends], dtype=np.int64)
