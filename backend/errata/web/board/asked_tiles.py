"""Reads what the pages ask about tiles and groups; what cannot be meant is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from starlette.exceptions import HTTPException

from errata.boards.view import Show
from errata.web.board.asked_actions import read_keys

MOST_TILES = 500  # a page
MOST_GROUPS = 1000  # likewise
MOST_ROWS = 200_000  # a selection
_LAST_ROW = 2**31 - 1
_TILES, _GROUPS = 60, 100  # a page where nothing is said

Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Selection:
    """The body of POST tiles.

    Attributes:
        rows: numbers of rows; None where keys are named.
        keys: of rows; None where rows are named.
        order: in which they are shown.
        version: of the table that row numbers are of; None where it is not said.
    """

    rows: list[int] | None
    keys: list[str] | None
    order: Literal["as_given", "blocks"]
    offset: int
    limit: int
    version: str | None


def page_of_tiles(query: Query) -> tuple[int, int]:
    """Return offset and limit; HTTPException 400 where they are none."""
    return _whole(query, "offset", 0, 0, _LAST_ROW), _whole(query, "limit", _TILES, 1, MOST_TILES)


def page_of_groups(query: Query) -> tuple[int, int]:
    """Return offset and limit; HTTPException 400 where they are none."""
    return _whole(query, "offset", 0, 0, _LAST_ROW), _whole(query, "limit", _GROUPS, 1, MOST_GROUPS)


def shown(query: Query) -> Show:
    """Return which rows are shown; HTTPException 400 where it says neither."""
    said = query.get("show") or "suspects"
    if said not in ("suspects", "all"):
        raise HTTPException(400, f"`show` is {said[:100]!r}, and may be suspects or all.")
    return cast(Show, said)


def selection(body: Mapping[str, Any]) -> Selection:
    """Read the body of POST tiles.

    Raises:
        HTTPException: 400, it names no rows, or too many.
    """
    rows, order, version = body.get("rows"), body.get("order", "as_given"), body.get("version")
    if (rows is None) == (body.get("keys") is None):
        raise HTTPException(400, 'The body must have either rows or keys: {"rows": [...]} or {"keys": [...]}.')
    if rows is not None and not (isinstance(rows, list) and all(map(_is_row, rows))):
        raise HTTPException(400, "`rows` must be a list of row numbers from 0.")
    if rows is not None and len(rows) > MOST_ROWS:
        raise HTTPException(400, f"`rows` has {len(rows):,} rows, and may have {MOST_ROWS:,}.")
    if order not in ("as_given", "blocks"):
        raise HTTPException(400, f"`order` is {str(order)[:100]!r}, and may be as_given or blocks.")
    if version is not None and not isinstance(version, str):
        raise HTTPException(400, "`version` must be the text that came with the rows.")
    page = {name: str(body[name]) for name in ("offset", "limit") if body.get(name) is not None}
    keys = None if rows is not None else read_keys(body)
    return Selection(rows, keys, order, *page_of_tiles(page), version)


def _is_row(said: object) -> bool:
    return isinstance(said, int) and not isinstance(said, bool) and 0 <= said <= _LAST_ROW


def _whole(query: Query, name: str, otherwise: int, least: int, most: int) -> int:
    said = query.get(name)
    if said is None or said == "":
        return otherwise
    if not (said.isascii() and said.isdecimal() and len(said) < 12 and least <= int(said) <= most):
        raise HTTPException(400, f"`{name}` is {said[:100]!r}, and may be a whole number from {least} to {most:,}.")
    return int(said)
