"""From what people submitted in the review project to verdict records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from errata.errors import LabelStudioGone
from errata.review.agreement import settle
from errata.review.closings import Closings, overruled, own_echoes
from errata.review.ports import Answers, Edits, Findings, Verdicts
from errata.review.records import DECISIONS, Answer, Decision, TagChange, Verdict
from errata.review.region_answers import (
    RegionAnswer,
    find_region_contradiction,
    is_about_region,
    read_region_answer,
    read_region_answers,
    with_region_fix,
)
from errata.review.value_answers import find_value_contradiction, is_about_value, with_value_fix
from errata.review.wording import tags_words
from errata_model.records import Finding

_OF_THE_CLASS: frozenset[Decision] = frozenset({"take_proposal", "fix", "wrong"})


@dataclass(frozen=True, slots=True)
class Taken:
    """What a look at the answers brought.

    Attributes:
        changed: verdicts that are new or differ from what was recorded.
        forgotten: verdicts whose answers were withdrawn in Label Studio.
        total: verdicts that stand now.
        contradictory: findings with a verdict that contradicts itself or another one.
        unknown_findings: answers about findings that errata does not know, such as those of another data folder.
        unknown_choices: answers with a decision that errata does not know -> how many.
    """

    changed: int
    forgotten: int
    total: int
    contradictory: int
    unknown_findings: int
    unknown_choices: Mapping[str, int]


def take_verdicts(
    project_id: int,
    answers: Answers,
    findings: Findings,
    verdicts: Verdicts,
    edits: Edits,
    closings: Closings | None = None,
) -> Taken:
    """Make a verdict of every answer, forget those that were withdrawn, and mark the contradictory ones.

    Reading the same answers again changes nothing. What was decided in a review project or task that was deleted
    as a whole stays: only an answer that is gone from a task that still stands was withdrawn. One at a time per
    project: of two that read and wrote in turns, the older reading could win.

    What errata wrote there for decisions on the scan board is no second verdict. Where somebody changed it, their
    answer takes the decision's place; where somebody deleted it, the decision is withdrawn. Where errata knows nothing
    of it (any more), as after the data folder was restored from a backup, it is an answer like others.

    Args:
        project_id: the source project.
        answers: the review project.
        findings: what is asked about.
        verdicts: what was decided.
        edits: finds and compares regions.
        closings: what errata wrote for decisions on the scan board; None where there are none.
    """
    with verdicts.exclusive(project_id):
        return _take(project_id, answers, findings, verdicts, edits, closings)


def _take(
    project_id: int,
    answers: Answers,
    findings: Findings,
    verdicts: Verdicts,
    edits: Edits,
    closings: Closings | None,
) -> Taken:
    settled = partial(settle, edits=edits)
    written = closings.recorded(project_id) if closings else []
    try:
        read = answers.read()
    except LabelStudioGone:
        return _taken(verdicts.of_project(project_id))
    by_people = overruled(written, read, answers)
    n_overruled = closings.overrule(project_id, by_people, settled) if closings and by_people else 0
    # What is being written is written down before it is there: so that it is known, looked up again after the reading.
    own = own_echoes(read, [*written, *closings.recorded(project_id)]) if closings else frozenset()
    read = [answer for answer in read if answer.review_annotation_id not in own]
    understood = [answer for answer in read if answer.choice in DECISIONS]
    found = findings.get(sorted({answer.finding_key for answer in understood}))
    known = [answer for answer in understood if answer.finding_key in found]

    gone = _withdrawn(verdicts.of_project(project_id), read, answers)
    if gone:
        verdicts.remove(gone, settled)
    said = read_region_answers(known, found, edits)
    made = [to_verdict(project_id, answer, found[answer.finding_key], edits, said) for answer in known]
    changed = verdicts.put(made, settled)

    standing = verdicts.of_project(project_id)
    answers.mark_contradictory(_look_again(standing, closings))
    choices = Counter(answer.choice for answer in read if answer.choice not in DECISIONS and not _is_open(answer))
    return _taken(standing, changed, len(gone) + n_overruled, len(understood) - len(known), choices)


def _look_again(standing: Sequence[Verdict], closings: Closings | None) -> list[int]:
    """Return the review tasks of findings that have a verdict that contradicts itself or another one."""
    contradictory = [verdict for verdict in standing if verdict.contradiction]
    tasks = {verdict.review_task_id for verdict in contradictory if not verdict.is_of_board}
    if closings:
        tasks |= set(closings.review_tasks(sorted({verdict.finding_key for verdict in contradictory})).values())
    return sorted(tasks)


def _is_open(answer: Answer) -> bool:
    """Say whether a reviewer who was asked about several findings decided nothing about this one."""
    return answer.is_one_of_several and not answer.choice


def _withdrawn(recorded: Sequence[Verdict], read: Sequence[Answer], answers: Answers) -> list[Verdict]:
    """Return verdicts whose answers are gone from tasks that still stand, or no longer hold a known decision."""
    undecided = {(each.review_annotation_id, each.finding_key) for each in read if each.choice not in DECISIONS}
    seen = {answer.review_annotation_id for answer in read}
    unseen: defaultdict[int, list[Verdict]] = defaultdict(list)
    for verdict in recorded:
        if verdict.review_annotation_id not in seen and not verdict.is_of_board:
            unseen[verdict.review_project_id].append(verdict)
    gone = [verdict for verdict in recorded if (verdict.review_annotation_id, verdict.finding_key) in undecided]
    for review_project_id, verdicts in unseen.items():
        there = answers.submitted(review_project_id, sorted({verdict.review_task_id for verdict in verdicts}))
        standing = [verdict for verdict in verdicts if verdict.review_task_id in there]
        gone += [v for v in standing if v.review_annotation_id not in there[v.review_task_id]]
    return gone


def to_verdict(
    project_id: int,
    answer: Answer,
    finding: Finding,
    edits: Edits,
    said_of_regions: Mapping[tuple[int, str], RegionAnswer] | None = None,
) -> Verdict:
    """Return the verdict that an answer gives by itself; one that contradicts itself is `unclear`.

    Args:
        project_id: the source project.
        answer: what was submitted about the finding.
        finding: what was asked about.
        edits: finds and compares regions.
        said_of_regions: as `read_region_answers` returns it; where it is not given, the answer is about one finding.
    """
    if not is_about_region(finding):
        said = None
    elif said_of_regions is None:
        said = read_region_answer(answer, finding, edits)
    else:
        said = said_of_regions[answer.review_annotation_id, finding.key]
    contradiction = _contradiction(answer, finding, said, edits)
    decision: Decision = "unclear" if contradiction else _decision(answer.choice)
    new_label, also = _fix(decision, answer, finding)
    verdict = Verdict(
        finding_key=finding.key,
        project_id=project_id,
        task_id=finding.given.task_id,
        annotation_id=finding.given.annotation_id,
        control=finding.given.control,
        region_id=finding.given.region_id,
        reviewer=answer.reviewer,
        decided_at=answer.answered_at,
        seconds=answer.seconds,
        stream=finding.stream,
        inclusion=None,
        detectors=finding.detectors,
        disagreement=finding.disagreement,
        model_version=finding.model_version,
        suggestion_shown=finding.proposal is not None,
        old_label=finding.given.label,
        old_hash=finding.given.value_hash,
        decision=decision,
        reason=_reason(finding) if decision in _OF_THE_CLASS else None,
        strength="verdict",
        new_label=new_label,
        note=answer.note,
        contradiction=contradiction,
        review_project_id=answer.review_project_id,
        review_task_id=answer.review_task_id,
        review_annotation_id=answer.review_annotation_id,
        tag=finding.tag,
        also=also,
        form=_form(answer, finding),
    )
    if is_about_value(finding):
        return with_value_fix(verdict, answer, finding)
    return verdict if said is None else with_region_fix(verdict, said, answer, finding)


def _contradiction(answer: Answer, finding: Finding, said: RegionAnswer | None, edits: Edits) -> str | None:
    if said is not None:
        about = RegionAnswer(said.about, ()) if answer.is_one_of_several else said  # "corrected" is about this one
        return find_region_contradiction(answer.choice, about, finding, edits)
    if is_about_value(finding):
        return find_value_contradiction(answer, finding, edits)
    proposed = finding.proposal.label if finding.proposal else None
    if finding.tag is None:
        return find_contradiction(answer.choice, answer.label, finding.given.label, proposed)
    return find_tags_contradiction(answer.choice, answer.tag_changes or (), finding.tag, finding.proposal is not None)


def _fix(decision: Decision, answer: Answer, finding: Finding) -> tuple[str | None, tuple[TagChange, ...]]:
    """Return the label that stands there after a fix, and what else becomes of the annotation's tags."""
    if decision == "take_proposal":
        return finding.proposal.label if finding.proposal else None, ()
    if decision != "fix":
        return None, ()
    if finding.tag is None:
        return answer.label, ()
    changes = {change.tag: change for change in answer.tag_changes or ()}
    about = changes.pop(finding.tag, None)
    return about.new_label if about else finding.given.label, tuple(changes[tag] for tag in sorted(changes))


