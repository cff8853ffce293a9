"""errata's commands and service as processes, with a company's environment."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest


class Errata:
    """errata as a company runs it: its commands and its service as processes of one environment."""

    def __init__(self, forked: Any, folder: Path, port: int, **settings: str) -> None:
        self.forked, self.folder, self.port = forked, folder, port
        self.password = secrets.token_urlsafe(9)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")}
        self.environment = {
            **inherited,
            "ERRATA_DATA_DIR": str(folder / "data"),
            "ERRATA_ENCODER": "pixels",
            "ERRATA_PORT": str(port),
            "ERRATA_BACKEND_PASSWORD": self.password,
            "ERRATA_POLL_S": "3600",  # what arrives, arrives by webhook
            **settings,
        }
        self._service: Any = None

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command to its end; return what it printed."""
        done = self.forked.run(*arguments, env=self.environment, cwd=self.folder)
        assert done.returncode == code, f"exit {done.returncode}: {done.stdout}\n{done.stderr}"
        return str(done.stdout if code == 0 else done.stderr)

    def ask(self, *arguments: str) -> Any:
        """Run a command with --json; return the object."""
        return json.loads(self.run(*arguments, "--json"))

    @property
    def log(self) -> str:
        return (self.folder / "serve.log").read_text(errors="replace")

    def serve(self) -> None:
        """Start the service and wait until it answers."""
        with (self.folder / "serve.log").open("ab") as sink:
            self._service = self.forked.start("serve", env=self.environment, cwd=self.folder, sink=sink)
        self.wait(self._is_healthy, "errata serve")

    def _is_healthy(self) -> bool:
        assert self._service
        assert self._service.poll() is None, self.log
        with suppress(httpx.TransportError):
            url = f"http://127.0.0.1:{self.port}/health"
            return httpx.get(url, auth=("errata", self.password), trust_env=False).is_success
        return False

    def wait(self, condition: Callable[[], Any], what: str, timeout_s: float = 180) -> Any:
        """Return the first true value of `condition`."""
        deadline = time.monotonic() + timeout_s
        while not (value := condition()):
            assert time.monotonic() < deadline, f"{what} did not happen within {timeout_s:.0f} s"
            time.sleep(0.1)
        return value

    def close(self) -> None:
        if self._service:
            self._service.terminate()
            self._service.wait(timeout=60)
            self._service.stdin.close()


@pytest.fixture
def errata(opened: Any, forked_errata: Any, tmp_path: Path) -> Callable[..., Errata]:
    """Make an errata with these settings, that is to listen on that port."""
    return lambda port, **settings: opened(Errata(forked_errata, tmp_path, port, **settings))
