"""Who looks at the pages, and what answers them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from errata.labelstudio.client import LabelStudio


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who signed in with their own Label Studio token, or who looks at data of their own in a notebook."""

    id: int  # Label Studio's
    email: str
    name: str
    label_studio: LabelStudio | None = field(repr=False)  # with their token; None where there is no Label Studio


# Answers a request below `board/api/` of somebody who is signed in. Where the path has {project:int}, that
# project is shown to them.
Endpoint = Callable[[Request, Visitor], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """One address below `board/api/`."""

    path: str  # "projects/{project:int}/groups"
    method: str  # "GET" (HEAD too) or "POST"
    endpoint: Endpoint
