"""What a detector sees, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from errata.audit.annotators import Beside
from errata.audit.beliefs import ControlBelief
from errata.audit.embed import Embedded
from errata.audit.snapshot import Snapshot, Task
from errata_model.records import GivenLabel


@dataclass(frozen=True, slots=True)
class Signal:
    """What a detector holds against one label.

    Attributes:
        score: how likely wrong the label is by this alone, in [0, 1], 1 worst.
        reason: why, in a sentence that a reviewer can check.
    """

    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Scene:
    """The labels of one control with all that is known about them.

    Attributes:
        snapshot: the source as it was read.
        belief: about the control.
        labels: L given labels, those that the belief says something about.
        rows: (L,) int64, each label's task as a row of `belief`.
        given: (L,) int64, each label as a column of `belief`; -1 for a tag that is missing, whose label is None.
        embedded: what the tasks show; None where nothing was encoded.
        evidence: the tasks with those of the control's labels alone that are evidence; see `audit.evidence`.
        beside: what annotators and belief say together; None where no two people labelled the same task.
        tags: (L,) the columns that the labels are about where each tag stands alone; None of single choice.
    """

    snapshot: Snapshot
    belief: ControlBelief
    labels: Sequence[GivenLabel]
    rows: NDArray[np.int64]
    given: NDArray[np.int64]
    embedded: Embedded | None
    evidence: Sequence[Task]
    beside: Beside | None = None
    tags: NDArray[np.int64] | None = None


class Detector(Protocol):
    """One named way to suspect a label, beside the belief. A module may be one."""

    @property
    def name(self) -> str:
        """How a finding names it: lower case, words joined by underscores."""

    def detect(self, scene: Scene) -> Mapping[int, Signal]:
        """Return index into `scene.labels` -> signal, of the labels that it holds something against. Pure."""
