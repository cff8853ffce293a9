"""The pages put together: every address below `board/`, and who may ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from errata.errors import (
    AuditRunning,
    ErrataError,
    LabelStudioGone,
    LabelStudioRefused,
    MediaError,
    ServiceError,
    SettingError,
    TableGone,
    UsageError,
)
from errata.web.board.defence import is_by_own_script, is_foreign, strict_headers
from errata.web.board.page_files import PageFiles
from errata.web.board.presence import KnownVisitors, Present
from errata.web.board.signing_in import ENDED, SessionNumber, SignIn
from errata.web.board.visitors import ApiRoute
from errata.web.security import Credentials

_ASKING = 8  # threads that wait for Label Studio or the database on behalf of visitors
_SIGNING_IN = 4  # likewise, on behalf of who is none yet
_NO_MORE: Mapping[str, str] = MappingProxyType({})
_OTHERS = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_STATUS: tuple[tuple[type[ErrataError], int], ...] = (
    (AuditRunning, 409),
    (TableGone, 404),
    (SettingError, 500),
    (UsageError, 400),
    (MediaError, 404),
    (LabelStudioGone, 404),
    (LabelStudioRefused, 403),
    (ServiceError, 502),
)

T = TypeVar("T")
Answer = Callable[[Request], Awaitable[Response]]


class _Route(Route):
    """Takes a number of thousands of digits, which Python does not read, for no address of its own."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        try:
            return super().matches(scope)
        except ValueError:
            return Match.NONE, {}


class _Ended(Exception):
    """Nobody is signed in; the text says why and what to do."""


