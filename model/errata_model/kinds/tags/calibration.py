"""Scores to probabilities, a tag at a time: a sigmoid of few parameters, the rarer the tag the more it borrows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SHARED_ROWS = 2000  # enough for the two parameters that all tags share
_SLOPE_PRECISION = 10.0  # of a tag's own slope, relative to the shared one: known to about a third beforehand
_SHIFT_PRECISION = 1.0  # of a tag's own shift, in log-odds
_WEAK = 0.01  # of the shared parameters: keeps them finite where labels are separable
_STEPS = 25
_FIRST_SLOPE = 4.0  # where there is too little to fit: what digits and photographs ended up near
_LEAST_SLOPE = 0.1  # the prior's: of features that say nothing
_CONVERGED = 1e-4
_SUREST = 15.0  # log-odds: nobody is surer than one in three million


@dataclass(frozen=True, slots=True)
class Sigmoids:
    """For each tag, log-odds = base log-odds + slope * score + shift. Both are (K,)."""

    slopes: Floats
    shifts: Floats

    def log_odds(self, scores: Floats, base: Floats) -> Floats:
        """Return (N, K) log-odds.

        Args:
            scores: (N, K) standardised; see `standardise`.
            base: (N, K) or (K,) base rates, inside (0, 1).
        """
        return logit(base) + self.slopes * scores + self.shifts


def uncalibrated(n_tags: int) -> Sigmoids:
    """Return what serves where there are too few labels to fit anything."""
    return Sigmoids(np.full(n_tags, _FIRST_SLOPE), np.zeros(n_tags))


def standardise(deviations: Floats, base: Floats) -> Floats:
    """Return deviations from a base rate in standard deviations of a tag that is given so often."""
    return np.asarray(deviations / np.sqrt(base * (1 - base)))


def fit_sigmoids(scores: Floats, base: Floats, targets: Floats) -> Sigmoids:
    """Fit a sigmoid to each tag by maximum a posteriori.

    First one slope and one shift for all tags; they are the centre of the prior of each tag's own. A tag that was
    given to two hundred items has its own sigmoid, one that was given to two has nearly everybody's.

    Args:
        scores: (N, K) standardised, of rows whose label was left out.
        base: (N, K) base rates without the row's own label, inside (0, 1).
        targets: (N, K) in [0, 1].

    Source:
        Platt, "Probabilistic outputs for support vector machines", 1999; the prior is ours.
    """
    offsets = logit(base)
    few = slice(0, _SHARED_ROWS)
    together = [table[few].reshape(-1, 1) for table in (scores, offsets, targets)]
    shared = _fit(together[0], together[1], together[2], uncalibrated(1), _WEAK, _WEAK)
    slope = max(float(shared.slopes[0]), _LEAST_SLOPE)
    n_tags = scores.shape[1]
    prior = Sigmoids(np.full(n_tags, slope), np.full(n_tags, shared.shifts[0]))
    return _fit(scores, offsets, targets, prior, _SLOPE_PRECISION / slope**2, _SHIFT_PRECISION)


def _fit(
    scores: Floats,
    offsets: Floats,
    targets: Floats,
    prior: Sigmoids,
    slope_precision: float,
    shift_precision: float,
) -> Sigmoids:
    """Maximise the likelihood and a normal prior of these means and precisions, all columns at once (Newton)."""
    slope, shift = prior.slopes.copy(), prior.shifts.copy()
    for _ in range(_STEPS):
        fitted = sigmoid(offsets + slope * scores + shift)
        errors = fitted - targets
        fitted *= 1 - fitted
        of_slope = np.einsum("nk,nk->k", errors, scores) + slope_precision * (slope - prior.slopes)
        of_shift = errors.sum(axis=0) + shift_precision * (shift - prior.shifts)
        weighted = fitted * scores
        curve_slope = np.einsum("nk,nk->k", weighted, scores) + slope_precision
        curve_both, curve_shift = weighted.sum(axis=0), fitted.sum(axis=0) + shift_precision
        determinant = curve_slope * curve_shift - curve_both**2
        step_slope = (curve_shift * of_slope - curve_both * of_shift) / determinant
        step_shift = (curve_slope * of_shift - curve_both * of_slope) / determinant
        reach = np.minimum(1, 2 / np.maximum(np.maximum(np.abs(step_slope) / 2, np.abs(step_shift)), 1e-12))
        slope -= reach * step_slope
        shift -= reach * step_shift
        if max(np.abs(step_slope).max(initial=0), np.abs(step_shift).max(initial=0)) < _CONVERGED:
            break
    return Sigmoids(slope, shift)


def sigmoid(log_odds: Floats) -> Floats:
    """Return 1 / (1 + exp(-log_odds)), in [0, 1]."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-log_odds)))


def logit(probabilities: Floats) -> Floats:
    """Return the log-odds of probabilities inside (0, 1)."""
    return np.asarray(np.log(probabilities / (1 - probabilities)))


def bounded(log_odds: Floats) -> Floats:
    """Return log-odds that are sure of nothing: one learner must not decide for all where they are averaged."""
    return np.clip(log_odds, -_SUREST, _SUREST)


def log_likelihoods(log_odds: Floats, answers: Floats) -> tuple[Floats, Floats]:
    """Return the log-likelihood of "given" and of "absent" for every cell, with how much each was said: flat arrays."""
    of_given, of_absent = -np.logaddexp(0, -log_odds), -np.logaddexp(0, log_odds)
    return np.concatenate((of_given, of_absent), axis=None), np.concatenate((answers, 1 - answers), axis=None)
