"""What a table's rows say, as numbers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata.audit.run import Examination
from errata.boards.rows import Row
from errata.boards.table import NONE
from errata_model.records import Finding

_MOST_DETECTORS = 64  # a bit each
_MOST_ANSWERS = 100  # that are no labels: where a control has more, they name no groups


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What N rows say; see `BoardTable`.

    Attributes:
        labels: see there, as `annotators` and `detectors`.
        annotators: likewise.
        detectors: likewise.
        control: (N,) int16, as the following.
        given: (N,) int32.
        predicted: (N,) int32.
        disagreement: (N,) float32.
        queue: (N,) int32.
        fired: (N,) uint64.
        annotator: (N,) int32.
        said: (N,) int32, equal where two rows of a control are about the same label, tag or answer, or miss a region.
    """

    labels: tuple[str, ...]
    annotators: tuple[str, ...]
    detectors: tuple[str, ...]
    control: NDArray[np.int16]
    given: NDArray[np.int32]
    predicted: NDArray[np.int32]
    disagreement: NDArray[np.float32]
    queue: NDArray[np.int32]
    fired: NDArray[np.uint64]
    annotator: NDArray[np.int32]
    said: NDArray[np.int32]


def columns_of(rows: Sequence[Row], examination: Examination, names: Mapping[str, str]) -> Columns:
    """Return what the rows of an audit say.

    Args:
        rows: N of them.
        examination: the audit.
        names: what annotators are called, where it is known.
    """
    labels = _labels(rows, examination)
    code: dict[str | None, int] = {label: n for n, label in enumerate(labels)}
    number = {control.name: n for n, control in enumerate(examination.snapshot.controls)}
    place = {finding.key: n for n, finding in enumerate(examination.findings.suspects)}
    annotators = tuple(dict.fromkeys(row.finding.given.annotator for row in rows))
    who = {annotator: n for n, annotator in enumerate(annotators)}
    counted = Counter(name for row in rows for name in row.finding.detectors)
    detectors = tuple(sorted(name for name, _ in counted.most_common(_MOST_DETECTORS)))
    bit = {name: 1 << n for n, name in enumerate(detectors)}
    about: dict[str | None, int] = {}
    return Columns(
        labels,
        tuple(names.get(annotator, annotator) for annotator in annotators),
        detectors,
        np.array([number[row.control.name] for row in rows], dtype=np.int16),
        np.array([code.get(row.finding.given.label, NONE) for row in rows], dtype=np.int32),
        np.array([code.get(best_label(row.finding), NONE) for row in rows], dtype=np.int32),
        np.array([row.finding.disagreement for row in rows], dtype=np.float32),
        np.array([place.get(row.finding.key, NONE) for row in rows], dtype=np.int32),
        np.array([sum(bit.get(name, 0) for name in row.finding.detectors) for row in rows], dtype=np.uint64),
        np.array([who[row.finding.given.annotator] for row in rows], dtype=np.int32),
        np.array([about.setdefault(row.finding.tag or row.finding.given.label, len(about)) for row in rows], np.int32),
    )


def best_label(finding: Finding) -> str | None:
    """Return the label that the belief would have there; None where it would have none.

    That is the given one where it proposes nothing else. A tag that is missing stays so where it is unlikely.
    """
    proposal = finding.proposal
    if proposal is None:
        return finding.given.label
    if finding.given.kind == "tags" and proposal.action == "add" and proposal.top[0][1] <= 0.5:
        return None
    return proposal.label


def _labels(rows: Sequence[Row], examination: Examination) -> tuple[str, ...]:
    """Return the labels of all controls in their order, then others that were given, and answers where they are few."""
    found: dict[str, None] = {}
    for control in examination.snapshot.controls:
        found |= dict.fromkeys(control.labels)
    answers: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        for said in (row.finding.given.label, best_label(row.finding)):
            if said is not None:
                answers[row.control.name][said] = None
    for control in examination.snapshot.controls:
        said_there = answers[control.name]
        if not control.has_values or len(said_there) <= _MOST_ANSWERS:
            found |= dict.fromkeys(sorted(said_there))
    return tuple(found)
