"""Answers the pages' requests that only read an audit's table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import orjson
from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from errata.boards.actions import Reviewer, Standing
from errata.boards.order import in_blocks, page_with
from errata.boards.shelf import Shelf
from errata.boards.table import NONE
from errata.boards.tiles import Tile
from errata.boards.view import Rows, View
from errata.errors import TableGone
from errata.web.board.asked_tiles import Selection, page_of_groups, page_of_tiles, selection, shown
from errata.web.board.deciding import standing_json
from errata.web.board.visitors import ApiRoute, Visitor
from errata.web.bodies import read_json

LARGEST_BODY = 4 * 2**20  # bytes: 200,000 row numbers are 1.4 MB
MOST_SIMILAR = 500  # labels that are shown as similar to one
_THREADS = 4  # that read tables at once
# What an address shows never changes: it holds the table's version.
_FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}

T = TypeVar("T")


class Standings(Protocol):
    """Says what was decided."""

    def standings(self, project_id: int, reviewer: Reviewer, keys: Sequence[str]) -> dict[str, Standing]:
        """Return key -> what stands about it, for every key that is asked for."""


class Reading:
    """The addresses of what an audit's table holds.

    Args:
        shelf: the tables.
        standings: what was decided about rows.
    """

    def __init__(self, shelf: Shelf, standings: Standings) -> None:
        self._shelf = shelf
        self._standings = standings
        self._threads = CapacityLimiter(_THREADS)

    def routes(self) -> list[ApiRoute]:
        """Return the addresses."""
        project = "projects/{project:int}"
        return [
            ApiRoute(f"{project}/groups", "GET", self.groups),
            ApiRoute(f"{project}/tiles", "GET", self.tiles),
            ApiRoute(f"{project}/tiles", "POST", self.selected),
            ApiRoute(f"{project}/rows/{{key}}", "GET", self.row),
            ApiRoute(f"{project}/confusion", "GET", self.confusion),
            ApiRoute(f"{project}/map", "GET", self.map),
            ApiRoute(f"{project}/map/{{version}}/{{control:int}}/{{column}}.bin", "GET", self.column),
        ]

    async def groups(self, request: Request, visitor: Visitor) -> Response:
        """Return a page of groups."""
        query = request.query_params
        show, (offset, limit) = shown(query), page_of_groups(query)

        def answer(view: View) -> dict[str, Any]:
            page, total = view.groups(
                query.get("control"), query.get("by") or "given", show, query.get("search", ""), offset, limit
            )
            examples = iter(self._with_standings(view, visitor, [tile for each in page for tile in each.examples]))
            groups = [
                {
                    "value": each.counted.name.value,
                    "title": each.counted.name.title,
                    "rows": each.counted.rows,
                    "suspects": each.counted.suspects,
                    "decided": each.counted.decided,
                    "scanned": each.counted.scanned,
                    "wrong": each.counted.wrong,
                    "examples": [next(examples) for _ in each.examples],
                }
                for each in page
            ]
            return {"groups": groups, "total": total}

        return await self._answer(request, answer)

    async def tiles(self, request: Request, visitor: Visitor) -> Response:
        """Return a page of a group, of a control, or of what is similar to a row."""
        query = request.query_params
        show, (offset, limit) = shown(query), page_of_tiles(query)

        def answer(view: View) -> dict[str, Any]:
            if "like" in query:
                rows = view.similar(_row(view, query["like"], "like"), MOST_SIMILAR)
                return self._page(view, visitor, rows, offset, limit)
            ordered = view.rows(query.get("control"), query.get("by"), query.get("value"), show)
            if "at" not in query:
                return self._page(view, visitor, ordered, offset, limit)
            start = page_with(ordered, _row(view, query["at"], "at"), limit)
            if start is None:
                raise HTTPException(
                    404, f"`at` is {query['at'][:100]!r}, which is not among the labels that are shown."
                )
            return self._page(view, visitor, ordered, start, limit)

        return await self._answer(request, answer)

    async def selected(self, request: Request, visitor: Visitor) -> Response:
        """Return a page of chosen rows."""
        asked = selection(await read_json(request, LARGEST_BODY))
        return await self._answer(
            request, lambda view: self._page(view, visitor, _chosen(view, asked), asked.offset, asked.limit)
        )

    async def row(self, request: Request, visitor: Visitor) -> Response:
        """Return all that is shown of one row."""

        def answer(view: View) -> dict[str, Any]:
            detail = view.detail(_row(view, request.path_params["key"], "key"))
            near, others = detail["neighbours"], detail["others"]
            first, *rest = self._with_standings(view, visitor, [detail, *near, *others])
            return {**first, "neighbours": rest[: len(near)], "others": rest[len(near) :]}

        return await self._answer(request, answer)

    async def confusion(self, request: Request, visitor: Visitor) -> Response:
        """Return the confusion map."""
        query = request.query_params
        show = shown(query)
        return await self._answer(request, lambda view: view.confusion(query.get("control"), show))

    async def map(self, request: Request, visitor: Visitor) -> Response:
        """Describe the projector's columns."""
        control = request.query_params.get("control")
        return await self._answer(request, lambda view: view.points(view.control(control)).as_json(view.table))

    async def column(self, request: Request, visitor: Visitor) -> Response:
        """Return one of the projector's columns."""
        path = request.path_params

        def answer() -> bytes:
            view = self._of_version(path["project"], path["version"])
            there = path["control"] < len(view.table.controls)
            found = view.points(path["control"]).column(path["column"]) if there else None
            if found is None:
                raise HTTPException(404, "The map has no such column.")
            return found

        content = await self._in_thread(answer)
        return Response(content, media_type="application/octet-stream", headers=_FOR_EVER)

    def _of_version(self, project_id: int, version: str) -> View:
        try:
            return self._shelf.of_version(project_id, version)
        except TableGone as error:
            raise HTTPException(404, f"There is a newer audit of project {project_id}; reload the page.") from error

    def _page(self, view: View, visitor: Visitor, ordered: Rows, offset: int, limit: int) -> dict[str, Any]:
        tiles = view.tiles(ordered[offset : offset + limit].tolist())
        return {
            "version": view.table.version,
            "total": len(ordered),
            "offset": offset,
            "tiles": self._with_standings(view, visitor, tiles),
        }

    def _with_standings(self, view: View, visitor: Visitor, tiles: Sequence[Tile]) -> list[Tile]:
        if not tiles:
            return []
        reviewer = Reviewer(visitor.id, visitor.email)
        found = self._standings.standings(view.table.project_id, reviewer, [tile["key"] for tile in tiles])
        return [{**tile, "standing": _said(found.get(tile["key"]))} for tile in tiles]

    async def _answer(self, request: Request, answer: Callable[[View], dict[str, Any]]) -> Response:
        """Answer from the project's latest table, in a thread."""
        project_id = request.path_params["project"]

        def work() -> bytes:
            try:
                return orjson.dumps(answer(self._shelf.latest(project_id)))
            except TableGone:  # two audits ended meanwhile; else it is said again
                return orjson.dumps(answer(self._shelf.latest(project_id)))

        return Response(await self._in_thread(work), media_type="application/json")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._threads)


def _said(standing: Standing | None) -> dict[str, Any] | None:
    if standing is None or (standing.mine is None and not standing.others):
        return None
    return standing_json(standing)


def _row(view: View, key: str, name: str) -> int:
    found = view.row(key)
    if found is None:
        raise HTTPException(404, f"`{name}` is {key[:100]!r}: the latest audit has no such label (any more).")
    return found


def _chosen(view: View, asked: Selection) -> Rows:
    """Return the rows of a selection; keys that the table has not (any more) are left out."""
    if asked.version not in (None, view.table.version):
        raise HTTPException(409, "There is a newer audit, and rows have other numbers there; reload the page.")
    if asked.rows is not None:
        rows = view.numbers(asked.rows)
    else:
        found = view.rows_of_keys(asked.keys or [])
        rows = found[found != NONE]
    return rows if asked.order == "as_given" else in_blocks(view.table, rows)
