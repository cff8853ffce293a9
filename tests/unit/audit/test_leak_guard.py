"""Predictions from elsewhere, held against errata's own learner over colours."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from errata.audit.beliefs import Artefact, ControlBelief
from errata.audit.believe import Belief
from errata.audit.leak_guard import N_ASKED, GuardedBeliever
from errata.audit.ports import Progress
from errata.audit.snapshot import Snapshot, Task
from errata.errors import MediaError, ServiceError, UsageError
from errata_model.records import Control

NAMES = ("cat", "dog", "cow")
UNTOLD = 'Whether the predictions about "animal" learned from the labels themselves cannot be told'
COLOURS = ((200, 0, 0), (0, 200, 0), (0, 0, 200))


@dataclass(frozen=True)
class Said:
    """Believes what it is told to: task id -> class, in task order."""

    classes: Sequence[int]
    sureness: float = 0.9

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        rows = np.full((len(self.classes), 3), (1 - self.sureness) / 2, dtype=np.float32)
        rows[np.arange(len(rows)), list(self.classes)] = self.sureness
        ids = np.arange(1, len(rows) + 1)
        (control,) = snapshot.controls
        about = ControlBelief(control, ids, ("",) * len(ids), rows, None)
        return Belief(Artefact("errata-1", (about,)), {}, 'It is what the predictions "theirs" say.', caution="Mind.")


@dataclass
class Failing:
    """An embedder that cannot."""

    error: Exception
    asked: list[int] = field(default_factory=list)

    def embed(self, values: Any, progress: Progress) -> Any:
        self.asked.append(len(values))
        raise self.error


@dataclass(frozen=True)
class Animals:
    """A project whose colours tell the class, and what is right."""

    snapshot: Snapshot
    right: list[int]
    given: list[int]


@pytest.fixture
def animals(project: Any, studio: Any, png: Any) -> Callable[..., Animals]:
    """Make n animals, a share of them labelled wrong."""
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)

    def make(n: int = 300, share_wrong: float = 0.1) -> Animals:
        right = [k % 3 for k in range(n)]
        for k, each in enumerate(right, start=1):
            colour = [min(255, max(0, c + rng.randrange(0, 50))) for c in COLOURS[each]]
            studio.media.content[f"{k}.png"] = png(*colour)
        wrong = set(rng.sample(range(n), round(share_wrong * n)))
        given = [(each + rng.choice((1, 2))) % 3 if k in wrong else each for k, each in enumerate(right)]
        return Animals(project(*(NAMES[each] for each in given)), right, given)

    return make


@pytest.fixture
def guarded(studio: Any) -> Callable[..., Belief]:
    """Let the guard look at predictions."""

    def believe(snapshot: Snapshot, classes: Sequence[int], embedder: Any = None, **options: Any) -> Belief:
        guard = GuardedBeliever(Said(classes), lambda _: embedder or studio.embedder, **options)
        return guard.believe(snapshot, studio.told)

    return believe


@pytest.fixture
def caution(guarded: Any) -> Callable[..., str]:
    """Return what the guard says of predictions."""

    def say(*about: Any, **options: Any) -> str:
        return str(guarded(*about, **options).caution)

    return say


@pytest.mark.parametrize("share_wrong", [0.05, 0.1, 0.25])
def test_who_has_learned_the_labels_is_told_with_what_that_rests_on(
    animals: Any, caution: Any, share_wrong: float
) -> None:
    """It repeats wrong labels, which nothing does that sees the colours alone; what was said before stays."""
    made = animals(share_wrong=share_wrong)
    said = caution(made.snapshot, made.given)
    n_wrong = round(share_wrong * 300)
    assert said.startswith('Mind. The predictions about "animal" look as if they had learned from the labels')
    assert f"they agree with {n_wrong} of {n_wrong} labels that a model which has not seen them would change" in said
    assert f"and with > 99 % of all (it: {round(100 * (1 - n_wrong / 300))} %)" in said
    assert said.endswith("use --belief own.")


@pytest.mark.parametrize("share_right", [0.5, 0.9, 0.97, 0.99, 1.0])
@pytest.mark.parametrize("share_wrong", [0.0, 0.03, 0.2])
def test_an_honest_model_is_not_accused(animals: Any, caution: Any, share_right: float, share_wrong: float) -> None:
    """However good it is, and however many labels are wrong."""
    made = animals(share_wrong=share_wrong)
    said = [(k + 1) % 3 if n >= share_right * 300 else k for n, k in enumerate(made.right)]
    assert caution(made.snapshot, said) == "Mind."


def test_all_but_every_label_learned(animals: Any, caution: Any) -> None:
    """Six of a thousand forgotten is still learned where a fifth is wrong: nothing honest agrees with those.

    One of the six is a wrong one, as of all: were it four by chance, as once in sixty draws, it could not be told.
    """
    made = animals(1000, 0.2)
    rows = sorted(range(1000), key=lambda n: made.given[n] != made.right[n])
    forgotten = {*rows[:5], rows[-1]}
    said = [(k + 1) % 3 if n in forgotten else k for n, k in enumerate(made.given)]
    told = caution(made.snapshot, said)
    assert "look as if they had learned" in told
    assert told.endswith("Wrong labels that were learned are not found: use --belief own.")


def test_few_labels_tell_nothing(animals: Any, guarded: Any) -> None:
    """Of 20 animals two are wrong: agreeing with both is no proof, which is said. Of 1,000 with 100 there is enough."""
    made = animals(20)
    belief = guarded(made.snapshot, made.given)
    assert belief.caution == "Mind."
    assert belief.remarks == (f"{UNTOLD}: errata's own learner contradicts too few labels.",)
    made = animals(1000)
    assert guarded(made.snapshot, made.right).remarks == ()


@pytest.mark.parametrize("error", [MediaError("gone"), UsageError("no weights")])
def test_without_a_witness_that_is_said(animals: Any, guarded: Any, error: Exception) -> None:
    """Media that cannot be had, or an encoder: the belief is taken as it is."""
    made = animals()
    failing = Failing(error)
    belief = guarded(made.snapshot, made.given, failing)
    assert (belief.caution, belief.remarks) == ("Mind.", (f"{UNTOLD}: {error}.",))
    assert failing.asked == [300]


def test_a_witness_without_media_says_what_is_wrong_with_them(animals: Any, guarded: Any, studio: Any) -> None:
    made = animals()
    studio.media.content.clear()
    assert guarded(made.snapshot, made.given).remarks == (f"{UNTOLD}: media: it does not exist.",)


def test_where_nothing_is_labelled_there_is_nothing_to_tell(project: Any, guarded: Any) -> None:
    assert guarded(project(None, None), [0, 1]).remarks == ()


def test_nobody_looks_at_predictions_of_tags(animals: Any, guarded: Any, control: Control) -> None:
    """Which is said."""
    made = animals()
    tags = replace(made.snapshot, controls=(replace(control, kind="tags"),))
    assert guarded(tags, made.given).remarks == (f"{UNTOLD}: of tags nobody looks.",)


def test_a_service_that_is_away_is_no_lack_of_a_witness(animals: Any, caution: Any) -> None:
    made = animals(30)
    with pytest.raises(ServiceError):
        caution(made.snapshot, made.given, Failing(ServiceError("Label Studio is down")))


def test_the_witness_is_asked_about_some(animals: Any, caution: Any, control: Control) -> None:
    """A large project is not encoded as a whole to find out."""
    made = animals(30)
    many = tuple(
        Task(n, {"image": "1.png"}, (replace(made.snapshot.tasks[n % 30].labels[0], task_id=n),), True)
        for n in range(1, N_ASKED + 501)
    )
    failing = Failing(MediaError("gone"))
    caution(replace(made.snapshot, tasks=many), [0] * len(many), failing)
    assert failing.asked == [N_ASKED]


def test_labels_that_were_accepted_from_predictions_prove_nothing(animals: Any, caution: Any) -> None:
    """They agree for no other reason: who knows only them is not said to have learned the others."""
    made = animals()
    tasks = tuple(
        replace(task, labels=tuple(replace(label, suggested_by="theirs") for label in task.labels))
        if made.given[n] != made.right[n]
        else task
        for n, task in enumerate(made.snapshot.tasks)
    )
    assert caution(replace(made.snapshot, tasks=tasks), made.given) == "Mind."


def test_a_field_to_group_by_that_is_not_there(animals: Any, caution: Any) -> None:
    """It is said before anybody is asked for anything."""
    made = animals(30)
    failing = Failing(MediaError("gone"))
    with pytest.raises(UsageError, match=r'No task has anything under "video".*"image" \(30\)'):
        caution(made.snapshot, made.given, failing, group_by="video")
    assert failing.asked == []
