"""Client, source and media against a real Label Studio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from errata.errors import ConfigNotServed, ErrataError, LabelStudioGone, LabelStudioRefused, MediaError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.media import ProjectMedia
from errata.labelstudio.source import ProjectSource
from errata.labelstudio.task_list import task_filter, task_pages


class Recorder:
    """Progress that remembers, and does something after a page."""

    def __init__(self, after_page: Callable[[], None] = lambda: None) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.n = 0
        self._after_page = after_page

    def stage(self, name: str, total: int | None = None) -> None:
        self.stages.append((name, total))

    def advance(self, n: int = 1) -> None:
        self.n += n
        self._after_page()

    def say(self, text: str) -> None: ...


@pytest.fixture(params=["token", "pat"])
def client(label_studio: Any, request: pytest.FixtureRequest) -> Iterator[LabelStudio]:
    """Label Studio as one reaches it with either sort of token."""
    made = LabelStudio(label_studio.url, getattr(label_studio, request.param), deadline_s=120)
    yield made
    made.close()


def region(label: str, **fields: Any) -> dict[str, Any]:
    said = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [label]}}
    return {"id": "r", **said, **fields}


def test_a_project_is_read_with_labels_media_and_predictions(client: LabelStudio, project: Any) -> None:
    source = project(["car", "truck", "car"])
    stored = [{"task": source.task_ids[1], "result": [region("car", score=0.9)], "score": 0.9, "model_version": "v1"}]
    client.post(f"api/projects/{source.id}/import/predictions", stored)

    progress = Recorder()
    snapshot = ProjectSource(client, source.id).read(progress)

    assert (snapshot.url, snapshot.project_id, snapshot.title) == (client.url, source.id, source.title)
    assert [task.id for task in snapshot.tasks] == source.task_ids
    assert [task.labels[0].label for task in snapshot.tasks] == source.labels
    assert [task.labels[0].annotation_id for task in snapshot.tasks] == source.annotation_ids
    assert all(task.is_labeled and task.labels[0].annotator.isdigit() for task in snapshot.tasks)
    (prediction,) = snapshot.tasks[1].predictions
    assert prediction.probabilities == pytest.approx({"car": 0.9, "truck": 0.1})
    assert [task.prediction_versions for task in snapshot.tasks] == [(), ("v1",), ()]
    assert (progress.stages, progress.n) == ([("Reading tasks", 3)], 3)

    media = ProjectMedia(client)
    for task in snapshot.tasks:
        assert media.read(task.data["image"], task.id).startswith(b"\x89PNG")
    with pytest.raises(MediaError, match="500"):  # what Label Studio answers for an upload that is not there
        media.read("/data/upload/0/nothing.png", snapshot.tasks[0].id)
    with pytest.raises(MediaError, match="404"):
        media.read("s3://no-such-bucket/a.png", snapshot.tasks[0].id)
    media.close()


def test_skipped_empty_and_foreign_answers_are_counted_and_the_rest_is_read(label_studio: Any, project: Any) -> None:
    client, source = label_studio.client, project(["car", "truck"])
    task_id = source.task_ids[0]
    for body in (
        {"result": [region("truck")], "was_cancelled": True},
        {"result": []},
        {"result": [region("bicycle")]},
        {"result": [region("truck")]},
    ):
        client.post(f"api/tasks/{task_id}/annotations/", body)
    client.post(f"api/tasks/{task_id}/drafts", {"result": [region("truck")]})
    snapshot = ProjectSource(client, source.id).read(Recorder())
    assert [label.label for label in snapshot.tasks[0].labels] == ["car", "truck"]
    assert sum(snapshot.skipped.values()) == 3
    assert any('"bicycle"' in what for what in snapshot.skipped)


def test_tasks_deleted_while_reading_cost_no_other_task(label_studio: Any, project: Any) -> None:
    """What was read a page ahead may hold one that is gone since; nothing else is missing."""
    client, source = label_studio.client, project(["car"])
    path = f"api/projects/{source.id}/import"
    tasks = [{"data": {"image": f"/data/{n}.png"}} for n in range(600)]
    ids = source.task_ids + client.post(path, tasks, params={"return_task_ids": "true"})["task_ids"]
    gone = {ids[3], ids[100], ids[550]}
    doomed = sorted(gone)

    def delete() -> None:
        while doomed:
            client.delete(f"api/tasks/{doomed.pop()}/")

    snapshot = ProjectSource(client, source.id).read(Recorder(delete))
    assert [task.id for task in snapshot.tasks if task.id not in gone] == [each for each in ids if each not in gone]


def test_a_list_loses_no_task_when_others_are_deleted_between_its_pages(label_studio: Any, project: Any) -> None:
    """Every page begins after the last id before; by number, a task would have moved onto a page read already."""
    client, source = label_studio.client, project(["car"] * 6)
    pages = task_pages(client, source.id, {"include": "id"}, page_size=2)
    read = next(pages)
    client.delete(f"api/tasks/{source.task_ids[0]}/")
    read += [task for page in pages for task in page]
    assert [task["id"] for task in read] == source.task_ids
    labelled = [task_filter("total_annotations", "greater", "Number", 1)]
    assert list(task_pages(client, source.id, {"include": "id"}, labelled)) == [[]]


def test_a_config_without_choices_is_refused_by_its_tags(label_studio: Any) -> None:
    config = '<View><Image name="image" value="$image"/><Rectangle name="box" toName="image"/></View>'
    client = label_studio.client
    project_id = client.post("api/projects/", {"title": "Boxes", "label_config": config})["id"]
    try:
        with pytest.raises(ConfigNotServed, match='<Rectangle name="box">'):
            ProjectSource(client, project_id).read(Recorder())
    finally:
        client.delete(f"api/projects/{project_id}/")


def test_a_project_that_is_not_there_is_gone(client: LabelStudio) -> None:
    with pytest.raises(LabelStudioGone, match="No Project matches"):
        ProjectSource(client, 10**8).read(Recorder())


def test_wrong_tokens_are_refused_with_the_remedy(label_studio: Any) -> None:
    for token in ("0" * 40, label_studio.pat[:-4] + "AAAA"):
        client = LabelStudio(label_studio.url, token)
        with pytest.raises(LabelStudioRefused, match="Account & Settings") as raised:
            client.get("api/projects/")
        assert token not in str(raised.value)
        client.close()


def test_what_label_studio_does_not_accept_is_said_in_its_own_words(client: LabelStudio) -> None:
    with pytest.raises(ErrataError, match="at least 3 characters"):
        client.post("api/projects/", {"title": "a"})


def test_a_list_is_paged_to_its_end(client: LabelStudio, project: Any) -> None:
    source = project(["car", "truck", "car", "truck", "car"])
    params = {"project": source.id, "fields": "all"}
    assert [task["id"] for task in client.paged("api/tasks/", params, page_size=2)] == source.task_ids
    projects = [each["id"] for each in client.paged("api/projects/", page_size=1)]
    assert source.id in projects
    assert len(projects) == len(set(projects))
