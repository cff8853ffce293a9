from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from errata.doctor.label_studio import check_clock, check_own_address, check_reachable, check_version
from errata.errors import LabelStudioUnreachable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
WHO = "api/current-user/whoami"
DATE = {"date": "Sun, 01 Mar 2026 12:00:05 GMT"}
REFUSAL = {
    "id": "1",
    "status_code": 401,
    "version": "1.23.2",
    "detail": "Authentication credentials were not provided.",
}
Make = Callable[..., Any]


def test_label_studio_answers_and_its_clock_is_ours(api: Make) -> None:
    """The proxy that is used is named."""
    there = api(looks={WHO: httpx.Response(401, headers=DATE, json=REFUSAL)})
    found = list(check_reachable(there, "http://proxy:3128 (HTTPS_PROXY)", NOW))
    assert [(check.name, check.state) for check in found] == [("Label Studio", "ok"), ("clock", "ok")]
    assert "through the proxy http://proxy:3128" in found[0].seen


def test_another_service_at_its_address_is_wrong(api: Make) -> None:
    """It answers JSON, but not Label Studio's."""
    there = api(looks={WHO: httpx.Response(404, json={"detail": "Not Found"})})
    with pytest.raises(LabelStudioUnreachable, match="is not Label Studio; set ERRATA_LABEL_STUDIO_URL"):
        list(check_reachable(there, None, NOW))


def test_a_page_at_its_address_is_asked_about_with_the_token(api: Make) -> None:
    """The client's own error says where Label Studio is instead."""
    error = LabelStudioUnreachable("It is not here, but there: set ERRATA_LABEL_STUDIO_URL=there")
    there = api({WHO: error}, {WHO: httpx.Response(200, html="<html></html>")})
    with pytest.raises(LabelStudioUnreachable, match="set ERRATA_LABEL_STUDIO_URL"):
        list(check_reachable(there, None, NOW))


@pytest.mark.parametrize(
    ("ours", "state", "seen"),
    [
        (timedelta(seconds=50), "ok", "agrees"),
        (timedelta(minutes=-10), "wrong", "10 minutes behind"),
        (timedelta(hours=5), "wrong", "5 hours ahead of"),
    ],
)
def test_clocks_that_differ_by_more_than_a_minute_are_wrong(ours: timedelta, state: str, seen: str) -> None:
    """Either way, in plain words, with the remedy."""
    check = check_clock("Sun, 01 Mar 2026 12:00:00 GMT", NOW + ours)
    assert (check.state, seen in check.seen) == (state, True)
    assert state == "ok" or "NTP" in (check.remedy or "")


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_no_date_is_no_mistake(date: str) -> None:
    """Some proxies take the header away."""
    assert check_clock(date, NOW).state == "not asked"


@pytest.mark.parametrize(
    ("release", "state", "seen"),
    [
        ("1.23.2", "ok", "1.23.2 Community; refuses private addresses"),
        ("1.23.1", "ok", "refuses private addresses"),
        ("1.23.0", "ok", "1.23.0 Community"),
        ("1.20.0.post1", "ok", "1.20.0.post1"),
        ("1.19.0", "look", "errata was run on 1.20 to 1.23"),
        ("2.0", "look", "errata was run on 1.20 to 1.23"),
        ("develop", "look", "is no version"),
    ],
)
def test_versions_that_errata_was_not_run_on_are_looked_at(api: Make, release: str, state: str, seen: str) -> None:
    """Those of 1.23.1 and later are said to refuse private addresses."""
    check = check_version(api({"api/version": {"release": release, "edition": "Community"}}))
    assert (check.state, seen in check.seen) == (state, True)
    assert ("private" in check.seen) == (release in ("1.23.1", "1.23.2"))


@pytest.mark.parametrize(
    ("location", "state"),
    [
        ("/label-studio/user/login/?next=/label-studio/projects/", "ok"),
        ("https://ls.example.com/label-studio/user/login/", "ok"),
        ("/user/login/?next=/projects/", "look"),
        ("http://localhost:8080/user/login/", "look"),
        ("https://sso.example.com/", "not asked"),
    ],
)
def test_label_studio_knows_its_sub_path_or_not(api: Make, location: str, state: str) -> None:
    """As its redirect to the login page shows."""
    there = api(looks={"projects/": httpx.Response(302, headers={"location": location})})
    check = check_own_address(there)
    assert check.state == state
    assert (
        state != "look"
        or check.remedy == "Start Label Studio with LABEL_STUDIO_HOST=https://ls.example.com/label-studio"
    )
