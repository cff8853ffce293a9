"""A thread that does the same thing again and again."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable

from errata.errors import ErrataError

logger = logging.getLogger(__name__)

JITTER = 0.1  # so that several processes do not ask at the same moment


class Periodic:
    """Calls `step` at start, then about each `every_s` seconds, or sooner when woken. Survives errors.

    Args:
        name: what it does, for the log.
    """

    def __init__(self, name: str, step: Callable[[], None], every_s: float) -> None:
        self._name = name
        self._step = step
        self._every_s = every_s
        self._is_stopping = False
        self._woken = threading.Event()
        self._problem: str | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Do it soon. Returns at once."""
        self._woken.set()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread; wait until it has, but not longer than `timeout_s`."""
        self._is_stopping = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._is_stopping:
            self._woken.clear()
            self._tell(self._try())
            self._woken.wait(self._every_s * random.uniform(1 - JITTER, 1 + JITTER))

    def _try(self) -> str | None:
        try:
            self._step()
        except ErrataError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  a thread's boundary; its text may hold what no log may
            return f"unexpected {type(error).__name__}"
        return None

    def _tell(self, problem: str | None) -> None:
        """Log a problem when it appears, not each time."""
        if problem != self._problem:
            if problem:
                logger.warning("%s: %s", self._name, problem)
            else:
                logger.info("%s: works again", self._name)
        self._problem = problem
