from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from sqlalchemy import Engine
from starlette.requests import Request

from errata.boards.shelf import Shelf
from errata.errors import LabelStudioUnreachable, TableGone
from errata.review.records import AuditRecord
from errata.store.boards import BoardFolder
from errata.store.database import open_database
from errata.store.verdict_figures import VerdictFigures
from errata.web.board.describing import Describing
from errata.web.board.reading import Reading
from errata.web.board.visitors import Visitor

ENDED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


@dataclass
class Projects:
    """What a person's token shows of Label Studio; an earlier one lists all that there are, whatever is asked."""

    titles: dict[int, str]
    instructions: str = ""
    is_down: bool = False
    knows_ids: bool = True
    asked: list[str] = field(default_factory=list)

    def paged(self, path: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        self._reach(path)
        named = {int(each) for each in params["ids"].split(",")}
        there = [{"id": id_, "title": title} for id_, title in self.titles.items()]
        return [each for each in there if each["id"] in named or not self.knows_ids]

    def get(self, path: str, params: dict[str, Any]) -> dict[str, Any]:
        self._reach(path)
        return {"id": 7, "expert_instruction": self.instructions}

    def _reach(self, path: str) -> None:
        self.asked.append(path)
        if self.is_down:
            raise LabelStudioUnreachable("Label Studio cannot be reached.")


class Audits:
    """Knows of project 7's audit alone."""

    def last_good(self, project_id: int) -> AuditRecord | None:
        return AuditRecord(1, 7, ENDED_AT, ENDED_AT, "m1", {}, None) if project_id == 7 else None


@pytest.fixture
def describing(tmp_path: Path, make_board, board_details) -> tuple[Describing, BoardFolder, Engine]:
    boards, engine = BoardFolder(tmp_path), open_database(f"sqlite:///{tmp_path / 'errata.db'}")
    for project_id in (7, 8, 9):
        table = make_board([("cat", "dog", 0.9), ("cat", "cat", 0.1)], project_id=project_id)
        boards.save(table, board_details(table))
    figures = VerdictFigures(engine)
    yield Describing(boards, Shelf(boards, figures), figures, Audits()), boards, engine
    engine.dispose()


def ask(endpoint: Callable[..., Any], label_studio: Projects, **path: Any) -> Any:
    request = Request({"type": "http", "path_params": path})
    return answered(lambda: endpoint(request, Visitor(1, "ann", "Ann", label_studio)))


def answered(endpoint: Callable[[], Any]) -> Any:
    """Return what is answered. In a thread: tests of browsers leave a running event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return orjson.loads(thread.submit(lambda: asyncio.run(endpoint())).result().body)


@pytest.mark.parametrize("knows_ids", [True, False])
def test_a_person_sees_the_projects_that_label_studio_shows_them(describing, knows_ids: bool) -> None:
    """By the titles that they have there; those that errata never audited are not listed."""
    rooms, _, _ = describing
    label_studio = Projects({7: "Zoo & <b>", 9: "", 70: "Another's"}, knows_ids=knows_ids)
    listed = ask(rooms.projects, label_studio)["projects"]
    of_zoo = {"id": 7, "title": "Zoo & <b>", "rows": 2, "suspects": 1, "decided": 0}
    assert listed == [
        {**of_zoo, "audited_at": ENDED_AT.isoformat()},
        {**of_zoo, "id": 9, "title": "Animals", "audited_at": None},  # as the audit knew it
    ]


def test_where_nothing_was_audited_label_studio_is_not_asked(tmp_path: Path) -> None:
    """There is nothing to show."""
    boards, engine = BoardFolder(tmp_path / "empty"), open_database("sqlite://")
    figures, label_studio = VerdictFigures(engine), Projects({})
    rooms = Describing(boards, Shelf(boards, figures), figures, Audits())
    assert ask(rooms.projects, label_studio) == {"projects": []}
    assert label_studio.asked == []
    with pytest.raises(TableGone, match="errata audit 7"):
        ask(rooms.project, label_studio, project=7)
    engine.dispose()


def test_instructions_are_plain_text(describing) -> None:
    """Markup is no part of them; without Label Studio they cannot be had, and that is said."""
    rooms, _, _ = describing
    label_studio = Projects({7: "Zoo"}, instructions="<p>Cats <i>have</i></p><ul><li>tails</li></ul>")
    assert ask(rooms.instructions, label_studio, project=7) == {"instructions": "Cats have\ntails"}
    with pytest.raises(LabelStudioUnreachable):
        ask(rooms.instructions, Projects({7: "Zoo"}, is_down=True), project=7)


def test_a_project_is_described(describing, make_board, board_details) -> None:
    """What of the layout is not known is null; a map needs points."""
    rooms, boards, _ = describing
    label_studio = Projects({7: "Zoo"})
    said = ask(rooms.project, label_studio, project=7)
    assert (said["version"], said["rows"], said["suspects"], said["has_map"]) == ("v1", 2, 1, True)
    assert (said["controls"][0]["labels"], said["controls"][0]["trustworthiness"]) == (["cat", "dog", "emu"], 0.9)
    blind = make_board(
        [("cat", "dog", 0.9)], version="v2", xy=np.full((1, 2), np.nan, np.float32), trustworthiness={"kind": np.nan}
    )
    boards.save(blind, board_details(blind))
    said = ask(rooms.project, label_studio, project=7)
    assert (said["version"], said["has_map"], said["controls"][0]["trustworthiness"]) == ("v2", False, None)


def test_a_project_is_described_while_label_studio_is_away(describing) -> None:
    """Label Studio need not be asked: all of it is known here."""
    rooms, _, _ = describing
    away = Projects({7: "Zoo"}, is_down=True)
    assert ask(rooms.project, away, project=7)["rows"] == 2
    assert away.asked == []


def test_a_table_that_goes_while_it_is_read_gives_way_to_the_next(tmp_path: Path, make_board, board_details) -> None:
    """Two audits ended between the table and its tiles: the reader gets the newest, and no error."""
    boards, engine = BoardFolder(tmp_path), open_database("sqlite://")
    table = make_board([("cat", "dog", 0.9)] * 3)
    boards.save(table, board_details(table))

    class Overtaken(Shelf):
        """Its first table is gone by the time that it is handed out."""

        def latest(self, project_id: int) -> Any:
            view = super().latest(project_id)
            for version in ("v2", "v3"):
                boards.save(replace(table, version=version), board_details(table))
            return view

    class Nobody:
        def standings(self, project_id: int, reviewer: Any, keys: Any) -> dict[str, Any]:
            return {}

    async def tiles() -> Any:
        request = Request({"type": "http", "path_params": {"project": 7}, "query_string": b"show=all", "headers": []})
        reading = Reading(Overtaken(boards, VerdictFigures(engine)), Nobody())
        return await reading.tiles(request, Visitor(1, "ann", "Ann", Projects({})))

    assert answered(tiles)["version"] == "v3"
    engine.dispose()
