"""How well predicted probabilities support given tags (any number of labels an item): pure functions.

Everywhere: `given` is (N, K) bool, whether item n was given tag k; `predicted` is (N, K) out-of-sample probabilities,
each tag on its own: rows need not sum to 1. Low is bad. A tag that was not given is a given label, too: its quality is
how well the belief supports that it is absent. No rows in, no rows out. What is not a probability is an error, never a
score.

With two answers, given or absent, the normalized margin of a tag, (p_said - p_other + 1) / 2, is its self-confidence.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Given = NDArray[np.bool_]
Predicted = NDArray[np.floating]
Quality = NDArray[np.float64]

SOFTMIN_TEMPERATURE = 0.1

_BLOCK_CELLS = 32_768  # 256 KB of float64: a block and what is made of it stay in a core's cache
_TOLERANCE = 1e-3  # rounding beyond [0, 1] that is forgiven, and cut off


def label_quality(given: Given, predicted: Predicted) -> Quality:
    """Return how well the belief supports each tag as it was given, or left out: what an audit ranks by.

    It is `self_confidence`: with a calibrated belief one minus it is the probability that the tag is wrong, whatever
    the tag, so rare and common tags share one queue. `benchmarks/tags.py` compares.

    Returns:
        (N, K) in [0, 1].

    Raises:
        ValueError: shapes do not agree, or a value is no probability; names the row.
    """
    return self_confidence(given, predicted)


def task_quality(given: Given, predicted: Predicted) -> Quality:
    """Return how well the belief supports all that was said of an item: `softmin` of its `label_quality`.

    Returns:
        (N,) in [0, 1].

    Raises:
        ValueError: as `label_quality`.
    """
    tags, probabilities = _check_shapes(given, predicted)
    pooled = np.empty(len(tags))
    for block in _blocks(tags.shape):
        pooled[block] = _softmin(_supported(tags, probabilities, block), SOFTMIN_TEMPERATURE)
    return pooled


def self_confidence(given: Given, predicted: Predicted) -> Quality:
    """Return the probability of what was said of each tag: p where it was given, 1 - p where it was not.

    Returns:
        (N, K) in [0, 1].

    Raises:
        ValueError: shapes do not agree, or a value is no probability; names the row.

    Source:
        Thyagarajan et al., "Identifying Incorrect Annotations in Multi-Label Classification Data", 2022, section 3.
    """
    tags, probabilities = _check_shapes(given, predicted)
    quality = np.empty(tags.shape)
    for block in _blocks(tags.shape):
        quality[block] = _supported(tags, probabilities, block)
    return quality


def adjusted_self_confidence(given: Given, predicted: Predicted) -> Quality:
    """Return self-confidence after the two answers of each tag are brought to the same mean confidence.

    From both probabilities of a tag the mean self-confidence of the items with that answer is subtracted, the larger
    mean is added, and the two are made to sum to 1 again. Meant for rare tags, which a belief is shy about; but where
    a tag is hardly predictable the adjusted score forgets how rare it is, and suspects everything that was left out.
    The result depends on the other rows: not comparable over audits.

    Returns:
        (N, K) in [0, 1]. Of a tag that everybody or nobody was given there is no second mean: self-confidence.

    Raises:
        ValueError: as `self_confidence`.

    Source:
        Kuan and Mueller, "Model-agnostic label quality scoring to detect real-world label errors", 2022, section 3;
        a tag at a time as in Thyagarajan et al. 2022.
    """
    tags, probabilities = _check_shapes(given, predicted)
    quality = np.empty(tags.shape)
    n_given, of_given, of_all = (np.zeros(tags.shape[1]) for _ in range(3))
    for block in _blocks(tags.shape):
        quality[block] = _supported(tags, probabilities, block)
        n_given += tags[block].sum(axis=0)
        of_given += np.einsum("nk,nk->k", tags[block], quality[block])
        of_all += quality[block].sum(axis=0)
    n_absent = len(tags) - n_given
    given_mean = of_given / np.maximum(n_given, 1)
    absent_mean = (of_all - of_given) / np.maximum(n_absent, 1)
    is_one_sided = (n_given == 0) | (n_absent == 0)
    given_mean[is_one_sided] = absent_mean[is_one_sided] = 0
    least = np.minimum(given_mean, absent_mean)  # the larger mean minus one's own, and the sum, both said by it
    scale = 1 / (1 + np.abs(given_mean - absent_mean))
    for block in _blocks(tags.shape):
        quality[block] += np.where(tags[block], absent_mean - least, given_mean - least)
        quality[block] *= scale
    return np.clip(quality, 0, 1, out=quality)


def softmin(quality: Quality, temperature: float = SOFTMIN_TEMPERATURE) -> Quality:
    r"""Pool the qualities of an item's tags into one, of which the worst few decide.

    sum_k w_k q_k / sum_k w_k with w_k = exp(-q_k / temperature): the minimum as the temperature goes to 0, the mean as
    it grows. The minimum rests on the single noisiest estimate; the mean drowns one wrong tag among fifty right ones.

    Args:
        quality: (N, K) in [0, 1].
        temperature: > 0; 0.1 was best on most of the paper's sets, and on ours.

    Returns:
        (N,) in [0, 1]. 1 where there is no tag at all.

    Raises:
        ValueError: `quality` is not (N, K) in [0, 1], or the temperature not a number above 0.

    Source:
        Thyagarajan et al., "Identifying Incorrect Annotations in Multi-Label Classification Data", 2022, section 4.
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f"`temperature` must be a finite number > 0, got {temperature}")
    rows = np.asarray(quality)
    if rows.ndim != 2:
        raise ValueError(f"`quality` must be (N, K), got {rows.shape}")
    pooled = np.empty(len(rows))
    for block in _blocks(rows.shape):
        pooled[block] = _softmin(_in_range(rows[block].astype(np.float64), "quality", block.start), temperature)
    return pooled


