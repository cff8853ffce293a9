"""Checks of Label Studio itself: whether it is there, which one it is, its clock and its address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from errata.doctor.checks import Check, look, not_asked, ok, wrong
from errata.errors import LabelStudioUnreachable
from errata.labelstudio.failures import is_json

ANSWER_S = 5.0
SKEW_S = 60.0  # Label Studio's access tokens live 300 s, and the signatures of storages a few minutes
OLDEST, NEWEST = (1, 20), (1, 23)  # errata was run on these and those between
BLOCKS_SINCE = (1, 23, 1)  # private addresses are refused by default
_WHO = "api/current-user/whoami"


class Api(Protocol):
    """What doctor asks of Label Studio: `labelstudio.client.LabelStudio`."""

    url: str

    def get(self, path: str, params: Any = None) -> Any:
        """Return the parsed answer."""

    def look(self, path: str, timeout_s: float) -> httpx.Response:
        """Return what is answered without the token, whatever it is."""


def check_reachable(api: Api, proxy: str | None, now: datetime) -> Iterator[Check]:
    """Say whether Label Studio is at its address, and what its clock says.

    Args:
        api: Label Studio.
        proxy: the proxy that is used, in words.
        now: our clock, with its zone.

    Raises:
        LabelStudioUnreachable: it is not there.
    """
    through = f" through the proxy {proxy}" if proxy else ""
    # Not api/version: Label Studio answers that below any sub-path, right or wrong.
    answer = api.look(_WHO, ANSWER_S)
    if not is_json(answer):
        api.get(_WHO)  # says what is wrong, and where Label Studio is instead
    if not _is_refusal(answer):
        raise LabelStudioUnreachable(
            f"What answers at {api.url}{through} ({answer.status_code}) is not Label Studio; set "
            "ERRATA_LABEL_STUDIO_URL to the address that a browser shows Label Studio at, without projects/, and "
            "ERRATA_LABEL_STUDIO_HEADERS where a gateway wants a login of its own."
        )
    yield ok("Label Studio", f"answers at {api.url}{through}")
    yield check_clock(answer.headers.get("date", ""), now)


def check_clock(date: str, now: datetime) -> Check:
    """Compare Label Studio's clock, as the `Date` header of an answer has it, with ours."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return not_asked("clock", "Label Studio's answers do not say what time it is")
    skew_s = (now - theirs.replace(tzinfo=theirs.tzinfo or timezone.utc)).total_seconds()
    if abs(skew_s) <= SKEW_S:
        return ok("clock", "Label Studio's agrees with this machine's")
    side = "ahead of" if skew_s > 0 else "behind"
    return wrong(
        "clock",
        f"this machine's clock is {_span(abs(skew_s))} {side} Label Studio's (its Date header, or a proxy's)",
        "Set both by NTP (`timedatectl` shows how it stands): tokens and signatures need them within a minute.",
    )


def check_version(api: Api) -> Check:
    """Say which Label Studio it is."""
    about = api.get("api/version")
    release, edition = str(about.get("release", "?")), str(about.get("edition", "unknown edition"))
    seen = f"{release} {edition}"
    version = parse_version(release)
    if not version:
        return look("version", f'"{release}" is no version', "Open /version/ of Label Studio: is it built by itself?")
    if OLDEST <= version[:2] <= NEWEST:
        is_blocking = version >= BLOCKS_SINCE
        return ok("version", seen + ("; refuses private addresses unless told otherwise" if is_blocking else ""))
    return look(
        "version",
        f"{seen}; errata was run on {_dotted(OLDEST)} to {_dotted(NEWEST)}",
        "Update Label Studio." if version < OLDEST else "Look whether there is a newer errata.",
    )


def check_own_address(api: Api) -> Check:
    """Say whether Label Studio knows the sub-path that it is at, by where it sends those who are not logged in."""
    answer = api.look("projects/", ANSWER_S)
    to = urlsplit(answer.headers.get("location", ""))
    path, _, _ = to.path.partition("user/login/")
    if not answer.is_redirect or "user/login" not in to.path:
        return not_asked("own address", "Label Studio does not show LABEL_STUDIO_HOST to who is not logged in")
    here = urlsplit(api.url)
    if path == here.path and (not to.hostname or to.hostname == here.hostname):
        return ok("own address", f"Label Studio's links begin with {path}")
    return look(
        "own address",
        f"Label Studio sends who is not logged in to {to.netloc}{path}user/login/, which is not below {api.url}",
        f"Start Label Studio with LABEL_STUDIO_HOST={api.url.rstrip('/')}",
    )


def parse_version(release: str) -> tuple[int, ...]:
    """Return the numbers of a release such as "1.23.2", () where it is none."""
    found = re.match(r"\d+(?:\.\d+)+", release)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _is_refusal(answer: httpx.Response) -> bool:
    """Say whether this is how Label Studio refuses who has no token."""
    try:
        body = answer.json()
    except ValueError:
        return False
    return isinstance(body, dict) and {"status_code", "detail"} <= body.keys()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def _span(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
