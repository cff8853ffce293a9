from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from errata.audit.ports import Trace
from errata.doctor.ties import check_arrivals, check_backend, check_webhooks
from errata.errors import ErrataError

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
PROJECT = {"id": 12, "title": "Vehicles", "start_training_on_annotation_update": False}
Make = Callable[..., Any]


def backend(id_: int, **changes: Any) -> dict[str, Any]:
    entry = {"id": id_, "title": "errata", "url": "https://errata.example.com", "state": "CO"}
    return entry | {"readable_state": "Connected"} | changes


def test_webhooks_as_errata_made_them_are_ok(api: Make, hook: Make, tied: Make) -> None:
    """One check for the source project and one for its review project."""
    there = api({"api/webhooks/?project=12": [hook(3)], "api/webhooks/?project=13": [hook(4)]})
    found = list(check_webhooks(there, tied()))
    assert [(check.name, check.state) for check in found] == [("webhook", "ok"), ("review webhook", "ok")]


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"headers": {}}, "it has lost the secret"),
        ({"headers": {"X-Errata-Secret": "other"}}, "it has another secret"),
        ({"is_active": False}, "it is not active"),
        ({"send_payload": False}, "it sends no payload"),
        ({"actions": ["ANNOTATION_CREATED"]}, "it does not tell of ANNOTATIONS_CREATED"),
        (
            {"url": "https://u:hunter2@old.example.com/webhook?a=hunter2"},
            "it goes to https://old.example.com/webhook, n",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_webhook_that_does_not_serve_is_wrong(
    api: Make, hook: Make, tied: Make, changes: dict[str, Any], seen: str
) -> None:
    """`errata connect` mends it; no secret is shown."""
    there = api({"api/webhooks/?project=12": [hook(3, **changes)], "api/webhooks/?project=13": [hook(4)]})
    broken, _ = check_webhooks(there, tied())
    assert (broken.state, broken.remedy) == ("wrong", "errata connect 12")
    assert seen in broken.seen
    assert "hunter2" not in broken.seen
    assert "other" not in broken.seen.replace("another", "")


def test_a_webhook_that_was_deleted_or_doubled_is_named(api: Make, hook: Make, tied: Make) -> None:
    """The deleted one is wrong; a second one, which Label Studio adds without the secret, is to be deleted by hand."""
    there = api({"api/webhooks/?project=12": [], "api/webhooks/?project=13": [hook(4), hook(9, headers={})]})
    gone, fine, twice = check_webhooks(there, tied())
    assert (gone.state, gone.seen) == ("wrong", "webhook 3 of project 12 is not there")
    assert (fine.state, twice.state) == ("ok", "look")
    assert "webhook 9 goes to errata too without the secret" in twice.seen
    assert twice.remedy == "Delete webhook 9 on https://ls.example.com/label-studio/projects/13/settings/webhooks"


def test_a_review_project_that_was_deleted_is_named(api: Make, hook: Make, tied: Make) -> None:
    """Label Studio refuses the list of its webhooks; once there is another one, nothing is said of the first."""
    refused = ErrataError("Label Studio did not accept GET /api/webhooks/ (400: Select a valid choice).")
    there = api({"api/webhooks/?project=12": [hook(3)], "api/webhooks/?project=13": refused})
    fine, gone = check_webhooks(there, tied())
    assert (fine.state, gone.state, gone.seen) == ("ok", "wrong", "review project 13 was deleted")
    another = replace(tied(), traces=[*tied().traces, Trace("review_project", "14")])
    assert [check.state for check in check_webhooks(there, another)] == ["ok"]


def test_other_people_s_webhooks_are_none_of_errata_s_business(api: Make, hook: Make, tied: Make) -> None:
    """Only what goes to errata is looked at."""
    other = hook(8, url="https://other.example.com/hook", headers={})
    there = api({"api/webhooks/?project=12": [other, hook(3)], "api/webhooks/?project=13": [hook(4)]})
    assert [check.state for check in check_webhooks(there, tied())] == ["ok", "ok"]


def test_outbound_only_asks_for_no_webhook(api: Make, tied: Make) -> None:
    """A project without webhooks is served by polling: that is not wrong."""
    (check,) = check_webhooks(api(), tied("webhook"))
    assert check.state == "not asked"


@pytest.mark.parametrize(
    ("backends", "state", "seen"),
    [
        ([backend(5)], "ok", "Connected at https://errata.example.com"),
        ([backend(5, state="DI", readable_state="Disconnected")], "wrong", "as Disconnected"),
        ([backend(2, title="yolo", url="http://yolo:9090"), backend(5)], "look", '"yolo" was there before'),
        ([], "wrong", "errata's entry is not there"),
        ([backend(7, title="By hand")], "ok", 'as "By hand"'),
    ],
    ids=["fine", "disconnected", "second", "deleted", "in the form"],
)
def test_the_backend_entry(api: Make, tied: Make, backends: list[dict[str, Any]], state: str, seen: str) -> None:
    """As Label Studio has it: there, first and connected."""
    check = next(iter(check_backend(api({"api/ml/?project=12": backends}), tied(), PROJECT)))
    assert (check.name, check.state) == ("ML backend", state)
    assert seen in check.seen


def test_other_backends_and_training_on_submit_are_named(api: Make, tied: Make) -> None:
    """Without user and password of their addresses."""
    other = backend(2, title="yolo", url="http://u:hunter2@yolo:9090/")
    found = list(
        check_backend(
            api({"api/ml/?project=12": [other]}),
            tied("ml_backend"),
            PROJECT | {"start_training_on_annotation_update": True},
        )
    )
    assert [(check.name, check.state) for check in found] == [("ML backend", "ok"), ("training", "look")]
    assert found[0].seen == 'others: "yolo" at http://yolo:9090/; predictions are pushed beside them'
    assert "--pause-training" in (found[1].remedy or "")


def arrived(refused: int = 0, **last: timedelta) -> dict[str, Any]:
    came = {number.removeprefix("p"): (NOW - ago).isoformat() for number, ago in last.items()}
    return {"started_at": (NOW - timedelta(hours=3)).isoformat(), "webhooks": {"last": came, "refused": refused}}


@pytest.mark.parametrize(
    ("about", "state", "seen"),
    [
        (arrived(p12=timedelta(minutes=9), p13=timedelta(minutes=3)), "ok", "last webhook 3 min ago"),
        (arrived(p77=timedelta(minutes=3)), "ok", "none since errata serve started 3 h ago"),
        (arrived(4, p77=timedelta(minutes=3)), "look", "4 were refused"),
        (arrived(4, p13=timedelta(seconds=5)), "ok", "last webhook 5 s ago"),
        (None, "not asked", "does not answer"),
    ],
)
def test_when_webhooks_last_came(tied: Make, about: dict[str, Any] | None, state: str, seen: str) -> None:
    """Those of the project and of its review project; refusals matter where none comes."""
    check = check_arrivals(tied(), about, NOW)
    assert check.state == state
    assert seen in check.seen