def _softmin(quality: Quality, temperature: float) -> Quality:
    if not quality.shape[1]:
        return np.ones(len(quality))
    weights = quality.min(axis=1, keepdims=True) - quality  # at most 0: the exponential cannot overflow
    np.exp(weights / temperature, out=weights)
    pooled: Quality = np.einsum("nk,nk->n", weights, quality)
    pooled /= np.einsum("nk->n", weights)
    return pooled


def _supported(tags: Given, probabilities: Predicted, block: slice) -> Quality:
    supported = _in_range(probabilities[block].astype(np.float64), "predicted", block.start)
    np.subtract(~tags[block], supported, out=supported)  # p where given, but for the sign; 1 - p where absent
    return np.abs(supported, out=supported)


def _in_range(values: Quality, name: str, first_row: int) -> Quality:
    """Return values that are probabilities, with what is rounded beyond [0, 1] cut off."""
    if values.size and not (values.min() >= 0 and values.max() <= 1):  # also where one is NaN
        is_near = (values >= -_TOLERANCE) & (values <= 1 + _TOLERANCE)
        if not is_near.all():
            row, column = np.argwhere(~is_near)[0]
            raise ValueError(
                f"`{name}` must be in [0, 1], row {first_row + row}, column {column} is {values[row, column]}"
            )
        np.clip(values, 0, 1, out=values)
    return values


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    step = max(1, _BLOCK_CELLS // max(1, shape[1]))
    return (slice(start, min(start + step, shape[0])) for start in range(0, shape[0], step))


def _check_shapes(given: Given, predicted: Predicted) -> tuple[Given, Predicted]:
    tags, probabilities = np.asarray(given), np.asarray(predicted)
    if tags.ndim != 2 or tags.shape != probabilities.shape:
        raise ValueError(f"`given` and `predicted` must both be (N, K), got {tags.shape} and {probabilities.shape}")
    if tags.dtype != np.bool_:
        raise ValueError(f"`given` must hold booleans, got {tags.dtype}")
    if not np.issubdtype(probabilities.dtype, np.floating):
        raise ValueError(f"`predicted` must hold floating-point numbers, got {probabilities.dtype}")
    return tags, probabilities
