"""The files that rows are about, kept in memory for a short while: the tiles of one scene come one after another."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from errata.errors import ErrataError

_KEPT_S = 120.0
_MAX_BYTES = 256 * 2**20


class Files(Protocol):
    """Where files come from."""

    def read(self, uri: str, task_id: int) -> bytes:
        """Return a file.

        Raises:
            MediaError: it is missing, too large, not allowed or took too long.
            ServiceError: Label Studio itself cannot be reached or refuses the token.
        """


class Originals:
    """Reads files, each once for all who want it at a time. Thread-safe.

    Args:
        files: where they come from.
        max_bytes: of what is kept.
        kept_s: seconds after its last use for which a file is kept.
        clock: seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        files: Files,
        max_bytes: int = _MAX_BYTES,
        kept_s: float = _KEPT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._max_bytes = max_bytes
        self._kept_s = kept_s
        self._clock = clock
        self._kept: OrderedDict[tuple[int, str], tuple[float, bytes]] = OrderedDict()  # the last used one last
        self._n_bytes = 0
        self._coming: dict[tuple[int, str], Future[bytes]] = {}
        self._lock = threading.Lock()

    def read(self, project_id: int, uri: str, task_id: int) -> bytes:
        """Return a file of a project; as `Files`."""
        key = (project_id, uri)
        with self._lock:
            self._drop_old()
            if key in self._kept:
                content = self._kept[key][1]
                self._kept[key] = (self._clock(), content)
                self._kept.move_to_end(key)
                return content
            coming = self._coming.get(key)
            is_first = coming is None
            if coming is None:
                coming = self._coming[key] = Future()
        if is_first:
            self._fetch(key, task_id, coming)
        return coming.result()

    def _fetch(self, key: tuple[int, str], task_id: int, coming: Future[bytes]) -> None:
        try:
            content = self._files.read(key[1], task_id)
            coming.set_result(content)
            self._keep(key, content)
        except ErrataError as error:
            coming.set_exception(error)  # for all who wait
        finally:
            with self._lock:
                del self._coming[key]
            coming.cancel()  # where neither is known

    def _keep(self, key: tuple[int, str], content: bytes) -> None:
        if len(content) > self._max_bytes:
            return
        with self._lock:
            self._kept[key] = (self._clock(), content)
            self._n_bytes += len(content)
            self._drop_old()

    def _drop_old(self) -> None:
        """Forget what nobody has used for a while, and what is too much."""
        until = self._clock() - self._kept_s
        while self._kept:
            key = next(iter(self._kept))
            used_at, content = self._kept[key]
            if used_at >= until and self._n_bytes <= self._max_bytes:
                return
            del self._kept[key]
            self._n_bytes -= len(content)
