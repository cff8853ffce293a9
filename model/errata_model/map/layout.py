"""A map: items in the plane such that those that are alike lie together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from errata_model.map.trust import trustworthiness

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

_EPOCHS, _EPOCHS_OF_FEW, _FEW = 400, 1000, 10_000  # fewer points are quick
_FOLLOWING_EPOCHS = 150  # where points begin near their places
_DRAWN = 5  # others that each point is pushed off from in an epoch
_LONGEST_STEP = 4.0
_EXTENT = 20.0  # of a map while it is made; two points a unit apart are pulled half as much as two that touch
_NEW = 0.2  # of the points: where more are new, all of them may move
_LOST = 0.03  # of trustworthiness: where an earlier map has lost more, all of its points may move
_SETTLING_STEPS = 40


@dataclass(frozen=True, slots=True)
class EarlierMap:
    """A map of which some of the items are still there.

    Attributes:
        xy: (N, 2) float32 in [0, 1], NaN for items that are new.
        trustworthiness: what it had when it was made.
    """

    xy: Floats
    trustworthiness: float


def lay_out(
    rows: Floats,
    neighbours: Indices,
    similarities: Floats,
    earlier: EarlierMap | None = None,
    seed: int = 0,
) -> Floats:
    """Put items in the plane such that neighbours lie together, and others apart.

    Neighbours pull each other and push off points drawn at random: the aim of UMAP, with the kernel 1 / (1 + d^2) of
    t-SNE, reached by steps of all points at once. It begins with the two main directions, so that nothing of it is
    left to chance: the same rows give the same map.

    An earlier map is kept as it is. New items are put where their neighbours are and settle there; what was there does
    not move. Where more than a fifth is new, all points move on from where they were. Where little was there, or those
    that lie together there are no longer alike, the map is made afresh. In both cases it is then turned, flipped and
    scaled as one such that what was there comes as near as that allows to where it was.

    Args:
        rows: (N, D) finite, of length 1.
        neighbours: (N, k) int64, nearest first; -1 where there are fewer.
        similarities: (N, k) in [-1, 1].
        earlier: of the same items.
        seed: of the draws.

    Returns:
        (N, 2) float32 in [0, 1], x and y of one scale.

    Source:
        McInnes et al., "UMAP: Uniform Manifold Approximation and Projection", 2018, sections 3.1 and 3.2; Böhm et al.,
        "Attraction-repulsion spectrum in neighbor embeddings", JMLR 2022, on where it stands among others.
    """
    n = len(rows)
    if n < 3:
        return np.tile(np.float32(0.5), (n, 2)) + np.arange(n, dtype=np.float32)[:, None] * np.float32(0.1)
    graph = fuzzy_graph(neighbours, similarities)
    is_old: NDArray[np.bool_] = np.zeros(n, dtype=np.bool_)
    if earlier is not None:
        is_old = np.asarray(np.isfinite(earlier.xy).all(axis=1))
    if earlier is None or is_old.sum() < max(3, _NEW * n) or _is_lost(rows[is_old], earlier, is_old):
        n_epochs = _EPOCHS_OF_FEW if n < _FEW else _EPOCHS
        made = _optimised(graph, _main_directions(rows), n_epochs, 1.0, seed)
        return _framed(made) if earlier is None else _framed(_turned_to(made, earlier.xy, is_old))
    begun = _placed(graph, earlier.xy, is_old)
    scale = _EXTENT / float(np.ptp(begun, axis=0).max() or 1.0)
    if is_old.sum() >= (1 - _NEW) * n:
        settled = _optimised(graph, begun * scale, _FOLLOWING_EPOCHS, 0.3, seed, np.flatnonzero(~is_old)) / scale
        return np.where(is_old[:, None], earlier.xy, settled.clip(0, 1)).astype(np.float32)
    followed = _optimised(graph, begun * scale, _FOLLOWING_EPOCHS, 0.5, seed)
    return _framed(_turned_to(followed, earlier.xy, is_old))


def fuzzy_graph(neighbours: Indices, similarities: Floats) -> csr_array:
    """Return (N, N) how much items belong together, in [0, 1], symmetric.

    exp(-(d - nearest) / width) for each neighbour at distance d, the width such that an item's neighbours add up to
    log2 k; where two say different things of each other, the probability that either is right.
    """
    n, k = neighbours.shape
    is_there = neighbours >= 0
    distances = np.sqrt(np.maximum(2.0 - 2.0 * similarities.astype(np.float64), 0.0))
    beyond = np.where(is_there, np.maximum(distances - distances[:, :1], 0.0), np.inf)
    width = np.maximum(np.where(is_there, beyond, 0).mean(axis=1, keepdims=True), 1e-3)
    low: NDArray[np.float64] = np.zeros((n, 1))
    high: NDArray[np.float64] = np.full((n, 1), np.inf)
    for _ in range(32):
        is_wide = np.exp(-beyond / width).sum(axis=1, keepdims=True) > np.log2(max(k, 2))
        high, low = np.where(is_wide, width, high), np.where(is_wide, low, width)
        width = np.clip(np.where(np.isfinite(high), (low + high) / 2, width * 2), 1e-6, 1e6)
    weights = np.exp(-beyond / width)
    ends = np.concatenate(([0], np.cumsum(is_there.sum(axis=1))))
    one_way = csr_array((weights[is_there], neighbours[is_there], ends), shape=(n, n))
    other_way = csr_array(one_way.T)
    graph = csr_array(one_way + other_way - one_way.multiply(other_way))
    graph.sort_indices()
    return graph


def _optimised(
    graph: csr_array, begun: Floats, n_epochs: int, first_step: float, seed: int, moving: Indices | None = None
) -> Floats:
    """Return (N, 2) after so many epochs; only those of `moving` move, all by default.

    A point pushes off those that stand so many places further on in the data, as many as are drawn for all points at
    once: over the epochs every pair is as likely, and nothing is looked up at random.
    """
    rng = np.random.default_rng(seed)
    points = np.ascontiguousarray(begun, dtype=np.float32).view(np.complex64).ravel()  # x + iy: looked up in one piece
    own = np.arange(len(points)) if moving is None else moving
    part = graph if moving is None else csr_array(graph[own])
    weights, n_edges, starts = part.data.astype(np.float32), np.diff(part.indptr), part.indptr[:-1]
    in_all = np.add.reduceat(weights, starts) if len(own) else weights
    for epoch in range(n_epochs if len(own) else 0):
        here = points[own]
        away = np.repeat(here, n_edges) - points[part.indices]
        force = np.add.reduceat(away * (-2 * weights / (1 + _square(away))), starts) / in_all
        for shift in rng.integers(1, len(points), _DRAWN):
            away = here - points[(own + shift) % len(points)]
            square = _square(away)
            push = away * (2 / ((0.001 + square) * (1 + square)))
            force += push * (_LONGEST_STEP / np.maximum(np.abs(push), _LONGEST_STEP))
        points[own] = here + np.float32(first_step * (1 - epoch / n_epochs)) * force
    return points.view(np.float32).reshape(-1, 2)


def _square(away: NDArray[np.complex64]) -> Floats:
    """Return the squares of lengths."""
    return np.asarray(away.real**2 + away.imag**2)


def _is_lost(rows: Floats, earlier: EarlierMap, is_old: NDArray[np.bool_]) -> bool:
    """Say whether those that lie together on the earlier map are no longer alike: another encoder, say."""
    return trustworthiness(rows, earlier.xy[is_old]) < earlier.trustworthiness - _LOST


def _main_directions(rows: Floats) -> Floats:
    """Return (N, 2) of extent 20: where rows lie along the two directions in which they differ most."""
    mean = rows.mean(axis=0)
    centred = rows - mean
    _, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    two = directions[:, : -min(2, directions.shape[1]) - 1 : -1]
    two = two * np.sign(two[np.abs(two).argmax(axis=0), np.arange(two.shape[1])])  # either sign would do: always this
    begun = np.zeros((len(rows), 2), dtype=np.float32)
    begun[:, : two.shape[1]] = centred @ two.astype(np.float32)
    begun *= _EXTENT / 2 / max(float(np.abs(begun).max()), 1e-9)
    # Equal rows would stay on one point for good.
    return begun + np.random.default_rng(0).normal(0, 1e-3, begun.shape).astype(np.float32)


def _placed(graph: csr_array, xy: Floats, is_old: NDArray[np.bool_]) -> Floats:
    """Put new items at the mean of their neighbours that have a place, and so on; those without any in the middle."""
    found, is_placed = np.where(is_old[:, None], xy, 0.0), is_old.copy()
    for _ in range(_SETTLING_STEPS):
        if is_placed.all():
            break
        part = csr_array(graph[~is_placed])
        weight = part @ is_placed.astype(np.float64)
        means = (part @ (found * is_placed[:, None])) / np.maximum(weight, 1e-12)[:, None]
        reached = np.flatnonzero(~is_placed)[weight > 0]
        if not len(reached):
            break
        found[reached] = means[weight > 0]
        is_placed[reached] = True
    found[~is_placed] = found[is_old].mean(axis=0)
    jitter = np.random.default_rng(0).normal(0, 1e-3, found.shape)
    return np.where(is_old[:, None], found, found + jitter).astype(np.float32)


def _turned_to(xy: Floats, earlier: Floats, is_old: NDArray[np.bool_]) -> Floats:
    """Turn, flip, scale and shift a map as one such that old points come nearest to where they were (Procrustes)."""
    if is_old.sum() < 3:
        return xy
    now, then = xy[is_old].astype(np.float64), earlier[is_old].astype(np.float64)
    middle, wanted = now.mean(axis=0), then.mean(axis=0)
    left, strengths, right = np.linalg.svd((now - middle).T @ (then - wanted))
    scale = strengths.sum() / max(float(((now - middle) ** 2).sum()), 1e-12)
    return np.asarray((xy - middle) @ (left @ right) * scale + wanted, dtype=np.float32)


def _framed(xy: Floats) -> Floats:
    """Fit a map into the unit square, its middle in the middle; one that fits already stays as it is."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    extent = float((high - low).max())
    if low.min() >= 0 and high.max() <= 1 and extent > 0.7:
        return xy
    middle = (low + high) / 2
    return np.asarray((xy - middle) / max(extent, 1e-9) + 0.5, dtype=np.float32).clip(0, 1)
