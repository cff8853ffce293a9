"""What a page shows of the label under the cursor, beside its tile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from errata.boards.table import BoardTable, RowDetail
from errata.boards.tiles import Tile, picture_address, split_text
from errata_model.regions.geometry import corners_xy
from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Polygon, Shape, Size, Span

MOST_OTHERS = 60  # labels of the same task
_DIGITS = 5  # of a share
_ANY_SIZE: Size = (1000, 1000)  # where the picture's is not known: turned shapes are off by its aspect then

Outline = dict[str, Any]


def others_of(table: BoardTable, row: int) -> NDArray[np.int64]:
    """Return the rows of the same task's other labels: those of the same control first, 60 at most."""
    rows = np.flatnonzero(table.tasks == table.tasks[row])
    rows = rows[rows != row]
    is_elsewhere = table.control[rows] != table.control[row]
    order = np.lexsort((rows, table.annotations[rows], table.control[rows], is_elsewhere))
    return np.asarray(rows[order][:MOST_OTHERS])


def describe(
    table: BoardTable, row: int, tile: Tile, detail: RowDetail, neighbours: Sequence[Tile], others: Sequence[Tile]
) -> dict[str, Any]:
    """Return a Detail as JSON; see docs/board.md.

    Args:
        table: the row's.
        row: its number.
        tile: of the row.
        detail: of the row.
        neighbours: tiles of the most similar rows in the full space.
        others: tiles of the same task's other labels.
    """
    control = table.controls[table.control[row]]
    width, height = detail.size or (None, None)
    is_picture = control.modality == "image"
    return {
        **tile,
        "reason": detail.finding.reason,
        "task_url": f"{table.url}projects/{table.project_id}/data?task={table.tasks[row]}" if table.url else None,
        "scene": {"src": picture_address(table, row), "width": width, "height": height} if is_picture else None,
        "shapes": {
            "given": outline(detail.given, detail.size, mask_address(table, row, "given")),
            "proposed": outline(detail.proposed, detail.size, mask_address(table, row, "proposed")),
        },
        "neighbours": list(neighbours),
        "others": list(others),
        "data": dict(detail.data),
        "text": _passage(detail) if control.modality == "text" else None,
    }


def mask_address(table: BoardTable, row: int, which: str) -> str:
    """Return where a row's mask is as a picture, relative to the project's address."""
    return f"masks/{quote(table.version, safe='')}/{row}.png?which={which}"


def outline(shape: Shape | None, size: Size | None, mask_src: str) -> Outline | None:
    """Return where a region is, in shares of the scene; None where it is in no picture.

    Args:
        shape: the region.
        size: of the scene, in pixels, where it is known.
        mask_src: where its pixels are had, of a mask.
    """
    if shape is None or isinstance(shape, Span):
        return None
    if isinstance(shape, Mask):
        return {"type": "mask", "src": mask_src}
    if isinstance(shape, Point):
        return {"type": "point", "points": [[round(shape.x, _DIGITS), round(shape.y, _DIGITS)]]}
    size = size or _ANY_SIZE
    corners = corners_xy(shape, size) / size
    return {"type": _name(shape), "points": np.round(corners, _DIGITS).tolist()}


def _name(shape: Box | Ellipse | Polygon) -> str:
    return "box" if isinstance(shape, Box) else "ellipse" if isinstance(shape, Ellipse) else "polygon"


def _passage(detail: RowDetail) -> dict[str, Any]:
    """Return what is kept of a text; `proposed` is in code points of all that is returned of it."""
    before, span, after = split_text(detail)
    proposed = None
    if isinstance(detail.given, Span) and isinstance(detail.proposed, Span):
        ends = (detail.proposed.start, detail.proposed.end)
        start, end = (min(max(int(at) - detail.starts_at, 0), len(detail.shown)) for at in ends)
        proposed = [start, end] if end > start else None
    return {"before": before, "span": span, "after": after, "proposed": proposed}