def _form(answer: Answer, finding: Finding) -> dict[str, Any] | None:
    """Return the region to add a tag in where the annotation has none of the control."""
    if finding.tag is None:
        return None
    shown = answer.form or (finding.proposal.value if finding.proposal else None)
    return {key: shown[key] for key in ("id", "from_name", "to_name", "type")} if shown else None


def _reason(finding: Finding) -> str:
    if finding.tag is None:
        return "class"
    return "missing" if finding.given.label is None else "spurious"


def find_contradiction(choice: str, label: str | None, given: str | None, proposed: str | None) -> str | None:
    """Say why decision and label do not go together, None where they do.

    The given label stands in the form from the start, so that leaving it alone says nothing; a form that was
    not filled in (`label` None) was not edited either.
    """
    if choice == "keep" and label not in (None, given):
        return f'said to be right, but the label was changed from "{given}" to "{label}"'
    if choice == "fix" and label is None:
        return "said to be corrected, but no label is given"
    if choice == "fix" and label == given:
        return f'said to be corrected, but the label was left as it is, "{given}"'
    if choice == "take_proposal" and proposed is None:
        return "the suggestion was taken, but nothing was suggested"
    if choice == "take_proposal" and label not in (None, given, proposed):
        return f'the suggestion was taken, but the label was changed to "{label}" where "{proposed}" was suggested'
    return None


