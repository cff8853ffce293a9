"""What people call a project by: its id, or an address out of the browser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from errata.errors import UsageError

# Pages of Label Studio that somebody may have open; what stands before them is where Label Studio is.
_PAGE = re.compile(r"/(projects|user|organization|people|models|home|api|admin|labels)(/.*)?$")
_PROJECT = re.compile(r"/projects/(\d+)(?:/.*)?$")


@dataclass(frozen=True, slots=True)
class Target:
    """What a command is to work on.

    Attributes:
        url: of Label Studio, ending in a slash; None where it was not said.
        project_id: None where it was not said.
    """

    url: str | None
    project_id: int | None


def read_target(text: str) -> Target:
    """Read a project's id, the address of one of its pages, or Label Studio's own address.

    Raises:
        UsageError: it is none of these.
    """
    if text.isascii() and text.isdigit():
        return Target(None, int(text))
    if not text.startswith(("http://", "https://")):
        raise UsageError(
            f"{text!r} is neither a project's id nor an address; give the number in the project's address, or that "
            "address with its https://."
        )
    parts = urlsplit(text)
    if not parts.hostname or parts.username is not None:
        raise UsageError(f"{parts.hostname or text!r}: give an address with a host, and without a user or a password.")
    project = _PROJECT.search(parts.path)
    page = project or _PAGE.search(parts.path)
    path = parts.path[: page.start()] if page else parts.path
    url = f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}/"
    return Target(url, int(project.group(1)) if project else None)
