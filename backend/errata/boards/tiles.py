"""What a page shows of a label: one tile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from errata.boards.proposals import proposal_mark
from errata.boards.table import NONE, BoardTable, RowDetail
from errata_model.kinds.values.dates import written_time
from errata_model.records import Control
from errata_model.regions.shapes import Span

_BEFORE, _SPAN, _AFTER = 90, 300, 180  # characters of a text on a tile
_BEGINNING = 320  # likewise, where no part of it is meant
_TOP = 9  # labels: one a key

Tile = dict[str, Any]


def make_tile(table: BoardTable, row: int, detail: RowDetail) -> Tile:
    """Return a tile as JSON, without what was decided about it.

    Args:
        table: the row's.
        row: its number.
        detail: of the row.
    """
    finding = detail.finding
    given, proposal = finding.given, finding.proposal
    control = table.controls[table.control[row]]
    return {
        "row": row,
        "key": table.keys[row].decode(),
        "task": given.task_id,
        "annotation": given.annotation_id,
        "region": given.region_id,
        "control": control.name,
        "kind": control.kind,
        "given": label_of(table, int(table.given[row])),
        "predicted": label_of(table, int(table.predicted[row])),
        "action": proposal.action if proposal else None,
        "proposal": proposal_mark(proposal) if proposal else None,
        "top": [list(each) for each in proposal.top[:_TOP]] if proposal else [],
        "disagreement": round(float(table.disagreement[row]), 6),
        "suspect": bool(table.queue[row] != NONE),
        "detectors": list(finding.detectors),
        "annotator": table.annotators[table.annotator[row]],
        "content": _content(table, row, detail, control),
        "standing": None,
    }


def label_of(table: BoardTable, code: int) -> str | None:
    """Return a label by its number, None where there is none."""
    return None if code == NONE else table.labels[code]


def picture_address(table: BoardTable, row: int) -> str:
    """Return where the picture of a row is, relative to the project's address."""
    return f"pictures/{quote(table.version, safe='')}/{row}.jpg"


def split_text(detail: RowDetail) -> tuple[str, str, str]:
    """Return what of a text is kept: before the span, the span, and after it; where no part is meant, all is after.

    Captions are data: nothing of them is ever read as markup.
    """
    span = next((shape for shape in (detail.given, detail.proposed) if isinstance(shape, Span)), None)
    if span is None:
        return "", "", detail.shown
    start, end = (min(max(int(at) - detail.starts_at, 0), len(detail.shown)) for at in (span.start, span.end))
    return detail.shown[:start], detail.shown[start:end], detail.shown[max(start, end) :]


def _content(table: BoardTable, row: int, detail: RowDetail, control: Control) -> Mapping[str, Any]:
    content = _of_modality(table, row, detail, control)
    if control.has_values:
        proposal = detail.finding.proposal
        content["answer"] = detail.answer
        content["proposed"] = (proposal.label if proposal else None) or ""
    return content


def _of_modality(table: BoardTable, row: int, detail: RowDetail, control: Control) -> dict[str, Any]:
    if control.modality == "image":
        label = label_of(table, int(table.given[row])) or detail.answer or "no label"
        return {"type": "image", "src": picture_address(table, row), "alt": f"{label}, task {table.tasks[row]}"}
    if control.modality == "text":
        return {"type": "text", **_snippet(detail)}
    if control.modality in ("audio", "video"):
        media = f"media/{quote(table.version, safe='')}/{row}"
        return {"type": control.modality, "src": media, **_stretch(detail)}
    if control.modality == "timeseries":
        return {"type": "series", "part": _times(detail, control)}
    return {"type": "other", "text": _cut_end(detail.shown, _BEGINNING)}


def _snippet(detail: RowDetail) -> dict[str, str]:
    before, span, after = split_text(detail)
    is_begun = detail.starts_at > 0 or len(before) > _BEFORE
    return {
        "before": ("…" if is_begun and before else "") + before[-_BEFORE:],
        "span": _cut_end(span, _SPAN),
        "after": _cut_end(after, _AFTER if span else _BEGINNING),
    }


def _stretch(detail: RowDetail) -> dict[str, float | None]:
    span = next((shape for shape in (detail.given, detail.proposed) if isinstance(shape, Span)), None)
    return {"start": None if span is None else span.start, "end": None if span is None else span.end}


def _times(detail: RowDetail, control: Control) -> str:
    """Say from when to when, as the time column has it."""
    ends = [end for end in _stretch(detail).values() if end is not None]
    form = control.value.date_format if control.value else ""
    return " – ".join(written_time(end, form) if form else f"{end:.10g}" for end in ends)


def _cut_end(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
