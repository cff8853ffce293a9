"""How often spans are wrong, in texts that have many of them and in those that have few."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_HALFWAY = 0.5  # between as often a span and as often a text; also the standard deviation, before anything is seen
_MOST_FACTOR = 3.0  # its logarithm
_SURE = 1e-9  # chances nearer to 0 and 1 are as good as that


def shares_of(features: Floats, weights: Floats) -> Floats:
    """Return (N, 4) how likely given spans are right and of each error, by (N, F) features and (4, F + 1) weights."""
    odds = features @ weights[:, :-1].T + weights[:, -1]
    shares = np.exp(odds - odds.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def chances_of(features: Floats, weights: Floats) -> Floats:
    """Return (N,) how likely spans that nobody marked are overlooked, by (N, F) features and (F + 1,) weights."""
    return np.asarray(1 / (1 + np.exp(-(features @ weights[:-1] + weights[-1]))))


def weigh_frequency(
    of_given: Floats, of_likely: Floats, given: tuple[Floats, Indices], unmarked: tuple[Floats, Indices]
) -> tuple[Floats, Floats]:
    """Return weights that say, too, how much rarer errors are where a text has many spans.

    Args:
        of_given: (5, 4, F + 1) weights of the features of given spans; of how many spans there are, the last, they
            say nothing yet.
        of_likely: (5, F + 1) of those of likely spans; the last one is of how many spans there are.
        given: (N, F) features of all given spans, and (N,) folds of their items.
        unmarked: (N, F) features of all likely spans that nobody marked, and their folds.
    """
    wrong, overlooked = np.zeros(len(given[0])), np.zeros(len(unmarked[0]))
    for fold in range(len(of_given)):
        here = given[1] == fold
        wrong[here] = 1 - shares_of(given[0][here], of_given[fold])[:, 0]
        here = unmarked[1] == fold
        overlooked[here] = chances_of(unmarked[0][here], of_likely[fold])
    power, factors = frequency_by_size([wrong, overlooked], [given[0][:, -1], unmarked[0][:, -1]])
    of_given, of_likely = of_given.copy(), of_likely.copy()
    of_given[:, 1:, -2:] += (-power, factors[0])
    of_likely[:, -2:] += (-power, factors[1])
    return of_given, of_likely


def frequency_by_size(chances: Sequence[Floats], log_sizes: Sequence[Floats]) -> tuple[float, Floats]:
    """Estimate how much rarer an error is, a span, the more spans its text has.

    Some err once in so many spans, others once in so many texts. The odds that a span is wrong are taken to be
    factor * size ** -power times what they are where all texts are held to be alike: power is 0 of the former, 1 of
    the latter. The likeliest are returned, of powers about halfway and factors about 1.

    Args:
        chances: of each sort of spans (N,) how likely each is wrong, all texts alike.
        log_sizes: of each sort (N,) the logarithm of how many spans the text of each has.

    Returns:
        The power, in [0, 1], and the logarithm of each sort's factor.

    Source:
        The mixture of right and wrong ones of Saerens, Latinne and Decaestecker, "Adjusting the Outputs of a Classifier
        to New a Priori Probabilities", 2002, with shares that go by the size.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - takes a while

    inside = [np.clip(chance, _SURE, 1 - _SURE) for chance in chances]
    parts = [
        (_odds(each), _odds(each.mean()) if len(each) else 0.0, size)
        for each, size in zip(inside, log_sizes, strict=True)
    ]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        power, factors = float(parameters[0]), parameters[1:]
        total = (power - _HALFWAY) ** 2 / (2 * _HALFWAY**2) + factors @ factors / 2
        slopes = np.concatenate(([(power - _HALFWAY) / _HALFWAY**2], factors))
        for n, (odds, of_any, size) in enumerate(parts):
            times = np.exp(factors[n] - power * size)
            own, usual = odds * times, of_any * times
            total -= (np.log1p(own) - np.log1p(usual)).sum()
            surplus = own / (1 + own) - usual / (1 + usual)
            slopes[0] += surplus @ size
            slopes[1 + n] -= surplus.sum()
        return float(total), slopes

    start = np.concatenate(([_HALFWAY], np.zeros(len(parts))))
    bounds = [(0.0, 1.0), *[(-_MOST_FACTOR, _MOST_FACTOR)] * len(parts)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(found[0]), np.asarray(found[1:])


def _odds(chances: Floats) -> Floats:
    return np.asarray(chances / (1 - chances))
