"""What a check says."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from errata.errors import ErrataError

State = Literal["ok", "look", "wrong", "not asked"]
"""`look`: it works, but not as it should; `wrong`: it does not work; `not asked`: `seen` says why."""

_END = re.compile(r"(?:; |: (?=set )|(?<=[\w)\]\"'/])[.?] )(?=\S)")


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `errata doctor`."""

    name: str
    state: State
    seen: str
    remedy: str | None = None  # a command, a variable, or a page of Label Studio to open; with look and wrong
    project: int | None = None  # the source project that it is about

    def of(self, project_id: int) -> Check:
        """Return the check as one about a project."""
        return replace(self, project=project_id)


def ok(name: str, seen: str) -> Check:
    """Say that it works."""
    return Check(name, "ok", seen)


def look(name: str, seen: str, remedy: str) -> Check:
    """Say that it works, but not as it should."""
    return Check(name, "look", seen, remedy)


def wrong(name: str, seen: str, remedy: str) -> Check:
    """Say that it does not work."""
    return Check(name, "wrong", seen, remedy)


def not_asked(name: str, why: str) -> Check:
    """Say why it was not looked at."""
    return Check(name, "not asked", why)


def told(name: str, text: str) -> Check:
    """Say that it does not work by a text of errata's: its first part is what was seen, the rest the remedy."""
    end = _END.search(text)
    if end is None:
        return wrong(name, text, "Look into the log of Label Studio, and that of `errata serve`.")
    remedy = text[end.end() :]
    return wrong(name, text[: end.start()], remedy[:1].upper() + remedy[1:])


def failed(name: str, error: ErrataError) -> Check:
    """Say that it does not work by an error."""
    return told(name, str(error))
