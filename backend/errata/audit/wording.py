"""What a finding says to people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from errata.audit.evidence import UNKNOWN_VERSION
from errata_model.records import Finding, GivenLabel

ANNOTATOR_CONFLICT = "annotator_conflict"  # the detector of that name
SIMILAR_SHOWN = 10
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
    if finding.tag is not None:
        return _question_of_tag(finding, finding.tag)
    given = f'Labelled "{finding.given.label}".'
    if finding.proposal is None or finding.proposal.label is None:
        return f"{given} Is the label right?"
    label, probability = finding.proposal.top[0]
    if label == finding.given.label:
        return f"{given} The model is not sure about it ({per_cent(probability)}). Is the label right?"
    return f'{given} {_who(finding)} "{label}" ({per_cent(probability)}). Is the label right?'


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
