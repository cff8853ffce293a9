"""A DataFrame as a source of labels: what a project of Label Studio with these labels would be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from errata.audit.snapshot import Snapshot, Task
from errata.errors import UsageError
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import serveable
from errata.labelstudio.tasks import TaskReader
from errata.notebook.columns import Columns, as_label, is_missing
from errata.notebook.media import address_of

_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML has none of these
SHOWN = "errata_shown"  # the key of tasks' data that holds what is labelled


def read_frame(frame: Any, ids: Sequence[int], columns: Columns, project_id: int, title: str) -> Snapshot:
    """Return the labels of a DataFrame, a task a row.

    Args:
        frame: a DataFrame that the columns were checked against.
        ids: of its rows.
        columns: which hold what.
        project_id: that the labels are known under.
        title: of the pages.

    Raises:
        UsageError: no row has a label, all have the same, or one holds what no text holds.
    """
    given = [as_label(value) for value in frame[columns.label]]
    proposed = [] if columns.proposed is None else [as_label(value) for value in frame[columns.proposed]]
    labels = sorted({label for label in (*given, *proposed) if label is not None})
    _check(given, labels, columns)
    config = _config(columns, labels)
    read = serveable(config)
    reader, codecs = TaskReader(read.controls, read.names), Codecs()
    others = [("index", list(frame.index)), *((str(name), list(frame[name])) for name in columns.others(frame))]
    tasks = []
    for n, (task_id, value, label) in enumerate(zip(ids, frame[columns.shown], given, strict=True)):
        data: dict[str, Any] = {name: _plain(values[n]) for name, values in others}
        data[SHOWN] = "" if is_missing(value) else address_of(value, task_id) if columns.image else str(value)
        result = [] if label is None else [codecs.region(read.controls[0], label)]
        annotations = [{"id": task_id, "result": result, "completed_by": 1}] if result else []
        tasks.append(reader.read({"id": task_id, "data": data, "annotations": annotations}))
    return Snapshot(
        "", project_id, title, config, read.controls, read.refused, tuple(tasks), _left_out(given, tasks, columns)
    )


def _check(given: Sequence[str | None], labels: Sequence[str], columns: Columns) -> None:
    if not any(label is not None for label in given):
        raise UsageError(f"The DataFrame has no label: every row of {columns.label!r} is empty.")
    if len(labels) == 1:
        raise UsageError(f"Every label of {columns.label!r} is {labels[0]!r}: there is nothing to tell apart.")
    strange = next(filter(_NO_TEXT.search, labels), None)
    if strange is not None:
        raise UsageError(f"The label {strange!r} cannot be shown: it holds characters that no text has.")


def _left_out(given: Sequence[str | None], tasks: Sequence[Task], columns: Columns) -> Counter[str]:
    n_empty = sum(not task.data[SHOWN] for task in tasks)
    left_out = {"rows without a label": given.count(None), f"rows without anything in {columns.shown!r}": n_empty}
    return Counter({what: n for what, n in left_out.items() if n})


def labels_of(frame: Any, columns: Columns) -> Mapping[str, Any]:
    """Return the labels, in words -> as the DataFrame has them."""
    said = [*frame[columns.label], *([] if columns.proposed is None else frame[columns.proposed])]
    return {label: value for value in reversed(said) if (label := as_label(value)) is not None}


def pictures_of(frame: Any, ids: Sequence[int], columns: Columns) -> Mapping[int, Any]:
    """Return task id -> picture; none where texts are labelled."""
    return {} if columns.image is None else dict(zip(ids, frame[columns.image], strict=True))


def _config(columns: Columns, labels: Sequence[str]) -> str:
    """Return a label config of one choice of these labels."""
    shown = "Text" if columns.image is None else "Image"
    choices = "".join(f"<Choice value={quoteattr(label)}/>" for label in labels)
    return (
        f'<View><{shown} name="{SHOWN}" value="${SHOWN}"/>'
        f'<Choices name={quoteattr(str(columns.label))} toName="{SHOWN}" choice="single">{choices}</Choices></View>'
    )


def _plain(value: Any) -> Any:
    """Return a cell of another column as JSON has it; what JSON cannot have, in words."""
    if is_missing(value):
        return None
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
    return value if isinstance(value, bool | int | float | str) else str(value)
