"""Lets the learners of regions believe about items that came after the audit, one after another in a thread."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

from errata.errors import ErrataError, MediaError
from errata.web.belief import RegionRows
from errata.web.newcomers import PROBLEM_KEPT_S
from errata_model.records import Control
from errata_model.regions.shapes import Size

logger = logging.getLogger(__name__)

MOST_WAITING = 500


class Seen(NamedTuple):
    """An item as a learner takes it.

    Attributes:
        key: of its content; see `RegionBelief.content_keys`.
        item: a picture, or a text.
        size: of the image, in pixels; None of what is none.
    """

    key: str
    item: Any
    size: Size | None


class Items(Protocol):
    """Reads what tasks show."""

    def see(self, control: Control, value: Any, task_id: int) -> Seen:
        """Return what a task shows under a control's key.

        Raises:
            MediaError: it cannot be used.
            ServiceError: Label Studio cannot be reached.
        """


class Asked(NamedTuple):
    """What somebody wants to know about a task.

    Attributes:
        rows: the belief.
        uri: what the task's data hold, as `RegionRows.find` knows it.
    """

    rows: RegionRows
    uri: str


class RegionNewcomers:
    """Believes about new items; what is believed is kept by the belief itself.

    Args:
        items: reads them.
    """

    def __init__(self, items: Items) -> None:
        self._items = items
        self._lock = threading.Lock()
        self._waiting: dict[Asked, Future[None]] = {}
        self._unusable: dict[Asked, float] = {}  # until when it is not looked at again
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="new regions")

    def start(self) -> None:
        """Do nothing: the thread begins with the first item."""

    def stop(self) -> None:
        """End after the item under way."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def look_at(self, asked: Mapping[Asked, tuple[int, Any]], timeout_s: float) -> set[str]:
        """Let what is asked be believed about for as long as `timeout_s`.

        Args:
            asked: -> (id of the task, what its data hold).

        Returns:
            The addresses, or texts, of what cannot be used.
        """
        now = time.monotonic()
        futures = {key: self._submit(key, *about) for key, about in asked.items() if not self._is_unusable(key, now)}
        waiting = [asyncio.wrap_future(future) for future in futures.values() if future is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=timeout_s)
        return {key.uri for key in asked if self._is_unusable(key, now)}

    def _is_unusable(self, key: Asked, now: float) -> bool:
        return self._unusable.get(key, 0.0) > now

    def _submit(self, key: Asked, task_id: int, value: Any) -> Future[None] | None:
        with self._lock:
            if key not in self._waiting and len(self._waiting) < MOST_WAITING:
                self._waiting[key] = self._pool.submit(self._believe, key, task_id, value)
            return self._waiting.get(key)

    def _believe(self, key: Asked, task_id: int, value: Any) -> None:
        try:
            seen = self._items.see(key.rows.control, value, task_id)
            key.rows.believe(key.uri, seen.key, seen.item, seen.size)
        except MediaError:
            now = time.monotonic()
            kept = {each: until for each, until in self._unusable.items() if until > now}
            self._unusable = kept | {key: now + PROBLEM_KEPT_S}
        except ErrataError as error:
            logger.warning("a new item could not be looked at: %s", error)
        except Exception as error:  # noqa: BLE001  a thread's boundary; its text may hold what no log may
            logger.warning("a new item could not be looked at: unexpected %s", type(error).__name__)
        finally:
            with self._lock:
                self._waiting.pop(key, None)
