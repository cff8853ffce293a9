"""Labels that are paths of a tree, "animal > mammal > cat": a near miss is not a far miss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.choices.scoring import self_confidence

LEVELS = " > "  # stands between the levels of a path


def path_quality(
    given: NDArray[np.integer], predicted: NDArray[np.floating], paths: Sequence[str]
) -> NDArray[np.float64]:
    """Return how similar the given path is to what the belief expects: sum_k p_k similarity(given, k).

    A belief that is sure of the sibling of a given leaf leaves it the similarity of siblings, one that is sure of
    another branch leaves nothing. Of labels without levels it is the probability of the given one, `self_confidence`.

    Args:
        given: (N,) int, the column of the given path.
        predicted: (N, K) out-of-sample probabilities, rows sum to 1.
        paths: K of them, levels joined by " > ".

    Returns:
        (N,) in [0, 1]. Low is bad.

    Raises:
        ValueError: shapes do not agree, or a row is no probability distribution; names the row.

    Source:
        Expected accuracy under the similarity of Wu and Palmer, "Verb semantics and lexical selection", ACL 1994.
    """
    self_confidence(given, predicted)  # checks both
    given, rows = np.asarray(given), np.asarray(predicted)
    if rows.shape[1] != len(paths):
        raise ValueError(f"`paths` must name the {rows.shape[1]} columns of `predicted`, got {len(paths)}")
    nodes = _nodes(paths)
    quality = np.empty(len(given))
    for path in np.unique(given).tolist():
        mine = given == path
        quality[mine] = np.clip(rows[mine], 0, 1).astype(np.float64) @ _similar(nodes, path)
    return np.clip(quality, 0, 1)


def path_similarity(paths: Sequence[str]) -> NDArray[np.float64]:
    """Return how similar paths are: twice the levels that two share, by the levels that both have.

    Returns:
        (K, K) in [0, 1]: 1 of a path with itself, 0 where not even the first level is the same.

    Source:
        Wu and Palmer, "Verb semantics and lexical selection", ACL 1994, with a root above the first level.
    """
    nodes = _nodes(paths)
    return np.array([_similar(nodes, path) for path in range(len(paths))]).reshape(len(paths), len(paths))


def _nodes(paths: Sequence[str]) -> NDArray[np.int64]:
    """Return (K, levels) the number of the node that a path passes at each level, -1 beyond its end."""
    split = [tuple(path.split(LEVELS)) for path in paths]
    numbers: dict[tuple[str, ...], int] = {}
    nodes = np.full((len(split), max(map(len, split), default=0)), -1, dtype=np.int64)
    for k, levels in enumerate(split):
        for depth in range(len(levels)):
            nodes[k, depth] = numbers.setdefault(levels[: depth + 1], len(numbers))
    return nodes


def _similar(nodes: NDArray[np.int64], path: int) -> NDArray[np.float64]:
    depths = (nodes >= 0).sum(axis=1)
    n_shared = ((nodes == nodes[path]) & (nodes >= 0)).sum(axis=1)
    return np.asarray(2 * n_shared / (depths + depths[path]))
