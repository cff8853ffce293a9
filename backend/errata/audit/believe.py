"""Form a belief about every label that has not seen it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from errata import __version__
from errata.audit.annotators import annotators_targets
from errata.audit.beliefs import Artefact, ControlBelief, own_version
from errata.audit.detectors.scene import Detector
from errata.audit.embed import Embedded, Embedder
from errata.audit.evidence import weigh
from errata.audit.field_groups import FieldGroups, group_by_field
from errata.audit.finetune import Believed, FineTuning, labelled_rows
from errata.audit.ports import Artefacts, Progress
from errata.audit.snapshot import Snapshot, Task
from errata.audit.tags import tag_targets
from errata.errors import NothingToLearn
from errata_model.kinds.choices.learner import FittedChoices, fit_choices
from errata_model.kinds.tags.learner import FittedTags, fit_tags
from errata_model.records import Control


@dataclass(frozen=True, slots=True)
class Belief:
    """A belief about a snapshot, and what it was formed from.

    Attributes:
        artefact: what is believed, per control, under a version.
        embedded: data key -> what its media look like; empty where the belief came from elsewhere.
        source: who believes, in words that follow "says": "The model never saw this label.".
        skipped: what nothing is believed about and why, in words -> count; unusable media are counted by `embedded`.
        caution: what to bear in mind when reading the findings, in a sentence; "" where there is nothing.
        repeats: the model version of the predictions that are believed as they are; None where errata learned itself.
        evidence: control -> the tasks with those of its labels alone that are evidence; see `audit.evidence`.
        remarks: how many labels were accepted from predictions, and what follows for the belief, a line a control.
        detectors: what came along with the belief and speaks against labels, beside the detectors that always look.
        sources: control -> its own `source`, where several believe.
    """

    artefact: Artefact
    embedded: Mapping[str, Embedded]
    source: str
    skipped: Counter[str] = field(default_factory=Counter)
    caution: str = ""
    repeats: str | None = None
    evidence: Mapping[str, tuple[Task, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    detectors: tuple[Detector, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    def source_of(self, control: str) -> str:
        """Say who believes about a control; see `source`."""
        return self.sources.get(control, self.source)


class Believer(Protocol):
    """A source of belief."""

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """Form a belief about every control of a snapshot.

        Raises:
            NothingToLearn: there are too few labels or classes.
        """


class OwnBeliever:
    """errata's own encoders and learner, out-of-sample by leaving out what shows the same, or nearly.

    Args:
        embedder_of: returns what embeds what a control labels.
        artefacts: where beliefs are kept; None where none are.
        seed: of the learner.
        minutes: bounds the training.
        group_by: the field of tasks' data whose equal values must not vouch for one another; see `group_by_field`.
        fine_tunes: whether encoders of images learn the labels too; see `FineTuning`.
    """

    def __init__(
        self,
        embedder_of: Callable[[Control], Embedder],
        artefacts: Artefacts | None,
        *,
        seed: int = 0,
        minutes: float | None = None,
        group_by: str | None = None,
        fine_tunes: bool = False,
    ) -> None:
        self._embedder_of = embedder_of
        self._artefacts = artefacts
        self._seed = seed
        self._minutes = minutes
        self._group_by = group_by
        self._fine_tuning = FineTuning(seed, minutes) if fine_tunes else None

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`. A belief about the same data and model is taken from the artefacts."""
        of_field = group_by_field(snapshot.tasks, self._group_by) if self._group_by else None
        labelled = {control.data_key: control for control in reversed(snapshot.controls)}
        embedders = {data_key: self._embedder_of(control) for data_key, control in labelled.items()}
        values = {data_key: values_of(snapshot.tasks, data_key) for data_key in labelled}
        embedded = {
            data_key: embedder.embed(values[data_key], progress).compared() for data_key, embedder in embedders.items()
        }
        if of_field is not None:
            embedded = {data_key: media.grouped(of_field.values) for data_key, media in embedded.items()}
        weighed = {c.name: weigh(snapshot.tasks, c) for c in snapshot.controls}
        evidence = {name: each.tasks for name, each in weighed.items()}
        remarks = tuple(each.remark for each in (*weighed.values(), of_field) if each and each.remark)
        targets = {
            c.name: targets_of(evidence[c.name], snapshot.tasks, c, embedded[c.data_key]) for c in snapshot.controls
        }
        version = self._version(snapshot, embedded, targets, of_field, self._fine_tuning is not None)
        artefact = self._artefacts.find(snapshot.project_id, version) if self._artefacts else None
        if artefact is not None:
            for name in sorted(targets.keys() - {about.control.name for about in artefact.beliefs}):
                progress.say(f'Left alone: control "{name}": too little to learn from, as before')
        else:
            progress.stage("Learning", len(snapshot.controls))
            beliefs = self._learn(snapshot, embedded, targets, progress)
            if self._fine_tuning is not None:
                believed = [
                    Believed(each, embedders[key], embedded[key], values[key], targets[each.control.name])
                    for each in beliefs
                    if (key := each.control.data_key)
                ]
                tuned = self._fine_tuning.improve(believed, progress)
                if all(after is before for after, before in zip(tuned, beliefs, strict=True)):
                    version = self._version(snapshot, embedded, targets, of_field, False)  # and it is tried again
                beliefs = tuned
            artefact = Artefact(version, beliefs)
        source = "The model never saw this label."
        return Belief(artefact, embedded, source, evidence=evidence, remarks=remarks)

    def _learn(
        self,
        snapshot: Snapshot,
        embedded: Mapping[str, Embedded],
        targets: Mapping[str, NDArray[np.float32]],
        progress: Progress,
    ) -> tuple[ControlBelief, ...]:
        beliefs, problems = [], []
        for control in snapshot.controls:
            media = embedded[control.data_key]
            try:
                fitted = self._fit(control, media, targets[control.name])
            except ValueError as error:
                problems.append(f'control "{control.name}": {error}')
                continue
            finally:
                progress.advance()
            # What nobody can encode is neither recognised by its content nor predicted.
            model = fitted.model.arrays() if media.encoder else None
            keys = media.content_keys if media.encoder else ("",) * len(media.content_keys)
            beliefs.append(ControlBelief(control, media.task_ids, keys, fitted.probabilities, model, media.encoder))
        if not beliefs:
            counted = f"{sum(len(task.labels) for task in snapshot.tasks)} labels"
            label = "a few tasks of at least two classes"
            raise NothingToLearn(nothing_to_learn(snapshot, counted, embedded, problems, label))
        for problem in problems:
            progress.say(f"Left alone: {problem}")
        return tuple(beliefs)

    def _fit(self, control: Control, media: Embedded, targets: NDArray[np.float32]) -> FittedChoices | FittedTags:
        groups = media.groups()
        is_labelled = labelled_rows(control, targets)
        if is_labelled.sum() > 1 and len(np.unique(groups[is_labelled])) == 1:
            raise ValueError("every labelled task belongs to one group, so nothing is left to judge any of them by")
        if control.kind == "tags":
            return fit_tags(
                media.rows,
                targets,
                is_labelled,
                groups,
                blocks=media.blocks,
                seed=self._seed,
                minutes=self._minutes,
            )
        return fit_choices(media.rows, targets, groups, blocks=media.blocks, seed=self._seed, minutes=self._minutes)

    def _version(
        self,
        snapshot: Snapshot,
        embedded: Mapping[str, Embedded],
        targets: Mapping[str, NDArray[np.float32]],
        of_field: FieldGroups | None,
        is_tuned: bool,
    ) -> str:
        digest = hashlib.sha256(json.dumps([__version__, self._seed, self._minutes]).encode())
        if is_tuned:
            digest.update(b"fine-tuned")
        for control in snapshot.controls:
            media = embedded[control.data_key]
            encoder = media.encoder.identity if media.encoder else ""
            digest.update(json.dumps([asdict(control), encoder]).encode())
            for row in np.argsort(media.task_ids):
                digest.update(f"{media.task_ids[row]} {media.content_keys[row]}".encode())
                digest.update(targets[control.name][row].tobytes())
        if of_field is not None:
            digest.update(json.dumps(sorted(of_field.values.items())).encode())
        return own_version(digest.hexdigest())


