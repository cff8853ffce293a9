"""What all tests share; the servers and projects are in fixtures/."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow: no example may fail for that.
settings.register_profile("errata", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("errata")

pytest_plugins = (
    "database_servers",
    "forked_errata",
    "label_studio_server",
    "review_findings",
    "source_projects",
    "stations",
)


@pytest.fixture(scope="session")
def missing() -> Callable[[str], NoReturn]:
    """Return what skips a test for something that this machine lacks, and fails it where nothing may be missing."""

    def lacks(reason: str) -> NoReturn:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)

    return lacks


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Return a function that picks a port of 127.0.0.1, another one each time.

    They lie below those that Linux and macOS give to outgoing connections, so that none is taken before a server
    that a test starts, or starts again, listens on it. Processes that test side by side pick different ones.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = list(range(20000, 32000))[number :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
    random.shuffle(ports)

    def pick() -> int:
        while True:
            port = ports.pop()
            with suppress(OSError), socket.create_server(("127.0.0.1", port)):
                return port

    return pick
