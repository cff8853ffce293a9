"""Whose token it is, of which sort, and whether its rights are enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from errata.errors import LabelStudioGone, LabelStudioRefused, LabelStudioUnreachable
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.review_setup import marker
from errata.labelstudio.tokens import token_kind

_REVIEW = marker(0).partition("0")[0]
# As Label Studio names them. An installation that does not say what a person may do has no roles: everybody may all.
_NEEDED = {
    "projects.view": "read the project",
    "projects.create": "make the review project",
    "projects.change": "set the review project up",
    "tasks.create": "put findings into the review project",
    "tasks.delete": "take findings out of the review project",
    "annotations.change": "apply fixes",
    "predictions.any": "store predictions",
    "webhooks.change": "make webhooks",
}


@dataclass(frozen=True, slots=True)
class Account:
    """A Label Studio, and who errata is there."""

    url: str  # of Label Studio, ending in a slash
    version: str
    edition: str
    user: str  # the email address
    token_kind: str  # "personal access token", "legacy token" or "access token"

    @property
    def sentence(self) -> str:
        """Say it in a line."""
        return f"Label Studio {self.version} ({self.edition}) at {self.url}, as {self.user} by a {self.token_kind}"


@dataclass(frozen=True, slots=True)
class Person:
    """A user of Label Studio."""

    id: int
    email: str
    name: str  # the email address where they gave none


@dataclass(frozen=True, slots=True)
class ListedProject:
    """A project that could be connected."""

    project_id: int
    title: str
    n_tasks: int


def read_account(client: LabelStudio, token: str) -> Account:
    """Sign in, and see whether the rights are enough.

    Raises:
        LabelStudioRefused: the token does not count, or rights are missing; names them and where they are given.
        LabelStudioUnreachable: nothing answers there, or it is no Label Studio.
    """
    who = client.get("api/current-user/whoami")
    version: Mapping[str, Any] = client.get("api/version")
    missing = missing_rights(who)
    if missing:
        raise LabelStudioRefused(
            f"The token's user {who.get('email')} may not {', '.join(missing)}. Let an owner give that user a role "
            "that may (Organization > Members), or copy the token of one who may (Account & Settings)."
        )
    return Account(
        client.url,
        str(version.get("release") or "of an unknown version"),
        str(version.get("edition") or "Community"),
        str(who.get("email") or ""),
        token_kind(token),
    )


def read_person(client: LabelStudio) -> Person:
    """Return whose token it is.

    Raises:
        LabelStudioRefused: the token does not count.
        LabelStudioUnreachable: nothing answers there, or it is no Label Studio.
    """
    who = client.get("api/current-user/whoami")
    if not isinstance(who, Mapping) or not isinstance(who.get("id"), int):
        raise LabelStudioUnreachable(f"{client.url} does not say whose token it is. Is this Label Studio?")
    email = str(who.get("email") or "")
    name = " ".join(str(who.get(part) or "").strip() for part in ("first_name", "last_name")).strip()
    return Person(who["id"], email, name or email)


def shows_project(client: LabelStudio, project_id: int) -> bool:
    """Say whether Label Studio shows a project to the token's user; asks for its number alone, which is quick.

    Raises:
        LabelStudioRefused: the token does not count, or Label Studio tells that user of no project of this number.
        LabelStudioUnreachable: nothing answers there.
    """
    try:
        client.get(f"api/projects/{project_id}/", {"include": "id"})
    except LabelStudioGone:
        return False
    return True


def check_sight(client: LabelStudio, project_id: int, user: str) -> None:
    """Make sure that the token's user sees a project.

    Raises:
        LabelStudioGone: it does not exist, or that user does not see it.
    """
    try:
        client.get(f"api/projects/{project_id}/")
    except LabelStudioGone as error:
        raise LabelStudioGone(
            f"There is no project {project_id} that {user} can see: `errata connect` lists those that there are. If it "
            "is another organization's or a workspace's, copy the token of one of its members (Account & Settings)."
        ) from error


def list_projects(client: LabelStudio) -> list[ListedProject]:
    """Return the projects that the token's user sees, by id, without errata's review projects."""
    listed = client.paged("api/projects/", {"include": "id,title,description,task_number"})
    found = [
        ListedProject(int(each["id"]), str(each["title"]), int(each.get("task_number") or 0))
        for each in listed
        if _REVIEW not in (each.get("description") or "")
    ]
    return sorted(found, key=lambda project: project.project_id)


def missing_rights(who: Mapping[str, Any]) -> list[str] | None:
    """Return what errata does and the token's user may not do; None where Label Studio does not tell.

    Args:
        who: what Label Studio answers to `whoami`.
    """
    allowed = who.get("permissions")
    if not isinstance(allowed, list) or not allowed:
        return None
    return [f"{what} ({right})" for right, what in _NEEDED.items() if right not in allowed]