def nothing_to_learn(
    snapshot: Snapshot, counted: str, embedded: Mapping[str, Embedded], problems: Sequence[str], label: str
) -> str:
    """Say why nothing of a project can be audited yet, and what to do.

    Args:
        snapshot: the project.
        counted: what there is to learn from, such as "3 labels".
        embedded: what its media look like, which counts what cannot be used.
        problems: of each control.
        label: what to label, such as "a few tasks of at least two classes".
    """
    skipped = sum((media.problems() for media in embedded.values()), snapshot.skipped)
    left_out = ", ".join(f"{n} x {what}" for what, n in skipped.most_common(3))
    return (
        f'"{snapshot.title}" cannot be audited yet: {counted} on {len(snapshot.tasks)} tasks; '
        + "; ".join(problems)
        + (f". Left out: {left_out}" if left_out else "")
        + f". {_remedy(snapshot, embedded, label)}"
    )


def _remedy(snapshot: Snapshot, embedded: Mapping[str, Embedded], label: str) -> str:
    is_labelled = any(task.labels for task in snapshot.tasks)
    if is_labelled and embedded and not any(len(media.task_ids) for media in embedded.values()):
        return "Nothing that is labelled could be read: make it readable (--media names its folder) and try again."
    return f"Label {label} and try again, or give predictions with --belief."


def values_of(tasks: Sequence[Task], data_key: str) -> dict[int, Any]:
    """Return task id -> what the task holds under a key of its data, of the tasks that hold something."""
    return {task.id: task.data[data_key] for task in tasks if task.data.get(data_key)}


def targets_of(
    evidence: Sequence[Task], tasks: Sequence[Task], control: Control, embedded: Embedded
) -> NDArray[np.float32]:
    """Return what there is to learn from, (N, K): of tags see `tag_targets`, of all else `soft_targets`."""
    if control.kind == "tags":
        return tag_targets(evidence, tasks, control, embedded.task_ids)
    return soft_targets(evidence, control, embedded)


def soft_targets(tasks: Sequence[Task], control: Control, embedded: Embedded) -> NDArray[np.float32]:
    """Return what the annotators say: (N, K) float32, zeros where none said anything.

    The share of annotators for each label; where several people labelled the same tasks, what they say weighed by how
    each of them confuses the labels (`annotators_targets`).
    """
    together = annotators_targets(tasks, control, embedded.task_ids)
    if together is not None:
        return together
    column: dict[str | None, int] = {label: k for k, label in enumerate(control.labels)}
    row = {int(task_id): n for n, task_id in enumerate(embedded.task_ids)}
    targets = np.zeros((len(row), len(column)), dtype=np.float32)
    for task in tasks:
        if task.id in row:
            for label in task.labels:
                if label.control == control.name:
                    targets[row[task.id], column[label.label]] += 1
    targets /= np.maximum(targets.sum(axis=1, keepdims=True), 1)
    return targets
