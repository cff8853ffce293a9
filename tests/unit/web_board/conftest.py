"""The pages over a Label Studio of the test's own, and the real database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from errata.errors import LabelStudioGone, LabelStudioRefused, LabelStudioUnreachable, SettingError
from errata.store.database import open_database
from errata.store.sessions import SessionStore
from errata.web.board.app import BoardApp
from errata.web.board.attempts import Attempts
from errata.web.board.page_files import PageFiles
from errata.web.board.presence import Presence
from errata.web.board.signing_in import Cookie, SigningIn
from errata.web.board.visitors import ApiRoute, Visitor
from errata.web.boundary import Boundary
from errata.web.security import Credentials

URL = "http://ls/"


@dataclass
class LabelStudioOfTokens:
    """Knows whose each token is, and which projects each person sees; counts what it is asked."""

    people: dict[str, int] = field(default_factory=lambda: {"token-of-ann": 1, "token-of-bob": 2})
    shown: dict[int, set[int]] = field(default_factory=lambda: {1: {7}, 2: {7, 8}})
    forbidden: set[int] = field(default_factory=set)  # projects of which an Enterprise edition says 403
    is_down: bool = False
    asked: list[str] = field(default_factory=list)

    def open(self, token: str) -> Any:
        if token == "no token":
            raise SettingError("ERRATA_LABEL_STUDIO_TOKEN is wrong.")
        return ClientOfToken(self, token)


@dataclass
class ClientOfToken:
    """A client of that Label Studio."""

    label_studio: LabelStudioOfTokens
    token: str

    def get(self, path: str, params: Any = None) -> Any:
        self.label_studio.asked.append(path)
        if self.label_studio.is_down:
            raise LabelStudioUnreachable("Label Studio at http://ls cannot be reached.")
        person = self.label_studio.people.get(self.token)
        if person is None:
            raise LabelStudioRefused("Label Studio does not take the token.")
        if path == "api/current-user/whoami":
            return {"id": person, "email": f"{person}@example.com", "first_name": "", "last_name": f"<b>{person}</b>"}
        project_id = int(path.removeprefix("api/projects/").removesuffix("/"))
        if project_id in self.label_studio.forbidden:
            raise LabelStudioRefused("Label Studio does not allow it to the token's user.")
        if project_id not in self.label_studio.shown[person]:
            raise LabelStudioGone("Label Studio does not have it.")
        return {"id": project_id}

    def close(self) -> None:
        pass


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Browser:
    """Asks an app as the script of a page of errata's own would, with a browser's cookies."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop, root: str = "http://localhost:9090") -> None:
        self._loop = loop
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=root, timeout=300
        )

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"X-Errata": "board", **options.pop("headers", {})}
        asked = self.http.request(method, path, headers=headers, **options)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(60)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def sign_in(self, token: str = "token-of-ann", **options: Any) -> httpx.Response:
        return self.call("POST", "/board/api/session", json={"token": token}, **options)


@dataclass
class Pages:
    """The pages and what they stand on."""

    app: Any
    label_studio: LabelStudioOfTokens
    clock: Clock
    browser: Callable[..., Browser]
    data_dir: Path


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def whoami(request: Request, visitor: Visitor) -> Response:
    return JSONResponse({"id": visitor.id, "project": request.path_params.get("project")})


@pytest.fixture
def open_pages(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., Pages]]:
    """Return what puts pages together; `rooms` are answered besides two that say who asks."""
    engines = []

    def start(rooms: Sequence[ApiRoute] = (), *, password: str | None = None, **options: Any) -> Pages:
        engine = open_database(f"sqlite:///{tmp_path / 'errata.db'}")
        engines.append(engine)
        label_studio, clock = LabelStudioOfTokens(), Clock()
        presence = Presence(SessionStore(engine, "secret", URL), label_studio.open, clock)
        cookie = Cookie("secret", options.pop("is_secure", False))
        signing_in = SigningIn(presence, cookie, Attempts(clock), URL)
        own = (ApiRoute("who", "GET", whoami), ApiRoute("projects/{project:int}/who", "POST", whoami))
        credentials = Credentials("errata", password, None, options.pop("public_host", None))
        files = options.pop("files", None) or PageFiles()
        board = BoardApp([*own, *rooms], presence, signing_in, cookie, credentials, files, **options)
        app = FastAPI(openapi_url=None, redirect_slashes=False, routes=board.routes())
        app.add_middleware(Boundary)
        return Pages(app, label_studio, clock, lambda *more: Browser(app, loop, *more), tmp_path)

    yield start
    for engine in engines:
        engine.dispose()


@pytest.fixture
def pages(open_pages: Callable[..., Pages]) -> Pages:
    return open_pages()
