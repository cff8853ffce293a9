"""Finds what webhooks lost: Label Studio sends each once, and errata may have been down."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from errata.jobs.periodic import Periodic
from errata.jobs.queue import Queue


class Poller:
    """Submits "verdicts" for every project, at start and then each `poll_s` seconds.

    Args:
        sources: returns the ids of the source projects that errata knows; called in the poller's own thread.
    """

    def __init__(self, queue: Queue, sources: Callable[[], Iterable[int]], poll_s: float) -> None:
        self._queue = queue
        self._sources = sources
        self._thread = Periodic("looking for verdicts", self._poll, poll_s)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()

    def _poll(self) -> None:
        for project_id in sorted(self._sources()):
            self._queue.submit("verdicts", project_id)
