"""Looks at media that came after the audit, in a thread of its own and a few at a time."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import NamedTuple, Protocol

from errata.audit.beliefs import UsedEncoder
from errata.audit.embed import Embedded
from errata.audit.ports import Embeddings, Progress, Texts
from errata.errors import ErrataError
from errata_model.encoders.text import TextEncoder
from errata_model.records import TextForm

logger = logging.getLogger(__name__)

BATCH = 16
MOST_WAITING = 2_000
PROBLEM_KEPT_S = 60.0  # a file that could not be used is not fetched again before
NICENESS = 10

Outcome = tuple[str | None, str | None]
"""(content key, None); (None, why the media cannot be used, in words); (None, None) where it is not known now."""
PLAIN = TextForm("Text")


class Wanted(NamedTuple):
    """What is to be looked at.

    Attributes:
        encoder: what with.
        text: how the value holds a text; None where it is the address of a picture.
        value: an address, or a text.
    """

    encoder: UsedEncoder
    text: TextForm | None
    value: str


Batch = dict[Wanted, tuple[int, "Future[Outcome]"]]
"""What is wanted -> (id of a task that shows it, what is waited for)."""


class Embedder(Protocol):
    """Turns media into cached embeddings; `audit.embed.ImageEmbedder` is one."""

    def embed(self, values: Mapping[int, str], progress: Progress) -> Embedded:
        """Embed the media of tasks, `values` being task id -> address."""


class Encoders(Protocol):
    """Finds what belongs to the encoder that a belief was formed with."""

    def embeddings(self, encoder: UsedEncoder, width: int) -> Embeddings:
        """Return the cache of an encoder whose rows have `width` columns; quick."""

    def texts(self, form: TextForm) -> Texts:
        """Return what reads texts; quick."""

    def counter(self, encoder: UsedEncoder) -> TextEncoder | None:
        """Return an encoder that counts, for which nothing is kept; None of any other, or of an earlier version."""

    def embedder(self, encoder: UsedEncoder, text: TextForm | None) -> Embedder | None:
        """Return what makes more of them; may load weights. None where the encoder is another one by now.

        What shows texts is read as `text` says.

        Called from the thread of the newcomers only.
        """


class Newcomers:
    """Fetches, decodes and encodes media, each address once at a time.

    Args:
        encoders: where the encoder of a belief comes from.
    """

    def __init__(self, encoders: Encoders) -> None:
        self._encoders = encoders
        self._waiting: Batch = {}
        self._problems: dict[Wanted, tuple[float, str]] = {}
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="newcomers", daemon=True)

    def start(self) -> None:
        """Begin to look at what is asked for."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch under way; does not wait for it, since it writes nothing to Label Studio."""
        with self._changed:
            self._is_stopping = True
            for *_, future in self._waiting.values():
                future.cancel()
            self._waiting.clear()
            self._changed.notify_all()

    async def look_at(self, wanted: Mapping[Wanted, int], timeout_s: float) -> dict[Wanted, Outcome]:
        """Look at media for as long as `timeout_s`; return the outcomes of those that are done by then.

        Args:
            wanted: what is to be looked at -> id of a task that shows it.
        """
        futures = self._ask(wanted)
        waiting = {key: asyncio.wrap_future(future) for key, future in futures.items()}
        if waiting:
            await asyncio.wait(waiting.values(), timeout=timeout_s)
        for future in waiting.values():
            future.cancel()  # what has not begun is left to a job
        done = {key: future for key, future in futures.items() if future.done() and not future.cancelled()}
        return {key: future.result() for key, future in done.items()}

    def _ask(self, wanted: Mapping[Wanted, int]) -> dict[Wanted, Future[Outcome]]:
        futures: dict[Wanted, Future[Outcome]] = {}
        with self._changed:
            for key, task_id in wanted.items():
                known = self._problems.get(key)
                if known is not None and known[0] > time.monotonic():
                    futures[key] = Future()
                    futures[key].set_result((None, known[1]))
                elif (waits := self._waiting.get(key)) and not waits[1].cancelled():
                    futures[key] = waits[1]
                elif len(self._waiting) < MOST_WAITING and not self._is_stopping:
                    futures[key] = Future()
                    self._waiting[key] = (task_id, futures[key])
            self._changed.notify_all()
        return futures

    def _run(self) -> None:
        _lower_priority()
        while batch := self._next():
            try:
                self._look(batch)
            except ErrataError as error:
                _give_up(batch, str(error))
            except Exception as error:  # noqa: BLE001  a thread's boundary; its text may hold what no log may
                _give_up(batch, f"unexpected {type(error).__name__}")

    def _next(self) -> Batch:
        """Wait for addresses; return a few of one encoder and of different tasks, nothing once it stops."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._is_stopping or self._waiting)
                if self._is_stopping:
                    return {}
                batch: Batch = {}
                for key in list(self._waiting):
                    task_ids = {task_id for task_id, *_ in batch.values()}
                    if key[:2] == next(iter(batch), key)[:2] and self._waiting[key][0] not in task_ids:
                        item = self._waiting.pop(key)
                        if item[1].set_running_or_notify_cancel():
                            batch[key] = item
                    if len(batch) == BATCH:
                        break
                if batch:
                    return batch

    def _look(self, batch: Batch) -> None:
        embedder = self._encoders.embedder(*next(iter(batch))[:2])
        if embedder is None:
            _give_up(batch, "the encoder is another one than at the last audit")
            return
        embedded = embedder.embed({task_id: key.value for key, (task_id, _) in batch.items()}, _Silence())
        keys = dict(zip(map(int, embedded.task_ids), embedded.content_keys, strict=True))
        for key, (task_id, future) in batch.items():
            problem = embedded.unusable.get(task_id)
            if problem is not None:
                self._keep_problem(key, problem)
            future.set_result((keys.get(task_id), problem))

    def _keep_problem(self, key: Wanted, problem: str) -> None:
        now = time.monotonic()
        with self._changed:
            self._problems = {kept: item for kept, item in self._problems.items() if item[0] > now}
            self._problems[key] = (now + PROBLEM_KEPT_S, problem)


def _give_up(batch: Batch, reason: str) -> None:
    logger.warning("%d new media could not be looked at: %s", len(batch), reason)
    for *_, future in batch.values():
        if not future.done():
            future.set_result((None, None))


class _Silence:
    """Progress that nobody watches."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Ignore it."""

    def advance(self, n: int = 1) -> None:
        """Ignore it."""

    def say(self, text: str) -> None:
        """Ignore it."""


def _lower_priority() -> None:
    """Let requests go first, where the system has priorities of threads: Linux."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
