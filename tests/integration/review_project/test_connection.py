"""Connecting and disconnecting on a real Label Studio, with a service that answers as errata does."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from errata.audit.ports import Trace
from errata.errors import LabelStudioRefused, SettingError
from errata.labelstudio.connection import SECRET_HEADER, connect, disconnect, is_attached_in_form
from errata.labelstudio.review_project import find_review_project

PASSWORD, SECRET = "backend-password", "webhook-secret"


@dataclass
class Service:
    """What Label Studio calls; remembers what it was sent."""

    url: str = ""
    calls: list[tuple[str, dict[str, str], dict]] = field(default_factory=list)

    def events(self) -> list[tuple[str, str | None]]:
        return [
            (body["action"], {k.lower(): v for k, v in headers.items()}.get(SECRET_HEADER.lower()))
            for path, headers, body in self.calls
            if path == "/webhook"
        ]


@pytest.fixture
def service() -> Iterator[Service]:
    seen = Service()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.calls.append((self.path, dict(self.headers), json.loads(body or b"{}")))
            wanted = "Basic " + base64.b64encode(f"errata:{PASSWORD}".encode()).decode()
            allowed = self.path == "/webhook" or self.headers.get("Authorization") == wanted
            said = json.dumps({"status": "UP", "model_version": "errata-1"}).encode()
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield seen
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def source(project):
    return project(["truck", "car"])


@pytest.fixture
def tie(label_studio, footprint, service, source):
    def do(**changes):
        settings = {
            "public_url": service.url + "/",
            "user": "errata",
            "password": PASSWORD,
            "webhook_secret": SECRET,
            "footprint": footprint,
            "attach_backend": True,
        }
        return connect(label_studio.client, source.id, **{**settings, **changes})

    return do


def state(label_studio, project_id):
    """Return what a project looks like apart from its labels."""
    client = label_studio.client
    project = client.get(f"api/projects/{project_id}/")
    hooks = client.get("api/webhooks/", {"project": project_id})
    backends = client.get("api/ml/", {"project": project_id})
    return {
        "model_version": project["model_version"] or "",
        "label_config": project["label_config"],
        "webhooks": [(h["url"], h["headers"], h["send_for_all_actions"], sorted(h["actions"])) for h in hooks],
        "backends": [(b["url"], b["title"], b["auth_method"]) for b in backends],
    }


def test_connecting_twice_is_connecting_once(tie, label_studio, source, service, footprint):
    """One webhook a project with the secret, one backend with Basic auth, one review project."""
    tie()
    once = state(label_studio, source.id)
    review_id = find_review_project(label_studio.client, source.id)["id"]
    review_once = state(label_studio, review_id)
    traces = footprint.of_project(source.id)
    tie()
    assert state(label_studio, source.id) == once
    assert state(label_studio, review_id) == review_once
    assert footprint.of_project(source.id) == traces
    assert [(url, headers) for url, headers, *_ in once["webhooks"]] == [
        (service.url + "/webhook", {SECRET_HEADER: SECRET})
    ]
    assert once["backends"] == [(service.url, "errata", "BASIC_AUTH")]
    assert review_once["backends"] == []
    assert len(review_once["webhooks"]) == 1
    kinds = sorted(trace.kind for trace in traces)
    assert kinds == ["ml_backend", "model_version", "review_project", "webhook", "webhook"]


def test_what_was_made_but_not_written_down_is_adopted(tie, label_studio, source, footprint):
    """A crash between Label Studio's commit and errata's own leaves nothing behind in the end."""
    before = state(label_studio, source.id)
    tie()
    for trace in footprint.of_project(source.id):
        footprint.remove(source.id, trace.kind, trace.ref)
    tie()
    disconnect(label_studio.client, source.id, footprint)
    after = state(label_studio, source.id)
    assert (after["webhooks"], after["backends"]) == (before["webhooks"], before["backends"])


def test_labelling_and_reviewing_call_with_the_secret(tie, label_studio, source, service):
    """Every event of both projects carries the secret, and no other webhook doubles it."""
    tie()
    service.calls.clear()
    body = {"result": [], "was_cancelled": False}
    label_studio.client.post(f"api/tasks/{source.task_ids[0]}/annotations/", body)
    assert service.events() == [("ANNOTATION_CREATED", SECRET)]


def test_disconnecting_leaves_no_trace(tie, label_studio, source, footprint):
    """The source is as it was, the review project stays with its decisions, and nothing else is left to take away."""
    before = state(label_studio, source.id)
    tie()
    assert state(label_studio, source.id) != before
    disconnect(label_studio.client, source.id, footprint)
    assert state(label_studio, source.id) == before
    assert find_review_project(label_studio.client, source.id) is not None
    assert [trace.kind for trace in footprint.of_project(source.id)] == ["review_project"]
    assert disconnect(label_studio.client, source.id, footprint) == []


def test_disconnecting_after_others_tidied_up(tie, label_studio, source, footprint):
    """What somebody deleted by hand is said to be gone, and the rest still goes."""
    tie()
    review_id = find_review_project(label_studio.client, source.id)["id"]
    label_studio.client.delete(f"api/projects/{review_id}/")
    lines = disconnect(label_studio.client, source.id, footprint)
    assert sum("was gone already." in line for line in lines) == 1  # the webhook of the review project
    assert [trace.kind for trace in footprint.of_project(source.id)] == ["review_project"]


def test_a_backend_attached_in_label_studios_form_is_kept(tie, label_studio, source, service, footprint):
    """Its secretless webhook gets the secret, and both are as they were after disconnecting."""
    entry = {
        "project": source.id,
        "url": service.url,
        "title": "mine",
        "auth_method": "BASIC_AUTH",
        "basic_auth_user": "errata",
        "basic_auth_pass": PASSWORD,
    }
    label_studio.client.post("api/ml/", entry)
    before = state(label_studio, source.id)
    assert [headers for _, headers, *_ in before["webhooks"]] == [{}]
    tie()
    after = state(label_studio, source.id)
    assert [headers for _, headers, *_ in after["webhooks"]] == [{SECRET_HEADER: SECRET}]
    assert after["backends"] == before["backends"]
    disconnect(label_studio.client, source.id, footprint)
    assert state(label_studio, source.id) == before


def test_another_backend_is_not_replaced(tie, label_studio, source, service):
    """Label Studio asks only the first backend of a project: errata says so and stays out."""
    url = service.url + "/other"
    other = {"project": source.id, "url": service.url, "title": "theirs", "auth_method": "BASIC_AUTH"}
    other |= {"basic_auth_user": "errata", "basic_auth_pass": PASSWORD}
    label_studio.client.post("api/ml/", other)
    lines = tie(public_url=url)
    assert any('because "theirs" is there' in line for line in lines)
    assert len(state(label_studio, source.id)["backends"]) == 1


def test_an_address_that_moved_is_followed(tie, label_studio, source, service):
    """Connecting with another address mends what was made with the first one."""
    tie()
    moved = service.url.replace("127.0.0.1", "localhost")
    tie(public_url=moved)
    after = state(label_studio, source.id)
    assert [url for url, *_ in after["webhooks"]] == [moved + "/webhook"]
    assert [url for url, *_ in after["backends"]] == [moved]


def test_a_backend_that_does_not_answer_is_named(tie, label_studio, source, service, footprint):
    """The error says where Label Studio looked, without the password; what was made can be taken away."""
    with pytest.raises(LabelStudioRefused, match=r"errata at http://127\.0\.0\.1:9 .*ERRATA_PUBLIC_URL") as error:
        tie(public_url="http://127.0.0.1:9")
    assert PASSWORD not in str(error.value)
    assert SECRET not in str(error.value)
    disconnect(label_studio.client, source.id, footprint)
    assert state(label_studio, source.id)["webhooks"] == []


@pytest.mark.parametrize("url", ["http://errata:9090", "errata.internal:9090", "ftp://errata.internal"])
def test_an_address_that_label_studio_would_not_take(tie, label_studio, source, url):
    """It is refused before anything is made."""
    with pytest.raises(SettingError, match="ERRATA_PUBLIC_URL is wrong because"):
        tie(public_url=url)
    assert find_review_project(label_studio.client, source.id) is None


def test_disconnect_takes_back_predictions_and_version(label_studio, source, footprint):
    """What an audit stored goes; the model version that was there before is there again."""
    client = label_studio.client
    rows = [
        {"task": task, "result": [], "score": 0.5, "model_version": version}
        for task in source.task_ids
        for version in ("theirs", "errata-1")
    ]
    client.post(f"api/projects/{source.id}/import/predictions", rows)
    client.patch(f"api/projects/{source.id}/", {"model_version": "errata-1"})
    footprint.add(source.id, Trace("predictions", "errata-1"))
    footprint.add(source.id, Trace("model_version", "project", {"before": "theirs"}))
    lines = disconnect(client, source.id, footprint)
    assert "2 predictions of version errata-1 deleted." in lines
    assert client.get(f"api/projects/{source.id}/model-versions/") == {"theirs": 2}
    assert client.get(f"api/projects/{source.id}/")["model_version"] == "theirs"


def test_the_service_itself_is_reachable(service):
    """The stand-in asks for the password, so that the tests above mean something."""
    assert httpx.get(service.url + "/health", trust_env=False).status_code == 401


def test_who_attached_errata_is_told_apart(tie, label_studio, source, service, footprint):
    """What somebody attached in Label Studio's own form wants predictions everywhere; what connect made does not."""
    assert not is_attached_in_form(label_studio.client, source.id, service.url, footprint)
    tie()
    assert not is_attached_in_form(label_studio.client, source.id, service.url, footprint)
    disconnect(label_studio.client, source.id, footprint)
    entry = {"auth_method": "BASIC_AUTH", "basic_auth_user": "errata", "basic_auth_pass": PASSWORD}
    label_studio.client.post("api/ml/", {"project": source.id, "url": service.url, "title": "ours", **entry})
    assert is_attached_in_form(label_studio.client, source.id, service.url, footprint)
