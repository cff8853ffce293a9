"""Each detector by itself, on projects that are written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from errata.audit.believe import Belief
from errata.audit.detectors import DETECTORS, Scene, near_duplicate, out_of_place
from errata.audit.guideline import overlap_remarks
from errata_model.records import Control

SURE = {"cat": (0.9, 0.08, 0.02), "dog": (0.1, 0.8, 0.1), "cow": (0.01, 0.01, 0.98)}


@pytest.fixture
def scene(project: Callable[..., Any], believed: Callable[..., Belief]) -> Callable[..., Scene]:
    """Show tasks 1, 2, ... with these labels, what they look like and what content they have."""

    def make(
        labels: Sequence[str | Sequence[str] | None],
        look: Sequence[Sequence[float]] | np.ndarray | None = None,
        content_keys: Sequence[str] | None = None,
    ) -> Scene:
        snapshot = project(*labels)
        belief = believed([SURE["cat"]] * len(labels), look, content_keys=content_keys)
        (about,) = belief.artefact.beliefs
        given = [label for task in snapshot.tasks for label in task.labels]
        rows = np.array([label.task_id - 1 for label in given], dtype=np.int64)
        columns = np.array([about.control.labels.index(str(label.label)) for label in given], dtype=np.int64)
        embedded = belief.embedded.get("image")
        return Scene(snapshot, about, given, rows, columns, embedded and embedded.compared(), snapshot.tasks)

    return make


def animals(n: int, width: int = 12) -> np.ndarray:
    """Rows around one of three directions, the first for cats."""
    rng = np.random.default_rng(7)
    return np.asarray(np.eye(3, width)[np.arange(n) % 3] * 9 + rng.normal(size=(n, width)), dtype=np.float32)


NAMES = ("cat", "dog", "cow")


def test_copies_that_are_labelled_differently(scene: Callable[..., Scene]) -> None:
    """Of two that differ the one that the belief holds likelier wrong is pointed at, with the other's task."""
    look = animals(120)
    look[60:62] = look[:2] * 1.01
    labels = [NAMES[n % 3] for n in range(120)]
    labels[60], labels[61] = "cow", "dog"  # of task 1, a cat, and of task 2, a dog
    found = near_duplicate.detect(scene(labels, look))
    assert {n: (round(signal.score, 3), signal.reason) for n, signal in found.items()} == {
        60: (0.5, "Nearly the same image is labelled cat in task 1."),
    }


def test_a_majority_of_copies_is_believed(scene: Callable[..., Scene]) -> None:
    """Of equal content four say cat, one dog, which alone is pointed at; annotators of a task are one voice."""
    found = near_duplicate.detect(
        scene(["cat", "cat", "dog", ["cat", "cat"], "cat", "cow"], content_keys=["same"] * 5 + ["other"])
    )
    assert {n: signal.score for n, signal in found.items()} == {2: pytest.approx(0.8)}
    assert found[2].reason == "Nearly the same image is labelled cat in tasks 1, 2, 4 and 1 more."


def test_annotators_of_one_task_are_another_detector_s(scene: Callable[..., Scene]) -> None:
    """Where two people differ about one task, and no other task shows the same, nothing is said."""
    assert near_duplicate.detect(scene([["cat", "dog"], "cow"], content_keys=["a", "b"])) == {}


def test_content_that_is_not_known_is_not_compared(scene: Callable[..., Scene]) -> None:
    """Beliefs from elsewhere come without content."""
    assert near_duplicate.detect(scene(["cat", "dog"], content_keys=["", ""])) == {}


def test_what_fits_no_class(scene: Callable[..., Scene]) -> None:
    """The one image that points elsewhere is told, with how far out it is."""
    look = animals(150)
    look[10] = np.eye(12)[7] * 9
    found = out_of_place.detect(scene([NAMES[n % 3] for n in range(150)], look))
    assert list(found) == [10]
    assert 0.5 <= found[10].score < 1
    assert found[10].reason.startswith("It looks like no other image here: even the 10 most similar ones are")


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: str(detector.name))
def test_contract(scene: Callable[..., Scene], detector: Any) -> None:
    """Scores are in [0, 1], reasons are sentences, nothing labelled is nothing found, and a scene is left as it was."""
    look = animals(150)
    look[5], look[90], look[11] = look[3], look[1] * 1.01, np.eye(12)[8] * 9
    given: list[Any] = [[NAMES[n % 3], NAMES[(n + n % 7 // 6) % 3]] for n in range(150)]
    seen = scene(given, look)
    before = look.copy()
    found = detector.detect(seen)
    assert all(0 <= signal.score <= 1 and signal.reason.endswith(".") for signal in found.values())
    assert set(found) <= set(range(len(seen.labels)))
    assert detector.detect(seen) == found
    assert np.array_equal(look, before)
    assert detector.detect(replace(scene([None] * 150, look), labels=[])) == {}


def test_classes_that_overlap_are_remarked(project: Any, believed: Any, control: Control) -> None:
    """Of four classes two cannot be told apart: both are named with how many labels and how well."""
    names = ("cat", "dog", "cow", "hen")
    farm = replace(control, labels=names)
    labels = [names[n % 4] for n in range(200)]
    rows = [np.full(4, 0.02) + 0.92 * np.eye(4)[n % 4 if n % 4 < 2 else 2 + (n // 4) % 2] for n in range(200)]
    (remark,) = overlap_remarks(project(*labels, controls=(farm,)), believed(rows, of=farm))
    assert remark.startswith('"cow" (50 labels) and "hen" (50) overlap: of one of each')
    assert "50% of the time, where half is chance and 100% usual here" in remark
