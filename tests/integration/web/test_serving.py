from __future__ import annotations

import io
import os
import random
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from errata.errors import SettingError
from errata.web.server import listen
from errata.web.server import serve as run

Serve = Callable[..., Any]


def png(number: int) -> bytes:
    """Return an image of its own: reddish where `number` is even, bluish where odd."""
    noise = np.random.default_rng(number).integers(0, 60, (16, 16, 3))
    pixels = noise + (np.array([180, 0, 0]) if number % 2 == 0 else np.array([0, 0, 180]))
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


AUDITED = {f"audited/{n}.png": png(n) for n in range(1, 41)}


def task(number: int) -> dict[str, Any]:
    return {"id": number, "data": {"image": f"/data/{number}.png"}, "is_labeled": False, "project": 1}


def predict(http: httpx.Client, numbers: list[int]) -> list[dict[str, Any]]:
    answer = http.post("/predict", json={"tasks": [task(n) for n in numbers], "project": "1.17", "params": {}})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def eventually(condition: Callable[[], object], timeout_s: float = 180.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def label(result: dict[str, Any]) -> str | None:
    return result["result"][0]["value"]["choices"][0] if result["result"] else None


def test_one_server_answers_many_and_is_stopped(serve: Serve) -> None:
    """Predictions and webhooks of many clients at once, beside another program at its port; then it is told to stop."""
    late = {f"{n}.png": png(n) for n in range(41, 81)}
    served = serve({**AUDITED, **late, "99.png": b"no image", "98.png": b""})
    audited_new_and_broken_media_in_one_request(served)
    sixteen_clients_get_their_own_answers(served)
    an_address_in_use_is_a_clear_error(served)
    webhooks_are_acknowledged_while_jobs_run(served)
    ends_with_its_child(served, signal.SIGTERM, next(served.folder.glob("job-*")))


def test_it_serves_the_same_after_a_restart(serve: Serve) -> None:
    """Killed and started again: the same version and the same answers, the first request included."""
    first = serve({**AUDITED, "50.png": png(50)})
    before = predict(first.http, [1, 2, 50])
    killed = begin_job(first)
    ends_with_its_child(first, signal.SIGKILL, killed)
    killed.unlink()
    again = serve({})
    assert predict(again.http, [1, 2, 50]) == before
    ends_with_its_child(again, signal.SIGINT, begin_job(again))


def begin_job(served: Any) -> Path:
    """Ask for an audit; return the file that its process makes."""
    served.http.post("/webhook", json={"action": "START_TRAINING", "project": {"id": 1}})
    eventually(lambda: list(served.folder.glob("job-*")))
    return next(served.folder.glob("job-*"))


def ends_with_its_child(served: Any, number: signal.Signals, job: Path) -> None:
    """However errata ends, no child is left; told to stop it ends by itself."""
    child = psutil.Process(int(job.name.removeprefix("job-")))
    os.kill(served.process.pid, number)
    said, _ = served.process.communicate(timeout=180)
    assert ("stopped" in said, served.process.returncode) == ((False, -9) if number == signal.SIGKILL else (True, 0))
    eventually(lambda: has_ended(child))


def audited_new_and_broken_media_in_one_request(served: Any) -> None:
    """Audited tasks, tasks that came later and broken files: one result each, in order, from the first request on."""
    numbers = [*range(30, 61), 99, 98, 97, 1]
    results = predict(served.http, numbers)
    expected = [("car", "truck")[n % 2] if n < 97 else None for n in numbers]
    assert [label(result) for result in results] == expected
    assert {result["model_version"] for result in results if label(result)} == {"errata-first"}
    assert served.http.post("/setup", json={"project": "1.17"}).json() == {"model_version": "errata-first"}


def sixteen_clients_get_their_own_answers(served: Any) -> None:
    """Concurrent requests with different tasks, some new: nobody gets another's result."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")

    def ask(client: int) -> None:
        chance = random.Random(seed + client)
        with httpx.Client(base_url=served.url, timeout=300, trust_env=False) as http:
            for _ in range(20):
                numbers = [chance.randrange(1, 81) for _ in range(chance.choice([1, 2, 40]))]
                results = predict(http, numbers)
                assert [label(result) for result in results] == [("car", "truck")[n % 2] for n in numbers]

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(16)))


def test_answers_over_a_kept_connection_do_not_wait_for_acknowledgements() -> None:
    """Nagle's algorithm is off where errata answers: without that every second answer takes 40 ms more."""
    with closing(listen("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def webhooks_are_acknowledged_while_jobs_run(served: Any) -> None:
    """A burst over many connections: every event is acknowledged before the first audit ends, and one follows it."""
    event = {"action": "START_TRAINING", "project": {"id": 1, "token": "hunter2"}}

    def send(_: int) -> None:
        with httpx.Client(base_url=served.url, timeout=120, trust_env=False) as http:
            for _ in range(10):
                answer = http.post("/webhook", json=event, headers={"X-Errata-Secret": "s3cret"})
                assert answer.json() == {"job": "audit-1"}

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(8)))
    eventually(lambda: len(list(served.folder.glob("job-*"))) == 1)
    states = [job["state"] for job in served.http.get("/").json()["jobs"]]
    assert sorted(states) == ["running", "waiting"]
    assert served.http.post("/job_status", json={"job": "audit-1"}).json() == {"job_status": "started"}
    assert "hunter2" not in (served.folder / "serve.log").read_text()


def an_address_in_use_is_a_clear_error(served: Any) -> None:
    """A port that is taken names the setting, and leaves nothing running."""
    port = int(served.url.rpartition(":")[2])

    class Never:
        def start(self) -> None:
            raise AssertionError("started")

        def stop(self) -> None:
            raise AssertionError("stopped")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("called")

    with pytest.raises(SettingError, match=f"ERRATA_PORT .*127.0.0.1:{port} cannot be listened on"):
        run(app, "127.0.0.1", port, [Never()])
