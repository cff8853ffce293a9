from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from pydantic import SecretStr

from errata.errors import QueueUnreachable, SettingError
from errata.jobs.queue import JobState
from errata.labelstudio.reachability import TRIAL_STATUS
from errata.settings import Settings
from errata.web import bodies
from errata.web.security import Credentials, check_exposure

MakeWorld = Callable[..., Any]
ROUTES = [
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/versions"),
    ("POST", "/setup"),
    ("POST", "/predict"),
    ("POST", "/webhook"),
    ("POST", "/job_status"),
]
TRIAL = [("GET", "/trial/health"), ("POST", "/trial/setup")]


def basic(user: str, password: str, encoding: str = "utf-8") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode(encoding)).decode()}


def test_health_is_what_label_studio_expects(world: MakeWorld) -> None:
    """A 2xx with JSON."""
    answer = world().client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "UP", "model_class": "errata"})


def test_a_trial_finds_errata_and_is_refused(world: MakeWorld) -> None:
    """Healthy, and then a status by which Label Studio tells that it got here; no project counts as attached."""
    w = world()
    assert w.client.get("/trial/health").status_code == 200
    answer = w.client.call("POST", "/trial/setup", content=b'{"project": "7.1", "schema": "<View/>"}')
    assert answer.status_code == TRIAL_STATUS
    assert not w.book.attached()


def test_every_route_needs_the_password(world: MakeWorld) -> None:
    """Without credentials, with wrong ones and with garbage: 401 that says what to give, and nothing is read."""
    w = world(credentials=Credentials("errata", "pässwörd", "s3cret"))
    wrong = [{}, basic("errata", "wrong"), basic("other", "pässwörd"), {"Authorization": "Basic not base64!"}]
    wrong += [{"Authorization": "Bearer x"}, {"Authorization": "Basic"}, {"Authorization": b"Basic \xff\xfe"}]
    for method, path in ROUTES + TRIAL:
        for headers in wrong:
            answer = w.client.call(method, path, headers=headers, content=b"{}" if method == "POST" else None)
            assert answer.status_code == 401, (path, headers)
            assert "ERRATA_BACKEND_PASSWORD" in answer.json()["detail"]
            assert answer.headers["www-authenticate"].startswith("Basic")
    for encoding in ("utf-8", "latin-1"):  # `requests`, which Label Studio uses, writes Latin-1
        assert w.client.get("/health", headers=basic("errata", "pässwörd", encoding)).status_code == 200


def test_webhooks_pass_by_secret_or_by_password(world: MakeWorld) -> None:
    """A webhook may carry the secret instead; one that carries a wrong secret is refused in any case."""
    w = world(credentials=Credentials("errata", "pw", "s3cret"))
    event = {"action": "PROJECT_UPDATED", "project": {"id": 1}}

    def status(**headers: str) -> int:
        code: int = w.client.post("/webhook", json=event, headers=headers).status_code
        return code

    assert status(**{"X-Errata-Secret": "s3cret"}) == 200
    assert status(**basic("errata", "pw")) == 200
    assert status(**{"X-Errata-Secret": "wrong"}) == 401
    assert status(**{"X-Errata-Secret": "wrong", **basic("errata", "pw")}) == 401
    assert status() == 401
    health = w.client.get("/health", headers={"X-Errata-Secret": "s3cret"})
    assert health.status_code == 401


