"""errata's own belief about regions: a learner a kind, each region judged by what has not seen its item's labels."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from errata import __version__
from errata.audit.beliefs import Artefact, RegionBelief, UsedEncoder, own_version
from errata.audit.believe import Belief, nothing_to_learn, values_of
from errata.audit.embed import Embedded, Embedder
from errata.audit.evidence import weigh
from errata.audit.field_groups import group_by_field
from errata.audit.ports import Artefacts, Progress
from errata.audit.region_beliefs import calibrated, plain_region
from errata.audit.snapshot import Drawn, Snapshot, Task
from errata.errors import NothingToLearn
from errata_model.records import Control
from errata_model.regions.records import FittedRegions, Region
from errata_model.regions.shapes import Size


@dataclass(frozen=True, slots=True)
class Lesson:
    """What there is to learn from about one control.

    Attributes:
        control: what is learned.
        task_ids: N.
        values: N, what the tasks' data hold under the control's key.
        given: N, what is marked on each; of several annotations the one that marks a usual number of regions. Those
            that are no evidence have no label: they are not to be learned, neither as something nor as nothing.
        is_labelled: (N,) whether somebody said what is there, be it nothing.
        groups: (N,) tasks that must not vouch for one another.
        seed: of all draws.
        minutes: that learning may take; None where nobody said.
    """

    control: Control
    task_ids: tuple[int, ...]
    values: tuple[Any, ...]
    given: tuple[Sequence[Region], ...]
    is_labelled: NDArray[np.bool_]
    groups: NDArray[np.int64]
    seed: int = 0
    minutes: float | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """What a learner made of a lesson.

    Attributes:
        fitted: N beliefs, and the model.
        sizes: N, of the images in pixels; None where they are not known, or the items are no images.
        unusable: task id -> why there is no belief about it, in words that follow what is labelled.
        encoder: the network that the learner began with; None where there is none.
    """

    fitted: FittedRegions
    sizes: tuple[Size | None, ...]
    unusable: Mapping[int, str]
    encoder: UsedEncoder | None = None


class RegionLearner(Protocol):
    """Learns to mark regions."""

    @property
    def identity(self) -> str:
        """What it learns with: the same string, the same belief of the same lesson, if time was not short."""

    def learn(self, lesson: Lesson, progress: Progress) -> Learned:
        """Believe about every task by what was taught neither its labels nor those of its group.

        Raises:
            ValueError: there is too little to learn from; says what, in words that follow the control's name.
        """


class OwnRegionBeliever:
    """errata's own learners of regions.

    Args:
        embedder_of: returns what embeds what a control labels: what shows the same, or nearly, is one group.
        learner_of: returns what learns a control's regions.
        artefacts: where beliefs are kept; None where none are.
        seed: of the learners.
        minutes: bounds the training of all controls together.
        group_by: the field of tasks' data whose equal values must not vouch for one another; see `group_by_field`.
    """

    def __init__(
        self,
        embedder_of: Callable[[Control], Embedder],
        learner_of: Callable[[Control], RegionLearner],
        artefacts: Artefacts | None,
        *,
        seed: int = 0,
        minutes: float | None = None,
        group_by: str | None = None,
    ) -> None:
        self._embedder_of = embedder_of
        self._learner_of = learner_of
        self._artefacts = artefacts
        self._seed = seed
        self._minutes = minutes
        self._group_by = group_by

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`. A belief about the same data and model is taken from the artefacts."""
        of_field = group_by_field(snapshot.tasks, self._group_by) if self._group_by else None
        learners = {control.name: self._learner_of(control) for control in snapshot.controls}
        problems: list[str] = []
        embedded: dict[str, Embedded] = {}
        for control in snapshot.controls:
            if control.data_key not in embedded:
                values = values_of(snapshot.tasks, control.data_key)
                media = self._embedder_of(control).embed(values, progress).compared()
                embedded[control.data_key] = media if of_field is None else media.grouped(of_field.values)
        minutes = None if self._minutes is None else self._minutes / max(1, len(snapshot.controls))
        weighed = {control.name: weigh(snapshot.tasks, control) for control in snapshot.controls}
        lessons = [self._lesson(weighed[c.name].tasks, c, embedded[c.data_key], minutes) for c in snapshot.controls]
        version = self._version(lessons, learners, embedded)
        remarks = tuple(each.remark for each in (*weighed.values(), of_field) if each and each.remark)
        skipped: Counter[str] = Counter()
        artefact = self._artefacts.find(snapshot.project_id, version) if self._artefacts else None
        if artefact is None:
            beliefs = []
            for lesson in lessons:
                learner, media = learners[lesson.control.name], embedded[lesson.control.data_key]
                try:
                    beliefs.append(_learn(snapshot, lesson, learner, media, skipped, progress))
                except ValueError as error:
                    problems.append(f'control "{lesson.control.name}": {error}')
            artefact = Artefact(version, (), tuple(beliefs))
        if not artefact.region_beliefs:
            counted = f"{sum(len(task.drawn) for task in snapshot.tasks)} annotations with regions"
            raise NothingToLearn(nothing_to_learn(snapshot, counted, embedded, problems, "a few more tasks"))
        for problem in problems:
            progress.say(f"Left alone: {problem}")
        evidence = {name: each.tasks for name, each in weighed.items()}
        source = "The model never saw this region."
        return Belief(artefact, embedded, source, skipped, evidence=evidence, remarks=remarks)

    def _lesson(self, tasks: Sequence[Task], control: Control, media: Embedded, minutes: float | None) -> Lesson:
        task_of = {task.id: task for task in tasks}
        chosen = [task_of[task_id] for task_id in media.task_ids.tolist()]
        taught = [_usual([each for each in task.drawn if each.answer.control == control.name]) for task in chosen]
        return Lesson(
            control,
            tuple(task.id for task in chosen),
            tuple(task.data[control.data_key] for task in chosen),
            tuple(() if each is None else _evident(each, task) for each, task in zip(taught, chosen, strict=True)),
            np.array([each is not None for each in taught], dtype=bool),
            media.groups(),
            self._seed,
            minutes,
        )

    def _version(
        self, lessons: Sequence[Lesson], learners: Mapping[str, RegionLearner], embedded: Mapping[str, Embedded]
    ) -> str:
        digest = hashlib.sha256(json.dumps([__version__, self._seed, self._minutes]).encode())
        for lesson in lessons:
            keys = embedded[lesson.control.data_key].content_keys
            digest.update(json.dumps([asdict(lesson.control), learners[lesson.control.name].identity]).encode())
            digest.update(np.unique(lesson.groups, return_inverse=True)[1].tobytes())
            for task_id, key, regions, is_labelled in zip(
                lesson.task_ids, keys, lesson.given, lesson.is_labelled.tolist(), strict=True
            ):
                drawn = [plain_region(region) for region in regions]
                digest.update(json.dumps([task_id, key, is_labelled, drawn]).encode())
        return own_version(digest.hexdigest())


