"""What people answered where no labels are asked for, and what others have to say about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from errata_model.records import Control, GivenLabel


@dataclass(frozen=True, slots=True)
class Answered:
    """What one annotation answered to a control.

    Attributes:
        given: who gave it, where; its label is the answer in words.
        answer: as `similarity` takes it; plain JSON.
    """

    given: GivenLabel
    answer: Any


@dataclass(frozen=True, slots=True)
class Opinion:
    """An answer that somebody else gives for a task.

    Attributes:
        answer: as `similarity` takes it; plain JSON.
        certainty: how sure they are of it, in [0, 1].
        annotator: who; None of a model.
    """

    answer: Any
    certainty: float = 1.0
    annotator: str | None = None


@dataclass(frozen=True, slots=True)
class ValueBelief:
    """The belief about a control whose answers are no labels.

    Attributes:
        control: what is believed about.
        opinions: task id -> what is said about it; of annotators, what each of them answered. Nobody is held against
            what they said themselves.
        spread: of the project's answers; see `find_spread`.
        version: of the predictions that the opinions are; None of annotators.
    """

    control: Control
    opinions: Mapping[int, Sequence[Opinion]]
    spread: float | None = None
    version: str | None = None
