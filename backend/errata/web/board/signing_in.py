"""The addresses by which visitors sign in and out, and the cookie."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from errata.errors import LabelStudioRefused, SettingError
from errata.labelstudio.tokens import token_kind
from errata.store.sessions import LIFETIME
from errata.web.board.attempts import Attempts
from errata.web.board.presence import Presence, Present
from errata.web.bodies import read_json

_LARGEST_BODY = 2**16  # bytes; a token has a few hundred
_PAUSE_S = 1.0  # before a failure is told
_REFUSED = {
    "legacy token": "Label Studio does not take this legacy token. Copy it again (Account & Settings > Legacy Token); "
    "where legacy tokens are switched off, copy a personal access token (Account & Settings > Personal Access Token).",
    "personal access token": "Label Studio does not take this personal access token. It was revoked, is another "
    "Label Studio's, or such tokens are switched off there; make a new one (Account & Settings > Personal Access "
    "Token).",
    "access token": "Label Studio does not take this access token: they end after a few minutes. Give the personal "
    "access token that it was made from, or a legacy token (Account & Settings).",
}
ENDED = "Label Studio does not take your token any more: it was revoked or replaced there. Sign in with a new one."

T = TypeVar("T")
InThread = Callable[..., Awaitable[T]]


class SessionNumber(Protocol):
    """Where a request says which session it belongs to."""

    def read(self, request: Request) -> str | None:
        """Return the number of the request's session, None where it has none."""

    def take(self, response: Response) -> None:
        """Let the browser forget it."""


class SignIn(Protocol):
    """Answers `api/session`."""

    async def sign_in(self, request: Request, in_thread: InThread[tuple[str, Present]]) -> Response:
        """Begin a session, or say why not."""

    def describe(self, present: Present) -> Response:
        """Say who is signed in."""

    async def sign_out(self, request: Request, in_thread: InThread[None]) -> Response:
        """End the session."""


class Cookie:
    """The browser's half of a session.

    It has no path, so that browsers send it to the addresses beside the one that set it, `board/api/`, alone, whatever
    a reverse proxy puts before them. Its name tells apart several erratas of one host: cookies know no ports.

    Args:
        secret: of this data folder.
        is_secure: browsers reach errata by https.
    """

    def __init__(self, secret: str, is_secure: bool) -> None:
        self.name = "errata-" + hashlib.sha256(f"errata: name of the cookie\x1f{secret}".encode()).hexdigest()[:12]
        self._is_secure = is_secure

    def read(self, request: Request) -> str | None:
        """Return the number of the request's session, None where it has none."""
        return request.cookies.get(self.name) or None

    def give(self, response: Response, number: str) -> None:
        """Let the browser keep a session's number."""
        self._set(response, number, int(LIFETIME.total_seconds()))

    def take(self, response: Response) -> None:
        """Let the browser forget it."""
        self._set(response, "", 0)

    def _set(self, response: Response, value: str, max_age: int) -> None:
        response.set_cookie(
            self.name, value, max_age, path=None, secure=self._is_secure, httponly=True, samesite="strict"
        )


class SigningIn:
    """Answers `api/session`."""

    def __init__(self, presence: Presence, cookie: Cookie, attempts: Attempts, label_studio_url: str) -> None:
        self._presence = presence
        self._cookie = cookie
        self._attempts = attempts
        self._url = label_studio_url

    async def sign_in(self, request: Request, in_thread: InThread[tuple[str, Present]]) -> Response:
        """Take a token to Label Studio, and begin a session where that takes it."""
        address = request.client.host if request.client else ""
        wait_s = self._attempts.wait_s(address)
        if wait_s > 0:
            detail = f"Too many tokens that do not count; try again in {wait_s:.0f} seconds."
            return JSONResponse({"detail": detail}, 429, {"Retry-After": f"{wait_s + 1:.0f}"})
        token = (await read_json(request, _LARGEST_BODY)).get("token")
        if not isinstance(token, str) or not token.strip():
            return JSONResponse({"detail": 'Give a token: {"token": "..."}.'}, 400)
        try:
            number, present = await in_thread(self._presence.sign_in, token.strip())
        except SettingError:
            detail = "No token looks like this. Copy it again from Label Studio (Account & Settings)."
            return JSONResponse({"detail": detail}, 400)
        except LabelStudioRefused:
            self._attempts.failed(address)
            await asyncio.sleep(_PAUSE_S)
            return JSONResponse({"detail": _REFUSED[token_kind(token)]}, 401)
        before = self._cookie.read(request)
        if before is not None:
            await in_thread(self._presence.sign_out, before)
        answer = self.describe(present)
        self._cookie.give(answer, number)
        return answer

    def describe(self, present: Present) -> Response:
        """Say who is signed in; never the token."""
        who = present.visitor
        return JSONResponse(
            {
                "user": {"id": who.id, "email": who.email, "name": who.name},
                "expires_at": present.expires_at.isoformat(),
                "label_studio": self._url,
            }
        )

    async def sign_out(self, request: Request, in_thread: InThread[None]) -> Response:
        """End the session, and let the browser forget the pictures that it has seen."""
        number = self._cookie.read(request)
        if number is not None:
            await in_thread(self._presence.sign_out, number)
        answer = Response(status_code=204, headers={"Clear-Site-Data": '"cache"'})
        self._cookie.take(answer)
        return answer
