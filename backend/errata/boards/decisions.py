"""Takes what reviewers decide on the pages, and says what stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial

from errata.boards.actions import (
    Action,
    ChangeMarked,
    Depth,
    Mark,
    Opinion,
    Outcome,
    Refusal,
    Reviewer,
    Standing,
    Step,
    Tally,
)
from errata.boards.board_verdicts import Marking, to_board_verdict
from errata.boards.known_rows import KnownRow, KnownRows
from errata.boards.ports import ActionLog, RecordedFindings
from errata.errors import UsageError
from errata.review.agreement import settle
from errata.review.records import Settled, Verdict
from errata_model.records import Finding, Stream

_UNKNOWN = "the latest audit has no such label (any more); reload the page"


class Decisions:
    """What is decided on the pages.

    Args:
        rows: the labels that the pages show.
        findings: keeps what verdicts are about.
        log: keeps actions and verdicts.
        edits: the codecs.
        decided: is called when something was decided.
    """

    def __init__(
        self,
        rows: KnownRows,
        findings: RecordedFindings,
        log: ActionLog,
        edits: Marking,
        decided: Callable[[], None] = lambda: None,
    ) -> None:
        self._rows = rows
        self._findings = findings
        self._log = log
        self._edits = edits
        self._decided = decided

    def take(self, project_id: int, reviewer: Reviewer, actions: Sequence[Action]) -> Outcome:
        """Take a reviewer's actions in this order; what cannot be taken is refused by name, and the rest is taken.

        A label that is no finding yet is written down as one first.

        Raises:
            UsageError: the files of the audit's table are damaged.
        """
        named = [mark.key for action in actions for mark in action.marks]
        known = self._rows.find(project_id, named)
        recorded = self._findings.get(list(known))
        rows = {key: _as_recorded(row, recorded.get(key)) for key, row in known.items()}
        steps, refused = self._steps(project_id, reviewer, actions, rows)
        about = {key for step in steps for key in step.verdicts}
        new = [rows[key].finding for key in dict.fromkeys(named) if key in about and key not in recorded]
        if new:
            self._findings.record(project_id, new)
        touched = self._log.take(project_id, reviewer.id, steps, partial(settle, edits=self._edits)) if steps else set()
        if steps:
            self._decided()
        return Outcome(
            accepted=tuple(dict.fromkeys(step.action.id for step in steps if step.verdicts or not step.action.marks)),
            refused=tuple(refused),
            standings=self.standings(project_id, reviewer, [*touched, *named]),
            depth=self._log.depth(project_id, reviewer.id),
        )

    def standings(self, project_id: int, reviewer: Reviewer, keys: Sequence[str]) -> dict[str, Standing]:
        """Return key -> what stands about it, for every key that is asked for."""
        beside = self._log.beside(project_id, set(keys))
        return {key: _standing(beside.get(key, ()), reviewer) for key in dict.fromkeys(keys)}

    def history(self, project_id: int, reviewer: Reviewer) -> tuple[Depth, Tally]:
        """Return how many steps a reviewer can undo and redo, and how much they did."""
        return self._log.depth(project_id, reviewer.id), self._log.tally(project_id, reviewer.id)

    def findings(self, project_id: int, keys: Sequence[str]) -> list[Finding]:
        """Return the labels with these keys that the latest audit has, as the pages show them."""
        return [row.finding for row in self._rows.find(project_id, keys).values()]

    def marks(self, project_id: int, reviewer: Reviewer) -> list[ChangeMarked]:
        """Return what a reviewer marked, by the change that it asks for, the most frequent first."""
        alike: defaultdict[tuple[object, ...], list[Verdict]] = defaultdict(list)
        for verdict in self._log.marked(project_id, reviewer.id):
            said = (verdict.control, verdict.old_label, _label(verdict), verdict.decision, verdict.reason)
            alike[said].append(verdict)
        changes = [
            ChangeMarked(
                each[0].control,
                each[0].old_label,
                _label(each[0]),
                each[0].decision,
                each[0].reason,
                tuple(verdict.finding_key for verdict in each),
            )
            for each in alike.values()
        ]
        return sorted(
            changes, key=lambda change: (-len(change.keys), change.control, str(change.given), str(change.to))
        )

    def _steps(
        self, project_id: int, reviewer: Reviewer, actions: Sequence[Action], rows: Mapping[str, KnownRow]
    ) -> tuple[list[Step], list[Refusal]]:
        steps: list[Step] = []
        refused: list[Refusal] = []
        for action in actions:
            verdicts: dict[str, Verdict | None] = {}
            for mark in action.marks:
                try:
                    verdicts[mark.key] = self._verdict(project_id, reviewer, action, mark, rows)
                except UsageError as error:
                    refused.append(Refusal(action.id, f"{error}.", mark.key))
            if action.marks or action.kind != "decide":
                steps.append(Step(action, verdicts))  # also without any: an undo that follows is meant for this one
            else:
                refused.append(Refusal(action.id, "It marks nothing."))
        return steps, refused

    def _verdict(
        self, project_id: int, reviewer: Reviewer, action: Action, mark: Mark, rows: Mapping[str, KnownRow]
    ) -> Verdict | None:
        if mark.key not in rows:
            raise UsageError(_UNKNOWN)
        seconds = None if action.seconds is None else action.seconds / len(action.marks)
        when = datetime.now(timezone.utc)
        return to_board_verdict(project_id, mark, rows[mark.key], reviewer, when, seconds, self._edits)


def _as_recorded(row: KnownRow, recorded: Finding | None) -> KnownRow:
    """Return the row with why it is in front of a reviewer, which is said once: a suspect, or chosen by a person."""
    stream: Stream = "suspect" if row.is_suspect else "selected"
    return replace(row, finding=replace(row.finding, stream=recorded.stream if recorded else stream))


def _standing(beside: Sequence[Settled], reviewer: Reviewer) -> Standing:
    counting = [each for each in beside if each.counts_as != "superseded"]
    mine = [each for each in counting if each.said.reviewer == reviewer.email]
    return Standing(
        mine=_opinion(max(mine, key=lambda each: each.counts_as == "verdict").said) if mine else None,
        others=tuple(_opinion(each.said) for each in counting if each.said.reviewer != reviewer.email),
        is_contradictory=any(each.verdict.contradiction for each in counting),
    )


def _opinion(said: Verdict) -> Opinion:
    return Opinion(said.reviewer, said.decided_at, said.decision, _label(said), said.reason, said.strength)


def _label(verdict: Verdict) -> str | None:
    """Return the label that a verdict puts there; None where it puts none."""
    given = [change.tag for change in verdict.also if change.is_given]
    return verdict.new_label or (given[0] if given else None)
