"""errata's own belief over media that are a dict."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from errata.audit.beliefs import Artefact, UsedEncoder
from errata.audit.believe import Belief, OwnBeliever, soft_targets, values_of
from errata.audit.embed import Embedded
from errata.audit.snapshot import Snapshot, Task
from errata.errors import NothingToLearn
from errata_model.records import Control

LABELS = ("cat", "dog", "cat", "dog", "cat", "dog")


@dataclass
class DictArtefacts:
    kept: dict[tuple[int, str], Artefact] = field(default_factory=dict)

    def save(self, project_id: int, artefact: Artefact) -> None:
        self.kept[project_id, artefact.version] = artefact

    def find(self, project_id: int, version: str) -> Artefact | None:
        return self.kept.get((project_id, version))

    def parts(self, project_id: int, version: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ()

    def load(self, project_id: int, version: str) -> Artefact:
        return self.kept[project_id, version]

    def active(self, project_id: int) -> str | None:
        return next((version for _, version in reversed(self.kept)), None)


@pytest.fixture
def believe(studio: Any, png: Any) -> Callable[..., Belief]:
    """Believe about a snapshot whose odd tasks are red and whose others are blue."""
    studio.media.content = {f"{n}.png": png(200 + n, 0, n) if n % 2 else png(n, 0, 200 + n) for n in range(1, 30)}

    def form(snapshot: Snapshot, artefacts: DictArtefacts | None = None, **options: Any) -> Belief:
        return OwnBeliever(lambda _: studio.embedder, artefacts, **options).believe(snapshot, studio.told)

    return form


def embedded(n: int) -> Embedded:
    return Embedded(np.arange(1, n + 1), ("",) * n, np.zeros((n, 3), np.float32), {})


def test_targets_are_the_labels_where_everybody_labels_alone(project: Any, control: Control) -> None:
    """With one annotator a task a label is taken as it is; nobody makes a row of zeros."""
    targets = soft_targets(project("cat", "cow", None).tasks, control, embedded(3))
    np.testing.assert_allclose(targets, [[1, 0, 0], [0, 0, 1], [0, 0, 0]])


def test_targets_are_what_annotators_say_together(project: Any, control: Control) -> None:
    """Two of three who say cat are likelier to be right than two thirds; nobody makes a row of zeros."""
    targets = soft_targets(project(["cat", "cat", "dog"], "cow", None).tasks, control, embedded(3))
    assert targets[0, 0] > 2 / 3
    assert targets[0].argmax() == 0
    assert targets[1].argmax() == 2
    np.testing.assert_allclose(targets.sum(axis=1), [1, 1, 0], atol=1e-6)


def test_targets_are_of_tasks_with_usable_media_and_one_control(project: Any, control: Control) -> None:
    """Labels of tasks that could not be seen, and of other controls, do not count."""
    mood = replace(control, name="mood", labels=("happy", "sad", "cat"))
    snapshot = project("cat", "happy", "dog", controls=(control, mood))
    targets = soft_targets(snapshot.tasks, control, embedded(2))
    np.testing.assert_allclose(targets, [[1, 0, 0], [0, 0, 0]])


def test_tasks_without_media_are_not_asked_for() -> None:
    """An absent or empty address is no media."""
    tasks = [Task(n, data, (), True) for n, data in enumerate([{"image": "a"}, {}, {"image": ""}, {"image": None}])]
    assert values_of(tasks, "image") == {0: "a"}


def test_belief_follows_what_is_seen(project: Any, believe: Any) -> None:
    """Red is cat and blue is dog, for tasks without a label and for the one labelled wrong, too."""
    right = [*LABELS, *LABELS, *LABELS, *LABELS]
    belief = believe(project(None, None, "dog", *right[3:]))
    (about,) = belief.artefact.beliefs
    said = [about.control.labels[k] for k in about.probabilities.argmax(axis=1)]
    assert said == right
    np.testing.assert_allclose(about.probabilities.sum(axis=1), 1, atol=1e-5)
    assert about.encoder == UsedEncoder("colour:1", "colour")
    assert about.model is not None


def test_no_label_is_believed_because_of_itself(project: Any, believe: Any) -> None:
    """A row does not move when its own label changes: the belief about it never saw it."""
    before = believe(project(*LABELS)).artefact.beliefs[0].probabilities
    after = believe(project("dog", *LABELS[1:])).artefact.beliefs[0].probabilities
    np.testing.assert_allclose(after[0], before[0], atol=1e-6)
    assert not np.allclose(after[1:], before[1:], atol=1e-3)


def test_version_is_a_hash_of_data_and_model(project: Any, believe: Any, studio: Any, png: Any) -> None:
    """The same data, the same version, in any order; another label, image, encoder, seed or control, another."""
    snapshot = project(*LABELS)
    version = believe(snapshot).artefact.version
    assert version.startswith("errata-")
    assert believe(snapshot).artefact.version == version
    seed = random.randrange(2**32)
    print("seed", seed)
    shuffled = random.Random(seed).sample(snapshot.tasks, len(snapshot.tasks))
    assert believe(replace(snapshot, tasks=tuple(shuffled))).artefact.version == version
    assert believe(replace(snapshot, title="Renamed")).artefact.version == version

    (control,) = snapshot.controls
    others = [
        believe(project("dog", *LABELS[1:])).artefact.version,
        believe(project(*LABELS, None)).artefact.version,
        believe(replace(snapshot, controls=(replace(control, labels=("cat", "dog")),))).artefact.version,
        believe(replace(snapshot, controls=(replace(control, to_name="renamed"),))).artefact.version,
        believe(snapshot, seed=1).artefact.version,
    ]
    studio.encoder.identity = "colour:2"
    others.append(believe(snapshot).artefact.version)
    studio.encoder.identity = "colour:1"
    studio.media.content["1.png"] = png(77)
    studio.index.keys.clear()
    others.append(believe(snapshot).artefact.version)
    assert len({version, *others}) == 8


def test_same_data_is_not_learned_again(project: Any, believe: Any, studio: Any) -> None:
    """A belief that is kept is served from there."""
    artefacts = DictArtefacts()
    first = believe(project(*LABELS), artefacts).artefact
    artefacts.save(1, first)
    studio.told.stages.clear()
    assert believe(project(*LABELS), artefacts).artefact is first
    assert "Learning" not in [name for name, _ in studio.told.stages]
    assert believe(project(*LABELS[:-1], "cat"), artefacts).artefact is not first


def test_control_that_cannot_be_learned_is_left_alone(
    project: Any, control: Control, believe: Any, studio: Any
) -> None:
    """The others are believed about; why this one is not is said, also when the rest is not learned again."""
    mood = replace(control, name="mood", labels=("happy", "sad"))
    snapshot = project(*LABELS, controls=(mood, control))
    artefacts = DictArtefacts()
    for _ in range(2):
        artefact = believe(snapshot, artefacts).artefact
        artefacts.save(1, artefact)
        assert [about.control.name for about in artefact.beliefs] == ["animal"]
        (said,) = studio.told.said
        assert said.startswith('Left alone: control "mood": ')
        studio.told.said.clear()


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (("cat", "cat", "cat"), "every label is the same"),
        (("cat", "cat"), "every label is the same"),
        (("cat", None), "got 1"),
        ((None, None), "0 labels on 2 tasks"),
        ((), "0 labels on 0 tasks"),
    ],
)
def test_too_little_to_learn_names_the_project_and_the_remedy(
    project: Any, believe: Any, labels: tuple[str | None, ...], why: str
) -> None:
    """One class, one label or none: the text says what is there, what was left out and what to do."""
    snapshot = project(*labels, skipped=Counter({"annotations that their annotator skipped": 3}))
    with pytest.raises(NothingToLearn) as raised:
        believe(snapshot)
    text = str(raised.value)
    assert text.startswith('"Animals" cannot be audited yet')
    assert why in text
    assert "Left out: 3 x annotations that their annotator skipped" in text
    assert "Label a few tasks of at least two classes" in text


def test_two_labels_are_enough(project: Any, believe: Any) -> None:
    """The least that there can be a belief about: one label of each of two classes."""
    belief = believe(project("cat", "dog"))
    assert np.isfinite(belief.artefact.beliefs[0].probabilities).all()


def test_labels_whose_media_are_all_unusable(project: Any, believe: Any, studio: Any) -> None:
    """The error says that nothing could be seen, and why."""
    studio.media.content = {}
    with pytest.raises(NothingToLearn, match="Left out: 6 x media: it does not exist"):
        believe(project(*LABELS))


def test_two_controls_on_one_image_are_seen_once(project: Any, control: Control, believe: Any, studio: Any) -> None:
    """Media that two controls label are read and encoded once, and both are believed about."""
    likeness = replace(control, name="likeness")
    belief = believe(project(*LABELS, controls=(control, likeness)))
    assert [about.control.name for about in belief.artefact.beliefs] == ["animal", "likeness"]
    assert [name for name, _ in studio.told.stages].count("Encoding images") == 1
    assert max(studio.media.n_read.values()) == 1