def find_tags_contradiction(choice: str, changes: Sequence[TagChange], tag: str, was_suggested: bool) -> str | None:
    """Say why decision and tags do not go together, None where they do.

    Args:
        choice: what was decided.
        changes: to the tags that the form was filled with.
        tag: the one that was asked about.
        was_suggested: whether adding or removing it was.
    """
    if choice == "keep" and changes:
        return f"said to be right, but the tags were changed: {tags_words(changes)}"
    if choice == "fix" and not changes:
        return "said to be corrected, but the tags were left as they are"
    if choice == "take_proposal" and not was_suggested:
        return "the suggestion was taken, but nothing was suggested"
    others = [change for change in changes if change.tag != tag]
    if choice == "take_proposal" and others:
        return f"the suggestion was taken, but other tags were changed: {tags_words(others)}"
    return None


def _decision(choice: str) -> Decision:
    return next(decision for decision in DECISIONS if decision == choice)


def _taken(
    standing: Sequence[Verdict],
    changed: int = 0,
    forgotten: int = 0,
    unknown_findings: int = 0,
    unknown_choices: Mapping[str, int] | None = None,
) -> Taken:
    contradictory = len({verdict.finding_key for verdict in standing if verdict.contradiction})
    return Taken(changed, forgotten, len(standing), contradictory, unknown_findings, dict(unknown_choices or {}))
