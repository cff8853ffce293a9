"""How similar two answers in words are."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.values.matched import matched_similarity

_MOST_CHARACTERS = 4_000  # longer texts are compared word by word
_MOST_WORDS = 10_000  # and of those that are longer still, the beginnings
_MOST_LINES = 50  # more texts of one answer are compared as one


def texts_similarity(one: Sequence[str], other: Sequence[str]) -> float:
    """Return how similar two answers are that consist of texts, each entered by itself, in [0, 1].

    Their texts are matched, in any order, each weighed by its length: see `matched_similarity` and `text_similarity`.
    """
    left, right = ([_normalised(text) for text in texts if _normalised(text)] for texts in (one, other))
    if max(len(left), len(right)) > _MOST_LINES:
        left, right = ["\n".join(left)], ["\n".join(right)]
    if len(left) == len(right) == 1:
        return text_similarity(left[0], right[0])
    return matched_similarity(left, right, text_similarity, len)


def text_similarity(one: str, other: str) -> float:
    """Return 1 - d / n of two texts: d the edits from one to the other, n the length of the longer one; in [0, 1].

    An edit inserts, removes or replaces a character; of texts beyond 4,000 characters, a word. Compared in Unicode's
    composed form with runs of white space as one space: how an accent was typed, or a line broken, does not matter.

    Returns:
        1 of equal texts, also of two empty ones; 0 where nothing is left of either.

    Source:
        Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966. With a reference
        as the longer one, it is 1 - the character error rate.
    """
    left, right = _normalised(one), _normalised(other)
    if left == right:
        return 1.0
    if max(len(left), len(right)) <= _MOST_CHARACTERS:
        return 1.0 - edit_distance(left, right) / max(len(left), len(right))
    words = left.split()[:_MOST_WORDS], right.split()[:_MOST_WORDS]
    return 1.0 - edit_distance(*words) / max(map(len, words))


def edit_distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """Return the fewest insertions, removals and replacements of elements that turn one sequence into the other."""
    number: dict[Hashable, int] = {}
    a, b = (
        np.array([number.setdefault(element, len(number)) for element in each], dtype=np.int64) for each in (one, other)
    )
    a, b = _apart(*sorted((a, b), key=len))
    steps = np.arange(len(b) + 1)
    row = steps.copy()
    for n, element in enumerate(a, start=1):
        best = np.concatenate([[n], np.minimum(row[:-1] + (b != element), row[1:] + 1)])
        row = np.minimum.accumulate(best - steps) + steps  # insertions: from the best place to the left of each
    return int(row[-1])


def _apart(a: NDArray[np.int64], b: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return two sequences without what they begin and end with alike, which no edit touches; `a` is the shorter."""
    for _ in range(2):
        differs = np.flatnonzero(a != b[: len(a)])
        n_same = int(differs[0]) if len(differs) else len(a)
        a, b = a[n_same:][::-1], b[n_same:][::-1]
    return a, b


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
