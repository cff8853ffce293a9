"""What the annotations of a project teach about spans: what wrong ones look like, and how many are overlooked."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.spans.frequency import weigh_frequency
from errata_model.kinds.spans.tagging import likely_spans
from errata_model.kinds.spans.tokenwise import (
    N_OF_GIVEN,
    N_OF_LIKELY,
    Floats,
    Indices,
    TokenEvidence,
    TokenSpans,
    given_features,
    given_spans,
    has_tokens,
    likely_features,
    others_given,
    span_features,
    to_spans,
    token_evidence,
)
from errata_model.regions.calibration import N_FOLDS, folds_of
from errata_model.regions.records import BOUNDARY, SPURIOUS, WRONG_CLASS, Item
from errata_model.threads import threads_for

ERRORS = (WRONG_CLASS, BOUNDARY, SPURIOUS)
_FEWEST = 50  # spans, to learn from
_MOST = 20_000  # more teach nothing new: so many parameters there are not
_ROUNDS = 30
_SETTLED = 1e-4  # shares that change by less in a round are estimated
_LOOSENESS = 0.05  # inverse of the ridge, over standardised features
_STEPS = 5
_RARE = 1e-3  # of spans have an error of a sort, at least
_OVERLOOKED = 0.01  # of spans are overlooked, at least
_SUREST = 0.3  # of the spans that are marked: of so many the belief is so sure that those not marked are overlooked
_SEED = 0


def calibrate_tokens(items: Sequence[Item], labels: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """Learn from a project's annotations what token probabilities do not say.

    - What a wrong span looks like: the given ones against copies with errors planted, of another class, a token
      shorter or longer, or anywhere. Errors that are among the given ones already would blur that, and how many they
      are is not known: their share is estimated and they are weighed down, in turns (expectation maximisation).
    - Which likely spans people mark, and whether they mark nothing else in an item. Of those that the belief is surest
      of, the share that is not marked is how often annotators overlook one.

    All but the last learned five times, leaving out a fifth of the items, told by `Item.key`.

    Args:
        items: all annotations beside out-of-sample beliefs; those without tokens teach nothing.
        labels: of the control, K.

    Returns:
        `of_given` (5, 4, 43) and `of_likely` (5, 44) weights of log-odds of `given_features` and `likely_features`, the
        constant last; {} where fewer than 50 spans are given, or likely and not marked.

    Source:
        Saerens, Latinne and Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori Probabilities", 2002;
        Elkan and Noto, "Learning Classifiers from Only Positive and Unlabeled Data", KDD 2008.
    """
    items = _some([item for item in items if has_tokens(item)])
    evidence = token_evidence(items, len(labels))
    given, _, taken = given_spans(items, evidence, labels)
    if len(given) < _FEWEST:
        return {}
    with threads_for(len(items)):
        return _learn(given, taken, evidence, folds_of([item.key for item in items]), len(labels))


def _learn(
    given: TokenSpans, taken: NDArray[np.bool_], evidence: TokenEvidence, folds: Indices, n_labels: int
) -> Mapping[str, NDArray[Any]]:
    rng = np.random.default_rng(_SEED)
    planted = _planted(given, taken, evidence, n_labels, rng)
    likely, is_marked = _likely(given, taken, evidence)
    if len(likely) - int(is_marked.sum()) < _FEWEST or int(is_marked.sum()) < _FEWEST:
        return {}
    of_given = _by_fold(
        span_features(evidence, planted[0]), planted[1], folds[evidence.items[planted[0].first]], _learn_errors
    )
    n_others = others_given(likely, given, evidence) - is_marked
    features = likely_features(evidence, likely, n_others)
    of_likely = _by_fold(features, is_marked.astype(np.int64), folds[evidence.items[likely.first]], _learn_marked)
    if of_given is None or of_likely is None:
        return {}
    of_given, of_likely = weigh_frequency(
        np.insert(of_given, -1, 0.0, axis=2),
        of_likely[:, 0],
        (given_features(evidence, given), folds[evidence.items[given.first]]),
        (features[~is_marked], folds[evidence.items[likely.first]][~is_marked]),
    )
    return {"of_given": of_given, "of_likely": of_likely}


def _some(items: Sequence[Item]) -> Sequence[Item]:
    counts = np.array([len(item.given) for item in items])
    if counts.sum() <= _MOST:
        return items
    order = np.random.default_rng(_SEED).permutation(len(items))
    return [items[row] for row in order[np.cumsum(counts[order]) <= _MOST].tolist()]


def _planted(
    given: TokenSpans, taken: NDArray[np.bool_], evidence: TokenEvidence, n_labels: int, rng: np.random.Generator
) -> tuple[TokenSpans, Indices]:
    """Return spans and their sort of error: 0 as given, then one of `ERRORS`."""
    columns = np.column_stack((given.first, given.last, given.classes))
    whole = [(to_spans(columns, taken, evidence), 0)]
    if n_labels > 1:
        other = columns.copy()
        other[:, 2] = (columns[:, 2] + rng.integers(1, n_labels, len(columns))) % n_labels
        whole.append((to_spans(other, taken, evidence), 1))
    shifted, freed = _shifted(given, rng), taken.copy()
    is_moved = (shifted != columns).any(axis=1)
    of_shifted = to_spans(shifted, freed, evidence)
    is_shorter = shifted[:, 1] - shifted[:, 0] < columns[:, 1] - columns[:, 0]
    left, right = is_shorter & (shifted[:, 0] > columns[:, 0]), is_shorter & (shifted[:, 1] < columns[:, 1])
    of_shifted = TokenSpans(
        of_shifted.first, of_shifted.last, of_shifted.classes, of_shifted.has_left | left, of_shifted.has_right | right
    )
    whole.append((_take(of_shifted, is_moved), 2))
    whole.append((to_spans(_invented(given, taken, evidence, rng), taken, evidence), 3))
    spans = TokenSpans(
        *(
            np.concatenate([getattr(each, name) for each, _ in whole])
            for name in ("first", "last", "classes", "has_left", "has_right")
        )
    )
    return spans, np.repeat([sort for _, sort in whole], [len(each) for each, _ in whole])


def _shifted(given: TokenSpans, rng: np.random.Generator) -> Indices:
    """Return (N, 3) each span a token shorter or longer at one end, as it was where neither can be."""
    moved = np.column_stack((given.first, given.last, given.classes))
    is_long = given.last - given.first > 1
    ways = np.column_stack((is_long, is_long, given.has_left, given.has_right))
    drawn = np.where(ways, rng.random(ways.shape), -1)
    way = np.where(ways.any(axis=1), drawn.argmax(axis=1), -1)
    moved[:, 0] += (way == 0).astype(np.int64) - (way == 2)
    moved[:, 1] += (way == 3).astype(np.int64) - (way == 1)
    return moved


def _invented(
    given: TokenSpans, taken: NDArray[np.bool_], evidence: TokenEvidence, rng: np.random.Generator
) -> Indices:
    """Return (M, 3) as many spans as are given, of tokens in none: half of one token, half as long as those."""
    free = np.flatnonzero(~taken)
    if len(free) == 0:
        return np.zeros((0, 3), dtype=np.int64)
    first = rng.choice(free, len(given))
    wanted = np.where(rng.random(len(given)) < 0.5, 1, rng.permutation(given.last - given.first))
    last = first + 1
    n = len(evidence)
    for _ in range(int(wanted.max()) - 1):
        here = np.minimum(last, n - 1)
        grows = (last - first < wanted) & (last < n) & ~taken[here] & (evidence.items[here] == evidence.items[first])
        if not grows.any():
            break
        last = last + grows
    return np.column_stack((first, last, rng.permutation(given.classes)))


def _likely(
    given: TokenSpans, taken: NDArray[np.bool_], evidence: TokenEvidence
) -> tuple[TokenSpans, NDArray[np.bool_]]:
    """Return spans that are likely where none is given, and those that are where one is, as if it were not there."""
    unmarked = find_likely(evidence, ~taken)
    marked = [
        (first + begin, last + begin, k)
        for begin, end in zip(given.first.tolist(), given.last.tolist(), strict=True)
        for first, last, k, _ in likely_spans(
            evidence.probabilities[begin:end], evidence.begins[begin:end], np.ones(end - begin, dtype=bool)
        )
    ]
    columns = np.array([*(row[:3] for row in unmarked), *marked], dtype=np.int64).reshape(-1, 3)
    spans = to_spans(columns, taken, evidence)
    return spans, np.arange(len(columns)) >= len(unmarked)


def find_likely(evidence: TokenEvidence, is_free: NDArray[np.bool_]) -> list[tuple[int, int, int, float]]:
    """Return what `likely_spans` are among free tokens, none over the end of an item."""
    begins = evidence.begins.copy()
    begins[np.flatnonzero(np.diff(evidence.items, prepend=-1))] = 1
    return likely_spans(evidence.probabilities, begins, is_free)


def _take(spans: TokenSpans, rows: NDArray[np.bool_]) -> TokenSpans:
    return TokenSpans(
        spans.first[rows], spans.last[rows], spans.classes[rows], spans.has_left[rows], spans.has_right[rows]
    )


def _by_fold(features: Floats, classes: Indices, folds: Indices, learn: Any) -> Floats | None:
    """Return (5, C, F + 1) weights, each fold's without its own rows; None where one leaves no two classes."""
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415

    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1)
    scaled = (features - centre) / spread
    fitted = []
    for fold in range(N_FOLDS):
        mine = folds != fold
        if len(np.unique(classes[mine])) < 2 or not (classes[mine] == 0).any():
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # what is reached until then serves
            weights, constants = learn(scaled[mine], classes[mine])
        weights = weights / spread
        fitted.append(np.column_stack((weights, constants - weights @ centre)))
    return np.array(fitted)


