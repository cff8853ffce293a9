"""Rows in an order that depends on their content alone, so that results permute with the rows, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from errata_model.features import Features


def order_by_content(
    features: Features, targets: NDArray[np.float64], groups: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort rows as if at random, and number the groups that have labels.

    Labels decide the order of rows of equal content alone, and never a number: a changed label moves nothing.

    Args:
        features: (N, D), checked.
        targets: (N, K), zeros where there is no label.
        groups: (N,).
        seed: another seed, another order.

    Returns:
        order: (N,) the rows, sorted.
        ranks: (N,) the number of each row's group, from 0; -1 where it has no label. Groups of equal content share one.
    """
    key = int(seed).to_bytes(8, "little", signed=True)  # also one of numpy's
    digests = [blake2b(content, key=key, digest_size=16).digest() for content in _contents(features)]
    members: dict[int, list[bytes]] = {}
    for group, digest in zip(groups.tolist(), digests, strict=True):
        members.setdefault(group, []).append(digest)
    names = {group: blake2b(b"".join(sorted(held)), key=key).digest() for group, held in members.items()}
    labelled = {names[group] for group in groups[targets.any(axis=1)].tolist()}
    rank_of = {name: rank for rank, name in enumerate(sorted(labelled))}
    own_names = [names[group] for group in groups.tolist()]
    ranks = np.array([rank_of.get(name, -1) for name in own_names], dtype=np.int64)
    order = sorted(range(len(digests)), key=lambda n: (digests[n], own_names[n], targets[n].tobytes()))
    return np.array(order, dtype=np.int64), ranks


def shuffle_by_content(features: Features) -> NDArray[np.int64]:
    """Return rows in an order as if drawn, (N,), that permutes with them, but for those of equal content."""
    digests = [blake2b(content, digest_size=16).digest() for content in _contents(features)]
    return np.array(sorted(range(len(digests)), key=digests.__getitem__), dtype=np.int64)


def _contents(features: Features) -> Iterator[bytes]:
    if isinstance(features, np.ndarray):
        yield from (row.tobytes() for row in (row + np.float32(0) for row in features))  # -0 is 0
        return
    rows = csr_array(features)
    for start, stop in zip(rows.indptr[:-1].tolist(), rows.indptr[1:].tolist(), strict=True):
        yield rows.indices[start:stop].astype(np.int64).tobytes() + rows.data[start:stop].tobytes()
