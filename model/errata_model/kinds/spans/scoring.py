"""How well given spans are supported by the class probabilities of tokens, as pure functions of arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def token_quality(given: NDArray[np.integer], probabilities: NDArray[np.floating]) -> Floats:
    """Return the probability of each token's given class: (T,) in [0, 1], low is bad.

    Args:
        given: (T,) class of each token, from 0; "no span" is a class too.
        probabilities: (T, C), rows sum to 1, from a model that did not see the token's sequence.

    Raises:
        ValueError: shapes do not fit, or a class is not one of C.

    Source:
        Self-confidence; Northcutt, Jiang and Chuang, "Confident Learning", JAIR 2021.
    """
    given, probabilities = np.asarray(given), np.asarray(probabilities)
    if given.ndim != 1 or probabilities.ndim != 2 or len(given) != len(probabilities):
        raise ValueError(
            f"`given` must be (T,) and `probabilities` (T, C), got {given.shape} and {probabilities.shape}"
        )
    if len(given) and not 0 <= given.min() <= given.max() < probabilities.shape[1]:
        raise ValueError(f"`given` must be in 0..{probabilities.shape[1] - 1}, got {given.min()}..{given.max()}")
    return np.asarray(probabilities[np.arange(len(given)), given], dtype=np.float64)


def worst_token_quality(
    given: NDArray[np.integer], probabilities: NDArray[np.floating], lengths: NDArray[np.integer]
) -> Floats:
    """Return the quality of each text's worst token: (n,) in [0, 1], low is bad; 1 of a text without tokens.

    Args:
        given: (T,) classes of the tokens of all texts, text after text.
        probabilities: (T, C); see `token_quality`.
        lengths: (n,) of the texts, in tokens; their sum is T.

    Raises:
        ValueError: shapes do not fit.

    Source:
        Wang and Mueller, "Detecting Label Errors in Token Classification Data", 2022: the worst token was the best of
        their sentence scores.
    """
    return _of_ranges(
        token_quality(given, probabilities), _starts(lengths, len(given)), np.asarray(lengths), np.minimum
    )


def span_quality(
    given: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    first: NDArray[np.integer],
    last: NDArray[np.integer],
) -> Floats:
    """Return the geometric mean over each span's tokens of the probability of its class: (N,) in [0, 1], low is bad.

    Args:
        given: (N,) class of each span, from 0.
        probabilities: (T, C); see `token_quality`.
        first: (N,) each span's first token.
        last: (N,) the token after its last one; > first.

    Raises:
        ValueError: shapes do not fit, or a span is empty or past the last token.
    """
    first, last, given = np.asarray(first), np.asarray(last), np.asarray(given)
    if not first.shape == last.shape == given.shape or first.ndim != 1:
        raise ValueError(f"`given`, `first` and `last` must be (N,), got {given.shape}, {first.shape} and {last.shape}")
    if len(first) and (first.min() < 0 or (last <= first).any() or last.max() > len(probabilities)):
        raise ValueError(f"spans must have tokens of the {len(probabilities)} there are")
    sizes = last - first
    begins = np.cumsum(sizes) - sizes
    rows = np.arange(int(sizes.sum())) - np.repeat(begins - first, sizes)
    of_tokens = token_quality(np.repeat(given, sizes), np.asarray(probabilities)[rows])
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(_of_ranges(np.log(of_tokens), begins, sizes, np.add) / np.maximum(sizes, 1)))


def _starts(lengths: NDArray[np.integer], n_tokens: int) -> NDArray[np.int64]:
    lengths = np.asarray(lengths, dtype=np.int64)
    if lengths.ndim != 1 or (lengths < 0).any() or lengths.sum() != n_tokens:
        raise ValueError(f"`lengths` must be >= 0 and sum to {n_tokens}, got a sum of {lengths.sum()}")
    return np.asarray(np.cumsum(lengths) - lengths)


def _of_ranges(values: Floats, starts: NDArray[np.int64], lengths: NDArray[np.integer], fold: np.ufunc) -> Floats:
    """Return (n,) the fold of each range of values; 1 of an empty one."""
    found = np.ones(len(starts))
    is_there = np.asarray(lengths) > 0
    if is_there.any():
        found[is_there] = fold.reduceat(values, starts[is_there])
    return found