def _learn(
    snapshot: Snapshot,
    lesson: Lesson,
    learner: RegionLearner,
    media: Embedded,
    skipped: Counter[str],
    progress: Progress,
) -> RegionBelief:
    learned = learner.learn(lesson, progress)
    skipped.update(f"{media.what}: {why}" for why in learned.unusable.values())
    rows = [row for row, task_id in enumerate(lesson.task_ids) if task_id not in learned.unusable]
    belief = RegionBelief(
        control=lesson.control,
        task_ids=media.task_ids[rows],
        # What nobody can encode is not recognised by its content, as in `believe.OwnBeliever`.
        content_keys=tuple(media.content_keys[row] if media.encoder else "" for row in rows),
        believed=tuple(learned.fitted.believed[row] for row in rows),
        calibration={},
        sizes=tuple(learned.sizes[row] for row in rows),
        model=learned.fitted.model,
        encoder=learned.encoder,
    )
    return calibrated(snapshot, belief)


def _usual(drawn: Sequence[Drawn]) -> Drawn | None:
    """Return the annotation that marks as many regions as half of them at most; None where there is none."""
    ordered = sorted(drawn, key=lambda each: len(each.regions))
    return ordered[(len(ordered) - 1) // 2] if ordered else None


def _evident(drawn: Drawn, task: Task) -> tuple[Region, ...]:
    """Return the regions of an annotation, without a label where the task does not have that among its labels."""
    kept = {(label.annotation_id, label.control, label.region_id) for label in task.labels}
    return tuple(
        region if (label.annotation_id, label.control, label.region_id) in kept else replace(region, label="")
        for region, label in zip(drawn.regions, drawn.labels, strict=True)
    )
