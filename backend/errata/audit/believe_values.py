"""Beliefs about answers that are no labels: what predictions, or the other annotators of the same task, answer."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from errata.audit.beliefs import OWN_VERSIONS, Artefact, RegionBelief, own_version
from errata.audit.believe import Belief
from errata.audit.ports import Progress
from errata.audit.region_annotators import annotators_regions
from errata.audit.region_beliefs import Digest, update_digest
from errata.audit.snapshot import Snapshot, Task
from errata.errors import NothingToLearn
from errata_model.kinds.values.records import Opinion, ValueBelief
from errata_model.kinds.values.similarity import find_spread
from errata_model.records import Control

OTHERS = "Hold them against predictions, --belief stored or --belief URL, or against each other, --belief annotators."


class AnnotatorsBeliever:
    """Holds what people answered, and marked, against what the other annotators of the same task did."""

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`.

        Raises:
            NothingToLearn: nobody answered what somebody else answered too.
        """
        progress.stage("Reading answers", len(snapshot.controls))
        values = [annotators_belief(snapshot, control) for control in snapshot.controls if control.has_values]
        marks = [annotators_regions(snapshot, control) for control in snapshot.controls if control.has_regions]
        found = [belief for belief in values if belief.opinions]
        drawn = [belief for belief in marks if len(belief.task_ids)]
        if not (found or drawn):
            named = ", ".join(f'"{control.name}"' for control in snapshot.controls)
            raise NothingToLearn(
                f'No task of "{snapshot.title}" has an answer by two people for {named}. Hold them against '
                "predictions: --belief stored, or --belief URL."
            )
        return _belief(found, [*map(_against_whom, found), *map(_against_marks, drawn)], drawn)


class OwnValueBeliever:
    """What serves where errata has no learner: other annotators, or predictions, whoever speaks about more tasks.

    Not for texts that may be left out: two people's notes differ, and nobody is wrong.
    """

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`.

        Raises:
            NothingToLearn: there is nobody; says what would do.
        """
        progress.stage("Reading answers", len(snapshot.controls))
        notes = [control.name for control in snapshot.controls if _is_note(control)]
        formed = [_what_serves(snapshot, control) for control in snapshot.controls if not _is_note(control)]
        found = [belief for belief in formed if belief.opinions]
        named = ", ".join(f'"{each.control.name}" ({each.control.type})' for each in formed if not each.opinions)
        nobody = f"errata has no learner for {named}, and neither predictions nor several people answer the same tasks"
        left = [f"{nobody}. {OTHERS}"] if named else []
        left += [f'"{name}": texts that the form does not ask for may be notes. {OTHERS}' for name in notes]
        if not found:
            raise NothingToLearn(" ".join(left))
        remarks = [f"errata has no learner for {each.control.type}: {_against_whom(each)}" for each in found]
        return _belief(found, remarks + [f"Left alone: {each}" for each in left])


def annotators_belief(snapshot: Snapshot, control: Control) -> ValueBelief:
    """Take what people answered as opinions about the tasks that several of them answered.

    Answers that were accepted unchanged from predictions are held against others, but are no opinion of a person.
    """
    opinions: dict[int, list[Opinion]] = {}
    for task in snapshot.tasks:
        mine = [each for each in task.answered if each.given.control == control.name]
        if len({each.given.annotator for each in mine}) > 1:
            said = [Opinion(each.answer, 1.0, each.given.annotator) for each in mine if not each.given.suggested_by]
            if said:
                opinions[task.id] = said
    return ValueBelief(control, opinions, _spread(snapshot, control))


def predicted_belief(snapshot: Snapshot, control: Control, version: str | None) -> ValueBelief:
    """Take the predictions of one version as opinions; of several of a task the last one counts.

    A version that marks nothing on any video says nothing about the control.
    """
    opinions = {task.id: [said[-1]] for task in snapshot.tasks if (said := _predicted(task, control, version))}
    if all(said[0].answer == [] for said in opinions.values()):
        opinions = {}
    return ValueBelief(control, opinions, _spread(snapshot, control), version)


def update_values_digest(digest: Digest, beliefs: Sequence[ValueBelief]) -> None:
    """Add beliefs to a hash: of each its control, its tasks, and what is said about them."""
    for belief in beliefs:
        digest.update(json.dumps([asdict(belief.control), belief.spread, belief.version]).encode())
        for task_id, opinions in sorted(belief.opinions.items()):
            digest.update(json.dumps([task_id, [asdict(each) for each in opinions]], sort_keys=True).encode())


def _is_note(control: Control) -> bool:
    return control.type == "textarea" and control.takes_none


def _what_serves(snapshot: Snapshot, control: Control) -> ValueBelief:
    versions = Counter(
        each.model_version
        for task in snapshot.tasks
        for each in task.predictions
        if each.control == control.name and each.opinion and not each.model_version.startswith(OWN_VERSIONS)
    )
    said = [predicted_belief(snapshot, control, version) for version in sorted(versions, reverse=True)]
    return max([annotators_belief(snapshot, control), *said], key=lambda belief: len(belief.opinions))


def _predicted(task: Task, control: Control, version: str | None) -> list[Opinion]:
    return [
        each.opinion
        for each in task.predictions
        if (each.model_version, each.control) == (version, control.name) and each.opinion is not None
    ]


def _spread(snapshot: Snapshot, control: Control) -> float | None:
    answers = [each.answer for task in snapshot.tasks for each in task.answered if each.given.control == control.name]
    return find_spread(control, answers)


def _belief(found: Sequence[ValueBelief], remarks: Sequence[str], drawn: Sequence[RegionBelief] = ()) -> Belief:
    digest = hashlib.sha256()
    update_values_digest(digest, found)
    for about in drawn:
        update_digest(digest, about)
    artefact = Artefact(own_version(digest.hexdigest()), (), tuple(drawn), tuple(found))
    return Belief(artefact, {}, "", remarks=tuple(remarks))


def _against_whom(belief: ValueBelief) -> str:
    n = len(belief.opinions)
    tasks = f"{n} task{'s' * (n != 1)}"
    if belief.version is None:
        return f'"{belief.control.name}" is held against what other annotators of {tasks} answered.'
    return f'"{belief.control.name}" is held against what "{belief.version}" predicts for {tasks}.'


def _against_marks(belief: RegionBelief) -> str:
    n = len(set(belief.task_ids.tolist()))
    return f'"{belief.control.name}" is held against what other annotators of {n} task{"s" * (n != 1)} marked.'
