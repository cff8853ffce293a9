"""What a finding says to people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from errata.audit.evidence import UNKNOWN_VERSION
from errata_model.records import REGION_KINDS, Finding, GivenLabel

ANNOTATOR_CONFLICT = "annotator_conflict"  # the detector of that name
SIMILAR_SHOWN = 10
_EXCERPT, _BEFORE_DIFFERENCE = 80, 20  # characters
_WITHIN_SHARE = re.compile(r"(?<=[<>]) (?=\d+ %)|(?<=\d) (?=%)")


def per_cent(share: float) -> str:
    """Write a share in [0, 1] as a whole per cent, never as a certainty: "> 99 %", "< 1 %"."""
    if share > 0.99:
        return "> 99 %"
    if share < 0.01:
        return "< 1 %"
    return f"{round(100 * share)} %"


def question(finding: Finding) -> str:
    """Ask the reviewer about one finding."""
    if finding.given.kind == "values":
        return _question_of_value(finding)
    if finding.given.kind in REGION_KINDS:
        return question_of_region(finding)
    if finding.tag is not None:
        return _question_of_tag(finding, finding.tag)
    given = f'Labelled "{finding.given.label}".'
    if finding.proposal is None or finding.proposal.label is None:
        return f"{given} Is the label right?"
    label, probability = finding.proposal.top[0]
    if label == finding.given.label:
        return f"{given} The model is not sure about it ({per_cent(probability)}). Is the label right?"
    return f'{given} {_who(finding)} "{label}" ({per_cent(probability)}). Is the label right?'


def _question_of_value(finding: Finding) -> str:
    said = finding.proposal.label if finding.proposal else None
    own, theirs = excerpts(finding.given.label or "", said or finding.given.label or "")
    if said is None:
        return f'Answered "{own}". Is the answer right?'
    is_of_people = ANNOTATOR_CONFLICT in finding.detectors
    if said == finding.given.label:
        who = "Other annotators mark" if is_of_people else "The prediction marks"
        return f'Marked "{own}". {who} that elsewhere. Is it right as it is?'
    who = "Other annotators say" if is_of_people else "The prediction says"
    return f'Answered "{own}". {who} "{theirs}". Is the answer right?'


def excerpts(one: str, other: str) -> tuple[str, str]:
    """Return two answers short enough for a sentence: of long ones what is around their first difference."""
    same = next((n for n, pair in enumerate(zip_longest(one, other)) if pair[0] != pair[1]), 0)
    start = max(0, same - _BEFORE_DIFFERENCE) if max(len(one), len(other)) > _EXCERPT else 0
    return _excerpt(one, start), _excerpt(other, start)


def _excerpt(text: str, start: int) -> str:
    cut = text[start : start + _EXCERPT]
    shown = " ".join(cut.split())
    return ("..." if start else "") + shown + ("..." if start + _EXCERPT < len(text) else "")


def question_of_region(finding: Finding, where: str = "", there: str = "", shown: str = "") -> str:
    """Ask the reviewer about one region, given or missing. How sure that is stands in the reason, in one number.

    Args:
        finding: about it.
        where: it is, such as " at the top left (red)"; begins with a space.
        there: where the model suggests it, such as ' on "Ann Lee"', where that can be told apart in words.
        shown: how that place is shown, such as " (turquoise)", where it is.
    """
    proposal, given = finding.proposal, finding.given.label
    if given is None:
        return f'Not marked: "{proposal.top[0][0] if proposal else ""}"{where}. Is it missing?'
    said = f'Marked "{given}"{where}.'
    if proposal is None:
        return f"{said} Is it right as it is?"
    if proposal.action == "remove":
        change = "taking it away"
    elif proposal.label == given:
        change = f"it{there}{shown}" if there else f"another place for it{shown}"
    else:
        change = f'"{proposal.label}"{there}{shown}'
    return f"{said} {_who(finding)} {change}. Is it right as it is?"


def _question_of_tag(finding: Finding, tag: str) -> str:
    is_given = finding.given.label is not None
    said, asked = (f'Tagged "{tag}".', "Is the tag right?") if is_given else (f'Not tagged "{tag}".', "Is it missing?")
    if finding.proposal is None:
        return f"{said} {asked}"
    probability = finding.proposal.top[0][1]
    if is_given == (probability >= 0.5):  # doubted, and likelier right than wrong all the same
        return f"{said} The model is not sure about it ({per_cent(probability)}). {asked}"
    change, share = ("taking it away", 1 - probability) if is_given else ("adding it", probability)
    return f"{said} {_who(finding)} {change} ({per_cent(share)}). {asked}"


def _who(finding: Finding) -> str:
    if ANNOTATOR_CONFLICT in finding.detectors and finding.given.kind in REGION_KINDS:
        return "Other annotators suggest"
    return "Other annotators and the model suggest" if ANNOTATOR_CONFLICT in finding.detectors else "The model suggests"


def named(asked: str, control: str, n_controls: int) -> str:
    """Say which control a question is about, where several are audited."""
    return f"{control}: {asked}" if n_controls > 1 else asked


def unbroken(text: str) -> str:
    """Let no line end within a share, as `per_cent` writes it."""
    return _WITHIN_SHARE.sub("\N{NO-BREAK SPACE}", text)


def provenance(given: GivenLabel, repeats: str | None) -> str:
    """Say that a label was accepted from a prediction, which is less than a person's opinion; "" where it was not.

    Args:
        repeats: the version of the predictions that are believed, None where errata learned by itself.
    """
    if given.suggested_by is None:
        return ""
    if given.suggested_by == repeats:
        return f'The label was accepted unchanged from a prediction of "{repeats}" itself.'
    if given.suggested_by == UNKNOWN_VERSION:
        return "The label was accepted unchanged from a prediction whose version is not known any more."
    return f'The label was accepted unchanged from a prediction of "{given.suggested_by}".'


def similar_items(labels: Sequence[str], modality: str) -> str:
    """Say how the most similar items are labelled; "" where none of them is."""
    if not labels:
        return ""
    counts = Counter(labels).most_common()
    label, n = counts[0]
    if len(labels) == 1:
        return f"The most similar {modality} is labelled {label}."
    if n == len(labels):
        return f"All {n} most similar {modality}s are labelled {label}."
    if n > len(labels) / 2:
        return f"{n} of the {len(labels)} most similar {modality}s are labelled {label}."
    several = ", ".join(f"{count} {name}" for name, count in counts[:3])
    return f"The {len(labels)} most similar {modality}s are labelled: {several}."


def annotators_together(figures: Sequence[Mapping[str, Any]]) -> str:
    """Say for each control how much several people who labelled the same tasks agree; "" where none did.

    Args:
        figures: as `Findings.annotators` has them.
    """
    said = (
        f"{each['shared_tasks']} task{'s have' if each['shared_tasks'] != 1 else ' has'} an answer for "
        f'"{each["control"]}" by several people; on average '
        f"{per_cent(each['agreement'])} of them gave the likeliest"
        for each in figures
    )
    return "; ".join(said)


def similar_tagged(n_with: int, n: int, tag: str, modality: str) -> str:
    """Say how many of the most similar items have a tag; "" where there are none.

    Args:
        n_with: those that have it.
        n: how many they are.
    """
    if not n:
        return ""
    if n == 1:
        return f"The most similar {modality} {'has' if n_with else 'does not have'} the tag {tag}."
    if n_with in (0, 1):
        return f"{'One' if n_with else 'None'} of the {n} most similar {modality}s has the tag {tag}."
    if n_with == n:
        return f"All {n} most similar {modality}s have the tag {tag}."
    return f"{n_with} of the {n} most similar {modality}s have the tag {tag}."