def _learn_errors(features: Floats, classes: Indices) -> tuple[Floats, Floats]:
    """Return (4, F) weights and (4,) constants of log-odds, errors as frequent as they are among what was given.

    It takes many turns where much is wrong: at first most of it is held to be right.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    is_given = classes == 0
    counted = np.ones(len(classes))
    model = LogisticRegression(C=_LOOSENESS, max_iter=200, warm_start=True)
    prior = np.full(4, 0.1 / 3)
    prior[0] = 0.9
    for _ in range(_ROUNDS):
        model.fit(features, classes, sample_weight=counted)
        taught = np.bincount(classes, counted, 4)[model.classes_]
        ratios = model.predict_proba(features[is_given]) / (taught / taught.sum())
        before = prior[model.classes_] / prior[model.classes_].sum()
        shares = before
        for _ in range(_STEPS):
            of_each = ratios * shares
            of_each /= of_each.sum(axis=1, keepdims=True)
            shares = np.maximum(of_each.mean(axis=0), _RARE)
            shares /= shares.sum()
        counted[is_given] = np.maximum(of_each[:, 0], _RARE)
        if np.abs(shares - before).max() < _SETTLED:
            break
        prior[model.classes_] = shares
    coefficients, constants = _all_classes(model)
    weights, offsets = np.zeros((4, features.shape[1])), np.full(4, -np.inf)
    weights[model.classes_] = coefficients
    offsets[model.classes_] = constants + np.log(shares / (taught / taught.sum()))
    return weights, np.maximum(offsets, -30.0)


def _learn_marked(features: Floats, classes: Indices) -> tuple[Floats, Floats]:
    """Return (1, F) weights and (1,) constant of the log-odds that an unmarked span was overlooked."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    model = LogisticRegression(C=_LOOSENESS, max_iter=200).fit(features, classes)
    odds = model.decision_function(features)
    surest = np.argsort(-odds, kind="stable")[: max(_FEWEST, int(_SUREST * classes.sum()))]
    overlooked = max((int((classes[surest] == 0).sum()) + 1) / (len(surest) + 2), _OVERLOOKED)
    return model.coef_, model.intercept_ + np.log(overlooked / (1 - overlooked))


