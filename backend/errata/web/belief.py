"""A project's belief as it is served: every look-up a dictionary's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import Artefact, ControlBelief, RegionBelief
from errata_model.features import Features
from errata_model.kinds.stored import load_model, load_region_model
from errata_model.records import Control
from errata_model.regions.records import Believed
from errata_model.regions.shapes import Size

MOST_PREDICTED = 50_000  # rows of contents that came after the audit


class ControlRows:
    """The belief about one control, by task and by what a task shows."""

    def __init__(self, belief: ControlBelief) -> None:
        self.control: Control = belief.control
        self.labels = frozenset(belief.control.labels)
        self.model = load_model(belief.model) if belief.model is not None else None
        self.encoder = belief.encoder
        self.width = self.model.width if self.model is not None else 0
        self._probabilities = belief.probabilities
        self._content_keys = belief.content_keys
        self._row_of_task = {int(task_id): row for row, task_id in enumerate(belief.task_ids)}
        rows = {key: row for row, key in reversed(list(enumerate(belief.content_keys))) if key}
        self._row_of_content = rows
        self._predicted: dict[str, NDArray[np.float32]] = {}

    def needs_no_media(self, task_id: int | None) -> bool:
        """Say whether the belief about a task came without knowing what it shows."""
        row = None if task_id is None else self._row_of_task.get(task_id)
        return row is not None and not self._content_keys[row]

    def of_task(self, task_id: int | None) -> NDArray[np.float32] | None:
        """Return the (K,) probabilities of a task whatever it shows now."""
        row = None if task_id is None else self._row_of_task.get(task_id)
        return None if row is None else self._probabilities[row]

    def of_content(self, task_id: int | None, key: str) -> NDArray[np.float32] | None:
        """Return the (K,) probabilities of a task that shows this content; None where it is new.

        Content that was audited gets its out-of-sample row, also when another task shows it.
        """
        row = None if task_id is None else self._row_of_task.get(task_id)
        if row is None or self._content_keys[row] != key:
            row = self._row_of_content.get(key)
        return self._predicted.get(key) if row is None else self._probabilities[row]

    def predict(self, keys: Sequence[str], features: Features) -> None:
        """Let the model believe about content that was not audited: N keys and their (N, D) features."""
        if self.model is not None and len(keys):
            if len(self._predicted) > MOST_PREDICTED:
                self._predicted.clear()
            self._predicted.update(zip(keys, self.model.predict(features), strict=True))


class RegionRows:
    """The belief about the regions of one control, by task and by what a task shows."""

    def __init__(self, belief: RegionBelief) -> None:
        self.control: Control = belief.control
        self.labels = frozenset(belief.control.labels)
        self.is_own = belief.model is not None
        self._belief = belief
        self._row_of_task = {int(task_id): row for row, task_id in enumerate(belief.task_ids)}
        self._row_of_content = {key: row for row, key in reversed(list(enumerate(belief.content_keys))) if key}
        self._model: Any = None
        self._later: dict[str, tuple[Believed, Size | None]] = {}

    def find(self, task_id: int | None, uri: str, key: str | None) -> tuple[Believed, Size | None] | None:
        """Return what is believed of a task and the size of its image; None where nothing is.

        Args:
            task_id: of the task.
            uri: what its data hold now.
            key: of what it shows now; None where that is not known: what was audited may be something else.
        """
        row = None if task_id is None else self._row_of_task.get(task_id)
        if row is None or self._belief.content_keys[row] not in ("", key):
            row = self._row_of_content.get(key or "")
        return self._later.get(uri) if row is None else (self._belief.believed[row], self._belief.sizes[row])

    def believe(self, uri: str, key: str, item: Any, size: Size | None) -> None:
        """Let the model believe about an item that was not audited. Content that was gets its out-of-sample belief.

        To be called from one thread at a time.

        Args:
            uri: what tasks' data hold that show it.
            key: of its content.
            item: as the model takes it: a picture or a text.
            size: of the image, in pixels.
        """
        if self._belief.model is None:
            return
        if self._model is None:
            self._model = load_region_model(self.control.kind, self._belief.model)
        if len(self._later) > MOST_PREDICTED:
            self._later = {}
        row = self._row_of_content.get(key)
        known = None if row is None else (self._belief.believed[row], self._belief.sizes[row])
        self._later[uri] = known or (self._model.predict(item), size)


class ProjectBelief:
    """All that an audit believes about a project, ready to be looked up."""

    def __init__(self, artefact: Artefact) -> None:
        self.version = artefact.version
        self.controls = tuple(ControlRows(belief) for belief in artefact.beliefs)
        self.drawn = tuple(RegionRows(belief) for belief in artefact.region_beliefs if not belief.is_of_people)
        self.answered = artefact.value_beliefs
        n_tasks = [len(belief.task_ids) for belief in artefact.beliefs]
        n_tasks += [len(belief.task_ids) for belief in artefact.region_beliefs]
        self.n_tasks = max([*n_tasks, *(len(belief.opinions) for belief in artefact.value_beliefs)], default=0)
