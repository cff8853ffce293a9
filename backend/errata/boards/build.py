"""The table of an audit that the pages show."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace

import numpy as np
from numpy.typing import NDArray

from errata.audit.ports import Progress, Regions
from errata.audit.run import Examination
from errata.boards.columns import Columns, columns_of
from errata.boards.details import details_of
from errata.boards.fields import fields_of
from errata.boards.looks import Looks, Senses, look, unseen
from errata.boards.mapping import EarlierXY, Mapped, map_labels
from errata.boards.rows import Row, places_of, rows_of
from errata.boards.snippets import Snippet
from errata.boards.table import BoardTable, RowDetail
from errata.errors import ServiceError
from errata_model.map.reduce import WIDTH
from errata_model.records import Control

_LEAST_TIME_S = 120.0


@dataclass(frozen=True, slots=True)
class Built:
    """A table, and what is shown of its rows.

    Attributes:
        table: N rows, most likely error first.
        details: of each row, in this order; can be read once.
        remarks: what the pages will lack, a sentence each.
    """

    table: BoardTable
    details: Iterator[RowDetail]
    remarks: tuple[str, ...]


def build_board(
    examination: Examination,
    regions: Regions,
    senses: Senses,
    names: Mapping[str, str],
    earlier: BoardTable | None,
    progress: Progress,
) -> Built:
    """Make the table of an audit: each label that it has a word on, given or missing, as a row; see `rows_of`.

    What the audit has not looked at already (regions, media of a belief from elsewhere) is looked at now, for as long
    as the audit took and at least two minutes; the rest has no place on the map until the next audit.

    Args:
        examination: the audit.
        regions: the codecs.
        senses: what looks at media and reads texts.
        names: what annotators are called, by the ids that labels have; those who are not in it keep their ids.
        earlier: the table of the audit before, whose map this one's follows; None where there was none.
        progress: is told of stages.
    """
    late_at = time.monotonic() + max(_LEAST_TIME_S, examination.seconds)
    snapshot = examination.snapshot
    rows = rows_of(examination, regions)
    places, columns = places_of(rows), columns_of(rows, examination, names)
    snippets: list[Snippet | None] = [None] * len(rows)
    parts: dict[str, tuple[NDArray[np.int64], Mapped]] = {}
    remarks = []
    for number, control in enumerate(snapshot.controls):
        own = np.flatnonzero(columns.control == number)
        if not len(own):
            continue
        mine = [rows[n] for n in own]
        try:
            looks = look(
                control,
                mine,
                places[own],
                snapshot,
                examination.belief.embedded,
                senses,
                progress,
                lambda: time.monotonic() > late_at,
            )
        except ServiceError as error:
            looks = unseen(control, mine)
            remarks.append(f'Labels of "{control.name}" have no place on the map until the next audit: {error}')
        remarks += _unseen(control, looks)
        for n, snippet in zip(own, looks.snippets, strict=False):
            snippets[n] = snippet
        progress.stage(f'Mapping "{control.name}"')
        before = EarlierXY(earlier, control)
        parts[control.name] = own, map_labels(mine, columns.said[own], columns.disagreement[own], looks, before)
    table = _table(rows, places, columns, parts, examination)
    labelled = {control.data_key for control in snapshot.controls}
    return Built(table, details_of(rows, snippets, labelled, regions), tuple(remarks))


def _unseen(control: Control, looks: Looks) -> list[str]:
    is_seen = np.asarray(looks.rows.any(axis=1))
    n_unseen = int(np.count_nonzero(~is_seen[looks.items]))
    if not n_unseen or not looks.rows.any():  # of nothing at all no map is expected
        return []
    said = f'{n_unseen} of {len(looks.items)} labels of "{control.name}" have no place on the map: '
    return [said + "what they show could not be read, or not in time. The next audit goes on with the rest."]


def _table(
    rows: Sequence[Row],
    places: NDArray[np.float32],
    columns: Columns,
    parts: Mapping[str, tuple[NDArray[np.int64], Mapped]],
    examination: Examination,
) -> BoardTable:
    snapshot, n = examination.snapshot, len(rows)
    leaf, apart = np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.bool_)
    xy, vectors = np.full((n, 2), np.nan, dtype=np.float32), np.zeros((n, WIDTH), dtype=np.float16)
    for own, mapped in parts.values():
        leaf[own], apart[own], xy[own] = mapped.leaf, mapped.apart, mapped.xy
        vectors[own, : mapped.vectors.shape[1]] = mapped.vectors
    numbers = {task.id: number for number, task in enumerate(snapshot.tasks)}
    task_of_row = np.array([numbers[row.task.id] for row in rows], dtype=np.int64)
    table = BoardTable(
        version="",
        model_version=examination.belief.artefact.version,
        project_id=snapshot.project_id,
        title=snapshot.title,
        url=snapshot.url,
        controls=snapshot.controls,
        labels=columns.labels,
        annotators=columns.annotators,
        detectors=columns.detectors,
        keys=np.array([row.finding.key.encode() for row in rows], dtype="S20"),
        tasks=np.array([row.task.id for row in rows], dtype=np.int64),
        annotations=np.array([row.finding.given.annotation_id for row in rows], dtype=np.int64),
        control=columns.control,
        given=columns.given,
        predicted=columns.predicted,
        disagreement=columns.disagreement,
        queue=columns.queue,
        fired=columns.fired,
        annotator=columns.annotator,
        place=places,
        leaf=leaf,
        xy=xy,
        apart=apart,
        vectors=vectors,
        fields=fields_of(snapshot.tasks, task_of_row, {control.data_key for control in snapshot.controls}),
        trustworthiness={
            name: round(mapped.trustworthiness, 4)
            for name, (_, mapped) in parts.items()
            if mapped.trustworthiness is not None
        },
    )
    return replace(table, version=_version(table, rows))


def _version(table: BoardTable, rows: Sequence[Row]) -> str:
    """Hash all that is in the table, and what its rows' details are made from."""
    digest = hashlib.sha256()
    for each in fields(BoardTable):
        value = getattr(table, each.name)
        digest.update(value.tobytes() if isinstance(value, np.ndarray) else _plain(value))
    for field in table.fields:
        digest.update(field.codes.tobytes())
    for row in rows:
        digest.update(_plain((row.finding.reason, row.finding.proposal)))
    for task in {row.task.id: row.task for row in rows}.values():
        digest.update(_plain(task.data))
    return f"b{digest.hexdigest()[:15]}"


def _plain(value: object) -> bytes:
    return json.dumps(value, default=_simple, sort_keys=True).encode()


def _simple(value: object) -> object:
    """Say what JSON cannot hold; the numbers of a field are counted apart."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    return "" if isinstance(value, np.ndarray) else str(value)
