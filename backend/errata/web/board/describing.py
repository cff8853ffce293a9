"""Answers which projects there are to look at, and what one of them is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import orjson
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response

from errata.boards.ports import Boards, Figures
from errata.boards.shelf import Shelf
from errata.boards.table import NONE, BoardTable
from errata.labelstudio.shown_projects import read_instructions, shown_projects
from errata.review.records import AuditRecord
from errata.web.board.visitors import ApiRoute, Visitor

_THREADS = 8  # that wait for Label Studio


class Audits(Protocol):
    """What was written down of audits."""

    def last_good(self, project_id: int) -> AuditRecord | None:
        """Return the project's latest audit that ended well, None before the first."""


class Describing:
    """The addresses of projects as a whole.

    Args:
        boards: where the tables are.
        shelf: the tables.
        figures: the verdict records.
        audits: what was written down of audits.
    """

    def __init__(self, boards: Boards, shelf: Shelf, figures: Figures, audits: Audits) -> None:
        self._boards = boards
        self._shelf = shelf
        self._figures = figures
        self._audits = audits
        self._threads = CapacityLimiter(_THREADS)

    def routes(self) -> list[ApiRoute]:
        """Return the addresses."""
        return [
            ApiRoute("projects", "GET", self.projects),
            ApiRoute("projects/{project:int}", "GET", self.project),
            ApiRoute("projects/{project:int}/instructions", "GET", self.instructions),
        ]

    async def projects(self, request: Request, visitor: Visitor) -> Response:
        """Return the audited projects that Label Studio shows this person."""
        return await self._answer(lambda: {"projects": self._listed(visitor)})

    async def project(self, request: Request, visitor: Visitor) -> Response:
        """Return what a project is."""
        project_id = request.path_params["project"]
        return await self._answer(lambda: describe_table(self._shelf.latest(project_id).table))

    async def instructions(self, request: Request, visitor: Visitor) -> Response:
        """Return how a project's annotators are told to label."""
        project_id = request.path_params["project"]
        return await self._answer(lambda: {"instructions": _instructions(visitor, project_id)})

    def _listed(self, visitor: Visitor) -> list[dict[str, Any]]:
        glances = {id_: glance for id_ in self._boards.projects() if (glance := self._boards.glance(id_)) is not None}
        titles = _titles(visitor, list(glances))
        decided = self._figures.decided(list(titles))
        listed = []
        for id_, title in titles.items():
            glance, audit = glances[id_], self._audits.last_good(id_)
            listed.append(
                {
                    "id": id_,
                    "title": title or glance.title,
                    "rows": glance.rows,
                    "suspects": glance.suspects,
                    "decided": decided.get(id_, 0),
                    "audited_at": audit.finished_at.isoformat() if audit and audit.finished_at else None,
                }
            )
        return listed

    async def _answer(self, work: Callable[[], dict[str, Any]]) -> Response:
        content = await to_thread.run_sync(lambda: orjson.dumps(work()), limiter=self._threads)
        return Response(content, media_type="application/json")


def _titles(visitor: Visitor, project_ids: Sequence[int]) -> dict[int, str]:
    """Return project -> title for those that the visitor is shown; "" where it is as it was at the audit."""
    if visitor.label_studio is None:
        return dict.fromkeys(project_ids, "")
    return shown_projects(visitor.label_studio, project_ids) if project_ids else {}


def _instructions(visitor: Visitor, project_id: int) -> str:
    if visitor.label_studio is None:
        return ""
    return read_instructions(visitor.label_studio, project_id)


def describe_table(table: BoardTable) -> dict[str, Any]:
    """Return what docs/board.md says of a project."""
    is_suspect = table.queue != NONE
    n = len(table.controls)
    rows, suspects = np.bincount(table.control, minlength=n), np.bincount(table.control[is_suspect], minlength=n)
    trust = {name: value for name, value in table.trustworthiness.items() if np.isfinite(value)}
    controls = [
        {
            "name": control.name,
            "kind": control.kind,
            "modality": control.modality,
            "labels": list(control.labels),
            "rows": int(rows[number]),
            "suspects": int(suspects[number]),
            "trustworthiness": trust.get(control.name),
        }
        for number, control in enumerate(table.controls)
    ]
    return {
        "id": table.project_id,
        "title": table.title,
        "version": table.version,
        "model_version": table.model_version,
        "project_url": f"{table.url}projects/{table.project_id}/data" if table.url else None,
        "controls": controls,
        "fields": [field.name for field in table.fields],
        "detectors": list(table.detectors),
        "rows": len(table),
        "suspects": int(is_suspect.sum()),
        "has_map": bool(np.isfinite(table.xy).all(axis=1).any()),
    }
