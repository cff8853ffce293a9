"""The trial that connect makes: what it finds out, and that nobody notices it."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from errata.labelstudio.client import LabelStudio
from errata.labelstudio.media import ProjectMedia
from errata.labelstudio.review_tasks import TRIAL
from errata.labelstudio.trial import remove_left_trials, try_media

MOST_PIXELS = 10**6


@pytest.fixture
def opened(project: Any, snapshot: Any, queue: Any) -> SimpleNamespace:
    """A source project of two pictures and its empty review project."""
    source = project(["car", "truck"])
    of = snapshot(source)
    return SimpleNamespace(source=source, of=of, review=queue(of))


class Watching(ProjectMedia):
    """Media that look around while a trial is under way."""

    def __init__(self, client: LabelStudio, look: Any) -> None:
        super().__init__(client)
        self._look = look

    def read_as_page(self, url: str, page: str) -> bytes:
        self._look()
        return super().read_as_page(url, page)


@pytest.mark.parametrize("overlap", [1, 2])
def test_a_trial_is_never_work(label_studio: Any, opened: Any, join: Any, overlap: int) -> None:
    """While it is under way no stream serves it, no tab of open work lists it, and it is no finding and no answer."""
    client, member, seen = label_studio.client, join(), {}
    review_id = opened.review.ensure()
    client.patch(f"api/projects/{review_id}/", {"maximum_annotations": overlap})
    (to_review,) = [
        view["id"]
        for view in client.get("api/dm/views/", {"project": review_id})
        if view["data"]["title"].startswith("To review")
    ]

    def look() -> None:
        seen["tasks"] = client.get("api/tasks/", {"project": review_id})["total"]
        seen["stream"] = member.http.get(f"{client.url}api/projects/{review_id}/next").status_code
        seen["tab"] = client.get("api/tasks/", {"view": to_review})["total"]
        seen["findings"], seen["answers"] = opened.review.items(), opened.review.read()

    trial = try_media(client, opened.of, opened.review, Watching(client, look), MOST_PIXELS)
    assert trial.is_loaded
    assert seen == {"tasks": 1, "stream": 404, "tab": 0, "findings": [], "answers": []}
    assert client.get("api/tasks/", {"project": review_id})["total"] == 0


def test_a_trial_leaves_the_review_project_as_it_was(label_studio: Any, opened: Any, entries: Any, decide: Any) -> None:
    """Tabs, as people changed them, tasks, answers and the prefilled version stay."""
    client = label_studio.client

    def state() -> Any:
        review_id = opened.review.find()
        views = client.get("api/dm/views/", {"project": review_id})
        project = client.get(f"api/projects/{review_id}/")
        kept = (
            "model_version",
            "label_config",
            "task_number",
            "num_tasks_with_annotations",
            "total_annotations_number",
        )
        tasks = client.get("api/tasks/", {"project": review_id, "fields": "all"})["tasks"]
        return views, {key: project[key] for key in kept}, [(task["id"], task["data"]) for task in tasks]

    opened.review.ensure()
    empty = state()
    assert try_media(client, opened.of, opened.review, ProjectMedia(client), MOST_PIXELS).is_loaded
    assert state() == empty
    first, _ = opened.review.insert(entries(opened.of, [0.9, 0.8]))
    decide(first, "keep", "car")
    filled = state()
    assert try_media(client, opened.of, opened.review, ProjectMedia(client), MOST_PIXELS).is_loaded
    assert state() == filled


def test_the_next_trial_and_audit_remove_what_a_crash_left(label_studio: Any, opened: Any) -> None:
    """A trial that is old is removed; one that may be under way elsewhere, and people's own tasks, stay."""
    client, review_id = label_studio.client, opened.review.ensure()
    now = int(time.time())
    finding, data = opened.review.columns("finding"), {"image": "/data/upload/1/a.png"}
    tasks = [{"data": {**data, finding: f"{TRIAL}{then}"}} for then in (now - 3600, now)] + [{"data": data}]
    ids = client.post(f"api/projects/{review_id}/import", tasks, params={"return_task_ids": "true"})["task_ids"]
    remove_left_trials(client, review_id, opened.review.columns)
    left = client.get("api/tasks/", {"project": review_id})["tasks"]
    assert sorted(task["id"] for task in left) == ids[1:]


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("/data/upload/1/gone.png", "upload is gone"),
        ("/data/local-files/?d=nowhere/a.png", "below the path of a local storage"),
        ("http://127.0.0.1:1/a.png", "ERRATA_MEDIA_HOSTS"),
        ("s3://no-such-bucket/a.png", "no storage of the source project"),
        ("data:image/png;base64,AAAA", "The picture in the task: "),
    ],
)
def test_what_does_not_load_is_named_with_what_to_do(
    label_studio: Any, make_source: Any, snapshot: Any, queue: Any, address: str, problem: str
) -> None:
    """A picture that reviewers would not see: which one, and why."""
    client, project_id = label_studio.client, make_source()
    client.post(f"api/projects/{project_id}/import", [{"data": {"image": address}}])
    of = snapshot(SimpleNamespace(id=project_id, title="Media"))
    trial = try_media(client, of, queue(of), ProjectMedia(client), MOST_PIXELS)
    assert not trial.is_loaded
    assert problem in str(trial.problem)
    assert "?" not in trial.address


def test_a_host_that_does_not_share_with_pages_is_found_out(
    label_studio: Any, make_source: Any, snapshot: Any, queue: Any, unshared: Any
) -> None:
    """Label Studio's page fetches pictures by script: without CORS they load for errata and not for reviewers."""
    client, project_id = label_studio.client, make_source()
    client.post(f"api/projects/{project_id}/import", [{"data": {"image": f"{unshared}a.png"}}])
    of = snapshot(SimpleNamespace(id=project_id, title="Media"))
    media = ProjectMedia(client, (unshared.removeprefix("http://").rstrip("/"),))
    assert media.read(f"{unshared}a.png", 1)
    trial = try_media(client, of, queue(of), media, MOST_PIXELS)
    assert "(CORS)" in str(trial.problem)


def test_a_project_without_pictures_says_so(label_studio: Any, make_source: Any, snapshot: Any, queue: Any) -> None:
    """There is nothing to try yet, which is no failure of anything."""
    of = snapshot(SimpleNamespace(id=make_source(), title="Media"))
    client = label_studio.client
    trial = try_media(client, of, queue(of), ProjectMedia(client), MOST_PIXELS)
    assert (trial.is_loaded, trial.address) == (False, "")
    assert f"project {of.project_id} has a picture" in str(trial.problem)
