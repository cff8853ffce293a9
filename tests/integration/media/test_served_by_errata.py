"""Where Label Studio cannot show reviewers a picture, errata does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from errata.audit.progress import LineProgress
from errata.errors import SettingError
from errata.labelstudio.media import ProjectMedia
from errata.labelstudio.media_links import LIFETIME_S, MediaLinks
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.review_tasks import TRIAL
from errata.labelstudio.trial import try_media
from errata.settings import Settings
from errata.wiring import BeliefOptions, Wiring

PAGE = {"Origin": "http://labels.example.com", "Sec-Fetch-Site": "cross-site"}
GIVEN = [{"id": "g", "from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["car"]}}]


@pytest.fixture
def far(label_studio: Any, make_source: Any, unshared: str) -> SimpleNamespace:
    """A project of a labelled picture on a web server that lets no other site's page read it."""
    project_id = make_source()
    address = f"{unshared}shots/a.png"
    label_studio.client.post(
        f"api/projects/{project_id}/import", [{"data": {"image": address}, "annotations": [{"result": GIVEN}]}]
    )
    return SimpleNamespace(id=project_id, title="Media", host=unshared.removeprefix("http://").rstrip("/"))


@pytest.fixture
def wired(label_studio: Any, tmp_path: Path, far: SimpleNamespace) -> Iterator[Callable[..., Wiring]]:
    """Open errata's use cases as a command does."""
    opened: list[Wiring] = []

    def make(**more: Any) -> Wiring:
        opened.append(
            Wiring(
                Settings(
                    _env_file=None,
                    label_studio_url=label_studio.url,
                    label_studio_token=SecretStr(label_studio.token),
                    data_dir=tmp_path / "errata",
                    media_hosts=(far.host,),
                    encoder="pixels",
                    **more,
                )
            )
        )
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def serve(service_on: Any, tmp_path: Path, far: SimpleNamespace) -> Callable[[], str]:
    """Run `errata serve` on the same data folder; return its address."""
    variables = {"ERRATA_MEDIA_HOSTS": f'["{far.host}"]', "ERRATA_BACKEND_PASSWORD": "secret"}
    return lambda: str(service_on(tmp_path / "errata", **variables).start())


def test_errata_serves_what_label_studio_cannot(
    label_studio: Any, far: SimpleNamespace, wired: Any, serve: Any, snapshot: Any, entries: Any, png: bytes
) -> None:
    """connect's trial finds it out, tries errata, and from then on review tasks have errata's signed addresses."""
    wiring = wired(public_url=serve())
    trial = wiring.try_media(far.id)
    assert (trial.is_loaded, trial.is_served_by_errata, trial.problem) == (True, True, None)
    assert trial.address == f"{wiring.public_url}/media/{far.id}/{snapshot(far).tasks[0].id}/image"
    assert wiring.project_settings.get(far.id).media == "errata"

    of = snapshot(far)
    review = wiring.review_project(of)
    review.insert(entries(of, [0.9]))
    (task,) = label_studio.client.get("api/tasks/", {"project": review.find(), "fields": "all"})["tasks"]
    said = httpx.get(task["data"]["image"], headers=PAGE, trust_env=False)  # no password, no session
    assert (said.status_code, said.content, said.headers["content-type"]) == (200, png, "image/png")
    assert task["data"]["source_url"].startswith(label_studio.url)
    assert httpx.get(task["data"]["image"].replace("/image", "/other"), trust_env=False).status_code == 403
    wiring.tend_review(far.id)
    (again,) = label_studio.client.get("api/tasks/", {"project": review.find(), "fields": "all"})["tasks"]
    assert again["data"] == task["data"]


def test_without_an_address_connect_says_what_to_do(far: SimpleNamespace, wired: Any) -> None:
    """No public URL: what is wrong, and that errata could serve the pictures."""
    trial = wired().try_media(far.id)
    assert not trial.is_loaded
    assert "(CORS)" in trial.problem
    assert "set ERRATA_PUBLIC_URL" in trial.problem


def test_an_errata_that_does_not_run_is_not_chosen(far: SimpleNamespace, wired: Any) -> None:
    """A public URL where nobody answers does not become the pictures' address."""
    wiring = wired(public_url="http://127.0.0.1:9")
    trial = wiring.try_media(far.id)
    assert not trial.is_loaded
    assert "does `errata serve` run?" in trial.problem
    assert wiring.project_settings.get(far.id).media is None


