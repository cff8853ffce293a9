"""Regions that errata has no learner for, held against whoever says something about most tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from errata.audit.believe_unlearned import UnlearnedRegionBeliever
from errata.audit.snapshot import Drawn, Snapshot, StoredPrediction, Task
from errata.errors import NothingToLearn
from errata_model.records import Control, GivenLabel
from errata_model.regions.records import Region
from errata_model.regions.shapes import Span

HEARD = Control("heard", "spans", "audio", "sound", "sound", ("bark", "speech"), type="labels")
SEEN = replace(HEARD, name="seen")
BARK = (Region("a", "bark", Span(0, 1), 0.9),)


def task(n: int, people: Sequence[str], versions: Mapping[str, Sequence[Region]], control: str = "heard") -> Task:
    """Describe a task that these people marked, and whose predictions mark these regions."""
    drawn = []
    for k, person in enumerate(people):
        answer = GivenLabel(n, 10 * n + k, person, control, None, "spans", None, "")
        drawn.append(Drawn(answer, (replace(answer, region_id="a", label="bark", value_hash="h"),), BARK))
    labels = tuple(label for each in drawn for label in each.labels)
    said = tuple(StoredPrediction(version, control, {}, tuple(regions)) for version, regions in versions.items())
    return Task(n, {"sound": f"{n}.wav"}, labels, bool(drawn), predictions=said, drawn=tuple(drawn))


def believe(tasks: Sequence[Task], told: Any, *controls: Control) -> Any:
    snapshot = Snapshot("", 1, "Sounds", "<View/>", controls or (HEARD,), (), tuple(tasks))
    return UnlearnedRegionBeliever().believe(snapshot, told)


def test_whoever_speaks_about_most_tasks_is_believed(studio: Any) -> None:
    """Predictions of one version, never errata's own, nor those that mark nothing; or the other annotators."""
    versions = {"vad": BARK, "errata-0": BARK, "silent": ()}
    predicted = [task(1, ["1"], versions), task(2, ["1"], versions), task(3, ["1", "2"], {"errata-0": BARK})]
    belief = believe(predicted, studio.told)
    assert belief.repeats == "vad"
    assert belief.artefact.region_beliefs[0].task_ids.tolist() == [1, 2]
    assert belief.remarks[0] == 'errata has no learner for "heard" (labels on audio).'
    shared = [*predicted, task(4, ["1", "3"], {})]
    assert set(believe(shared, studio.told).artefact.region_beliefs[0].task_ids.tolist()) == {3, 4}


def test_each_control_has_its_own_source_and_those_without_are_left_alone(studio: Any) -> None:
    """What is said about a control's findings is about whom that control is held against."""
    tasks = [task(1, ["1"], {"vad": BARK}), task(2, ["1", "2"], {}, "seen"), task(3, ["1"], {}, "felt")]
    belief = believe(tasks, studio.told, HEARD, SEEN, replace(HEARD, name="felt"))
    assert belief.source_of("heard") == 'It is what the predictions "vad" say.'
    assert belief.source_of("seen") != belief.source_of("heard")
    assert any('"felt"' in said and "--belief stored" in said for said in studio.told.said)
    with pytest.raises(NothingToLearn, match="neither predictions nor several people mark the same tasks"):
        believe([task(1, ["1"], {})], studio.told)
