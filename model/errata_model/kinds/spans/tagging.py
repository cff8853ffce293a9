"""Spans as tags of tokens: O is 0, a token that begins a span of class k is 1 + 2k, one inside of it 2 + 2k.

A token of a span whose class is none of the config's is `UNKNOWN`: nobody says what it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.spans.tokens import Tokens
from errata_model.regions.records import Region
from errata_model.regions.shapes import Span

UNKNOWN = -1
_FAINT = 0.01  # of a token to be in any span: what is less is none
_DROP = 0.3  # of a span's surest token to be in one, a token beside it has to have as much to be of it


def token_range(tokens_of: NDArray[np.int64], ends: NDArray[np.int64], span: Span) -> tuple[int, int]:
    """Return the first token of a span and the one after its last; both equal where it has none.

    A token is the span's where at least half of it is inside; where that is none, the one that most of it is in.

    Args:
        tokens_of: (T,) where tokens start, ascending.
        ends: (T,) where they end.
        span: in the same unit.
    """
    first = int(np.searchsorted(ends, span.start, side="right"))
    last = int(np.searchsorted(tokens_of, span.end, side="left"))
    if first >= last:
        return first, first
    starts, stops = tokens_of[first:last], ends[first:last]
    inside = np.minimum(stops, span.end) - np.maximum(starts, span.start)
    most = np.flatnonzero(2 * inside >= stops - starts)
    if len(most) == 0:
        best = first + int(np.argmax(inside))
        return best, best + 1
    return first + int(most[0]), first + int(most[-1]) + 1


def to_tags(tokens: Tokens, regions: Sequence[Region], labels: Sequence[str]) -> tuple[NDArray[np.int64], int]:
    """Return (T,) tags, and how many spans they do not say: those a longer one overlaps, of no token or no class."""
    tags = np.zeros(len(tokens.starts), dtype=np.int64)
    column = {label: k for k, label in enumerate(labels)}
    placed = [
        (*token_range(tokens.starts, tokens.ends, region.shape), column[region.label])
        for region in regions
        if isinstance(region.shape, Span) and region.label in column
    ]
    n_lost = len(regions) - len(placed)
    for first, last, k in sorted(placed, key=lambda place: (place[0] - place[1], place)):
        if first == last or tags[first:last].any():
            n_lost += 1
            continue
        tags[first] = 1 + 2 * k
        tags[first + 1 : last] = 2 + 2 * k
    for region in regions:
        if isinstance(region.shape, Span) and region.label not in column:
            of_region = tags[slice(*token_range(tokens.starts, tokens.ends, region.shape))]
            of_region[of_region == 0] = UNKNOWN
    return tags, n_lost


def tags_of(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return all tags of (K,) classes, ascending, O first: (2K + 1,)."""
    return np.concatenate(([0], np.column_stack((1 + 2 * classes, 2 + 2 * classes)).ravel()))


def allowed_tags(n_labels: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which tags may come first, (S,), and which after which, (S, S); S = 2 * n_labels + 1."""
    n_tags = 2 * n_labels + 1
    inside = np.arange(2, n_tags, 2)
    first = np.ones(n_tags, dtype=bool)
    first[inside] = False
    moves = np.ones((n_tags, n_tags), dtype=bool)
    moves[:, inside] = False
    moves[inside - 1, inside] = moves[inside, inside] = True
    return first, moves


def class_probabilities(of_tags: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (T, K + 1) of no span and of each class, and (T,) that a span begins, from (T, 2K + 1) of each tag."""
    classes = np.concatenate((of_tags[:, :1], of_tags[:, 1::2] + of_tags[:, 2::2]), axis=1)
    return classes.astype(np.float32), of_tags[:, 1::2].sum(axis=1).astype(np.float32)


def likely_spans(
    probabilities: NDArray[np.floating], begins: NDArray[np.floating], is_free: NDArray[np.bool_]
) -> list[tuple[int, int, int, float]]:
    """Return spans that a belief has among tokens that are free, however unsure: stretches of one likeliest class.

    Args:
        probabilities: (T, K + 1) of no span and of each class.
        begins: (T,) that a span begins.
        is_free: (T,) tokens that may be in one.

    Returns:
        (first token, the one after the last, class from 0, score): the score is the geometric mean over tokens.
    """
    within = 1 - probabilities[:, 0]
    candidates = np.flatnonzero(is_free & (within > _FAINT))
    if len(candidates) == 0 or probabilities.shape[1] < 2:
        return []
    classes = probabilities[:, 1:].argmax(axis=1)
    rest, found = candidates.tolist(), []
    place = 0
    while place < len(rest):
        first = last = rest[place]
        surest = float(within[first])
        place += 1
        while place < len(rest) and rest[place] == last + 1 and classes[rest[place]] == classes[first]:
            here = rest[place]
            surest = max(surest, float(within[here]))
            if min(within[here], within[last]) < _DROP * surest or 2 * begins[here] > within[here]:
                break
            last = here
            place += 1
        k = int(classes[first])
        of_class = np.maximum(probabilities[first : last + 1, 1 + k], 1e-9)
        found.append((first, last + 1, k, float(np.exp(np.log(of_class).mean()))))
    return found
