from __future__ import annotations

import io
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
