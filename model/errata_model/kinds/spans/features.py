"""What a token is known by: hashes of its form, and of its neighbours', decide the columns."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.spans.tokens import Tokens

Hashes = NDArray[np.uint64]

N_STRINGS = 3  # a token by itself, with the one before, with the one after
_LONGEST_SHAPE = 20
_OUTSIDE = np.uint64(0)  # stands for what is before the first token and after the last
_AFFIXES = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class TokenHashes:
    """What N tokens are known by.

    Attributes:
        columns: (M,) uint64, the columns of the first token, of the second one, ...: the same in every process and for
            every text.
        begins: (N + 1,) where the columns of each begin.
        strings: (N, 3) uint64 of the token as it is written, of it with the one before, and with the one after.
    """

    columns: Hashes
    begins: NDArray[np.int64]
    strings: Hashes


def hash_tokens(texts: Sequence[str], tokens: Sequence[Tokens]) -> TokenHashes:
    """Return what the tokens of texts are known by, text after text.

    A token's own form (the word, in lower case, its shape, beginnings and endings), the form of two tokens on either
    side, and pairs and triples of these. Neighbours are of the same piece of text.
    """
    words = [word for text, each in zip(texts, tokens, strict=True) for word in each.words(text)]
    numbers: dict[str, int] = {}
    type_of = np.array([numbers.setdefault(word, len(numbers)) for word in words], dtype=np.int64)
    forms = [_forms(word) for word in numbers]
    written, lower, shape, ending = (np.array([form[k] for form in forms], dtype=np.uint64) for k in range(4))
    window = _Window(type_of, _piece_numbers(tokens))
    own = [form[4:] for form in forms]
    sizes = np.array([len(each) for each in own], dtype=np.int64)
    flat = np.array([value for each in own for value in each], dtype=np.uint64)
    counts = sizes[type_of]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    of_forms = flat[np.repeat((np.cumsum(sizes) - sizes)[type_of], counts) + within]
    beside = list(_beside(window, lower, shape, ending))
    n_tokens = len(words)
    begins = np.concatenate(([0], np.cumsum(counts + len(beside))))
    columns = np.empty(begins[-1], dtype=np.uint64)
    columns[np.repeat(begins[:-1], counts) + within] = of_forms
    for place, values in enumerate(beside):
        columns[begins[:-1] + counts + place] = values
    strings = np.empty((n_tokens, N_STRINGS), dtype=np.uint64)
    for k, places in enumerate(((0,), (-1, 0), (0, 1))):
        strings[:, k] = _combined([window.at(place, written) for place in places], k)
    return TokenHashes(columns, begins, strings)


class _Window:
    """Looks at the tokens beside each token.

    Args:
        type_of: (N,) number of each token's form.
        pieces: (N,) number of its piece.
    """

    def __init__(self, type_of: NDArray[np.int64], pieces: NDArray[np.int64]) -> None:
        self._type_of = type_of
        self._pieces = pieces

    def at(self, offset: int, of_types: Hashes) -> Hashes:
        """Return (N,) what is known of the form of the token `offset` further on."""
        n = len(self._type_of)
        rows = np.arange(n) + offset
        kept = np.clip(rows, 0, max(n - 1, 0))
        is_inside = (rows == kept) & (self._pieces[kept] == self._pieces)
        return np.where(is_inside, of_types[self._type_of[kept]] if n else of_types, _OUTSIDE)


def _beside(window: _Window, lower: Hashes, shape: Hashes, ending: Hashes) -> Iterator[Hashes]:
    """Yield (N,) columns of neighbours, and of tokens beside one another."""
    combinations = (
        *(((offset, values),) for offset in (-1, 1) for values in (lower, shape, ending)),
        *(((offset, values),) for offset in (-2, 2) for values in (lower, shape)),
        ((-1, lower), (0, lower)),
        ((0, lower), (1, lower)),
        ((-2, lower), (-1, lower)),
        ((1, lower), (2, lower)),
        ((-1, lower), (1, lower)),
        ((-1, lower), (0, shape)),
        ((0, shape), (1, lower)),
        ((-1, shape), (0, shape), (1, shape)),
        ((-2, shape), (-1, shape), (0, shape)),
        ((0, shape), (1, shape), (2, shape)),
    )
    for salt, combination in enumerate(combinations, start=N_STRINGS):
        yield _combined([window.at(offset, values) for offset, values in combination], salt)


def _forms(word: str) -> list[int]:
    """Return the hashes of a word as it is written, in lower case, of its shape and its ending, and its columns."""
    lower, shape = word.lower(), "".join(map(_class_of, word[:_LONGEST_SHAPE]))
    short = "".join(kind for kind, _ in groupby(shape))
    of_neighbours = (f"w={word}", f"l={lower}", f"q={short}", f"e={lower[-3:]}")
    own = (
        "any",
        f"own w={word}",
        f"own l={lower}",
        f"own s={shape}",
        f"own q={short}",
        f"own n={min(len(word), 6)}",
        *(f"own p={lower[:k]}" for k in _AFFIXES if len(lower) > k),
        *(f"own e={lower[-k:]}" for k in _AFFIXES if len(lower) > k),
    )
    return _hashed((*of_neighbours, *own))


def _class_of(character: str) -> str:
    if character.isdigit():
        return "9"
    if character.isupper():
        return "X"
    if character.islower():
        return "x"
    return unicodedata.category(character) if character.isalpha() else character


def _hashed(names: Iterable[str]) -> list[int]:
    return [
        int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
        for name in names
    ]


def _combined(hashes: Sequence[Hashes], salt: int) -> Hashes:
    """Return hashes of several together, in order; for another salt others."""
    mixed = np.full(hashes[0].shape, salt, dtype=np.uint64)
    for values in hashes:
        mixed = _mix(values ^ _mix(mixed))
    return mixed


def _mix(values: Hashes) -> Hashes:
    """Return the finalizer of splitmix64."""
    with np.errstate(over="ignore"):
        mixed = values + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)


def _piece_numbers(tokens: Sequence[Tokens]) -> NDArray[np.int64]:
    """Return (N,) numbers of the pieces that tokens are of, over all texts."""
    lengths = np.concatenate([np.zeros(0, dtype=np.int64), *(np.diff(each.pieces) for each in tokens)])
    return np.repeat(np.arange(len(lengths)), lengths)