def _all_classes(model: Any) -> tuple[Floats, Floats]:
    """Return a row a class, also where scikit-learn has one row for two classes."""
    if len(model.coef_) == 1:
        return np.vstack((0 * model.coef_, model.coef_)), np.array([0.0, model.intercept_[0]])
    return model.coef_, model.intercept_


def weights_of(calibration: Mapping[str, NDArray[Any]]) -> tuple[Floats, Floats]:
    """Return `of_given` and `of_likely` of a calibration; where it has none, what serves without."""
    shapes = [calibration[name].shape for name in ("of_given", "of_likely") if name in calibration]
    if shapes == [(N_FOLDS, 4, N_OF_GIVEN + 1), (N_FOLDS, N_OF_LIKELY + 1)]:
        return calibration["of_given"], calibration["of_likely"]
    of_given, of_likely = np.zeros((4, N_OF_GIVEN + 1)), np.zeros(N_OF_LIKELY + 1)
    of_given[0, 0] = 1.0  # the least probability of its class against ...
    of_given[1, [10, 5]] = 1.0, 0.5  # ... another class, where there is some
    of_given[2, [13, 16]] = -0.5  # ... more of its class beside it
    of_given[3, 9] = 1.0  # ... no class
    of_given[1:, -1] = np.log(0.02 / 0.94)
    of_likely[[1, 4]] = 1.0, -1.0
    of_likely[-1] = np.log(0.02)
    return np.repeat(of_given[None], N_FOLDS, axis=0), np.repeat(of_likely[None], N_FOLDS, axis=0)