def test_without_a_password_everybody_on_this_machine_may_call_but_no_page(world: MakeWorld) -> None:
    """Open on loopback: a wrong secret is still refused, and so is another site's page in the user's browser."""
    w = world()
    event = {"action": "START_TRAINING", "project": {"id": 1}}
    assert w.client.post("/webhook", json=event).status_code == 200
    assert w.client.post("/webhook", json=event, headers={"X-Errata-Secret": "wröng".encode()}).status_code == 401
    assert w.client.post("/webhook", json=event, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    w = world(credentials=Credentials("errata", None, None))
    assert w.client.post("/webhook", json=event, headers={"X-Errata-Secret": ""}).status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:9090", 200),
        ("127.0.0.1:9090", 200),
        ("[::1]:9090", 200),
        ("Errata.Example.com", 200),
        ("evil.example.com:9090", 403),
        ("localhost.evil.example.com", 403),
        ("192.168.1.5", 403),
        ("[", 403),
        ("", 403),
    ],
)
def test_without_a_password_only_errata_s_own_names_are_answered(world: MakeWorld, host: str, status: int) -> None:
    """A page whose name was turned to this machine (DNS rebinding) sends that name as Host, and gets nothing."""
    event = {"action": "START_TRAINING", "project": {"id": 1}}
    w = world(credentials=Credentials("errata", None, None, "errata.example.com"))
    assert w.client.post("/webhook", json=event, headers={"Host": host}).status_code == status
    assert len(w.queue.jobs) == (status == 200)
    w = world(credentials=Credentials("errata", "pw", None))
    assert w.client.get("/health", headers={"Host": host, **basic("errata", "pw")}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.com"])
def test_listening_to_a_network_needs_a_password(host: str) -> None:
    """Settings that would let strangers in are refused, naming both variables."""
    for password in (None, SecretStr("")):
        with pytest.raises(SettingError, match="ERRATA_BACKEND_PASSWORD is not set, but ERRATA_HOST is"):
            check_exposure(Settings(host=host, backend_password=password, _env_file=None))
    check_exposure(Settings(host=host, backend_password=SecretStr("pw"), _env_file=None))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_none(host: str) -> None:
    """On this machine alone a password is the user's choice."""
    check_exposure(Settings(host=host, backend_password=None, _env_file=None))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nonsense", b"\xff\xfe", b"NaN", b"[1]", b"null", b'"x"', b"[" * 100_000, b'{"a":' * 100_000],
)
def test_malformed_bodies_get_a_clear_400(world: MakeWorld, body: bytes) -> None:
    """Whatever is sent, the answer is JSON that says what was expected; never a traceback."""
    w = world()
    for method, path in ROUTES[3:]:
        answer = w.client.call(method, path, content=body)
        assert answer.status_code == 400, (path, body[:10])
        assert answer.json()["detail"].startswith("The body must be")


@pytest.mark.parametrize("project", [None, "", "x", "1x", "-1", 1.5, True, [], {}, "9" * 40, "²"])
def test_a_project_that_cannot_be_read_gets_a_clear_400(world: MakeWorld, project: object) -> None:
    """/setup and /predict need a project id and say how it looks."""
    w = world()
    for path in ("/setup", "/predict"):
        answer = w.client.post(path, json={"project": project, "tasks": []})
        assert (answer.status_code, "name a project" in answer.json()["detail"]) == (400, True)
    assert w.client.post("/predict", json={"project": "1", "tasks": None}).status_code == 400
    assert w.client.post("/predict", json={"project": "1", "tasks": []}).json() == {"results": []}


def test_a_body_that_is_too_large_is_refused_unread(world: MakeWorld) -> None:
    """413 by its declared length, and by what arrives where none is declared."""
    w = world()
    declared = {"Content-Length": str(bodies.LARGEST_BODY + 1)}
    assert w.client.post("/predict", headers=declared, content=b"x").status_code == 413
    assert w.client.post("/predict", headers={"Content-Length": "-5"}, content=b"x").status_code == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(bodies.LARGEST_BODY // 2**20 + 1):
            yield bytes(2**20)

    assert w.client.post("/predict", content=chunks()).status_code == 413


def test_unknown_routes_and_methods(world: MakeWorld) -> None:
    """Nothing but the contract is served: no docs, no OpenAPI."""
    w = world()
    for path in ("/docs", "/redoc", "/openapi.json", "/train", "/setup/"):
        assert w.client.get(path).status_code == 404
    assert w.client.get("/predict").status_code == 405


def test_it_can_be_served_below_a_path(world: MakeWorld) -> None:
    """Behind a proxy that keeps the prefix and behind one that strips it."""
    w = world(root_path="/errata/")
    for path in ("/errata/health", "/health"):
        assert w.client.get(path).status_code == 200
    assert w.client.post("/errata/setup", json={"project": "1"}).json() == {"model_version": "errata-aaa"}


def test_the_access_log_holds_no_secret(world: MakeWorld, caplog: pytest.LogCaptureFixture) -> None:
    """Method, path, status and time: no query, no body, no header, and no line that a path could forge."""
    caplog.set_level(logging.DEBUG)
    w = world(credentials=Credentials("errata", "hunter2", "hunter2"))
    body = {"project": "1.5", "access_token": "hunter2", "schema": "hunter2", "hostname": "hunter2"}
    w.client.post("/setup?token=hunter2", json=body, headers=basic("errata", "hunter2"))
    w.client.post(
        "/webhook?x=hunter2", json={"project": {"id": 1, "token": "hunter2"}}, headers={"X-Errata-Secret": "a"}
    )
    w.client.get("/%0aforged%20line%1b[31m")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("errata")]
    assert any(line.startswith("POST /setup 200 ") for line in lines)
    assert any(line.startswith("POST /webhook 401 ") for line in lines)
    assert not any("hunter2" in line or "\n" in line or "\x1b" in line for line in lines)


def test_what_was_not_foreseen_is_answered_and_logged_without_its_text(
    world: MakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """An error inside gives 500 as JSON; the log says where, not what the payload was."""
    w = world()

    class Broken:
        def known(self, uris: list[str]) -> dict[str, str]:
            raise ValueError("hunter2")

    w.index.known = Broken().known
    task = {"id": 1, "data": {"image": "/data/1.png"}}
    answer = w.client.post("/predict", json={"project": "1", "tasks": [task]})
    assert (answer.status_code, answer.json()) == (500, {"detail": "errata failed to answer this; its log says where."})
    assert "unexpected ValueError" in caplog.text
    assert "in known" in caplog.text
    assert "hunter2" not in caplog.text.replace('raise ValueError("hunter2")', "")


def test_the_status_shows_what_is_served_and_what_runs(world: MakeWorld) -> None:
    """GET / lists projects and jobs; with Redis down it says so and answers all the same."""
    w = world()
    since = datetime(2026, 1, 1, tzinfo=timezone.utc)
    w.queue.listed = [JobState("audit", 1, "failed", 4, since, "Label Studio is down.")]
    w.client.post("/predict", json={"project": "1", "tasks": []})
    found = w.client.get("/").json()
    assert found["projects"] == [{"project": 1, "model_version": "errata-aaa", "tasks": 30}]
    (job,) = found["jobs"]
    assert (job["name"], job["state"], job["problem"]) == ("audit", "failed", "Label Studio is down.")
    w.queue.problem = QueueUnreachable("Redis cannot be reached.")
    assert w.client.get("/").json()["problem"] == "Redis cannot be reached."


def test_job_status_speaks_label_studio_s_words(world: MakeWorld) -> None:
    """queued, started, failed, finished; 503 where the queue cannot be asked."""
    w = world()
    since = datetime(2026, 1, 1, tzinfo=timezone.utc)

    def status(*states: str) -> str:
        w.queue.listed = [JobState("audit", 1, state, 1, since) for state in states]  # type: ignore[arg-type]
        w.queue.listed.append(JobState("audit", 2, "running", 1, since))
        found: str = w.client.post("/job_status", json={"job": "audit-1"}).json()["job_status"]
        return found

    assert [status("waiting"), status("running", "waiting"), status("failed"), status()] == [
        "queued",
        "started",
        "failed",
        "finished",
    ]
    assert w.client.post("/job_status", json={"job": None}).status_code == 400
    w.queue.problem = QueueUnreachable("down")
    assert w.client.post("/job_status", json={"job": "audit-1"}).status_code == 503
