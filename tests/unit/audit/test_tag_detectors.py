"""Detectors on tags: each tag, given or left out, is a label of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from errata.audit.beliefs import ControlBelief
from errata.audit.detectors import DETECTORS, Scene, near_duplicate, out_of_place
from errata.audit.detectors.metric import Metric
from errata.audit.embed import Embedded
from errata.audit.scored import score
from errata.audit.snapshot import Snapshot
from errata.audit.tag_annotators import put_tags_beside
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.tasks import TaskReader
from errata_model.records import Control

CODECS = Codecs()
CONTROL = Control("seen", "tags", "image", "image", "image", ("cat", "dog", "cow"), takes_none=True)
Tags = Sequence[str]
Show = Callable[..., Scene]


@pytest.fixture
def scene() -> Show:
    """Show tasks 1, 2, ... that were given these tags, what is believed, what they look like and what content."""

    def make(answers: Sequence[Any], believed: Any, look: Any = None, content: Sequence[str] | None = None) -> Scene:
        reader = TaskReader([CONTROL])
        tasks = tuple(reader.read(_raw(n, tags)) for n, tags in enumerate(answers, start=1))
        snapshot = Snapshot("http://label-studio/", 1, "Animals", "<View/>", (CONTROL,), (), tasks)
        task_ids = np.arange(1, len(tasks) + 1)
        keys = tuple(content or (f"{n:064x}" for n in task_ids))
        about = ControlBelief(CONTROL, task_ids, keys, np.array(believed, np.float32).reshape(-1, 3), None)
        s = score(snapshot, about, CODECS)
        embedded = None if look is None else Embedded(task_ids, keys, np.array(look, np.float32), {}).compared()
        beside = put_tags_beside(s, tasks, tasks)
        return Scene(snapshot, about, s.labels, s.rows, s.given, embedded, tasks, beside, s.tags)

    return make


def _raw(n: int, said: Any) -> dict[str, Any]:
    by_annotator = said if isinstance(said, list) else [said]
    annotations = [
        {"id": 100 * n + who, "completed_by": who, "result": _result(list(tags))}
        for who, tags in enumerate(by_annotator)
    ]
    return {"id": n, "data": {"image": f"{n}.png"}, "annotations": annotations}


def _result(tags: list[str]) -> list[dict[str, Any]]:
    said = {"from_name": "seen", "to_name": "image", "type": "choices", "value": {"choices": tags}}
    return [said] if tags else []


def told(scene: Scene, found: Any) -> dict[tuple[int, str, bool], tuple[float, str]]:
    """Return (task, tag, given or missing) -> score and reason."""
    assert scene.tags is not None
    return {
        (scene.labels[n].task_id, CONTROL.labels[scene.tags[n]], scene.labels[n].label is not None): (
            round(signal.score, 3),
            signal.reason,
        )
        for n, signal in found.items()
    }


def test_copies_with_other_tags(scene: Show) -> None:
    """Of two that show the same, the tag is pointed at that is likelier wrong: given here, or missing there."""
    believed = [(0.9, 0.2, 0.05), (0.9, 0.2, 0.05), (0.9, 0.8, 0.05), (0.9, 0.8, 0.05), (0, 0, 1)]
    seen = scene(
        [("cat",), ("cat", "dog"), ("cat",), ("cat", "dog"), ("cow",)], believed, content=["a", "a", "b", "b", "c"]
    )
    assert told(seen, near_duplicate.detect(seen)) == {
        (2, "dog", True): (0.5, "Nearly the same image does not have the tag dog in task 1."),
        (3, "dog", False): (0.5, "Nearly the same image has the tag dog in task 4."),
    }


def test_a_majority_of_copies_is_believed_about_tags(scene: Show) -> None:
    """Four say that there is a dog, and one does not; what its annotators say is one voice a task."""
    dog: Any = ("dog",)
    seen = scene([dog, dog, (), [dog, dog], dog, ("cow",)], [(0, 0.6, 0)] * 5 + [(0, 0, 1)], content=["a"] * 5 + ["b"])
    assert told(seen, near_duplicate.detect(seen)) == {
        (3, "dog", False): (0.8, "Nearly the same image has the tag dog in tasks 1, 2, 4 and 1 more."),
    }


def test_content_that_is_not_known_is_not_compared(scene: Show) -> None:
    """Beliefs from elsewhere come without content."""
    seen = scene([("cat",), ("dog",)], [(0.5, 0.5, 0.5)] * 2, content=["", ""])
    assert near_duplicate.detect(seen) == {}


def animals(n: int, width: int = 12) -> Any:
    """Rows around one of three directions."""
    rng = np.random.default_rng(7)
    return np.asarray(np.eye(3, width)[np.arange(n) % 3] * 9 + rng.normal(size=(n, width)), dtype=np.float32)


def test_what_is_out_of_place_is_told_once(scene: Show) -> None:
    """By the tag that is least likely; an item without a tag is as good as any."""
    look = animals(152)
    look[10], look[20] = np.eye(12)[7] * 9, np.eye(12)[8] * 9
    answers: list[Any] = [("cat", "dog")] * 152
    answers[20] = ()
    seen = scene(answers, [(0.9, 0.3, 0.2)] * 152, look)
    found = told(seen, out_of_place.detect(seen))
    assert list(found) == [(11, "dog", True)]
    assert found[11, "dog", True][1].startswith("It looks like no other image here")


def test_a_number_speaks_against_the_tags_that_a_task_has(scene: Show) -> None:
    """And for none that it lacks."""
    seen = scene([("cat",), ("dog",)], [(0.9, 0.8, 0.1), (0.1, 0.9, 0.1)])
    found = Metric("metric:p_wrong", "seen", {1: 0.7, 2: 0.2}).detect(seen)
    assert told(seen, found) == {(1, "cat", True): (0.7, "p_wrong is 0.7.")}


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: str(detector.name))
def test_contract(scene: Show, detector: Any) -> None:
    """Scores are in [0, 1], reasons are sentences, nothing labelled is nothing found, and a scene is left as it was."""
    look = animals(150)
    look[5], look[90], look[11] = look[3], look[1] * 1.01, np.eye(12)[8] * 9
    rng = np.random.default_rng(3)
    answers = [
        [tuple(tag for tag in CONTROL.labels if rng.random() < 0.5) for _ in range(1 + n % 2)] for n in range(150)
    ]
    believed = rng.random((150, 3))
    seen = scene(answers, believed, look)
    before = look.copy()
    found = detector.detect(seen)
    assert found
    assert all(0 <= signal.score <= 1 and signal.reason.endswith(".") for signal in found.values())
    assert set(found) <= set(range(len(seen.labels)))
    assert detector.detect(seen) == found
    assert np.array_equal(look, before)
    assert detector.detect(scene([], np.zeros((0, 3)))) == {}
