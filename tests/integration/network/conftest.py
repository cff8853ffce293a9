"""What stands between errata and Label Studio in a company: gateways, proxies, and certificates of its own."""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "proxy-authorization", "transfer-encoding"}


@dataclass
class Seen:
    """A request that arrived."""

    method: str
    target: str
    headers: Mapping[str, str]  # names in lower case


class Station(ThreadingHTTPServer):
    """A server of the test's own that remembers what passed; `serve` answers a request."""

    daemon_threads = True

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.seen.append(Seen(self.command, self.path, headers))
                body = self.rfile.read(int(headers.get("content-length") or 0))
                outer.serve(self, headers, body)

            def send_response(self, code: int, message: str | None = None) -> None:
                outer.answered.append(f"{self.command} {self.path.partition('?')[0]} {code}")
                super().send_response(code, message)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = do_OPTIONS = answer

            def log_message(self, *args: Any) -> None: ...

        self.seen: list[Seen] = []
        self.answered: list[str] = []  # "METHOD PATH STATUS" each
        self.n_connections = 0
        super().__init__(("127.0.0.1", 0), Handler)
        self.scheme = "https" if trust else "http"
        if trust:
            self.socket = trust.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.server_port}/"

    def serve(self, handler: BaseHTTPRequestHandler, headers: Mapping[str, str], body: bytes) -> None:
        raise NotImplementedError

    def get_request(self) -> Any:
        accepted = super().get_request()
        self.n_connections += 1
        return accepted

    def handle_error(self, request: Any, client_address: Any) -> None: ...  # a client that hung up

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def stop_listening(self) -> None:
        """Answer nobody any more; the port stays taken, so that no server of another test gets it."""
        self.close()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", self.server_port))


def reply(handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes) -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def pass_on(handler: BaseHTTPRequestHandler, place: tuple[str, int], target: str, body: bytes) -> None:
    """Send the request on to `place`, and its answer back."""
    onward = http.client.HTTPConnection(*place, timeout=120)
    headers = {name: value for name, value in handler.headers.items() if name.lower() not in _HOP_BY_HOP}
    try:
        onward.request(handler.command, target, body=body or None, headers=headers)
        answer = onward.getresponse()
        content = answer.read()
    finally:
        onward.close()
    handler.send_response(answer.status)
    for name, value in answer.getheaders():
        if name.lower() not in _HOP_BY_HOP | {"content-length", "date", "server"}:
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content)


class Gateway(Station):
    """A reverse proxy before a service that is at its root: what nginx with a `location PREFIX/` is.

    Args:
        place: host and port of the service.
        prefix: what paths begin with, as in "/label-studio"; others are answered with a page, 404.
        strips: the service gets paths without the prefix.
        wants: a header and its value, without which a page is answered, 401.
    """

    def __init__(
        self,
        place: tuple[str, int],
        prefix: str = "",
        *,
        strips: bool = True,
        wants: tuple[str, str] | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.place, self.prefix, self.strips, self.wants = place, prefix, strips, wants
        super().__init__(trust)

    @property
    def base(self) -> str:
        """Where the service is, ending in a slash."""
        return self.url.rstrip("/") + self.prefix + "/"

    def serve(self, handler: BaseHTTPRequestHandler, headers: Mapping[str, str], body: bytes) -> None:
        page = {"Content-Type": "text/html"}
        if self.wants and headers.get(self.wants[0].lower()) != self.wants[1]:
            reply(handler, 401, page, b"<html>Who are you?</html>")
        elif not handler.path.startswith(self.prefix + "/"):
            reply(handler, 404, page, b"<html>nginx</html>")
        else:
            target = handler.path[len(self.prefix) :] if self.strips else handler.path
            pass_on(handler, self.place, target, body)


@dataclass
class Answer:
    """What a site says to everything."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


class Site(Station):
    """Says the same to everything: a storage, an ML backend, somebody else's server."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self.answer = Answer()
        super().__init__(trust)

    def says(self, body: bytes | Any = b"", status: int = 200, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = Answer(status, content, {"Content-Type": "application/json", **named})

    def serve(self, handler: BaseHTTPRequestHandler, headers: Mapping[str, str], body: bytes) -> None:
        reply(handler, self.answer.status, self.answer.headers, self.answer.body)


class ForwardProxy(Station):
    """A company's proxy: the only one that knows its hosts' names. `refuses` answers with that status."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}  # name -> port on this machine
        self.refuses: int | None = None
        super().__init__()

    def serve(self, handler: BaseHTTPRequestHandler, headers: Mapping[str, str], body: bytes) -> None:
        is_tunnel = handler.command == "CONNECT"
        parts = urlsplit(f"//{handler.path}" if is_tunnel else handler.path)
        port = self.places.get(parts.hostname or "")
        if self.refuses or port is None:
            reply(handler, self.refuses or 502, {"Content-Type": "text/html"}, b"<html>proxy</html>")
        elif is_tunnel:
            tunnel(handler, port)
        else:
            pass_on(handler, ("127.0.0.1", port), parts.path + (f"?{parts.query}" if parts.query else ""), body)


def tunnel(handler: BaseHTTPRequestHandler, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as onward:
        handler.send_response(200, "Connection established")
        handler.end_headers()
        ends = {handler.connection: onward, onward: handler.connection}
        while True:
            for end in select.select(list(ends), [], [])[0]:
                content = end.recv(65536)
                if not content:
                    handler.close_connection = True
                    return
                ends[end].sendall(content)


class Authority:
    """A company's certificate authority."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA(organization_name="Example Corp")
        self.bundle = folder / "example-corp.pem"
        self._authority.cert_pem.write_to_path(str(self.bundle))

    def server(self, *names: str, **options: Any) -> ssl.SSLContext:
        """Return what a server with a certificate for these names needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*names, **options).configure_cert(context)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def opened() -> Iterator[Callable[[Any], Any]]:
    """Close, after the test, what it is given."""
    made: list[Any] = []

    def keep(each: Any) -> Any:
        made.append(each)
        return each

    yield keep
    for each in reversed(made):
        each.close()


@pytest.fixture
def gateway(opened: Any, label_studio: Any) -> Callable[..., Gateway]:
    """Put a gateway before the test run's Label Studio, or before another place."""

    def make(prefix: str = "", place: tuple[str, int] | None = None, **options: Any) -> Gateway:
        parts = urlsplit(label_studio.url)
        made: Gateway = opened(Gateway(place or (str(parts.hostname), int(parts.port or 80)), prefix, **options))
        return made

    return make


@pytest.fixture
def site(opened: Any) -> Callable[..., Site]:
    return lambda **options: opened(Site(**options))


@pytest.fixture
def proxy(opened: Any) -> ForwardProxy:
    made: ForwardProxy = opened(ForwardProxy())
    return made


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the proxies of the machine that the tests run on."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
