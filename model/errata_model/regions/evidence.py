"""What speaks for and against each region, as features: of a believed one to be marked, of a given one to be right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata_model.regions.columns import UNKNOWN, Columns, Marks
from errata_model.regions.matching import match
from errata_model.regions.overlap import Pairs

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SAME = 0.5  # regions that overlap so much are of the same thing, as detection benchmarks have it
NEAR = 0.1  # those that overlap less are of different things
N_OF_BELIEVED = 13  # features, and one more for each label
_LEAST_SCORE = 1e-3  # scores nearer to 0 and 1 are as good as that
_LEAST_EXTENT = 1e-6
_LEAST_EVIDENCE = 0.02  # for a class: what a detector's faintest regions come to
_MOST_RELATIVE = 3.0
_FEW = 0.05  # regions expected elsewhere, beside their sum


@dataclass(frozen=True, slots=True)
class Matched:
    """Which given region is which believed one, whatever their labels, and how well they meet.

    Attributes:
        believed_of: (G,) row of the believed region; -1 where there is none.
        given_of: (P,) row of the given region; -1 where there is none.
        overlap_of_given: (G,) with the believed region, at least 0.1; 0 where there is none.
        overlap_of_believed: (P,) likewise.
    """

    believed_of: Indices
    given_of: Indices
    overlap_of_given: Floats
    overlap_of_believed: Floats

    @property
    def is_marked(self) -> NDArray[np.bool_]:
        """Say of each believed region whether somebody marked it: (P,)."""
        return self.overlap_of_believed >= SAME


def match_marks(marks: Marks) -> Matched:
    """Match given and believed regions of all items, optimally and whatever their labels.

    A pair must overlap by a tenth; one that overlaps by half is worth more than any that does not, and then the
    overlap counts, and how sure the belief is.

    Source:
        Both bounds: Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020.
    """
    pairs = marks.across.where(marks.across.overlap >= NEAR)
    worth = pairs.overlap + marks.believed.scores[pairs.second] + (pairs.overlap >= SAME)
    chosen = match(pairs, worth, len(marks.given), len(marks.believed))
    rows = chosen[chosen >= 0]
    first, second, overlap = pairs.first[rows], pairs.second[rows], pairs.overlap[rows]
    believed_of, given_of = np.full(len(marks.given), -1), np.full(len(marks.believed), -1)
    of_given, of_believed = np.zeros(len(marks.given)), np.zeros(len(marks.believed))
    believed_of[first], given_of[second] = second, first
    of_given[first], of_believed[second] = overlap, overlap
    return Matched(believed_of, given_of, of_given, of_believed)


def believed_features(marks: Marks, matched: Matched) -> Floats:
    """Return (P, 13 + K) what tells whether people mark a believed region.

    Columns: 0 log-odds of its score; 1, 2 logarithms of its width and height; 3 most overlap with a believed region
    that is surer; 4 logarithm of how many regions are expected apart from it (the sum of their scores); 5 is 1 where
    people marked anything beside it; 6 most overlap with a given region that is not of the same thing; 7 to 12 the
    products of 0 with 1 to 6; from 13 on 1 for its label.

    The given region that it is matched to is left out of all of them: what was marked and what was not differ in these
    features by what they are, not by having been marked. (Of those marked beside it a count would tell: where every
    item has six, five are beside one that was marked, and six beside one that was not.)
    """
    believed, among, n = marks.believed, marks.among_believed, len(marks.believed)
    score, rival = believed.scores[among.first], believed.scores[among.second]
    covered = _most(among.where((rival > score) | ((rival == score) & (among.second < among.first))), n)
    near = among.where(among.overlap >= NEAR)
    of_item = np.bincount(believed.items, believed.scores, marks.n_items)[believed.items]
    apart = of_item - believed.scores - np.bincount(near.first, believed.scores[near.second], n)
    beside = np.bincount(marks.given.items, minlength=marks.n_items)[believed.items] - matched.is_marked
    across = Pairs(marks.across.second, marks.across.first, marks.across.overlap)
    foreign = _most(across.where((matched.given_of[across.first] != across.second) | (across.overlap < SAME)), n)
    sure = log_odds(believed.scores)
    about = np.column_stack(
        (_logarithm(believed.extents), covered, np.log(np.maximum(apart, 0) + _FEW), beside > 0, foreign)
    )
    is_label = believed.labels[:, None] == np.arange(marks.n_labels)
    return np.column_stack((sure, about, sure[:, None] * about, is_label)).astype(np.float64)


def given_features(marks: Marks, matched: Matched, usual: Floats) -> Floats:
    """Return (G, 9) what tells whether a given region is right.

    Columns: 0 log-odds of the score of the believed region that it is matched to, the lowest where there is none; 1 is
    1 where there is none; 2 overlap with it; 3 the square of that; 4 see `class_log_ratio`; 5 logarithm of its extent;
    6 most overlap with another given region of its label; 7 the same if that one is better supported; 8 how many times
    as large or small it is as is usual for its label, the logarithm of that; 0 where nothing is usual.

    Args:
        marks: N items as columns.
        matched: of them.
        usual: (K,) extent of each label's regions; NaN where it is not known.
    """
    given, n = marks.given, len(marks.given)
    is_alone = matched.believed_of < 0
    scores = np.zeros(n)
    scores[~is_alone] = marks.believed.scores[matched.believed_of[~is_alone]]
    same = _of_same_label(given, marks.among_given)
    support = scores * matched.overlap_of_given
    own, other = support[same.first], support[same.second]
    is_better = (other > own) | ((other == own) & (same.second < same.first))
    return np.column_stack(
        (
            log_odds(scores),
            is_alone,
            matched.overlap_of_given,
            matched.overlap_of_given**2,
            class_log_ratio(marks),
            _logarithm(given.extents).mean(axis=1),
            _most(same, n),
            _most(same.where(is_better), n),
            np.abs(log_relative_extents(given, usual)),
        )
    )


def is_one_too_many(features: Floats) -> NDArray[np.bool_]:
    """Say of each given region whether it can be a duplicate: (G,), from its `given_features`.

    The better supported one of two that mark the same thing is none, whatever speaks against both: were both taken
    away, nothing would mark it. So a better one covers it by half, or is the one that overlaps it most.
    """
    closest, better = features[:, 6], features[:, 7]
    return np.asarray((better > 0) & (better >= np.minimum(closest, SAME)))


def class_evidence(regions: Columns, believed: Columns, pairs: Pairs, n_labels: int) -> Floats:
    """Return (N, K) how much is believed of each class where each region is: the most of score times overlap."""
    near = pairs.where((pairs.overlap >= NEAR) & (believed.labels[pairs.second] != UNKNOWN))
    evidence = np.zeros((len(regions), n_labels))
    np.maximum.at(evidence, (near.first, believed.labels[near.second]), believed.scores[near.second] * near.overlap)
    return evidence


def class_log_ratio(marks: Marks) -> Floats:
    """Return (G,) the logarithm of the evidence for the given label over that for the strongest other one.

    0 where there is none for any. A label that is not known has none.
    """
    evidence = class_evidence(marks.given, marks.believed, marks.across, marks.n_labels) + _LEAST_EVIDENCE
    known = np.flatnonzero(marks.given.labels != UNKNOWN)
    own = np.full(len(evidence), _LEAST_EVIDENCE)
    own[known] = evidence[known, marks.given.labels[known]]
    evidence[known, marks.given.labels[known]] = 0
    return np.asarray(np.log(own / evidence.max(axis=1, initial=_LEAST_EVIDENCE)))


def log_relative_extents(regions: Columns, usual: Floats) -> Floats:
    """Return (N,) the logarithm of each extent in units of what is usual for its label, at most 20 times that.

    0 where nothing is usual, the label is not known, or there is no extent.
    """
    known = np.flatnonzero((regions.labels != UNKNOWN) & (regions.extents > 0).all(axis=1))
    found = np.zeros(len(regions))
    found[known] = np.log(np.sqrt(regions.extents[known].prod(axis=1)) / usual[regions.labels[known]])
    return np.clip(np.nan_to_num(found), -_MOST_RELATIVE, _MOST_RELATIVE)


def log_odds(scores: Floats) -> Floats:
    """Return the log-odds of scores, taking those beyond a thousandth for a thousandth."""
    inside = np.clip(scores, _LEAST_SCORE, 1 - _LEAST_SCORE)
    return np.asarray(np.log(inside / (1 - inside)))


def _logarithm(extents: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(extents, _LEAST_EXTENT)))


def _of_same_label(given: Columns, pairs: Pairs) -> Pairs:
    one, other = given.labels[pairs.first], given.labels[pairs.second]
    return pairs.where((one == other) & (one != UNKNOWN))


def _most(pairs: Pairs, n: int) -> Floats:
    """Return (n,) the greatest overlap of each first row; 0 where it has none."""
    most = np.zeros(n)
    np.maximum.at(most, pairs.first, pairs.overlap)
    return most
