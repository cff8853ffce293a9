from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from errata.doctor.token import check_kind, check_rights
from errata.errors import ErrataError

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
ALL = ["projects.view", "projects.create", "projects.change", "tasks.create", "tasks.delete", "annotations.change"]
ALL += ["predictions.any", "webhooks.change"]
Make = Callable[..., Any]


def web_token(**claims: Any) -> str:
    parts = ({"alg": "HS256"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".x"


def personal(ends: timedelta) -> str:
    return web_token(token_type="refresh", exp=int((NOW + ends).timestamp()))


@pytest.mark.parametrize(
    ("token", "state", "seen"),
    [
        ("1234567890abcdef", "ok", "a legacy token; it does not end"),
        (personal(timedelta(days=400)), "ok", "a personal access token; it ends on 2027-04-05"),
        (personal(timedelta(days=3)), "look", "it ends on 2026-03-04"),
        (personal(timedelta(days=-3)), "wrong", "ended on 2026-02-26"),
        (web_token(token_type="refresh"), "ok", "it does not end"),
        (web_token(token_type="access", exp=1), "wrong", "an access token"),
    ],
    ids=["legacy", "personal", "soon", "over", "endless", "access"],
)
def test_the_kind_of_token_and_its_end(api: Make, token: str, state: str, seen: str) -> None:
    """By what the token says itself; the token is never shown."""
    check = check_kind(token, api(), NOW)
    assert (check.state, seen in check.seen) == (state, True)
    assert token not in f"{check}"
    assert state == "ok" or "https://ls.example.com/label-studio/user/account" in (check.remedy or "")


def answers(permissions: Any = ALL, **switches: Any) -> dict[str, Any]:
    return {
        "api/current-user/whoami": {"email": "ann@example.com", "permissions": permissions},
        "api/projects/": {"count": 7, "results": []},
        "api/jwt/settings": {"api_tokens_enabled": True, "legacy_api_tokens_enabled": True, **switches},
    }


def test_whose_token_it_is_and_that_it_may_all(api: Make) -> None:
    """Nothing is written to find it out."""
    found = list(check_rights("legacy", api(answers())))
    assert [(check.name, check.state) for check in found] == [("user", "ok"), ("rights", "ok"), ("token kinds", "ok")]
    assert found[0].seen == "ann@example.com, who sees 7 projects"


def test_missing_rights_are_named(api: Make) -> None:
    """In words, with who can give them."""
    _, rights, _ = check_rights("legacy", api(answers([right for right in ALL if right != "projects.create"])))
    assert (rights.state, "review project" in rights.seen) == ("wrong", True)
    assert rights.remedy


def test_a_label_studio_that_does_not_tell_rights_is_not_called_wrong(api: Make) -> None:
    """An older one names no permissions."""
    _, rights, _ = check_rights("legacy", api(answers(None)))
    assert rights.state == "not asked"


def test_a_kind_of_token_that_the_organization_has_switched_off(api: Make) -> None:
    """The one that is used counts, not the other."""
    off = answers(legacy_api_tokens_enabled=False)
    assert list(check_rights("legacy", api(off)))[2].state == "look"
    assert list(check_rights(personal(timedelta(days=9)), api(off)))[2].state == "ok"
    hidden = answers() | {"api/jwt/settings": ErrataError("404")}
    assert list(check_rights("legacy", api(hidden)))[2].state == "not asked"
