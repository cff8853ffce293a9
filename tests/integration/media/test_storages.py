"""Whatever keeps the source's pictures: audits read them, and a reviewer who made nothing sees them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from errata.labelstudio.media import ProjectMedia
from errata.labelstudio.source_files import TaskFiles
from errata.labelstudio.trial import try_media

GIVEN = [{"id": "g", "from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["car"]}}]


@pytest.fixture
def uploads(label_studio: Any, make_source: Any, png: bytes) -> tuple[int, tuple[str, ...]]:
    """A project of an uploaded picture."""
    project_id = make_source()
    label_studio.client.upload(f"api/projects/{project_id}/import", [("a.png", png)])
    return project_id, ()


@pytest.fixture
def local_files(label_studio: Any, make_source: Any, local_file: Any, png: bytes) -> tuple[int, tuple[str, ...]]:
    """A project whose tasks were made from a folder that Label Studio serves."""
    project_id = make_source()
    folder = local_file(f"shots {project_id}/ä 1.png", png)
    storage = label_studio.client.post(
        "api/storages/localfiles/", {"project": project_id, "path": folder, "use_blob_urls": True}
    )
    label_studio.client.post(f"api/storages/localfiles/{storage['id']}/sync", {})
    return project_id, ()


@pytest.fixture(params=[True, False], ids=["presigned", "through_label_studio"])
def bucket(
    request: pytest.FixtureRequest, label_studio: Any, make_source: Any, s3: Any, png: bytes
) -> tuple[int, tuple[str, ...]]:
    """A project whose tasks were made from a bucket of an S3-compatible server."""
    project_id = make_source()
    name = f"bucket-{project_id}"
    s3.make_bucket(name, {"shots/a 1.png": png})
    storage = label_studio.client.post(
        "api/storages/s3/",
        {
            "project": project_id,
            "bucket": name,
            "prefix": "shots",
            "aws_access_key_id": "k",
            "aws_secret_access_key": "s",
            "s3_endpoint": s3.url,
            "use_blob_urls": True,
            "presign": request.param,
        },
    )
    label_studio.client.post(f"api/storages/s3/{storage['id']}/sync", {})
    return project_id, (s3.host,)


@pytest.fixture
def plain(label_studio: Any, make_source: Any, s3: Any, png: bytes) -> tuple[int, tuple[str, ...]]:
    """A project of a picture that stands on some web server."""
    project_id = make_source()
    s3.make_bucket(f"web-{project_id}", {"a.png": png}, is_public=True)
    task = {"data": {"image": f"{s3.url}/web-{project_id}/a.png"}}
    label_studio.client.post(f"api/projects/{project_id}/import", [task])
    return project_id, (s3.host,)


@pytest.fixture
def inline(label_studio: Any, make_source: Any, png: bytes) -> tuple[int, tuple[str, ...]]:
    """A project of a picture that stands in the task itself."""
    project_id = make_source()
    task = {"data": {"image": f"data:image/png;base64,{base64.b64encode(png).decode()}"}}
    label_studio.client.post(f"api/projects/{project_id}/import", [task])
    return project_id, ()


def tasks_of(client: Any, project_id: int, **asked: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("api/tasks/", {"project": project_id, "fields": "all", **asked})["tasks"]
    return found


def check(
    label_studio: Any, snapshot: Any, entries: Any, queue: Any, join: Callable[..., Any], source: Any, png: bytes
) -> None:
    """Read the source's picture as an audit does, publish a finding about it, and look at that as a reviewer."""
    client, (project_id, hosts) = label_studio.client, source
    (task,) = tasks_of(client, project_id, resolve_uri="false")
    client.post(f"api/tasks/{task['id']}/annotations/", {"result": GIVEN})
    media = ProjectMedia(client, hosts)
    assert media.read(task["data"]["image"], task["id"]) == png
    assert TaskFiles(client, media).read(project_id, task["id"], "image") == png

    of = snapshot(SimpleNamespace(id=project_id, title="Media"))
    review = queue(of)
    trial = try_media(client, of, review, media, 10**6)
    assert (trial.is_loaded, trial.problem) == (True, None)
    review.insert(entries(of, [0.9]))
    member = join()
    url = f"{client.url}api/tasks/"
    shown = member.http.get(url, params={"project": review.find(), "fields": "all"}).json()["tasks"]
    (address,) = [each["data"]["image"] for each in shown]
    assert member.load(f"{client.url}projects/{review.find()}/data", address) == png


@pytest.mark.parametrize("kind", ["uploads", "local_files", "plain"])
def test_audits_and_reviewers_see_the_picture(request, label_studio, snapshot, entries, queue, join, png, kind) -> None:
    """Uploads, local files and other web servers: the review task's address works for a member who made nothing."""
    check(label_studio, snapshot, entries, queue, join, request.getfixturevalue(kind), png)


def test_audits_and_reviewers_see_the_picture_in_a_bucket(
    label_studio, snapshot, entries, queue, join, png, bucket
) -> None:
    """S3, by presigned addresses and through Label Studio: its resolver works from the review project too."""
    check(label_studio, snapshot, entries, queue, join, bucket, png)


def test_what_stands_in_the_task_stands_in_the_review_task(label_studio, snapshot, entries, queue, inline, png) -> None:
    """A data: address is copied as it is, and the trial does not show it."""
    client, (project_id, _) = label_studio.client, inline
    (task,) = tasks_of(client, project_id)
    client.post(f"api/tasks/{task['id']}/annotations/", {"result": GIVEN})
    of = snapshot(SimpleNamespace(id=project_id, title="Media"))
    review = queue(of)
    trial = try_media(client, of, review, ProjectMedia(client), 10**6)
    assert (trial.is_loaded, trial.address) == (True, "data:")
    review.insert(entries(of, [0.9]))
    (shown,) = tasks_of(client, review.find())
    assert shown["data"]["image"] == task["data"]["image"]
