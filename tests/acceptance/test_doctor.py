"""`errata doctor` on a real Label Studio: nothing wrong where all is well, and each thing that breaks is named."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

Look = Callable[..., dict[str, Any]]


class Doctor:
    """What `errata doctor --json` said.

    Its limits are short, for somebody waits for it. Where this machine is too busy for them, it is asked again.
    """

    def __init__(self, errata: Any, *arguments: str, hangs: bool = False, **settings: str) -> None:
        for _ in range(1 if hangs else 8):
            done = errata.done("doctor", *arguments, "--json", **settings)
            if not re.search("no answer|did not answer|silent|[Tt]imeout|timed out", done.stdout):
                break
        self.said, self.told, self.code = done.stdout, done.stderr, done.returncode
        answer = json.loads(done.stdout)
        self.checks, self.n_wrong = answer["checks"], answer["wrong"]

    def names(self, state: str) -> set[str]:
        return {check["name"] for check in self.checks if check["state"] == state}

    def one(self, name: str, state: str) -> dict[str, Any]:
        """Return the only check of that name and state."""
        found = [check for check in self.checks if (check["name"], check["state"]) == (name, state)]
        assert len(found) == 1, self.said
        return dict(found[0])


@pytest.fixture(scope="module")
def connected(make_errata: Callable[..., Any], lasting_project: Any) -> Any:
    """Serve a project that is connected and audited; whoever breaks something mends it, but for the last."""
    source = lasting_project(["car", "truck"] * 10)
    one = make_errata()
    one.project_id = source.id
    one.serve()
    one.run("connect", str(source.id), "--yes")
    one.run("audit", str(source.id))
    return one


@pytest.fixture
def errata(make_errata: Callable[..., Any]) -> Any:
    """Return one that was never used."""
    return make_errata()


def test_nothing_is_wrong_where_all_is_well(connected: Any, label_studio: Any) -> None:
    """Each subject is looked at, exit code 0, no secret is shown, nothing is left in Label Studio, webhooks arrive;
    of two projects that are asked for, the one that is not there is named."""
    before = everything(label_studio.client, connected.project_id)
    found = Doctor(connected)
    assert (found.code, found.n_wrong, found.told) == (0, 0, "")
    assert found.names("look") == set(), found.said
    assert found.names("ok") >= {
        *("settings", "data folder", "disk", "database", "queue", "jobs", "libraries", "device", "encoder"),
        *("Label Studio", "clock", "version", "own address", "token", "user", "rights", "token kinds"),
        *("errata serve", "public address", "reached by Label Studio", "project", "webhook", "review webhook"),
        *("webhooks arrive", "ML backend", "audit", "served model", "model version", "media"),
    }
    assert found.one("media", "ok")["project"] == connected.project_id
    for secret in (label_studio.token, connected.password, (connected.data_dir / "webhook-secret").read_text()):
        assert secret not in found.said
    assert everything(label_studio.client, connected.project_id) == before

    event = {"action": "PROJECT_UPDATED", "project": {"id": connected.project_id}}
    assert connected.post("webhook", event).is_success
    personal = Doctor(connected, str(connected.project_id), "999999", ERRATA_LABEL_STUDIO_TOKEN=label_studio.pat)
    assert "last webhook" in personal.one("webhooks arrive", "ok")["seen"]
    assert "a personal access token; it ends on " in personal.one("token", "ok")["seen"]
    assert (personal.code, personal.one("project", "wrong")["project"]) == (1, 999999)


def everything(client: Any, project_id: int) -> list[Any]:
    """Return all that errata could leave behind."""
    project = client.get(f"api/projects/{project_id}/")
    kept = {key: project[key] for key in ("model_version", "show_collab_predictions", "description", "task_number")}
    hooks = client.get("api/webhooks/", {"project": project_id})
    backends = [each["id"] for each in client.get("api/ml/", {"project": project_id})]
    return [kept, hooks, backends, client.get("api/projects/", {"page_size": 1})["count"]]


def test_webhooks_that_were_tampered_with(connected: Any, label_studio: Any) -> None:
    """Doubled, robbed of the secret, deleted: each is named, and `errata connect` mends what is wrong."""
    client, number = label_studio.client, connected.project_id
    (hook,) = client.get("api/webhooks/", {"project": number})
    copy = client.post("api/webhooks/", {"project": number, "url": hook["url"], "send_for_all_actions": True})
    doubled = Doctor(connected)
    twice = doubled.one("webhook", "look")
    assert f"webhook {copy['id']} goes to errata too without the secret" in twice["seen"]
    assert f"/projects/{number}/settings/webhooks" in twice["remedy"]
    assert doubled.code == 0

    client.delete(f"api/webhooks/{copy['id']}/")
    client.delete(f"api/webhooks/{hook['id']}/")
    (review,) = [each for each in client.get("api/webhooks/") if each["url"] == hook["url"]]
    client.patch(f"api/webhooks/{review['id']}/", {"headers": {}})
    broken = Doctor(connected, str(number))
    deleted = broken.one("webhook", "wrong")
    assert (broken.code, broken.n_wrong) == (1, 2)
    assert deleted["seen"] == f"webhook {hook['id']} of project {number} is not there"
    assert "it has lost the secret" in broken.one("review webhook", "wrong")["seen"]
    command = deleted["remedy"].split()
    assert command == ["errata", "connect", str(number)]
    connected.run(*command[1:], "--yes")
    assert Doctor(connected).n_wrong == 0


def test_the_token_is_wrong_or_label_studio_is_down_or_elsewhere(
    errata: Any, label_studio: Any, free_port: Callable[[], int]
) -> None:
    """Doctor is for that: exit code 1, all that does not need Label Studio is looked at, and nothing is made."""
    refused = Doctor(errata, ERRATA_LABEL_STUDIO_TOKEN="0" * 40)
    assert (refused.code, refused.names("wrong")) == (1, {"token"})
    assert "ERRATA_LABEL_STUDIO_TOKEN" in refused.one("token", "wrong")["remedy"]
    assert refused.one("projects", "not asked")
    assert {"Label Studio", "clock", "database", "queue", "libraries"} <= refused.names("ok")

    down = Doctor(errata, ERRATA_LABEL_STUDIO_URL=f"http://127.0.0.1:{free_port()}")
    assert (down.code, down.names("wrong")) == (1, {"Label Studio"})
    assert "cannot be reached" in down.one("Label Studio", "wrong")["seen"]

    page = Doctor(errata, ERRATA_LABEL_STUDIO_URL=f"{label_studio.url}projects/1/data")
    assert page.one("Label Studio", "wrong")["remedy"].endswith(f"ERRATA_LABEL_STUDIO_URL={label_studio.url}")
    assert not errata.data_dir.exists()


def test_redis_is_down_or_has_no_worker(errata: Any, redis_url: str, free_port: Callable[[], int]) -> None:
    """Both keep jobs waiting; where Redis is, its password is not shown."""
    down = Doctor(errata, ERRATA_REDIS_URL=f"redis://:hunter2@127.0.0.1:{free_port()}/0")
    assert (down.code, down.names("wrong")) == (1, {"queue"})
    assert "hunter2" not in down.said
    idle = Doctor(errata, ERRATA_REDIS_URL=redis_url)
    assert idle.one("queue", "wrong")["remedy"] == "Start `errata worker`."


def test_the_data_folder_cannot_be_written(errata: Any) -> None:
    """Whoever runs it, root too: there is a file where the folder should be."""
    file = errata.data_dir.with_name("file")
    file.touch()
    found = Doctor(errata, ERRATA_DATA_DIR=str(file / "data"))
    assert (found.code, found.names("wrong")) == (1, {"data folder"})
    assert "ERRATA_DATA_DIR" in found.one("data folder", "wrong")["remedy"]


def test_settings_that_cannot_be_read_are_all_named(errata: Any) -> None:
    """Exit code 2, a check line for each."""
    found = Doctor(errata, ERRATA_POLL_S="-1", ERRATA_PORT="ninety", ERRATA_LABELSTUDIO_URL="x")
    assert (found.code, found.n_wrong) == (2, 2)
    seen = " ".join(check["seen"] for check in found.checks)
    assert all(name in seen for name in ("ERRATA_POLL_S", "ERRATA_PORT", "ERRATA_LABELSTUDIO_URL"))


@pytest.fixture
def proxy(label_studio: Any) -> Iterator[Callable[[timedelta | None], str]]:
    """Start proxies before Label Studio: their clock goes wrong, or, with None, they never answer."""
    servers: list[ThreadingHTTPServer] = []
    over = threading.Event()

    def start(skew: timedelta | None) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if skew is None:
                    over.wait(120)
                    return
                headers = {"Authorization": self.headers.get("authorization", "")}
                answer = httpx.get(label_studio.url + self.path[1:], headers=headers, trust_env=False, timeout=60)
                self.send_response_only(answer.status_code)
                self.send_header("Date", format_datetime(datetime.now(timezone.utc) + skew, usegmt=True))
                for name in ("content-type", "location"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: Any) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    over.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def test_clocks_differ_and_label_studio_hangs(make_errata: Callable[..., Any], proxy: Any) -> None:
    """A wrong clock is named; where nothing ever answers, doctor ends nevertheless and says so."""
    skewed = Doctor(make_errata(proxy(timedelta(minutes=10))))
    clock = skewed.one("clock", "wrong")
    assert "10 minutes behind" in clock["seen"]
    assert "NTP" in clock["remedy"]
    hanging = Doctor(make_errata(proxy(None)), hangs=True)
    check = hanging.one("Label Studio", "wrong")
    assert (hanging.code, "no answer" in check["seen"] or "silent" in check["seen"]) == (1, True)
    assert {"settings", "queue", "libraries"} <= hanging.names("ok")


def test_errata_serve_is_down(connected: Any) -> None:
    """Label Studio has the backend as disconnected and cannot reach errata; what does not need it is looked at."""
    connected.stop()
    found = Doctor(connected)
    assert (found.code, found.names("wrong")) == (1, {"errata serve", "reached by Label Studio", "ML backend"})
    assert "Start `errata serve`" in found.one("errata serve", "wrong")["remedy"]
    assert "errata serve" in found.one("reached by Label Studio", "wrong")["remedy"]
    assert {"served model", "webhooks arrive", "jobs"} <= found.names("not asked")
    assert {"media", "webhook", "audit", "model version"} <= found.names("ok")
