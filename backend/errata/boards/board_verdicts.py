"""From a mark on a page to a verdict, by the rules that answers in the review project go by."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from errata.boards.actions import Mark, Reviewer
from errata.boards.known_rows import KnownRow
from errata.boards.proposals import proposal_mark
from errata.errors import UsageError
from errata.review.ports import Edits
from errata.review.records import (
    Answer,
    Decision,
    RegionChange,
    RegionEdits,
    TagChange,
    Verdict,
    board_verdict_id,
)
from errata.review.verdicts import to_verdict
from errata_model.records import Finding

_REPLACES: frozenset[Decision] = frozenset({"take_proposal", "fix"})


class Tags(Protocol):
    """Knows tags that nobody has given yet."""

    def tag_hash(self, control: str, tag: str, is_given: bool) -> str:
        """Return the canonical hash that says that a tag is given, or is not."""


class Marking(Edits, Tags, Protocol):
    """What marks are made verdicts with: the codecs."""


def to_board_verdict(
    project_id: int,
    mark: Mark,
    row: KnownRow,
    reviewer: Reviewer,
    when: datetime,
    seconds: float | None,
    edits: Marking,
) -> Verdict | None:
    """Return the verdict that a mark gives, None where it takes an earlier one back.

    Args:
        project_id: the source project.
        mark: what was decided.
        row: what it was decided about, as the reviewer saw it.
        reviewer: who decided.
        when: by errata's clock, with its zone.
        seconds: that the decision took.
        edits: the codecs.

    Raises:
        UsageError: nothing can follow from such a mark; its text says why.
    """
    if mark.decision is None:
        return None
    finding = row.finding
    if mark.strength == "scan" and mark.decision != "keep":
        raise UsageError("a label that is looked at and not marked can only be kept")
    _check_proposal(mark, finding)
    answer = Answer(
        finding_key=finding.key,
        review_project_id=0,
        review_task_id=0,
        review_annotation_id=board_verdict_id(reviewer.id),
        reviewer=reviewer.email,
        answered_at=when,
        seconds=seconds,
        choice=mark.decision,
        label=finding.given.label,
        note=None,
    )
    if mark.decision == "fix":
        answer = replace(answer, **_fix(mark, row, edits))
    verdict = to_verdict(project_id, answer, finding, edits)
    if mark.decision == "wrong" and mark.reason is not None:
        verdict = replace(verdict, reason=mark.reason)
    return replace(verdict, strength=mark.strength)


def _check_proposal(mark: Mark, finding: Finding) -> None:
    proposal = finding.proposal
    if mark.decision == "take_proposal":
        if proposal is None:
            raise UsageError("there is no proposal to take")
        if mark.label is not None and mark.label != proposal.label:
            now = f'"{proposal.label}"' if proposal.label else "to take the label away"
            raise UsageError(f'the proposal is {now} by now, not "{mark.label}"; reload the page')
    if mark.proposal is not None and (proposal is None or mark.proposal != proposal_mark(proposal)):
        raise UsageError("another place is proposed by now than the one that was shown; reload the page")


def _fix(mark: Mark, row: KnownRow, edits: Marking) -> dict[str, Any]:
    """Return what the form of a review task would say after such a fix, by the names of an `Answer`."""
    finding, control, label = row.finding, row.control, mark.label
    if not label:
        raise UsageError("a fix needs the label that is right")
    if control.kind == "values":
        if finding.proposal is None or label != finding.proposal.label:
            raise UsageError("an answer that is no label can be typed in the review project alone; mark it as wrong")
        return {"label": label, "value": finding.proposed_results}
    if label not in control.labels:
        raise UsageError(f'"{control.name}" has no label "{label}"')
    if label == finding.given.label:
        raise UsageError(f'the label is "{label}" already; keep it, or give another one')
    if control.has_regions:
        return {"label": None, "regions": _relabelled(finding, label, edits)}
    if finding.tag is None:
        return {"label": label}
    return {"label": None, "tag_changes": _tag_changes(finding, finding.tag, label, edits)}


def _relabelled(finding: Finding, label: str, edits: Marking) -> RegionEdits:
    """Return what becomes of a region: it stays as it is drawn; a missing one is added where it is proposed."""
    given = finding.given
    if given.region_id is not None:
        change = RegionChange(given.control, given.region_id, given.label, given.value_hash, label, None)
        return RegionEdits((change,), (), {})
    value = finding.proposed_results
    if not value:
        raise UsageError("nobody knows where the missing region is; mark it as wrong")
    drawn = tuple(edits.relabelled(value, given.control, label))
    change = RegionChange(given.control, str(drawn[0].get("id")), None, "", label, drawn)
    return RegionEdits((change,), (), {})


def _tag_changes(finding: Finding, about: str, label: str, edits: Marking) -> tuple[TagChange, ...]:
    """Return what becomes of tags: another one in place of the one that was given, or beside."""
    control = finding.given.control
    added = TagChange(label, True, edits.tag_hash(control, label, False))
    if finding.given.label is None:  # the tag in question is missing, and stays so where another one was meant
        return (added,)
    return TagChange(about, False, edits.tag_hash(control, about, True)), added
