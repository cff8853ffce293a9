"""Progress as plain lines, for logs and jobs."""

from __future__ import annotations

import time
from collections.abc import Callable

LINE_EVERY_S = 15.0


class LineProgress:
    """Tells a line when a stage begins and ends, and every now and then between, with rate and remaining time."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._name: str | None = None
        self._total: int | None = None
        self._done = 0
        self._began = 0.0
        self._told = 0.0

    def stage(self, name: str, total: int | None = None) -> None:
        """See `Progress.stage`."""
        self.end()
        self._name, self._total, self._done = name, total, 0
        self._began = self._told = self._clock()
        if total != 0:
            self._write(f"{name}: {total} to do" if total else name)

    def advance(self, n: int = 1) -> None:
        """See `Progress.advance`."""
        self._done += n
        now = self._clock()
        if now - self._told >= LINE_EVERY_S:
            self._told = now
            rate = self._done / (now - self._began)
            rest = f", about {(self._total - self._done) / rate:.0f} s left" if self._total and rate else ""
            self._write(f"{self._name}: {self._done} of {self._total or '?'}, {rate:.1f} a second{rest}")

    def say(self, text: str) -> None:
        """See `Progress.say`."""
        self._write(text)

    def end(self) -> None:
        """Tell how long the stage took that is under way, if any."""
        if self._name and self._done:
            self._write(f"{self._name}: {self._done} done in {self._clock() - self._began:.1f} s")
        self._name = None
