"""How a process that was started to do a job ends when whoever started it is gone, even by SIGKILL."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable

ENDED_WITH_PARENT = 143  # as if by SIGTERM
LOOK_S = 0.5


def end_with_parent(stdin: int = 0) -> None:
    """End this process as soon as the other end of its standard input is closed; the `job` command calls it.

    `ChildProcessQueue` gives its children a pipe that nobody writes to and that closes with itself. Where standard
    input is no pipe (a terminal, a file), nothing happens.
    """
    if stat.S_ISFIFO(os.fstat(stdin).st_mode):
        threading.Thread(target=_end_at_eof, args=(stdin,), name="parent", daemon=True).start()


def _end_at_eof(descriptor: int) -> None:
    while os.read(descriptor, 1024):
        pass
    end_now()


def watch_parent(parent_pid: int, then: Callable[[], None]) -> None:
    """Call `then` from a thread once this process has another parent than `parent_pid`.

    For children that were forked and share every pipe with their parent.
    """

    def watch() -> None:
        while os.getppid() == parent_pid:
            time.sleep(LOOK_S)
        then()

    threading.Thread(target=watch, name="parent", daemon=True).start()


def end_now() -> None:
    """End this process at once, without clean-up: everything that errata writes survives that."""
    os._exit(ENDED_WITH_PARENT)