class BoardApp:
    """The addresses below `board/`.

    Args:
        rooms: what answers below `board/api/`, but for the session.
        presence: who is signed in, and what they are shown.
        signing_in: answers `board/api/session`.
        cookie: tells sessions apart: the browser's half of one.
        credentials: which hosts' names count as errata's.
        files: the pages.
        framed_by: origins besides errata's own whose pages may show the pages in a frame.
    """

    def __init__(
        self,
        rooms: Sequence[ApiRoute],
        presence: KnownVisitors,
        signing_in: SignIn,
        cookie: SessionNumber,
        credentials: Credentials,
        files: PageFiles,
        framed_by: Sequence[str] = (),
    ) -> None:
        self._rooms = rooms
        self._presence = presence
        self._signing_in = signing_in
        self._cookie = cookie
        self._credentials = credentials
        self._files = files
        self._headers = strict_headers(framed_by)
        self._threads, self._strangers = CapacityLimiter(_ASKING), CapacityLimiter(_SIGNING_IN)
        self._asking: dict[object, asyncio.Task[Any]] = {}

    def routes(self) -> list[Route]:
        """Return the addresses, the most particular first."""
        session = "/board/api/session"
        return [
            Route("/board", self._strict(_to_folder), methods=["GET", *_OTHERS]),
            Route(session, self._api(self._who), methods=["GET"]),
            Route(session, self._api(self._sign_in), methods=["POST"]),
            Route(session, self._api(self._sign_out), methods=["DELETE"]),
            *(
                _Route(f"/board/api/{room.path}", self._api(self._signed_in(room)), methods=[room.method])
                for room in self._rooms
            ),
            Route("/board/api/{path:path}", self._api(_nothing), methods=["GET", *_OTHERS]),
            Route("/board/{path:path}", self._strict(self._files.serve), methods=["GET"]),
            Route("/board/{path:path}", self._strict(_nothing), methods=_OTHERS),
        ]

    def _strict(self, answer: Answer, more: Mapping[str, str] = _NO_MORE) -> Answer:
        """Refuse strange hosts, say in words what went wrong, and put the strict headers on every answer."""
        headers = {**self._headers, **more}

        async def strict(request: Request) -> Response:
            response = await self._answered(answer, request)
            for name, value in headers.items():
                response.headers.setdefault(name, value)
            return response

        return strict

    async def _answered(self, answer: Answer, request: Request) -> Response:
        if not self._credentials.trusts_host(request.headers):
            return problem(
                403,
                "errata has no password, so it answers to localhost and ERRATA_PUBLIC_URL's host alone; "
                "set ERRATA_BACKEND_PASSWORD to open the pages by another name.",
            )
        try:
            return await answer(request)
        except HTTPException as error:
            return JSONResponse({"detail": error.detail}, error.status_code, dict(error.headers or {}))
        except ErrataError as error:
            return problem(next((status for kind, status in _STATUS if isinstance(error, kind)), 500), str(error))

    def _api(self, answer: Answer) -> Answer:
        """Refuse other sites' pages. What is answered is kept by no browser, unless it says so itself."""

        async def own(request: Request) -> Response:
            headers = request.headers
            if is_foreign(headers, self._credentials.public_host):
                raise HTTPException(403, "Other sites' pages may not ask errata.")
            if not is_by_own_script(request.method, headers):
                raise HTTPException(403, "Send JSON (Content-Type: application/json) and the header X-Errata: board.")
            return await answer(request)

        return self._strict(own, {"Cache-Control": "no-store"})

    def _signed_in(self, room: ApiRoute) -> Answer:
        """Let visitors in whom Label Studio shows the project that the address names."""

        async def known(request: Request) -> Response:
            present = await self._visitor(request)
            project_id = request.path_params.get("project")
            if project_id is not None and not await self._is_shown(request, present, int(project_id)):
                return problem(404, f"Label Studio shows you no project {project_id}.")
            try:
                return await room.endpoint(request, present.visitor)
            except LabelStudioRefused:
                await self._confirmed(request, present)
                raise

        return self._ending(known)

    def _ending(self, answer: Answer) -> Answer:
        """Let browsers forget a session that has ended."""

        async def ending(request: Request) -> Response:
            try:
                return await answer(request)
            except _Ended as error:
                response = problem(401, str(error))
                if self._cookie.read(request) is not None:
                    self._cookie.take(response)
                return response

        return ending

    async def _who(self, request: Request) -> Response:
        async def known(request: Request) -> Response:
            present = await self._visitor(request)
            if not self._presence.is_confirmed(present):
                await self._confirmed(request, present)
            return self._signing_in.describe(present)

        return await self._ending(known)(request)

    async def _sign_in(self, request: Request) -> Response:
        async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
            return await to_thread.run_sync(work, *arguments, limiter=self._strangers)

        return await self._signing_in.sign_in(request, in_thread)

    async def _sign_out(self, request: Request) -> Response:
        return await self._signing_in.sign_out(request, self._in_thread)

    async def _visitor(self, request: Request) -> Present:
        number = self._cookie.read(request)
        present = None if number is None else self._presence.known(number)
        if present is None and number is not None:
            present = await self._once(("find", number), self._presence.find, number)
        if present is None:
            raise _Ended("Sign in: nobody is, or the twelve hours are over.")
        return present

    async def _is_shown(self, request: Request, present: Present, project_id: int) -> bool:
        if self._presence.knows_shown(present, project_id):
            return True
        try:
            return await self._once((present, project_id), self._presence.is_shown, present, project_id)
        except LabelStudioRefused as error:
            raise await self._ended(request) from error

    async def _confirmed(self, request: Request, present: Present) -> None:
        """Make sure that Label Studio still takes the visitor's token."""
        try:
            await self._once((present, "confirm"), self._presence.confirm, present)
        except LabelStudioRefused as error:
            raise await self._ended(request) from error

    async def _ended(self, request: Request) -> _Ended:
        await self._in_thread(self._presence.sign_out, self._cookie.read(request))
        return _Ended(ENDED)

    async def _once(self, key: object, ask: Callable[..., T], *arguments: Any) -> T:
        """Ask in a thread; whoever asks the same meanwhile gets the same answer."""
        task = self._asking.get(key)
        if task is None:
            task = asyncio.ensure_future(self._in_thread(ask, *arguments))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        result: T = await asyncio.shield(task)
        return result

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await to_thread.run_sync(work, *arguments, limiter=self._threads)


def problem(status: int, detail: str) -> Response:
    """Return an answer that says what is wrong and what to do."""
    return JSONResponse({"detail": detail}, status)


async def _to_folder(_: Request) -> Response:
    """Lead to the pages' folder by a relative address: nobody here knows what stands before it."""
    return Response(status_code=307, headers={"Location": "board/"})


async def _nothing(_: Request) -> Response:
    return problem(404, "errata answers nothing at this address.")
