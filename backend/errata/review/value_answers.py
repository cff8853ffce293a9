"""What a reviewer's answer says about an answer that is no label: a rating, a text, what is marked on a video."""

from __future__ import annotations

from dataclasses import replace

from errata.review.ports import Edits
from errata.review.records import Answer, Verdict
from errata_model.records import Finding


def is_about_value(finding: Finding) -> bool:
    """Say whether a finding is about an answer that is no label."""
    return finding.given.kind == "values"


def find_value_contradiction(answer: Answer, finding: Finding, edits: Edits) -> str | None:
    """Say why a decision and what was made of the answer do not go together, None where they do.

    The given answer stands in the form from the start, so that leaving it alone says nothing.
    """
    control = finding.given.control
    said = edits.answer_hash(answer.value or (), control)
    is_left = not answer.value or said == finding.given.value_hash
    if answer.choice == "keep" and not is_left:
        return f'said to be right, but the answer was changed to "{answer.label}"'
    if answer.choice == "fix" and not answer.value:
        return "said to be corrected, but no answer is given"
    if answer.choice == "fix" and is_left:
        return "said to be corrected, but the answer was left as it is"
    if answer.choice == "take_proposal" and finding.proposal is None:
        return "the suggestion was taken, but nothing was suggested"
    is_as_proposed = said == edits.answer_hash(finding.proposed_results, control)
    if answer.choice == "take_proposal" and not (is_left or is_as_proposed):
        return f'the suggestion was taken, but the answer was changed to "{answer.label}"'
    return None


def with_value_fix(verdict: Verdict, answer: Answer, finding: Finding) -> Verdict:
    """Return the verdict with the results of the answer from then on, where it is to be another one."""
    if verdict.decision == "take_proposal":
        return replace(verdict, new_value=finding.proposed_results)
    return replace(verdict, new_value=answer.value) if verdict.decision == "fix" else verdict
