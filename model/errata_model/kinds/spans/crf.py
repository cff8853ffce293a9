"""A linear-chain conditional random field over sparse features: its likelihood, and what it says of every tag."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from errata_model.threads import threads_for

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences laid out so that all of them are stepped through together.

    Attributes:
        order: (N,) for each row in layout order, its row in given order. Layout: first tokens of all, second ones, ...
        sizes: (L,) how many sequences have a token t; the longest sequences come first.
    """

    order: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @property
    def starts(self) -> NDArray[np.int64]:
        """(L + 1,) where the tokens t begin in layout order."""
        return np.concatenate(([0], np.cumsum(self.sizes)))


def lay_out(lengths: NDArray[np.int64]) -> Batch:
    """Lay out sequences of these lengths, whose rows follow one another."""
    first = np.concatenate(([0], np.cumsum(lengths)[:-1])) if len(lengths) else np.zeros(0, dtype=np.int64)
    by_length = np.argsort(-lengths, kind="stable")
    sizes = np.array([int((lengths > t).sum()) for t in range(int(lengths.max(initial=0)))], dtype=np.int64)
    rows = [first[by_length[:size]] + t for t, size in enumerate(sizes.tolist())]
    return Batch(np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64), sizes)


@dataclass(frozen=True, slots=True)
class Chains:
    """What forward and backward passes give.

    Attributes:
        forward: (N, S) in layout order: share of each tag given what is before and here; rows sum to 1.
        backward: (N, S) likelihood of what follows given the tag, on the scale of `scales`.
        emissions: (N, S) exp(scores - their maximum).
        scales: (N,) by which each forward row was divided.
        log_sum: of all sequences together, the logarithm of the sum over all taggings.
    """

    forward: Floats
    backward: Floats
    emissions: Floats
    scales: Floats
    log_sum: float

    @property
    def marginals(self) -> Floats:
        """(N, S) probability of each tag, in layout order."""
        return self.forward * self.backward


def run_chains(scores: Floats, first: Floats, moves: Floats, batch: Batch) -> Chains:
    """Pass forward and backward over all sequences.

    Args:
        scores: (N, S) of each tag of each token, in layout order.
        first: (S,) exp of what a sequence's beginning adds; 0 where a tag cannot begin one.
        moves: (S, S) exp of what going from a tag to another adds; 0 where that cannot be.
        batch: the layout.
    """
    highest = scores.max(axis=1, keepdims=True)
    emissions = np.exp(scores - highest)
    forward, scales = np.empty_like(scores), np.empty(len(scores))
    starts = batch.starts
    for t, size in enumerate(batch.sizes.tolist()):
        here = slice(starts[t], starts[t] + size)
        before = first[None] if t == 0 else forward[starts[t - 1] : starts[t - 1] + size] @ moves
        row = before * emissions[here]
        scales[here] = row.sum(axis=1)
        forward[here] = row / scales[here, None]
    backward = np.ones_like(scores)
    for t in range(len(batch.sizes) - 2, -1, -1):
        size = int(batch.sizes[t + 1])
        after = slice(starts[t + 1], starts[t + 1] + size)
        ahead = emissions[after] * backward[after] / scales[after, None]
        backward[starts[t] : starts[t] + size] = ahead @ moves.T
    return Chains(forward, backward, emissions, scales, float(np.log(scales).sum() + highest.sum()))


def expected_moves(chains: Chains, moves: Floats, batch: Batch) -> Floats:
    """Return (S, S) how often each move is expected over all sequences."""
    total = np.zeros_like(moves)
    starts = batch.starts
    for t in range(1, len(batch.sizes)):
        size = int(batch.sizes[t])
        here = slice(starts[t], starts[t] + size)
        ahead = chains.emissions[here] * chains.backward[here] / chains.scales[here, None]
        total += chains.forward[starts[t - 1] : starts[t - 1] + size].T @ ahead
    return total * moves


@dataclass(frozen=True, slots=True)
class Field:
    """A fitted field.

    Attributes:
        weights: (C, S) of features.
        first: (S,) of a sequence's beginning; -inf where a tag cannot begin one.
        moves: (S, S) from a tag to another; -inf where that cannot be.
    """

    weights: NDArray[np.float32]
    first: Floats
    moves: Floats


