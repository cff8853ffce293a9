"""Doubts about spans: beside the class probabilities of tokens where a belief has them, else beside scored spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.spans.calibration import ERRORS, calibrate_tokens, find_likely, weights_of
from errata_model.kinds.spans.frequency import chances_of, shares_of
from errata_model.kinds.spans.tagging import likely_spans
from errata_model.kinds.spans.tokenwise import (
    Floats,
    TokenEvidence,
    TokenSpans,
    given_features,
    given_spans,
    has_tokens,
    likely_features,
    others_given,
    to_spans,
    token_evidence,
)
from errata_model.records import Action
from errata_model.regions.calibration import calibrate_regions, folds_of
from errata_model.regions.records import BOUNDARY, MISSING, SPURIOUS, WRONG_CLASS, Doubt, Item, Region
from errata_model.regions.scoring import region_doubts
from errata_model.regions.shapes import Span

_MOST_TOP = 5
_BESIDE = 50  # tokens on either side of a span that it may belong with


def calibrate(items: Sequence[Item], labels: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """Learn from a project's annotations what beliefs do not say; see `calibrate_tokens` and `calibrate_regions`."""
    by_regions = [item for item in items if not has_tokens(item)]
    return {**calibrate_tokens(items, labels), **(calibrate_regions(by_regions, labels) if by_regions else {})}


def find_doubts(item: Item, labels: Sequence[str], calibration: Mapping[str, NDArray[Any]]) -> list[Doubt]:
    """Return a doubt for each given span, in their order, and for each that is likely and not marked, worst first.

    A given span that holds no token, nothing but spaces, is spurious whatever is believed.

    Args:
        item: an annotation beside what is believed.
        labels: of the control.
        calibration: of `calibrate`; {} where there is none.
    """
    if not has_tokens(item):
        return region_doubts(item, labels, calibration)
    evidence = token_evidence([item], len(labels))
    given, places, taken = given_spans([item], evidence, labels)
    of_given, of_likely = (weights[folds_of([item.key])[0]] for weights in weights_of(calibration))
    shares = shares_of(given_features(evidence, given), of_given)
    found, overlooked = _overlooked(evidence, given, taken, of_likely)
    _join(found, overlooked, given, shares, evidence)
    doubts = [Doubt(row, 1.0, {SPURIOUS: 1.0}, "remove") for row in range(len(item.given))]
    for n, (_, row) in enumerate(places):
        doubts[row] = _of_given(item, row, shares[n], _Place(evidence, given, n, taken), labels)
    return doubts + _missing(found, overlooked, evidence, labels)


class _Place:
    """The tokens of a given span, and what is likely there were it not given."""

    def __init__(self, evidence: TokenEvidence, given: TokenSpans, n: int, taken: NDArray[np.bool_]) -> None:
        self.rows = slice(int(given.first[n]), int(given.last[n]))
        self.evidence = evidence
        is_other = taken.copy()
        is_other[self.rows] = False
        self._is_free = ~is_other

    def top(self, labels: Sequence[str]) -> tuple[tuple[str, float], ...]:
        """Return the likeliest labels with their mean probabilities over the tokens."""
        mean = self.evidence.probabilities[self.rows, 1:].mean(axis=0)
        order = np.argsort(-mean, kind="stable")[:_MOST_TOP].tolist()
        return tuple((labels[k], float(mean[k])) for k in order if mean[k] > 0)

    def likely(self) -> tuple[int, int] | None:
        """Return the first and last token of the likely span that shares most tokens with this one."""
        begin = max(0, self.rows.start - _BESIDE)
        near = slice(begin, self.rows.stop + _BESIDE)
        found = likely_spans(self.evidence.probabilities[near], self.evidence.begins[near], self._is_free[near])
        within = [
            (
                min(last + begin, self.rows.stop) - max(first + begin, self.rows.start),
                score,
                first + begin,
                last + begin - 1,
            )
            for first, last, _, score in found
            if first + begin < self.rows.stop and last + begin > self.rows.start
        ]
        return max(within)[2:] if within else None


