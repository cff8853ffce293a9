"""Runs the web app and what works behind it in one process, until it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp

from errata.errors import SettingError

logger = logging.getLogger(__name__)

BACKLOG = 2048
GRACE_S = 10  # how long requests may take to end


class Service(Protocol):
    """What works in threads or child processes beside the web app."""

    def start(self) -> None:
        """Begin; returns at once."""

    def stop(self) -> None:
        """End, children included."""


def serve(
    app: ASGIApp,
    host: str,
    port: int,
    services: Sequence[Service] = (),
    on_ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then end requests, threads and children.

    Args:
        port: 0 takes a free one.
        services: started in this order and stopped in the reverse.
        on_ready: called with the address once connections are accepted.

    Raises:
        SettingError: the address cannot be listened on.
    """
    server = server_of(app)
    with ExitStack() as stack:
        stack.enter_context(_stopped_by_signals(server))
        listener = stack.enter_context(contextlib.closing(listen(host, port)))
        for service in services:
            stack.callback(service.stop)
            service.start()
        on_ready(_url(listener))
        server.run(sockets=[listener])
        logger.info("stopping")


def server_of(app: ASGIApp) -> uvicorn.Server:
    """Return what serves an app; it runs in the thread that calls its `run`, and ends by its `should_exit`."""
    config = uvicorn.Config(
        app,
        log_config=None,  # the caller's logging holds
        access_log=False,  # uvicorn's own shows query strings
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections.

    Raises:
        SettingError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # Connections inherit it. asyncio sets it only on sockets made with an explicit protocol number, and without it
        # an answer over a kept connection waits 40 ms for the client's acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise SettingError(
            f"ERRATA_HOST and ERRATA_PORT are wrong because {host}:{port} cannot be listened on "
            f"({error.strerror}); stop what listens there, or set another port."
        ) from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the server and nothing else.

    uvicorn raises the signal that stopped it once more when it is done, which would end the process before its
    services are stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
