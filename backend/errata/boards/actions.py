"""What people do on the pages, and what stands of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from errata.review.records import Decision, Verdict

Kind = Literal["decide", "undo", "redo"]
Strength = Literal["verdict", "scan"]


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who decides: a person who signed in with their own Label Studio token."""

    id: int  # Label Studio's
    email: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What is decided about one label.

    Attributes:
        key: the finding's.
        decision: None takes back what the reviewer decided before.
        label: of a fix, the right one; of `take_proposal`, where it is said, the one that was shown as proposed.
        reason: "missing" and "boundary" where that is what is wrong.
        strength: "scan" says that the label was looked at in a page and not marked.
        proposal: which one was shown, where it is said: of `take_proposal`, and of a fix of what is missing; see
            `proposal_mark`.
    """

    key: str
    decision: Decision | None
    label: str | None = None
    reason: str | None = None
    strength: Strength = "verdict"
    proposal: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One step of a reviewer, which can be undone as one.

    Attributes:
        id: the page's own; an action that is sent again has the same one.
        kind: "undo" takes back the last step that stands, "redo" brings back the last that was taken back.
        marks: of "decide".
        seconds: that the step took, all its marks together.
        made_at: by the page's clock.
    """

    id: str
    kind: Kind
    marks: tuple[Mark, ...] = ()
    seconds: float | None = None
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An action that is taken.

    Attributes:
        verdicts: finding -> what was decided about it, None where a decision was taken back; empty of undo and redo.
    """

    action: Action
    verdicts: Mapping[str, Verdict | None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A mark that is not taken, or an action without any that is; `why` is in words."""

    action_id: str
    why: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Depth:
    """How many steps of a reviewer can be undone, and redone."""

    undo: int
    redo: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many labels a reviewer decided about on the pages, and how many they looked at and did not mark."""

    decided: int
    scanned: int


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one reviewer says about a label, wherever they said it."""

    reviewer: str
    at: datetime
    decision: Decision
    label: str | None
    reason: str | None
    strength: Strength


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands about a label, as one reviewer sees it."""

    mine: Opinion | None
    others: tuple[Opinion, ...]
    is_contradictory: bool


@dataclass(frozen=True, slots=True)
class ChangeMarked:
    """Labels that a reviewer marked alike."""

    control: str
    given: str | None
    to: str | None
    decision: Decision
    reason: str | None
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch of actions.

    Attributes:
        accepted: ids of those that are taken, now or before.
        refused: what is not.
        standings: of every label that they named or touched.
    """

    accepted: tuple[str, ...]
    refused: tuple[Refusal, ...]
    standings: Mapping[str, Standing]
    depth: Depth
