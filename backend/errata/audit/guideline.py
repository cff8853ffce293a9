"""Say which classes overlap so much that the guideline, not a label, may be what is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from errata.audit.believe import Belief
from errata.audit.scored import given_labels
from errata.audit.snapshot import Snapshot
from errata_model.overlap import find_overlaps

N_PAIRS = 3


def overlap_remarks(snapshot: Snapshot, belief: Belief) -> Iterator[str]:
    """Yield a sentence for each of the worst pairs of classes of every control of single labels."""
    for about in belief.artefact.beliefs:
        if about.control.kind == "tags":
            continue
        _, rows, labels = given_labels(snapshot.tasks, about)
        for overlap in find_overlaps(labels, about.probabilities[rows])[:N_PAIRS]:
            first, second = about.control.labels[overlap.first], about.control.labels[overlap.second]
            yield (
                f'"{first}" ({overlap.n_first} labels) and "{second}" ({overlap.n_second}) overlap: of one of each the '
                f"model tells which is which {overlap.told_apart:.0%} of the time, where half is chance and "
                f"{overlap.usual:.0%} usual here. The guideline may not tell them apart."
            )
