"""Predictions in a real source project."""

import pytest

from errata.audit.ports import Prediction
from errata.errors import ErrataError
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.predictions import SourcePredictions


@pytest.fixture
def source(project):
    return project(["truck", "car", "car"])


@pytest.fixture
def of(snapshot, source):
    return snapshot(source)


@pytest.fixture
def sink(label_studio, source, of, footprint):
    return SourcePredictions(label_studio.client, source.id, of.label_config, footprint, shows_version=True)


@pytest.fixture
def believe(of):
    def make(task_ids, label="car", score=0.8):
        region = Codecs().region(of.controls[0], label, score)
        return [Prediction(task_id, (region,), score) for task_id in task_ids]

    return make


def shown(label_studio, source):
    return label_studio.client.get(f"api/projects/{source.id}/")["model_version"] or ""


def test_predictions_are_stored_with_their_scores(sink, believe, source, label_studio, footprint):
    """Version, score and the region's own score are there; the version is written down as ours."""
    assert sink.push("errata-1", believe(source.task_ids)) == 3
    listed = label_studio.client.paged("api/tasks/", {"project": source.id, "fields": "all"})
    for task in listed:
        (prediction,) = task["predictions"]
        assert (prediction["model_version"], prediction["score"]) == ("errata-1", 0.8)
        assert prediction["result"][0]["score"] == 0.8
    assert [(t.kind, t.ref) for t in footprint.of_project(source.id)] == [("predictions", "errata-1")]


def test_a_task_deleted_meanwhile_does_not_stop_the_rest(sink, believe, source, label_studio):
    """Label Studio refuses a whole request for one unknown task; the others are stored all the same."""
    label_studio.client.delete(f"api/tasks/{source.task_ids[1]}/")
    assert sink.push("errata-1", believe(source.task_ids)) == 2


@pytest.mark.parametrize(("label", "score"), [("bus", 0.5), ("car", 1.5), ("car", float("nan"))])
def test_what_label_studio_would_drop_is_not_sent(sink, believe, source, label_studio, label, score):
    """An unknown label or a score outside [0, 1] is an error, and nothing of the chunk is stored."""
    good, bad = believe(source.task_ids[:1]), believe(source.task_ids[1:2], label, score)
    with pytest.raises(ErrataError, match=rf"drop the prediction for task {source.task_ids[1]} .* Audit again"):
        sink.push("errata-1", [*good, *bad])
    assert label_studio.client.get(f"api/projects/{source.id}/model-versions/") == {}


def test_only_own_versions_are_retired(sink, believe, source, label_studio, footprint):
    """Other people's predictions stay, and so do the versions that are kept."""
    rows = [{"task": t, "result": [], "score": 0.5, "model_version": "theirs"} for t in source.task_ids]
    label_studio.client.post(f"api/projects/{source.id}/import/predictions", rows)
    for version in ("errata-1", "errata-2", "errata-3"):
        sink.push(version, believe(source.task_ids))
    assert sink.retire(["errata-3", "errata-2"]) == 3
    stored = label_studio.client.get(f"api/projects/{source.id}/model-versions/")
    assert stored == {"errata-2": 3, "errata-3": 3, "theirs": 3}
    assert [trace.ref for trace in footprint.of_project(source.id)] == ["errata-2", "errata-3"]


def test_the_version_is_announced_where_the_field_is_free(sink, believe, source, label_studio, footprint):
    """An empty field and errata's own are set; what people chose stays. What was before is remembered once."""
    sink.push("errata-1", believe(source.task_ids))
    sink.push("errata-2", believe(source.task_ids))
    sink.announce("errata-1")
    assert shown(label_studio, source) == "errata-1"
    sink.announce("errata-2")
    assert shown(label_studio, source) == "errata-2"
    (trace,) = [t for t in footprint.of_project(source.id) if t.kind == "model_version"]
    assert trace.details == {"before": ""}


def test_the_version_stays_empty_where_nobody_let_errata_choose(source, of, believe, label_studio, footprint):
    """By default nothing is written to the project's own field, though predictions are there."""
    sink = SourcePredictions(label_studio.client, source.id, of.label_config, footprint)
    sink.push("errata-1", believe(source.task_ids))
    sink.announce("errata-1")
    assert shown(label_studio, source) == ""
    assert [trace.kind for trace in footprint.of_project(source.id)] == ["predictions"]


def test_own_predictions_are_withdrawn_from_some_tasks(sink, believe, source, label_studio):
    """All versions of errata's, of these tasks alone, and nobody else's."""
    rows = [{"task": t, "result": [], "score": 0.5, "model_version": "theirs"} for t in source.task_ids]
    label_studio.client.post(f"api/projects/{source.id}/import/predictions", rows)
    for version in ("errata-1", "errata-2"):
        sink.push(version, believe(source.task_ids))
    assert sink.withdraw(source.task_ids[:2]) == 4
    listed = label_studio.client.paged("api/tasks/", {"project": source.id, "fields": "all"})
    left = {task["id"]: sorted(each["model_version"] for each in task["predictions"]) for task in listed}
    first, second, third = source.task_ids
    assert left == {first: ["theirs"], second: ["theirs"], third: ["errata-1", "errata-2", "theirs"]}


def test_a_chosen_version_is_left_alone(sink, believe, source, label_studio, footprint):
    """Somebody else's model version is not replaced."""
    rows = [{"task": t, "result": [], "score": 0.5, "model_version": "theirs"} for t in source.task_ids]
    label_studio.client.post(f"api/projects/{source.id}/import/predictions", rows)
    label_studio.client.patch(f"api/projects/{source.id}/", {"model_version": "theirs"})
    sink.push("errata-1", believe(source.task_ids))
    sink.announce("errata-1")
    assert shown(label_studio, source) == "theirs"
    assert not [t for t in footprint.of_project(source.id) if t.kind == "model_version"]
