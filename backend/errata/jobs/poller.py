"""Finds what webhooks lost: Label Studio sends each once, and errata may have been down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from errata.errors import ErrataError
from errata.jobs.periodic import Periodic
from errata.jobs.queue import Queue

LOOK_ANYWAY_S = 3600  # a job may have failed since its answers were seen


class Poller:
    """Submits "verdicts" for each project with new answers: at start, then each `poll_s` seconds.

    Without new answers, it does so once an hour.

    Args:
        sources: returns the ids of the source projects that errata looks after.
        mark: returns what changes with a project's answers, None where there can be none. Both are called in the
            poller's own thread.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        queue: Queue,
        sources: Callable[[], Iterable[int]],
        mark: Callable[[int], str | None],
        poll_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._sources = sources
        self._mark = mark
        self._clock = clock
        self._seen: dict[int, tuple[str, float]] = {}
        self._thread = Periodic("looking for verdicts", self.look, poll_s)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()

    def look(self) -> None:
        """Look at each project once; what goes wrong with one does not keep the others.

        Raises:
            ErrataError: the first that went wrong.
        """
        problems = []
        for project_id in sorted(self._sources()):
            try:
                mark = self._mark(project_id)
            except ErrataError as error:
                problems.append(error)
                continue
            if mark is not None and self._is_new(project_id, mark):
                self._queue.submit("verdicts", project_id)
        if problems:
            raise problems[0]

    def _is_new(self, project_id: int, mark: str) -> bool:
        now = self._clock()
        seen, when = self._seen.get(project_id, (None, now))
        if seen == mark and now - when < LOOK_ANYWAY_S:
            return False
        self._seen[project_id] = (mark, now)
        return True
