"""Say where a belief knows no more of the labels than how frequent each is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from errata.audit.believe import Belief
from errata.audit.scored import given_labels
from errata.audit.snapshot import Snapshot

_FEWEST_LABELS = 20
_LEAST_PROBABILITY = 1e-3  # one sure and wrong opinion is not to decide
_SURE = 2.0  # standard errors


def skill_remarks(snapshot: Snapshot, belief: Belief) -> Iterator[str]:
    """Yield a sentence for every control of single labels about which the belief has no skill.

    That is where it neither makes the given labels likelier than their frequencies do, nor agrees with more of them
    than saying the commonest one every time would: of what it doubts nothing follows.
    """
    for about in belief.artefact.beliefs:
        if about.control.kind == "tags":
            continue
        _, rows, labels = given_labels(snapshot.tasks, about)
        if len(labels) < _FEWEST_LABELS:
            continue
        probabilities = about.probabilities[rows]
        shares = np.bincount(labels, minlength=len(about.control.labels)) / len(labels)
        supported = np.maximum(probabilities[np.arange(len(rows)), labels], _LEAST_PROBABILITY)
        gains = np.log(supported) - np.log(shares[labels])
        agrees, commonest = float((probabilities.argmax(axis=1) == labels).mean()), float(shares.max())
        error = _SURE / np.sqrt(len(labels))
        if gains.mean() <= error * gains.std() and agrees <= commonest + error * np.sqrt(commonest * (1 - commonest)):
            yield (
                f'What is believed of "{about.control.name}" agrees with {agrees:.0%} of the labels, no more than '
                f'"{about.control.labels[int(shares.argmax())]}" every time would ({commonest:.0%}): what it doubts '
                "says little. It needs another encoder, other embeddings, or more labels."
            )
