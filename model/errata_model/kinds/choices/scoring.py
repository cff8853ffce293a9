"""How well predicted probabilities support given labels of single choice: pure functions.

Everywhere: `given` is (N,) int, the column of the given label; `predicted` is (N, K) out-of-sample probabilities,
rows sum to 1. Low is bad. Results are (N,), single precision where the probabilities are. No rows in, no rows out.
What is not a probability is an error that names the row, never a score. docs/scores.md compares them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.choices.blocks import Block, Given, Predicted, Quality, check_given, score_blocks, score_type


def label_quality(given: Given, predicted: Predicted, *, shares: NDArray[np.floating] | None = None) -> Quality:
    """Return how well the belief supports the given label: what an audit ranks by.

    The mean of two answers to "how probable is the given label?": the belief's own (`self_confidence`), which takes
    the classes to be as frequent as they were given, and the one that takes them to be equally frequent: every
    probability divided by its class's share, rows made to sum to 1 again. Where annotators overuse a class, the first
    forgives them; where a class is truly rare, the second accuses its neighbours. Which is so cannot be
    known from the labels, and the mean is never far from the better one.

    Args:
        given: (N,) int.
        predicted: (N, K).
        shares: (K,) above 0, how frequent each class is where the belief is from: `class_shares` of a whole project.
            By default counted from `given`, one label a class added. A row's quality depends on no other row but by
            them.

    Returns:
        (N,) in [0, 1].

    Raises:
        ValueError: shapes do not agree, or a row is no probability distribution; names the row.

    Source:
        The second answer: Saerens et al., "Adjusting the outputs of a classifier to new a priori probabilities",
        Neural Computation 2002, equation 2.4, for equal new ones. The mean is ours; docs/scores.md has the trials.
    """
    given, predicted = check_given(given, predicted)
    weights = _inverse_shares(given, predicted.shape[1], shares).astype(score_type(predicted))

    def mean_of_both(block: Block) -> Quality:
        supported = block.supported()
        return (supported + supported * weights[block.given] / (block.rows @ weights)) / 2

    return score_blocks(given, predicted, mean_of_both)


def class_shares(predicted: Predicted) -> NDArray[np.float64]:
    """Return the mean probability of each class, one certain row a class added.

    What an audit gives `label_quality`: a label's quality is then the same alone and among all of its project.

    Returns:
        (K,) above 0, sums to 1.
    """
    sums = np.sum(predicted, axis=0, dtype=np.float64) + 1
    return np.asarray(sums / sums.sum())


def self_confidence(given: Given, predicted: Predicted) -> Quality:
    """Return the probability of the given label.

    Returns:
        (N,) in [0, 1].

    Raises:
        ValueError: as `label_quality`.

    Source:
        Northcutt et al., "Confident Learning", JAIR 2021, section 3.
    """
    return score_blocks(given, predicted, Block.supported)


def margin(given: Given, predicted: Predicted) -> Quality:
    """Return the normalized margin: (p_given - largest other p + 1) / 2.

    Returns:
        (N,) in [0, 1]; below 0.5 where another label is likelier. With one class alone, 1.

    Raises:
        ValueError: as `label_quality`.

    Source:
        Northcutt et al., "Confident Learning", JAIR 2021, section 3.
    """
    return score_blocks(given, predicted, lambda block: (block.supported() - block.largest_other() + 1) / 2)


def log_margin(given: Given, predicted: Predicted) -> Quality:
    """Return the margin of logarithms, log p_given - log largest other p, brought to [0, 1].

    By the logistic function, which keeps the order and makes it p_given / (p_given + largest other p): the
    probability of the given label were there only these two.

    Returns:
        (N,) in [0, 1]; below 0.5 where another label is likelier. With one class alone, 1.

    Raises:
        ValueError: as `label_quality`.

    Source:
        The logit margin of Pleiss et al., "Identifying mislabeled data using the area under the margin ranking",
        NeurIPS 2020, equation 1, of one belief instead of a whole training.
    """

    def among_two(block: Block) -> Quality:
        supported = block.supported()
        return supported / (supported + block.largest_other())

    return score_blocks(given, predicted, among_two)


def adjusted_self_confidence(given: Given, predicted: Predicted) -> Quality:
    """Return self-confidence after each class is brought to the same mean confidence.

    From every column the mean self-confidence of the rows that were given that class is subtracted, the largest such
    mean is added, and rows are made to sum to 1 again. A class that the model is shy about is then not suspected
    as a whole. The result depends on the other rows: not comparable over audits.

    Returns:
        (N,) in [0, 1].

    Raises:
        ValueError: as `label_quality`.

    Source:
        Kuan and Mueller, "Model-agnostic label quality scoring to detect real-world label errors", 2022, section 3.
        Of a class without labels nothing is known: it counts as the surest one (cleanlab: as surer than certain, which
        brings all scores close together).
    """
    given, predicted = check_given(given, predicted)
    sums = np.ones(len(given), dtype=score_type(predicted))

    def supported(block: Block) -> Quality:
        sums[block.where] = block.sums
        return block.supported()

    quality = score_blocks(given, predicted, supported)
    if not len(quality):
        return quality
    means = mean_by_class(given, quality, predicted.shape[1])
    means[np.isnan(means)] = np.nanmax(means)
    lifts = (means.max() - means).astype(quality.dtype)
    quality += lifts[given]
    sums += lifts.sum()
    np.divide(quality, sums, out=quality)
    return np.minimum(quality, 1, out=quality)  # sums are rounded


def neighbour_agreement(
    given: Given, neighbours: NDArray[np.integer], similarities: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return how much of the similarity to a row's neighbours is to neighbours with the same label.

    Args:
        given: (N,) int.
        neighbours: (N, k) rows, -1 where there are fewer: as `errata_model.neighbours.nearest_neighbours` finds them.
        similarities: (N, k) finite; what is not above 0 has no say.

    Returns:
        (N,) in [0, 1]; 1, nothing speaks against the label, where no neighbour has a say.

    Raises:
        ValueError: shapes do not agree, or a neighbour is no row; names the row.

    Source:
        Zhu et al., "Detecting corrupted labels without training a model to predict" (SimiFeat), ICML 2022, section 3.2,
        of the neighbours alone, weighted.
    """
    given, neighbours = np.asarray(given), np.asarray(neighbours)
    weights = np.asarray(similarities, dtype=np.float64)
    if neighbours.ndim != 2 or neighbours.shape != weights.shape or given.shape != neighbours.shape[:1]:
        shapes = f"{given.shape}, {neighbours.shape} and {weights.shape}"
        raise ValueError(f"must be (N,), (N, k) and (N, k): `given`, `neighbours` and `similarities`, got {shapes}")
    is_row = np.logical_and(neighbours >= -1, neighbours < len(given)).all(axis=1) & np.isfinite(weights).all(axis=1)
    if not is_row.all():
        row = int(np.argmin(is_row))
        raise ValueError(
            f"`neighbours` must be rows below {len(given)} of finite similarity, those of row {row} are not"
        )
    weights = np.where(neighbours >= 0, np.maximum(weights, 0), 0)
    agreeing = (weights * (given[neighbours] == given[:, None])).sum(axis=1)
    total = weights.sum(axis=1)
    agreement = np.ones(len(given))
    np.divide(agreeing, total, out=agreement, where=total > 0)
    return np.clip(agreement, 0, 1, out=agreement)


def mean_by_class(given: Given, values: NDArray[np.floating], n_classes: int) -> NDArray[np.float64]:
    """Return (K,) the mean value of the rows that were given each class; NaN where there is none."""
    counts = np.bincount(given, minlength=n_classes)
    means = np.full(n_classes, np.nan)
    np.divide(np.bincount(given, weights=values, minlength=n_classes), counts, out=means, where=counts > 0)
    return means


def _inverse_shares(given: Given, n_classes: int, shares: NDArray[np.floating] | None) -> NDArray[np.float64]:
    """Return (K,) one over each class's share, the smallest 1 and the largest 1e30, so that no product overflows."""
    if shares is None:
        shares = np.bincount(given, minlength=n_classes) + 1.0
    counted = np.asarray(shares, dtype=np.float64)
    if counted.shape != (n_classes,) or not (np.isfinite(counted).all() and (counted > 0).all()):
        raise ValueError(f"`shares` must be ({n_classes},), finite and above 0, got {counted.tolist()}")
    return np.asarray(counted.max() / np.maximum(counted, 1e-30 * counted.max()))
