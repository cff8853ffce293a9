"""What a reviewer's answer says about the region that was asked about, and about the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from errata.review.ports import Edits
from errata.review.records import Answer, RegionChange, Verdict
from errata.review.required import SAME_PLACE
from errata.review.wording import change_words
from errata_model.records import REGION_KINDS, Finding

_REDRAWN = 0.1  # a region that was deleted, and one that was drawn anew there, are one that was moved

Value = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class RegionAnswer:
    """What an answer made of a finding's region.

    Attributes:
        about: the change to the region in question; None where it was left as it is, or still is missing.
        others: the changes to all other regions.
    """

    about: RegionChange | None
    others: tuple[RegionChange, ...]


def is_about_region(finding: Finding) -> bool:
    """Say whether a finding is about a region, given or missing."""
    return finding.given.kind in REGION_KINDS


def read_region_answer(answer: Answer, finding: Finding, edits: Edits) -> RegionAnswer:
    """Tell which of the changes in an answer are about the finding's region.

    Of a missing region that is the new one which fits the proposal best. Who deletes the region and draws another one
    in its place has moved it.
    """
    given = finding.given
    made = answer.regions
    if made is None:
        return RegionAnswer(None, ())
    changes = list(made.changes)
    place = given.control, given.region_id
    about = next((each for each in changes if (each.control, each.region_id) == place), None)
    added = [each for each in changes if each.old_label is None and each.control == given.control]
    if about is not None:
        changes.remove(about)
        if about.new_value == () and (drawn := _best(added, made.was, _REDRAWN, edits)):
            changes.remove(drawn)
            about = replace(about, new_label=drawn.new_label, new_value=drawn.new_value)
    elif given.region_id is None and (drawn := _best(added, finding.proposed_results, 0.0, edits)):
        changes.remove(drawn)
        about = drawn
    return RegionAnswer(about, tuple(changes))


def read_region_answers(
    answers: Sequence[Answer], findings: Mapping[str, Finding], edits: Edits
) -> dict[tuple[int, str], RegionAnswer]:
    """Tell of all answers which of the changes is about which finding's region, by review annotation and finding.

    Where one submission answers several findings, no change is about two of them, and `others` are about none.

    Args:
        answers: those with a decision.
        findings: by key.
        edits: compares regions.
    """
    submitted: defaultdict[int, list[Answer]] = defaultdict(list)
    for answer in answers:
        if is_about_region(findings[answer.finding_key]):
            submitted[answer.review_annotation_id].append(answer)
    said: dict[tuple[int, str], RegionAnswer] = {}
    for annotation_id, group in submitted.items():
        left = group[0].regions.changes if group[0].regions else ()
        for answer in sorted(group, key=lambda answer: _claims_late(answer, findings[answer.finding_key])):
            made = answer.regions and replace(answer.regions, changes=left)
            read = read_region_answer(replace(answer, regions=made), findings[answer.finding_key], edits)
            left = read.others
            said[annotation_id, answer.finding_key] = read
        for answer in group:
            about = said[annotation_id, answer.finding_key]
            said[annotation_id, answer.finding_key] = replace(about, others=left)
    return said


def _claims_late(answer: Answer, finding: Finding) -> tuple[bool, bool, str]:
    """Order findings: a given region is known by its id; a drawn one is rather of who says to have corrected it."""
    return finding.given.region_id is None, answer.choice != "fix", finding.key


def find_region_contradiction(choice: str, said: RegionAnswer, finding: Finding, edits: Edits) -> str | None:
    """Say why a decision and what was made of the region do not go together, None where they do."""
    about = said.about
    if choice == "keep" and about is not None:
        return f"said to be right, but {_was_changed(about)}"
    if choice == "fix" and about is None and not said.others:
        return "said to be corrected, but no region was changed"
    if choice != "take_proposal":
        return None
    if finding.proposal is None:
        return "the suggestion was taken, but nothing was suggested"
    if about is not None and not _is_as_proposed(about, finding, edits):
        return f"the suggestion was taken, but {_was_changed(about)} otherwise"
    return None


def with_region_fix(verdict: Verdict, said: RegionAnswer, answer: Answer, finding: Finding) -> Verdict:
    """Return the verdict with what becomes of the region in question, and of the others."""
    about, proposal = said.about, finding.proposal
    new_label: str | None = None
    new_value: Value | None = None
    if verdict.decision == "fix":
        new_label = finding.given.label
    if verdict.decision in ("fix", "take_proposal") and about is not None:
        new_label, new_value = about.new_label, about.new_value
    elif verdict.decision == "take_proposal" and proposal is not None:
        new_label, new_value = proposal.label, finding.proposed_results
    is_new = finding.given.region_id is None and bool(new_value)
    return replace(
        verdict,
        reason=verdict.reason and _reason(finding, new_label, new_value),
        new_label=new_label,
        new_value=new_value,
        new_region_id=_new_id(said, finding) if is_new else None,
        known_regions=_known(answer, finding, new_label) if is_new else (),
        other_edits=() if verdict.decision in ("unclear", "unusable") else said.others,
    )


def region_outcome(verdict: Verdict) -> str:
    """Say what becomes of the region that a verdict is about."""
    if verdict.new_value == ():
        return "take it away"
    if verdict.old_label is None:
        return f'add "{verdict.new_label}"'
    return f'make it "{verdict.new_label}"'


def differ(verdicts: Sequence[Verdict], edits: Edits) -> bool:
    """Say whether reviewers who gave a region the same label mean different places; none does so to the pixel.

    Answers that are no labels differ where they say anything else, whatever they are in words.
    """
    values = [verdict.new_value for verdict in verdicts if verdict.new_value]
    if any(verdict.replaces_answer for verdict in verdicts):
        return len({edits.answer_hash(value, verdicts[0].control) for value in values}) > 1
    return any(edits.overlap(values[0], value) < SAME_PLACE for value in values[1:])


def _new_id(said: RegionAnswer, finding: Finding) -> str | None:
    """Return the id that a missing region gets: the proposal's, so that who decides anew does not add another one."""
    proposed = finding.proposed_results
    if proposed and proposed[0].get("id"):
        return str(proposed[0]["id"])
    return said.about.region_id if said.about else None


