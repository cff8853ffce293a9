"""What is shown of each row beside its columns."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from errata.audit.ports import Regions
from errata.boards.rows import Row, proposed_shape
from errata.boards.snippets import Snippet
from errata.boards.table import RowDetail

_LONGEST_TEXT = 500  # characters of a task's other data
_MOST_DATA = 50  # keys of it
_LONGEST_ADDRESS = 8192


def details_of(
    rows: Sequence[Row], snippets: Sequence[Snippet | None], labelled: Collection[str], regions: Regions
) -> Iterator[RowDetail]:
    """Yield the details of N rows.

    Args:
        rows: N.
        snippets: N, what of a text is shown; None where no text is labelled.
        labelled: the keys of tasks' data that hold what is labelled.
        regions: the codecs.
    """
    for row, snippet in zip(rows, snippets, strict=True):
        control, data = row.control, row.task.data
        shown = _address(data.get(control.data_key)) if snippet is None else snippet.text
        proposed = None if row.is_missing else proposed_shape(row.finding, row.task, control, regions)
        yield RowDetail(
            finding=row.finding,
            shown=shown,
            starts_at=0 if snippet is None else snippet.starts_at,
            data=_texts({key: value for key, value in data.items() if key not in labelled}),
            given=None if row.is_missing else row.shape,
            proposed=row.shape if row.is_missing else (None if proposed == row.shape else proposed),
            size=row.size,
            answer=(row.finding.given.label or "") if control.has_values else "",
        )


def _address(value: Any) -> str:
    """Return what stands there where it may be an address; "" of what is no text."""
    return value if isinstance(value, str) and len(value) <= _LONGEST_ADDRESS else ""


def _texts(data: Mapping[str, Any]) -> Mapping[str, str]:
    return {key: _text(data[key]) for key in list(data)[:_MOST_DATA]}


def _text(value: Any) -> str:
    if isinstance(value, str):
        text = value
    elif value is None:
        text = ""
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
