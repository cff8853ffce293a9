"""An HTTP server that answers what a test tells it to."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Reply:
    """One answer; `act` may do something else with the connection instead."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    act: Callable[[BaseHTTPRequestHandler], None] | None = None

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        if self.act is not None:
            self.act(handler)
            return
        is_json = not isinstance(self.body, (bytes, type(None)))
        content = json.dumps(self.body).encode() if is_json else self.body or b""
        handler.send_response(self.status)
        sort = {"Content-Type": "application/json" if is_json else "application/octet-stream"}
        for name, value in {**sort, "Content-Length": str(len(content)), **self.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)


@dataclass
class Seen:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int  # of whoever asks: one a connection


class ScriptedServer:
    """Answers with its replies in order, and with the last one from then on."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.seen: list[Seen] = []
        self.stop = threading.Event()  # slow replies wait for it
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with outer._lock:
                    outer.seen.append(Seen(self.command, self.path, dict(self.headers), body, self.client_address[1]))
                    reply = outer.replies.popleft() if len(outer.replies) > 1 else outer.replies[0]
                try:
                    reply.send(self)
                except OSError:
                    self.close_connection = True

            do_GET = do_POST = do_PATCH = do_DELETE = _answer

            def log_message(self, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def says(self, *replies: Reply) -> None:
        self.replies = deque(replies)

    def close(self) -> None:
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()

    def silence(self) -> Reply:
        """Take the request and say nothing."""

        def act(handler: BaseHTTPRequestHandler) -> None:
            self.stop.wait(30)
            handler.close_connection = True

        return Reply(act=act)

    def hang_up(self) -> Reply:
        """Take the request and reset the connection."""

        def act(handler: BaseHTTPRequestHandler) -> None:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            handler.connection.close()
            raise ConnectionResetError

        return Reply(act=act)

    def drip(self, head: bytes, drop: bytes = b"x") -> Reply:
        """Send `head`, then a drop now and then, for ever."""

        def act(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(head)
            while not self.stop.wait(0.05):
                handler.wfile.write(drop)
            handler.close_connection = True

        return Reply(act=act)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    made = ScriptedServer()
    yield made
    made.close()


@pytest.fixture
def other_server() -> Iterator[ScriptedServer]:
    made = ScriptedServer()
    yield made
    made.close()


@pytest.fixture
def reply() -> type[Reply]:
    return Reply
