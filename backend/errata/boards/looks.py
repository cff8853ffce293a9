"""What the labels of a control look like: their vectors, and what of texts is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from scipy.sparse import vstack as vstack_sparse

from errata.audit.believe import values_of
from errata.audit.embed import Embedded, Embedder
from errata.audit.ports import Progress, Texts
from errata.audit.snapshot import Snapshot
from errata.boards.crop_embeddings import Part
from errata.boards.rows import Row
from errata.boards.snippets import Snippet, around_spans, beginnings, span_features
from errata_model.features import Features
from errata_model.map.reduce import reduced
from errata_model.records import Control
from errata_model.regions.shapes import Span

# Tasks that are embedded between two looks at the clock: few at first, as each may take as long as media may.
_AT_FIRST, _AT_ONCE = 64, 1024

IsLate = Callable[[], bool]


class Crops(Protocol):
    """Embeds parts of pictures: `CropEmbedder`."""

    def embed(self, parts: Sequence[Part], progress: Progress, is_late: IsLate) -> NDArray[np.float32]:
        """Return (N, D), zeros where not known."""


class Senses(Protocol):
    """What looks at media and reads texts."""

    def embedder(self, control: Control) -> Embedder | None:
        """Return what embeds whole tasks of a control; None where nothing does."""

    def crops(self, n: int) -> Crops:
        """Return what embeds `n` parts of pictures."""

    def texts(self, control: Control) -> Texts:
        """Return what reads the texts of a control whose modality is text: of spans, those in which they count."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What a control's L labels look like.

    Attributes:
        items: (L,) int64, the item that each label is of: a task, or a region.
        rows: (M, D) float32 of length 1, zeros where not known.
        snippets: L, or empty where no text is shown.
    """

    items: NDArray[np.int64]
    rows: NDArray[np.float32]
    snippets: Sequence[Snippet] = ()


def look(
    control: Control,
    rows: Sequence[Row],
    places: NDArray[np.float32],
    snapshot: Snapshot,
    embedded: Mapping[str, Embedded],
    senses: Senses,
    progress: Progress,
    is_late: IsLate,
) -> Looks:
    """Look at the labels of a control.

    Args:
        control: what they answer.
        rows: L of them.
        places: (L, 4) where they are on pictures; see `places_of`.
        snapshot: the project.
        embedded: what the audit has embedded, by data key.
        senses: what looks at the rest.
        progress: is told of stages.
        is_late: says when nothing more is to be fetched or encoded.

    Raises:
        ServiceError: Label Studio went away.
    """
    held = values_of(snapshot.tasks, control.data_key)
    if not control.has_regions:
        return _at_tasks(control, rows, held, embedded.get(control.data_key), senses, progress, is_late)
    own = np.arange(len(rows), dtype=np.int64)
    if control.modality == "image":
        return Looks(own, _at_crops(rows, places, held, senses, progress, is_late))
    if control.text is not None:
        spans = [(row.task.id, row.shape if isinstance(row.shape, Span) else None) for row in rows]
        snippets = around_spans(spans, held, senses.texts(control), progress, is_late)
        return Looks(own, reduced(span_features(snippets)), snippets)
    return unseen(control, rows)


def unseen(control: Control, rows: Sequence[Row]) -> Looks:
    """Return the labels of a control where nothing is known of what they look like."""
    items: list[object] = list(range(len(rows))) if control.has_regions else [row.task.id for row in rows]
    number = {item: n for n, item in enumerate(dict.fromkeys(items))}
    vectors = np.zeros((len(number), 0), dtype=np.float32)
    return Looks(np.array([number[item] for item in items], dtype=np.int64), vectors)


def _at_tasks(
    control: Control,
    rows: Sequence[Row],
    held: Mapping[int, Any],
    embedded: Embedded | None,
    senses: Senses,
    progress: Progress,
    is_late: IsLate,
) -> Looks:
    tasks = list(dict.fromkeys(row.task.id for row in rows))
    number = {task_id: n for n, task_id in enumerate(tasks)}
    wanted = {task_id: held[task_id] for task_id in tasks if task_id in held}
    embedder = senses.embedder(control) if embedded is None else None
    if embedded is not None:
        known, features = embedded.task_ids, embedded.rows
    elif embedder is not None:
        known, features = _embedded(embedder, wanted, progress, is_late)
    else:
        known, features = np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float32)
    is_of_label = np.array([task_id in number for task_id in known.tolist()], dtype=np.bool_)
    vectors = reduced(features[is_of_label])
    by_item = np.zeros((len(tasks), vectors.shape[1]), dtype=np.float32)
    by_item[[number[task_id] for task_id in known[is_of_label].tolist()]] = vectors
    snippets: list[Snippet] = []
    if control.text is not None:
        read = beginnings(wanted, senses.texts(control), progress, is_late)
        snippets = [read.get(row.task.id, Snippet("")) for row in rows]
    return Looks(np.array([number[row.task.id] for row in rows], dtype=np.int64), by_item, snippets)


def _embedded(
    embedder: Embedder, values: Mapping[int, Any], progress: Progress, is_late: IsLate
) -> tuple[NDArray[np.int64], Features]:
    """Return the tasks that could be embedded in time, and their rows."""
    parts = list(_in_parts(embedder, values, progress, is_late))
    if not parts:
        return np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float32)
    rows = [part.rows for part in parts]
    joined = csr_array(vstack_sparse(rows, format="csr")) if issparse(rows[0]) else np.concatenate(rows)
    return np.concatenate([part.task_ids for part in parts]), joined


def _in_parts(embedder: Embedder, values: Mapping[int, Any], progress: Progress, is_late: IsLate) -> Iterator[Embedded]:
    task_ids, start, n = list(values), 0, _AT_FIRST
    while start < len(task_ids) and not is_late():
        yield embedder.embed({task_id: values[task_id] for task_id in task_ids[start : start + n]}, progress)
        start, n = start + n, min(2 * n, _AT_ONCE)


def _at_crops(
    rows: Sequence[Row],
    places: NDArray[np.float32],
    held: Mapping[int, Any],
    senses: Senses,
    progress: Progress,
    is_late: IsLate,
) -> NDArray[np.float32]:
    seen = [n for n, row in enumerate(rows) if np.isfinite(places[n]).all() and row.task.id in held]
    parts = []
    for n in seen:
        left, top, width, height = places[n].tolist()
        parts.append(Part(rows[n].task.id, str(held[rows[n].task.id]), (left, top, width, height)))
    found = reduced(senses.crops(len(parts)).embed(parts, progress, is_late)) if parts else np.zeros((0, 0))
    vectors = np.zeros((len(rows), found.shape[1]), dtype=np.float32)
    vectors[seen] = found
    return vectors
