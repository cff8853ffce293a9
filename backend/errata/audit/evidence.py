"""Which labels count as evidence: a label that was accepted from a prediction is that model's opinion, not a person's.

The rule, for each control:

1. Labels that people gave on their own, and those that they changed, are evidence. They teach the learner and say how
   similar items are labelled; labels accepted unchanged from predictions do neither. All are scored.
2. Of a class that people gave fewer than `FEWEST` times the accepted labels are evidence too, or it could not be
   believed in at all. Such classes may hold `RARE_SHARE` of the labels.
3. Where that is not enough, all labels are evidence, and a remark says so: where rarer classes hold more than that;
   where people gave fewer than two classes; and where they mostly corrected. Corrections stand where the model fails:
   who learns from them and not from what was accepted believes the reverse of the model everywhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from errata.audit.snapshot import Task
from errata_model.records import Control, GivenLabel

FEWEST = 5
RARE_SHARE = 0.10
UNKNOWN_VERSION = "(unknown)"  # of a prediction that is deleted, or that had no version


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the labels of one control say on their own.

    Attributes:
        tasks: as they were read, with those labels of the control alone that are evidence.
        remark: what people should know about it; None where every label is a person's own.
    """

    tasks: tuple[Task, ...]
    remark: str | None


def from_predictions(tasks: Iterable[Task], control: str | None = None) -> dict[str, int]:
    """Count the labels that were accepted unchanged: model version -> labels, most first."""
    accepted = Counter(
        label.suggested_by
        for task in tasks
        for label in task.labels
        if label.suggested_by is not None and control in (None, label.control)
    )
    return dict(sorted(accepted.items(), key=lambda item: (-item[1], item[0])))


def weigh(tasks: Sequence[Task], control: Control) -> Evidence:
    """Keep the labels of a control that are evidence."""
    labels = [label for task in tasks for label in task.labels if label.control == control.name]
    accepted = from_predictions(tasks, control.name)
    if not accepted:
        return Evidence(tuple(tasks), None)
    own = Counter(label.label for label in labels if _is_own(label))
    rare = {label.label for label in labels if own[label.label] < FEWEST}
    begin = _accepted_of(len(labels), accepted, control)
    if not _is_enough(labels, own, rare):
        why = "no fair sample to learn from, so all teach: the belief may share the model's errors"
        return Evidence(tuple(tasks), f"{begin}. The other {own.total()} are {why}.")
    kept = tuple(
        _keeping(task, lambda each: each.control != control.name or _is_own(each) or each.label in rare)
        for task in tasks
    )
    n_rare = sum(not _is_own(label) and label.label in rare for label in labels)
    but = f", but for {n_rare} of classes that people gave fewer than {FEWEST} times" if n_rare else ""
    return Evidence(kept, f"{begin}: no evidence. The other {own.total()} teach alone{but}.")


def agreement(tasks: Sequence[Task], control: Control, version: str) -> str | None:
    """Say how many labels of a control were accepted from predictions, where predictions are what is believed.

    Args:
        version: of the predictions that are believed.
    """
    accepted = from_predictions(tasks, control.name)
    if not accepted:
        return None
    n_labels = sum(label.control == control.name for task in tasks for label in task.labels)
    said = _accepted_of(n_labels, accepted, control)
    if version in accepted:
        return f'{said}; {accepted[version]} of them agree with "{version}" for no other reason.'
    return f"{said}."


def _is_enough(labels: Sequence[GivenLabel], own: Mapping[str | None, int], rare: set[str | None]) -> bool:
    n_rare = sum(label.label in rare for label in labels)
    n_unprompted = sum(label.started_from is None for label in labels)
    n_corrected = sum(_is_own(label) and label.started_from is not None for label in labels)
    n_classes = len(own.keys() - rare)
    return n_classes >= 2 and n_rare <= RARE_SHARE * len(labels) and n_unprompted >= n_corrected


def _is_own(label: GivenLabel) -> bool:
    return label.suggested_by is None


def _keeping(task: Task, is_evidence: Callable[[GivenLabel], bool]) -> Task:
    kept = tuple(filter(is_evidence, task.labels))
    return task if len(kept) == len(task.labels) else replace(task, labels=kept)


def _accepted_of(n_labels: int, accepted: Mapping[str, int], control: Control) -> str:
    by = ", ".join(f'"{version}"' if len(accepted) == 1 else f'"{version}" ({n})' for version, n in accepted.items())
    n = sum(accepted.values())
    return f'{n} of {n_labels} labels of "{control.name}" were accepted unchanged from predictions of {by}'
