"""`errata serve`, listening on a port of its own choice."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Service:
    """`errata serve` on a data folder."""

    data_dir: Path
    forked: Any = field(repr=False)
    environment: dict[str, str] = field(repr=False)
    process: Any = None

    def start(self) -> str:
        """Start it, or start it again; return its address once it answers."""
        n_before = len(self.said())
        with self._log.open("ab") as sink:
            self.process = self.forked.start("serve", env=self.environment, cwd=self.data_dir.parent, sink=sink)
        deadline = time.monotonic() + 180
        while not (found := re.search(r"errata answers at (\S+)", self.said()[n_before:])):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)
        return found[1]

    def kill(self) -> None:
        """SIGKILL it and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)
        self.process.stdin.close()

    def said(self) -> str:
        """Return what it has printed."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def _log(self) -> Path:
        return self.data_dir.with_suffix(".log")


@pytest.fixture
def service_on(label_studio: Any, forked_errata: Any) -> Iterator[Callable[..., Service]]:
    """Make services on a data folder; they are not started."""
    made: list[Service] = []

    def make(data_dir: Path, **variables: str) -> Service:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")}
        own = {
            "ERRATA_LABEL_STUDIO_URL": label_studio.url,
            "ERRATA_LABEL_STUDIO_TOKEN": label_studio.token,
            "ERRATA_DATA_DIR": str(data_dir),
            "ERRATA_PORT": "0",
        }
        made.append(Service(data_dir, forked_errata, {**kept, **own, **variables}))
        return made[-1]

    yield make
    for service in made:
        if service.process:
            service.kill()
