from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

Serve = Callable[..., Any]
MakeProject = Callable[..., Any]


@pytest.fixture
def api(label_studio: Any) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Token {label_studio.token}"}
    with httpx.Client(base_url=label_studio.url, headers=headers, timeout=120, trust_env=False) as http:
        yield http


def eventually(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


def test_label_studio_attaches_errata_retrieves_predictions_and_starts_training(
    api: httpx.Client, label_studio: Any, project: MakeProject, serve: Serve
) -> None:
    """The whole contract as Label Studio itself speaks it: form with Basic authentication, predictions, training."""
    made = project(["car", "truck"] * 10)
    listed = api.get("/api/tasks", params={"project": made.id, "fields": "all", "page_size": 100}).json()["tasks"]
    # The stand-in for an audit takes a task's class from its id, so each task is given the media of its id's parity.
    audited = {}
    for task in listed:
        media = httpx.get(
            label_studio.url.rstrip("/") + task["data"]["image"],
            headers=api.headers,
            timeout=30,
            trust_env=False,
            follow_redirects=True,
        )
        audited[f"audited/{task['id']}.png"] = media.content
    served = serve(audited, project_id=made.id, password="pässwort")
    for task in listed:
        data = {"image": f"/data/{task['id']}.png"}
        assert api.patch(f"/api/tasks/{task['id']}/", json={"data": data}).status_code == 200

    form = {
        "url": served.url,
        "project": made.id,
        "title": "errata",
        "auth_method": "BASIC_AUTH",
        "basic_auth_user": "errata",
        "basic_auth_pass": "wrong",
    }
    refused = api.post("/api/ml/", json=form)
    assert refused.status_code == 400, refused.text
    attached = api.post("/api/ml/", json={**form, "basic_auth_pass": "pässwort"})
    assert attached.status_code == 201, attached.text
    backend = attached.json()["id"]

    shown = api.get("/api/ml/", params={"project": made.id}).json()[0]
    assert (shown["state"], shown["model_version"]) == ("CO", "errata-first")
    assert api.get(f"/api/ml/{backend}/versions").json()["versions"] == ["errata-first"]

    selected = {"all": True, "excluded": []}
    for _ in range(2):  # the second time Label Studio has them all and asks for none
        retrieved = api.post(
            "/api/dm/actions",
            params={"id": "retrieve_tasks_predictions", "project": made.id},
            json={"selectedItems": selected, "ordering": [], "filters": {"conjunction": "and", "items": []}},
        )
        assert retrieved.status_code == 200, retrieved.text
    predictions = api.get("/api/predictions/", params={"project": made.id}).json()
    assert sorted(p["task"] for p in predictions) == sorted(task["id"] for task in listed)
    for prediction in predictions:
        (region,) = prediction["result"]
        assert prediction["model_version"] == "errata-first"
        assert prediction["score"] == region["score"]
        assert 0 <= region["score"] <= 1

    trained = api.post(f"/api/ml/{backend}/train")
    assert trained.status_code == 200, trained.text
    eventually(lambda: list(served.folder.glob("job-*")))
    jobs = served.http.get("/").json()["jobs"]
    assert [(job["name"], job["project_id"], job["state"]) for job in jobs] == [("audit", made.id, "running")]
    log = (served.folder / "serve.log").read_text()
    assert label_studio.token not in log
    assert "POST /predict 200" in log
    assert api.delete(f"/api/ml/{backend}").status_code == 204


def test_webhooks_of_label_studio_arrive(api: httpx.Client, project: MakeProject, serve: Serve) -> None:
    """A webhook with the secret, as `errata connect` makes it: an annotation leads to an audit after some quiet."""
    made = project(["car", "truck", "car", "truck"])
    served = serve({f"audited/{n}.png": _png(n) for n in range(1, 5)}, project_id=made.id, password="pw")
    hook = {
        "project": made.id,
        "url": f"{served.url}/webhook",
        "send_payload": True,
        "send_for_all_actions": True,
        "headers": {"X-Errata-Secret": "s3cret"},
    }
    created = api.post("/api/webhooks/", json=hook)
    assert created.status_code == 201, created.text
    assert api.patch(f"/api/projects/{made.id}/", json={"description": "new"}).status_code == 200
    assert served.http.get("/").json()["jobs"] == []
    changed = api.patch(f"/api/annotations/{made.annotation_ids[0]}/", json={"result": []})
    assert changed.status_code == 200, changed.text
    jobs = served.http.get("/").json()["jobs"]
    assert [(job["name"], job["project_id"], job["state"]) for job in jobs] == [("audit", made.id, "waiting")]
    log = (served.folder / "serve.log").read_text()
    assert log.count("POST /webhook 200") == 2
    assert "s3cret" not in log


def _png(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (60 * (number % 2), number, 90)).save(buffer, "PNG")
    return buffer.getvalue()
