"""Reading and writing annotations of a real source project."""

import pytest

from errata.audit.ports import Trace
from errata.errors import LabelStudioGone
from errata.labelstudio.annotations import SourceAnnotations, SourceSideEffects
from errata.labelstudio.codecs import Codecs


@pytest.fixture
def source(project):
    return project(["truck", "car", "car"])


@pytest.fixture
def annotations(label_studio, source):
    return SourceAnnotations(label_studio.client, source.id)


def test_writing_changes_the_result_alone(annotations, source):
    """Everything else of the annotation stays, but for who wrote last and when."""
    (annotation_id, *_) = source.annotation_ids
    before = annotations.read([annotation_id])[annotation_id]
    wanted = Codecs().replaced(before.result, "label", None, "car")
    annotations.write(annotation_id, wanted)
    after = annotations.read([annotation_id])[annotation_id]
    assert list(after.result) == wanted
    differing = {key for key in before.raw if before.raw[key] != after.raw[key]}
    assert differing <= {"result", "updated_at", "updated_by", "created_ago"}
    assert after.raw["lead_time"] == 3.5
    assert after.raw["ground_truth"] is False


def test_the_other_annotations_stay_as_they_are(annotations, source):
    """A write to one annotation leaves its neighbours, their times included."""
    first, *others = source.annotation_ids
    before = annotations.read(others)
    annotations.write(first, [])
    assert annotations.read(others) == before


def test_deleted_and_skipped_annotations_are_absent(annotations, source, label_studio):
    """There is nothing to correct in them."""
    first, second, third = source.annotation_ids
    label_studio.client.delete(f"api/annotations/{first}/")
    label_studio.client.patch(f"api/annotations/{second}/", {"was_cancelled": True})
    assert list(annotations.read([first, second, third])) == [third]
    with pytest.raises(LabelStudioGone):
        annotations.write(first, [])


def test_annotations_of_other_projects_are_absent(source, project, label_studio):
    """An id from elsewhere, as from another database, is never written to."""
    other = project(["car"])
    assert SourceAnnotations(label_studio.client, source.id).read(other.annotation_ids) == {}


def test_side_effects_are_told(label_studio, source, footprint):
    """Other people's webhooks are named by host alone; errata's own, switched off and unconcerned ones are not."""
    client = label_studio.client
    effects = SourceSideEffects(client, source.id, footprint)
    assert effects.read() == []
    url = "http://127.0.0.1:9/secret-path"
    hook = {"project": source.id, "url": url, "is_active": True, "send_for_all_actions": True}
    client.post("api/webhooks/", hook)
    client.post("api/webhooks/", {**hook, "is_active": False})
    client.post("api/webhooks/", {**hook, "send_for_all_actions": False, "actions": ["TASKS_CREATED"]})
    own = client.post("api/webhooks/", hook)
    footprint.add(source.id, Trace("webhook", str(own["id"])))
    told = "is called for every annotation that is written, and told"
    assert effects.read() == [f"The webhook to http://127.0.0.1:9 {told} its content and its task's."]
    client.post("api/webhooks/", {**hook, "url": "http://127.0.0.1:7/", "send_payload": False})
    assert effects.read(trains=False)[1:] == [f"The webhook to http://127.0.0.1:7 {told} no more than that."]
