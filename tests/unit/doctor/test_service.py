from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest

from errata.doctor.service import Heard, check_jobs, check_public_address, check_serve, check_workers, listen
from errata.jobs.queue import JobState

SINCE = datetime(2026, 3, 1, tzinfo=timezone.utc)
ABOUT = {"model_class": "errata", "version": "0.1.0"}
LABEL_STUDIO = "https://ls.example.com/"


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> Callable[[str, float], httpx.Client]:
    return lambda url, timeout_s: httpx.Client(transport=httpx.MockTransport(answer))


def down(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("hunter2")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda _: httpx.Response(200, json=ABOUT), ""),
        (lambda _: httpx.Response(401, json={}), "does not take ERRATA_BACKEND_USER"),
        (lambda _: httpx.Response(403, json={}), "does not take requests for that host"),
        (lambda _: httpx.Response(200, html="<html>"), "(200) is not errata"),
        (lambda _: httpx.Response(200, json={"model_class": "other"}), "is not errata"),
        (down, "nothing answers there (ConnectError)"),
    ],
    ids=["errata", "password", "host", "page", "other", "down"],
)
def test_what_answers_at_an_address(answer: Callable[[httpx.Request], httpx.Response], problem: str) -> None:
    """errata, or in words what else."""
    heard = listen("http://errata.example.com", "errata", "pw", answering(answer))
    assert (heard.about is not None) == (problem == "")
    assert problem in heard.problem
    assert "hunter2" not in heard.problem


def test_user_and_password_are_sent_where_there_is_a_password() -> None:
    """As Label Studio sends them."""
    seen: list[str | None] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200, json=ABOUT)

    for password in ("pw", None):
        listen("http://errata.example.com", "errata", password, answering(note))
    assert seen == ["Basic ZXJyYXRhOnB3", None]


HERE, NOT_HERE = Heard("http://127.0.0.1:9090", ABOUT), Heard("http://127.0.0.1:9090", problem="nothing answers there")
REFUSING = Heard("http://127.0.0.1:9090", problem="what answers there does not take ERRATA_BACKEND_USER and ...")


@pytest.mark.parametrize(
    ("heard", "is_needed", "state", "remedy"),
    [
        ([NOT_HERE, HERE], True, "ok", None),
        ([NOT_HERE], True, "wrong", "Start `errata serve`"),
        ([NOT_HERE], False, "look", "Start `errata serve`"),
        ([REFUSING], False, "wrong", "Restart `errata serve` with the same settings"),
    ],
    ids=["up", "down and called", "down and not called", "another password"],
)
def test_errata_serve(heard: list[Heard], is_needed: bool, state: str, remedy: str | None) -> None:
    """Wrong where something in Label Studio calls it, else to be looked at."""
    check = check_serve(heard, is_needed)
    assert check.state == state
    assert (remedy or "") in (check.remedy or "")


@pytest.mark.parametrize(
    ("heard", "state", "words"),
    [
        (None, "not asked", "is not set"),
        (Heard("http://errata:9090", ABOUT), "wrong", "host without a dot"),
        (Heard("http://127.0.0.1:9090", ABOUT), "wrong", "this machine's own address"),
        (Heard("https://errata.example.com", ABOUT), "ok", "errata answers"),
        (Heard("https://errata.example.com", problem="nothing answers there"), "look", "seen from here"),
    ],
    ids=["none", "no dot", "loopback", "fine", "not from here"],
)
def test_the_public_address(heard: Heard | None, state: str, words: str) -> None:
    """What cannot be Label Studio's way to errata is wrong; what is not seen from here may be it nevertheless."""
    check = check_public_address(heard, LABEL_STUDIO)
    assert (check.state, words in check.seen) == (state, True)


def test_loopback_is_right_where_label_studio_is_on_this_machine() -> None:
    """As at a first try."""
    assert check_public_address(HERE, "http://localhost:8080/").state == "ok"


@dataclass
class FakeQueue:
    hosts: list[str] = field(default_factory=list)

    def workers(self) -> list[str]:
        return self.hosts

    def states(self) -> list[JobState]:
        return []


def test_who_runs_the_jobs() -> None:
    """Child processes, workers, or nobody."""
    assert "child processes" in check_workers(None).seen
    assert check_workers(FakeQueue(["gpu1", "gpu1", "gpu2"])).seen == "Redis answers; 3 workers, on gpu1, gpu2"
    nobody = check_workers(FakeQueue())
    assert (nobody.state, nobody.remedy) == ("wrong", "Start `errata worker`.")


def job(state: Any, project_id: int = 12, name: Any = "audit", problem: str | None = None) -> JobState:
    return JobState(name, project_id, state, 4, SINCE, problem)


def test_jobs_that_failed_are_named_with_their_reason() -> None:
    """Three of them; how many wait and run is said beside."""
    found = list(check_jobs([job("failed", n, problem="No label.") for n in range(1, 6)] + [job("waiting")]))
    assert [check.state for check in found] == ["look"] * 4 + ["ok"]
    assert (found[0].project, found[0].seen) == (1, "audit failed after 4 attempts: No label")
    assert found[0].remedy == "errata audit 1 tries again."
    assert found[3].seen == "2 more have failed"
    assert found[4].seen == "0 running, 1 waiting"
    (verdicts,) = check_jobs([job("failed", name="verdicts")])
    assert verdicts.remedy == "errata status 12 tries again."


def test_jobs_that_nobody_knows_are_not_asked_for() -> None:
    """Where neither Redis nor `errata serve` answers; none at all is ok."""
    assert [check.state for check in check_jobs(None)] == ["not asked"]
    assert [check.state for check in check_jobs([])] == ["ok"]
