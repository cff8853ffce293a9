"""What a hosting process answers with: made at its first request, and shared by all that 1.0.9 makes of the class."""

from __future__ import annotations

import asyncio
import threading
from functools import cache
from typing import Any

from errata.audit.beliefs import NO_VERSION
from errata.hosted.events import open_queue
from errata.labelstudio.label_config import read_label_config
from errata.serving import ServedEncoders, ServedItems, StoredProjects, predictions_mode
from errata.settings import read_settings
from errata.store.media_index import MediaIndexStore
from errata.web.backend import SETUP_S
from errata.web.beliefs import Beliefs
from errata.web.bodies import PredictRequest
from errata.web.contents import Patience
from errata.web.newcomers import Newcomers
from errata.web.predictions import Predictions
from errata.web.projects import ProjectBook
from errata.web.region_newcomers import RegionNewcomers
from errata.wiring import Wiring

_MAKING = threading.Lock()


class Answers:
    """errata's predictions for threads: one event loop works for all of them, as in `errata serve`.

    Its own threads are daemons and end with the process; they write nothing to Label Studio.
    """

    def __init__(self, wiring: Wiring) -> None:
        settings = wiring.settings
        index = MediaIndexStore(wiring.engine)
        encoders = ServedEncoders(wiring, index)
        book = ProjectBook(StoredProjects(wiring))
        newcomers = Newcomers(encoders)
        region_newcomers = RegionNewcomers(ServedItems(wiring))
        queue = open_queue(settings)
        self._beliefs = Beliefs(wiring.artefacts)
        self._predictions = Predictions(
            self._beliefs,
            index,
            encoders,
            newcomers,
            wiring.codecs,
            lambda xml: read_label_config(xml).controls,
            queue,
            lambda project_id: predictions_mode(settings, book, project_id),
            Patience(),
            region_newcomers,
        )
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="answers", daemon=True).start()
        book.refresh()  # who gets predictions is known before the first answer
        for service in (queue, self._beliefs, newcomers, book):
            service.start()

    def version(self, project_id: int) -> str:
        """Return the version that is served; within 1.5 s, since Label Studio waits 3."""
        found = asyncio.run_coroutine_threadsafe(self._beliefs.version(project_id, SETUP_S), self._loop)
        return found.result() or NO_VERSION

    def predict(self, asked: PredictRequest) -> list[dict[str, Any]]:
        """Return one result a task, in order."""
        return asyncio.run_coroutine_threadsafe(self._predictions.answer(asked), self._loop).result()


def answers() -> Answers:
    """Return this process's answers; several requests may be the first.

    Raises:
        SettingError: a setting is missing or wrong.
    """
    with _MAKING:
        return _made()


@cache
def _made() -> Answers:
    return Answers(Wiring(read_settings()))
