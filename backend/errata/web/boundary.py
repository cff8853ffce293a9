"""The outermost layer of the web app: an access log without secrets, and an answer whatever goes wrong."""

from __future__ import annotations

import logging
import time
import traceback

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

access = logging.getLogger("errata.access")
logger = logging.getLogger(__name__)

LONGEST_PATH = 100


class Boundary:
    """Logs method, path, status and milliseconds of each request: no query, no header, no body.

    What was not foreseen is answered with 500. Its place in the code is logged, but not its text: that may hold
    part of a payload.

    Args:
        root_path: what the path of a request may begin with, as errata's public URL has it.
    """

    def __init__(self, app: ASGIApp, root_path: str = "") -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0
        scope["root_path"] = scope.get("root_path") or self._root_path

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:  # noqa: BLE001  the web app's handler
            place = "".join(traceback.format_tb(error.__traceback__))
            logger.error("unexpected %s in answering a request, at\n%s", type(error).__name__, place)
            if not status:
                problem = JSONResponse({"detail": "errata failed to answer this; its log says where."}, 500)
                await problem(scope, receive, noting)
        finally:
            path = scope["path"][:LONGEST_PATH].encode("unicode_escape").decode()
            elapsed_ms = (time.perf_counter() - began) * 1000
            access.info("%s %s %d %.1f ms", scope["method"], path, status, elapsed_ms)