def test_where_label_studio_shows_them_it_serves_them_again(
    label_studio: Any, project: Any, wired: Any, snapshot: Any, entries: Any
) -> None:
    """Once the cause is mended, connect gives the pictures back, and the next audit the review tasks' addresses."""
    source = project(["car", "truck"])
    wiring = wired(public_url="http://127.0.0.1:9")
    wiring.project_settings.put(
        source.id, wiring.project_settings.get(source.id).model_copy(update={"media": "errata"})
    )
    of = snapshot(source)
    review = wiring.review_project(of)
    review.insert(entries(of, [0.9, 0.8]))
    trial = wiring.try_media(source.id)
    assert (trial.is_loaded, trial.is_served_by_errata) == (True, False)
    assert wiring.project_settings.get(source.id).media == "label_studio"
    wiring.tend_review(source.id)
    tasks = label_studio.client.get("api/tasks/", {"project": review.find(), "fields": "all"})["tasks"]
    assert [task["data"]["image"] for task in tasks] == [task.data["image"] for task in of.tasks]


class Clock:
    """Seconds since 1970."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def test_addresses_are_renewed_and_nobody_loses_a_thing(
    label_studio: Any, far: SimpleNamespace, snapshot: Any, entries: Any, footprint: Any, decide: Any
) -> None:
    """Before they expire they are changed in place: the review task, its answer and its other data stay."""
    clock, of = Clock(), snapshot(far)
    links = MediaLinks("http://127.0.0.1:9", "secret", clock)
    review = ReviewProject(label_studio.client, of, footprint, links)
    (review_task,) = review.insert(entries(of, [0.9]))
    answer = decide(review_task, "keep", "car")

    def task() -> dict[str, Any]:
        (found,) = label_studio.client.get("api/tasks/", {"project": review.find(), "fields": "all"})["tasks"]
        return dict(found)

    first = task()
    assert review.renew_media() == 0
    clock.now += LIFETIME_S - 5 * 86_400
    assert review.renew_media() == 1
    assert review.renew_media() == 0
    second = task()
    assert second["id"] == first["id"]
    assert second["data"]["image"] != first["data"]["image"]
    assert {k: v for k, v in second["data"].items() if k != "image"} == {
        k: v for k, v in first["data"].items() if k != "image"
    }
    assert [each.review_annotation_id for each in review.read()] == [answer]
    assert try_media(label_studio.client, of, review, ProjectMedia(label_studio.client), 10**6).is_loaded is False


def test_an_audit_tidies_up(
    label_studio: Any, project: Any, wired: Any, snapshot: Any, entries: Any, png: bytes
) -> None:
    """What a crash left of a trial goes, and addresses that errata is to serve take the place of Label Studio's."""
    source = project(["car", "truck"] * 4)
    wiring = wired(public_url="http://127.0.0.1:9")
    of = snapshot(source)
    review = wiring.review_project(of)
    (review_task,) = review.insert(entries(of, [0.9])[:1])
    left = {"image": "/data/upload/1/a.png", review.columns("finding"): f"{TRIAL}{int(time.time()) - 3600}"}
    label_studio.client.post(f"api/projects/{review.find()}/import", [{"data": left}])
    said = wiring.project_settings.get(source.id)
    wiring.project_settings.put(source.id, said.model_copy(update={"media": "errata", "predictions": "none"}))

    wiring.tend_review(source.id)
    tasks = label_studio.client.get("api/tasks/", {"project": review.find(), "fields": "all"})["tasks"]
    assert [task["id"] for task in tasks] == [review_task]
    assert tasks[0]["data"]["image"].startswith(f"http://127.0.0.1:9/media/{source.id}/{of.tasks[0].id}/image?expires=")

    wiring.audit(source.id, BeliefOptions(), LineProgress(lambda _: None))
    tasks = label_studio.client.get("api/tasks/", {"project": review.find(), "fields": "all"})["tasks"]
    assert all(task["data"]["image"].startswith(f"http://127.0.0.1:9/media/{source.id}/") for task in tasks)


def test_an_errata_without_an_address_gives_the_pictures_back(wired: Any, project: Any) -> None:
    """Who takes ERRATA_PUBLIC_URL away is told at an audit what is missing, and connects again to be rid of it."""
    source, wiring = project(["car", "truck"]), wired()
    said = wiring.project_settings.get(source.id)
    wiring.project_settings.put(source.id, said.model_copy(update={"media": "errata"}))
    with pytest.raises(SettingError, match="ERRATA_PUBLIC_URL is not set"):
        wiring.tend_review(source.id)
    wiring.review_project_id(source.id)
    assert wiring.try_media(source.id).is_loaded
    wiring.tend_review(source.id)
