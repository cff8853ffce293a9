"""Spans beside the class probabilities of their tokens, as features that tell whether they are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.spans.tagging import token_range
from errata_model.regions.records import Item
from errata_model.regions.shapes import Span

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

N_FEATURES = 41
N_OF_GIVEN = N_FEATURES + 1
N_OF_LIKELY = N_FEATURES + 2
_LEAST = 1e-7  # probabilities are as good as 0 beyond
_FAMILIAR = 1.0  # occurrences elsewhere that outweigh the belief


@dataclass(frozen=True, slots=True)
class TokenEvidence:
    """What a belief has of the T tokens of one or more items, item after item.

    Attributes:
        starts: (T,) in code points of each item's text.
        ends: (T,) likewise, exclusive.
        items: (T,) number of the item, ascending.
        probabilities: (T, K + 1) of no span and of each class.
        begins: (T,) that a span begins.
        shares: (J, T, K + 1) of classes among the same words elsewhere, the belief where there are none.
        known: (T,) logarithm of 1 + how often the token is elsewhere.
    """

    starts: Indices
    ends: Indices
    items: Indices
    probabilities: Floats
    begins: Floats
    shares: Floats
    known: Floats

    def __len__(self) -> int:
        """Return T."""
        return len(self.starts)


@dataclass(frozen=True, slots=True)
class TokenSpans:
    """N spans of tokens.

    Attributes:
        first: (N,) row of the first token.
        last: (N,) row after the last token, > first.
        classes: (N,) from 0; -1 of a label that the config does not know.
        has_left: (N,) whether the token before is of the same item, and in no other given span.
        has_right: (N,) whether the token after is so.
    """

    first: Indices
    last: Indices
    classes: Indices
    has_left: NDArray[np.bool_]
    has_right: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return N."""
        return len(self.first)


def has_tokens(item: Item) -> bool:
    """Say whether the belief about an item is of tokens."""
    return {"starts", "ends", "probabilities"} <= item.believed.evidence.keys()


def token_evidence(items: Sequence[Item], n_labels: int) -> TokenEvidence:
    """Return what beliefs have of the tokens of items; see `fit_spans`. Of those without tokens there are none."""
    parts = [item.believed.evidence if has_tokens(item) else {} for item in items]
    lengths = [len(each["starts"]) if each else 0 for each in parts]
    probabilities = _joined([each["probabilities"] for each in parts if each], (n_labels + 1,))
    counts = _joined(
        [
            each.get("elsewhere", np.zeros((len(each["starts"]), 3, n_labels + 1), dtype=np.float32))
            for each in parts
            if each
        ],
        (3, n_labels + 1),
    ).transpose(1, 0, 2)
    begins = [each.get("begins", 1 - each["probabilities"][:, 0]) for each in parts if each]
    return TokenEvidence(
        _joined([each["starts"] for each in parts if each]).astype(np.int64),
        _joined([each["ends"] for each in parts if each]).astype(np.int64),
        np.repeat(np.arange(len(items)), lengths),
        probabilities,
        _joined(begins),
        (counts + _FAMILIAR * probabilities) / (counts.sum(axis=2, keepdims=True) + _FAMILIAR),
        np.log1p(counts[0].sum(axis=1)),
    )


def given_spans(
    items: Sequence[Item], evidence: TokenEvidence, labels: Sequence[str]
) -> tuple[TokenSpans, list[tuple[int, int]], NDArray[np.bool_]]:
    """Return the given spans that have tokens, (item, region) of each, and (T,) which tokens are in one."""
    numbers = {label: number for number, label in enumerate(labels)}
    bounds = np.searchsorted(evidence.items, np.arange(len(items) + 1))
    found, places = [], []
    for number, item in enumerate(items):
        here = slice(bounds[number], bounds[number + 1])
        for row, region in enumerate(item.given):
            if not isinstance(region.shape, Span):
                continue
            first, last = token_range(evidence.starts[here], evidence.ends[here], region.shape)
            if first < last:
                found.append((first + bounds[number], last + bounds[number], numbers.get(region.label, -1)))
                places.append((number, row))
    columns = np.array(found, dtype=np.int64).reshape(-1, 3)
    taken = np.zeros(len(evidence), dtype=bool)
    for first, last, _ in found:
        taken[first:last] = True
    return to_spans(columns, taken, evidence), places, taken


def to_spans(columns: Indices, taken: NDArray[np.bool_], evidence: TokenEvidence) -> TokenSpans:
    """Return spans of (N, 3) first rows, rows after the last, and classes.

    Args:
        columns: the spans.
        taken: (T,) tokens that are in a given span; of those beside a span, what is in one is in another one.
        evidence: of the tokens.
    """
    first, last, classes = columns.T
    n = max(len(evidence) - 1, 0)
    left, right = np.maximum(first - 1, 0), np.minimum(last, n)
    is_free = ~taken
    same_left = (first > 0) & (evidence.items[left] == evidence.items[first]) if len(first) else first > 0
    same_right = (last <= n) & (evidence.items[right] == evidence.items[first]) if len(first) else last > 0
    return TokenSpans(first, last, classes, same_left & is_free[left], same_right & is_free[right])


