"""What several people marked on the same item, as one belief about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from errata_model.regions.overlap import overlaps
from errata_model.regions.records import Believed, Region
from errata_model.regions.shapes import Size

SAME_PLACE = 0.5  # regions that overlap as much are one, whatever their labels


def believe_together(others: Sequence[Sequence[Region]], size: Size | None = None) -> Believed:
    """Put together what others marked, each region once.

    A region's score is the share of all voices that marked it, the one it is held against counting as one that did
    not: 1/2 of one other person's, 2/3 where two marked it, 1/3 where one of two did. Its label is the one that most
    gave, its shape that of the person whose region overlaps the others' most; the earlier one's where it is a tie.

    Args:
        others: what each person marked; there may be people who marked nothing.
        size: of the image, in pixels, where it is known.
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415  slow to import

    clusters: list[list[Region]] = []
    for regions in others:
        joined: set[int] = set()
        if clusters and regions:
            table = overlaps([cluster[0] for cluster in clusters], regions, size)
            for row, column in zip(*linear_sum_assignment(table, maximize=True), strict=True):
                if table[row, column] >= SAME_PLACE:
                    clusters[row].append(regions[column])
                    joined.add(int(column))
        clusters += [[region] for n, region in enumerate(regions) if n not in joined]
    return Believed(tuple(_one_of(cluster, len(others) + 1, size) for cluster in clusters))


def _one_of(cluster: Sequence[Region], n_voices: int, size: Size | None) -> Region:
    (label, _), *_ = Counter(region.label for region in cluster).most_common()
    shape = cluster[int(np.argmax(overlaps(cluster, cluster, size).sum(axis=1)))].shape
    return Region("", label, shape, len(cluster) / n_voices)