def fit_field(
    features: csr_array,
    tags: NDArray[np.int64],
    lengths: NDArray[np.int64],
    allowed_first: NDArray[np.bool_],
    allowed_moves: NDArray[np.bool_],
    *,
    penalty: float,
    steps: int = 60,
    deadline: float | None = None,
) -> Field:
    """Fit a field by L-BFGS: the tags' negative log-likelihood plus penalty / 2 times the squared weights.

    Args:
        features: (N, C) of tokens, sequence after sequence.
        tags: (N,) from 0.
        lengths: (n,) of the sequences; their sum is N.
        allowed_first: (S,) tags that may begin a sequence.
        allowed_moves: (S, S) tags that may follow one another.
        penalty: > 0.
        steps: of the optimiser, at most.
        deadline: by `time.monotonic`; after it the best weights until then are taken.

    Source:
        Lafferty, McCallum and Pereira, "Conditional Random Fields", ICML 2001.
    """
    batch = lay_out(lengths)
    rows = csr_array(features[batch.order])
    columns = csr_array(rows.T)
    laid = tags[batch.order]
    n_columns, n_tags = features.shape[1], len(allowed_first)
    n_weights = n_columns * n_tags
    observed_first = np.bincount(laid[: batch.sizes[0]], minlength=n_tags).astype(float)
    observed_moves = _count_moves(tags, lengths, n_tags)
    one_hot = np.zeros((len(tags), n_tags), dtype=np.float32)
    one_hot[np.arange(len(tags)), laid] = 1
    observed = columns @ one_hot

    def loss(parameters: Floats) -> tuple[float, Floats]:
        weights = parameters[:n_weights].reshape(n_columns, n_tags)
        first, moves = parameters[n_weights : n_weights + n_tags], parameters[n_weights + n_tags :].reshape(n_tags, -1)
        scores = np.asarray(rows @ weights.astype(np.float32), dtype=np.float64)
        exp_first, exp_moves = np.exp(first) * allowed_first, np.exp(moves) * allowed_moves
        chains = run_chains(scores, exp_first, exp_moves, batch)
        marginals = chains.marginals
        said = scores[np.arange(len(laid)), laid].sum() + first @ observed_first + (moves * observed_moves).sum()
        gradient = np.concatenate(
            (
                (columns @ marginals.astype(np.float32) - observed).ravel(),
                marginals[: batch.sizes[0]].sum(axis=0) - observed_first,
                (expected_moves(chains, exp_moves, batch) - observed_moves).ravel(),
            )
        )
        return (
            chains.log_sum - said + penalty / 2 * float(parameters @ parameters),
            gradient + penalty * parameters,
        )

    with threads_for(n_tags):  # the matrices are small
        best = _minimize(loss, n_weights + n_tags + n_tags**2, steps, deadline)
    first, moves = best[n_weights : n_weights + n_tags], best[n_weights + n_tags :].reshape(n_tags, n_tags)
    return Field(
        best[:n_weights].reshape(n_columns, n_tags).astype(np.float32),
        np.where(allowed_first, first, -np.inf),
        np.where(allowed_moves, moves, -np.inf),
    )


def _minimize(loss: Callable[[Floats], tuple[float, Floats]], size: int, steps: int, deadline: float | None) -> Floats:
    from scipy.optimize import minimize  # noqa: PLC0415 - takes a while

    reached = np.zeros(size)

    def keep(parameters: Floats) -> None:
        reached[:] = parameters
        if deadline is not None and time.monotonic() > deadline:
            raise StopIteration

    minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B", callback=keep, options={"maxiter": steps, "maxcor": 6})
    return reached


def _count_moves(tags: NDArray[np.int64], lengths: NDArray[np.int64], n_tags: int) -> Floats:
    is_last = np.zeros(len(tags), dtype=bool)
    is_last[np.cumsum(lengths) - 1] = True
    pairs = tags[:-1][~is_last[:-1]] * n_tags + tags[1:][~is_last[:-1]]
    return np.bincount(pairs, minlength=n_tags**2).reshape(n_tags, n_tags).astype(float)