def span_features(evidence: TokenEvidence, spans: TokenSpans) -> Floats:
    """Return (N, 41) what tells whether spans are right.

    Logarithms of probabilities of: the span's class (least, mean, first, last token, 1 - least), any class (least,
    mean, first, last, 1 - least), the strongest other class (mean, and its ratio to the own one); of the tokens beside
    it, its class, and any class; the number of tokens; how often the tokens are elsewhere (least, mean, first, last);
    of the words elsewhere, three ways, the own class (mean, least), no class, and the strongest other one; and some of
    the first ones times how often the tokens are elsewhere, since a belief about words that it knows weighs more.
    """
    if len(spans) == 0:
        return np.zeros((0, N_FEATURES))
    sizes = spans.last - spans.first
    begins = np.cumsum(sizes) - sizes
    rows = np.arange(int(sizes.sum())) - np.repeat(begins, sizes) + np.repeat(spans.first, sizes)
    classes = np.repeat(spans.classes, sizes)

    def least(values: Floats) -> Floats:
        return np.minimum.reduceat(values, begins)

    def mean(values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values, begins) / sizes)

    first, last = spans.first, spans.last - 1
    own, none, other = _of_classes(evidence.probabilities[rows], classes)
    some = 1 - none
    columns = [
        _log(least(own)),
        mean(_log(own)),
        _log(own[begins]),
        _log(own[begins + sizes - 1]),
        _log(1 - least(own)),
        _log(least(some)),
        mean(_log(some)),
        _log(some[begins]),
        _log(some[begins + sizes - 1]),
        _log(1 - least(some)),
        _log(mean(other)),
        _log(mean(own) / np.maximum(mean(some), _LEAST)),
    ]
    for row, is_there in ((np.maximum(first - 1, 0), spans.has_left), (_next(last, evidence), spans.has_right)):
        own_beside, none_beside, _ = _of_classes(evidence.probabilities[row], spans.classes)
        columns += [
            _log(own_beside * is_there),
            _log(1 - own_beside * is_there),
            _log((1 - none_beside) * is_there),
        ]
    known = evidence.known
    columns += [np.log(sizes), least(known[rows]), mean(known[rows]), known[first], known[last], _log(mean(none))]
    for share in evidence.shares:
        own, none, other = _of_classes(share[rows], classes)
        columns += [mean(_log(own)), _log(least(own)), mean(_log(none)), mean(_log(other))]
    least_known, mean_known = columns[19], columns[20]
    columns += [columns[k] * least_known for k in (0, 5)]
    columns += [columns[k] * mean_known for k in (1, 10, 23)]
    return np.column_stack(columns)


def given_features(evidence: TokenEvidence, given: TokenSpans) -> Floats:
    """Return (N, 42) what tells whether given spans are right: `span_features`, and the logarithm of their number.

    Args:
        evidence: of the tokens.
        given: all spans of each item.
    """
    return np.column_stack((span_features(evidence, given), np.log(others_given(given, given, evidence))))


def others_given(spans: TokenSpans, given: TokenSpans, evidence: TokenEvidence) -> Indices:
    """Return (N,) how many spans are given in the item of each span."""
    n_items = int(evidence.items.max(initial=-1)) + 1
    return np.bincount(evidence.items[given.first], minlength=n_items)[evidence.items[spans.first]]


def likely_features(evidence: TokenEvidence, spans: TokenSpans, n_others: Indices) -> Floats:
    """Return (N, 43) what tells whether likely spans are marked: `span_features`, and what else is marked there.

    That is, whether nothing is, and the logarithm of 1 + how much is: where people mark something in every item, one
    without a mark has lost it.

    Args:
        evidence: of the tokens.
        spans: the likely ones.
        n_others: (N,) how many spans are given in the item of each, without itself.
    """
    return np.column_stack((span_features(evidence, spans), n_others == 0, np.log1p(n_others)))


def _of_classes(probabilities: Floats, classes: Indices) -> tuple[Floats, Floats, Floats]:
    """Return (N,) of the own class, of none, and of the strongest other one; of a class that is not known, 0."""
    everyone = np.arange(len(classes))
    own = np.where(classes < 0, 0, probabilities[everyone, classes + 1])
    others = probabilities[:, 1:].copy()
    is_known = classes >= 0
    others[everyone[is_known], classes[is_known]] = 0
    return own, probabilities[:, 0], others.max(axis=1, initial=0)


def _next(last: Indices, evidence: TokenEvidence) -> Indices:
    return np.minimum(last + 1, len(evidence) - 1)


def _log(probabilities: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(probabilities, _LEAST)))


def _joined(parts: Sequence[NDArray[np.generic]], shape: tuple[int, ...] = ()) -> Floats:
    return np.concatenate([np.zeros((0, *shape)), *(np.asarray(part, dtype=np.float64) for part in parts)])