def _known(answer: Answer, finding: Finding, label: str | None) -> tuple[str, ...]:
    labels = answer.regions.labels.get(finding.given.control, {}) if answer.regions else {}
    return tuple(region_id for region_id, said in labels.items() if said == label)


def _reason(finding: Finding, label: str | None, value: Value | None) -> str:
    """Return what was wrong: "missing", "spurious", "boundary" or "class"."""
    if finding.given.label is None:
        return "missing"
    is_left = value is None and label in (None, finding.given.label)
    if is_left and finding.proposal is not None:  # wrong, and nobody said what it is: as suspected
        label, value = finding.proposal.label, finding.proposed_results
    if value == ():
        return "spurious"
    return "boundary" if label == finding.given.label else "class"


def _best(
    added: Sequence[RegionChange], value: Sequence[Mapping[str, Any]], least: float, edits: Edits
) -> RegionChange | None:
    fits = [(edits.overlap(each.new_value or (), value), each) for each in added] if value else []
    overlap, best = max(fits, key=lambda fit: fit[0], default=(0.0, None))
    return best if overlap > least else None


def _is_as_proposed(about: RegionChange, finding: Finding, edits: Edits) -> bool:
    """Say whether a region was made what was proposed: by hand, too, which no hand does to the pixel."""
    value = finding.proposed_results
    if not value or not about.new_value:
        return not value and not about.new_value
    label = finding.proposal.label if finding.proposal else None
    return about.new_label == label and edits.overlap(about.new_value, value) > SAME_PLACE


def _was_changed(about: RegionChange) -> str:
    return f"the region was changed: {change_words(about.old_label, about.new_label)}"
