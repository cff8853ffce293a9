"""Serves the pages from the notebook's process, below an address that nobody can guess."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Sequence

from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from errata.notebook.person import NoSignIn, OnePerson, OneSession
from errata.web.board.app import BoardApp
from errata.web.board.page_files import PageFiles
from errata.web.board.visitors import ApiRoute, Visitor
from errata.web.boundary import Boundary
from errata.web.security import Credentials
from errata.web.server import GRACE_S, listen, server_of

# Whose pages may show these in a frame: notebooks on this machine, and those of VS Code. Through a proxy of Jupyter's
# own they are of its origin.
_FRAMED_BY = (
    "http://localhost:*",
    "http://127.0.0.1:*",
    "https://localhost:*",
    "https://127.0.0.1:*",
    "vscode-webview:",
    "vscode-file:",
)
_STARTING_S = 30.0


class NotebookServer:
    """The pages on a free port of this machine, in a thread.

    A cookie would not do: a page of 127.0.0.1 in one of localhost, or of VS Code, is another site's there.

    Args:
        rooms: what answers below `board/api/`.
        visitor: who looks at them.

    Attributes:
        port: on 127.0.0.1.
        path: of the pages, "/SECRET/board/".
    """

    def __init__(self, rooms: Sequence[ApiRoute], visitor: Visitor) -> None:
        secret = secrets.token_urlsafe(24)
        credentials = Credentials("", secret, None)  # the address holds it: proxies may call this server by any name
        board = BoardApp(rooms, OnePerson(visitor), NoSignIn(), OneSession(), credentials, PageFiles(), _FRAMED_BY)
        app = FastAPI(openapi_url=None, redirect_slashes=False, routes=[*board.routes()])
        app.add_middleware(Boundary)
        self._listener = listen("127.0.0.1", 0)
        self.port = int(self._listener.getsockname()[1])
        self.path = f"/{secret}/board/"
        self._server = server_of(BelowSecret(app, secret))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="errata's pages", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join(GRACE_S + _STARTING_S)
        self._listener.close()


class BelowSecret:
    """Lets requests in whose path begins with a secret, and takes it away.

    Args:
        app: answers them.
        secret: the path's first part.
    """

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app = app
        self._secret = secret.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        first, slash, rest = scope.get("path", "")[1:].partition("/")
        if scope["type"] != "http" or not slash or not hmac.compare_digest(first.encode(), self._secret):
            await PlainTextResponse("Nothing is here.", 404)(scope, receive, send)
            return
        await self._app({**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send)
