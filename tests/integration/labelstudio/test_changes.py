"""What a look for changes sees on a real Label Studio."""

from __future__ import annotations

from typing import Any

from errata.audit.progress import LineProgress
from errata.labelstudio.changes import LabelChanges, answers_mark, is_there
from errata.labelstudio.source import ProjectSource

CAR = [{"id": "r", "from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["car"]}}]


def newest(client: Any, project_id: int) -> str:
    return str(ProjectSource(client, project_id).read(LineProgress(lambda _: None)).newest_change)


def test_changed_labels_are_seen_and_stored_answers_of_predict_are_not(label_studio: Any, project: Any) -> None:
    """Predictions stored one by one move `updated_at` like a label does; only labels, data and tasks count."""
    client, made = label_studio.client, project(["car", "truck", "car"])
    changes, since = LabelChanges(client), newest(client, made.id)
    assert not changes.have_changed(made.id, since)
    for task_id in made.task_ids:
        client.post("api/predictions/", {"task": task_id, "result": CAR, "model_version": "errata-1"})
    assert newest(client, made.id) > since
    assert not changes.have_changed(made.id, since)
    assert not changes.have_changed(made.id, since)

    for change in (
        lambda: client.patch(f"api/annotations/{made.annotation_ids[0]}/", {"result": CAR}),
        lambda: client.delete(f"api/annotations/{made.annotation_ids[1]}/"),
        lambda: client.patch(f"api/tasks/{made.task_ids[2]}/", {"data": {"image": "/data/other.png"}}),
        lambda: client.post(f"api/projects/{made.id}/import", [{"data": {"image": "/data/new.png"}}]),
    ):
        since = newest(client, made.id)
        assert not changes.have_changed(made.id, since)
        change()
        assert changes.have_changed(made.id, since)
        assert changes.have_changed(made.id, since)


def test_a_label_that_changed_before_a_prediction_was_stored_is_seen(label_studio: Any, project: Any) -> None:
    """The prediction comes last and does not hide it."""
    client, made = label_studio.client, project(["car", "truck"])
    since = newest(client, made.id)
    client.patch(f"api/annotations/{made.annotation_ids[1]}/", {"result": CAR})
    client.post("api/predictions/", {"task": made.task_ids[1], "result": CAR, "model_version": "errata-1"})
    assert LabelChanges(client).have_changed(made.id, since)


def test_every_change_of_answers_changes_their_mark(label_studio: Any, project: Any) -> None:
    """Made, changed, deleted: each gives another mark; looking gives the same; a project that is gone gives none."""
    client, made = label_studio.client, project(["car", "truck"])
    marks = [answers_mark(client, [made.id])]
    assert answers_mark(client, [made.id]) == marks[0]
    answer = client.post(f"api/tasks/{made.task_ids[0]}/annotations/", {"result": CAR})["id"]
    marks.append(answers_mark(client, [made.id]))
    client.patch(f"api/annotations/{answer}/", {"result": []})
    marks.append(answers_mark(client, [made.id]))
    client.delete(f"api/annotations/{answer}/")
    marks.append(answers_mark(client, [made.id]))
    assert len(set(marks)) == 4
    assert None not in marks
    assert (is_there(client, made.id), is_there(client, 10**8)) == (True, False)
    assert answers_mark(client, [10**8]) is None
    assert answers_mark(client, [10**8, made.id]) == marks[-1]