def _of_given(item: Item, row: int, shares: Floats, place: _Place, labels: Sequence[str]) -> Doubt:
    """Return the doubt of a given span, by (4,) probabilities of being right and of each of `ERRORS`."""
    region, top = item.given[row], place.top(labels)
    likely = place.likely()
    moved = None if likely is None else Span(int(place.evidence.starts[likely[0]]), int(place.evidence.ends[likely[1]]))
    is_same = likely is not None and (likely[0], likely[1] + 1) == (place.rows.start, place.rows.stop)
    possible = {
        WRONG_CLASS: bool(top) and top[0][0] != region.label,
        BOUNDARY: moved is not None and not is_same,
        SPURIOUS: True,
    }
    disagreement = float(min(shares[1:].sum(), 1.0))
    fired = {
        name: float(share)
        for name, share in zip(ERRORS, shares[1:], strict=True)
        if possible[name] and 2 * share > shares[1:].max() and share > 0.05
    }
    if not fired:
        return Doubt(row, disagreement, top=top)
    error = max(fired, key=lambda name: fired[name])
    action: Action = "remove" if error == SPURIOUS else "replace"
    proposal = None
    if error == WRONG_CLASS:
        proposal = replace(region, label=top[0][0], score=None)
    elif error == BOUNDARY and moved is not None:
        proposal = replace(region, shape=moved, score=None)
        top = ((region.label, dict(top).get(region.label, 0.0)), *(each for each in top if each[0] != region.label))
    return Doubt(row, disagreement, fired, action, proposal, top)


def _overlooked(
    evidence: TokenEvidence, given: TokenSpans, taken: NDArray[np.bool_], of_likely: Floats
) -> tuple[list[tuple[int, int, int, float]], Floats]:
    """Return what is likely where nothing is given, and how likely each is overlooked."""
    found = find_likely(evidence, ~taken)
    spans = to_spans(np.array([row[:3] for row in found], dtype=np.int64).reshape(-1, 3), taken, evidence)
    features = likely_features(evidence, spans, others_given(spans, given, evidence))
    return found, chances_of(features, of_likely)


def _join(
    found: Sequence[tuple[int, int, int, float]],
    overlooked: Floats,
    given: TokenSpans,
    shares: Floats,
    evidence: TokenEvidence,
) -> None:
    """Take what continues a given span of its class for a doubt about where that one ends, not for a span of its own.

    `overlooked` and `shares` are changed: as likely as the tokens go on from the one to the other, what speaks for the
    likely span speaks against the given one's boundary.
    """
    boundary = 1 + ERRORS.index(BOUNDARY)
    for n, (first, last, k, _) in enumerate(found):
        for row in np.flatnonzero(((given.last == first) | (given.first == last)) & (given.classes == k)).tolist():
            joint = max(first, int(given.first[row]))
            within = max(float(1 - evidence.probabilities[joint, 0]), 1e-9)
            goes_on = 1 - min(1.0, float(evidence.begins[joint]) / within)
            moved = float(overlooked[n]) * goes_on
            overlooked[n] *= (1 - goes_on) * (1 - shares[row, boundary])
            shares[row] *= 1 - moved
            shares[row, boundary] += moved


def _missing(
    found: Sequence[tuple[int, int, int, float]], overlooked: Floats, evidence: TokenEvidence, labels: Sequence[str]
) -> list[Doubt]:
    doubts = []
    for (first, last, k, score), disagreement in zip(found, overlooked.tolist(), strict=True):
        place = Span(int(evidence.starts[first]), int(evidence.ends[last - 1]))
        region = Region("", labels[k], place, score)
        doubts.append(Doubt(None, disagreement, {MISSING: disagreement}, "add", region, ((labels[k], score),)))
    return sorted(doubts, key=lambda doubt: -doubt.disagreement)
