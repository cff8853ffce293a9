from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from errata.boards.actions import Opinion, Reviewer, Standing
from errata.boards.ports import Figure
from errata.boards.shelf import Shelf
from errata.boards.table import NONE, BoardTable, RowDetail
from errata.store.boards import BoardFolder
from errata.web.board.reading import Reading

SAID_AT = datetime(2026, 1, 2, tzinfo=timezone.utc)
ROWS = [(("cat", "dog", "emu")[n % 3], ("cat", "dog", "emu")[n // 2 % 3], 1 - n / 200) for n in range(150)]


@dataclass
class Records:
    """The verdict records: who said what about which key."""

    said: dict[str, Opinion] = field(default_factory=dict)

    def standings(self, project_id: int, reviewer: Reviewer, keys: Sequence[str]) -> dict[str, Standing]:
        opinions = {key: self.said.get(key) for key in keys}
        return {
            key: Standing(one if one and one.reviewer == reviewer.email else None, (one,) if one else (), False)
            for key, one in opinions.items()
        }

    def changed_since(self, project_id: int, revision: int) -> tuple[int, list[Figure]]:
        figures = [
            Figure(key, 1, "scan" if each.strength == "scan" else "verdict", each.decision == "wrong", each.decision)
            for key, each in self.said.items()
        ]
        newest = len(figures) - 1
        return newest, figures[revision + 1 :]

    def decided(self, project_ids: Sequence[int]) -> Mapping[int, int]:
        raise NotImplementedError


@dataclass
class Board:
    """A signed-in person before the pages' JSON."""

    get: Callable[..., Any]
    post: Callable[..., Any]
    boards: BoardFolder
    records: Records
    ask: Callable[..., Any]


@pytest.fixture
def open_board(open_pages: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Board]]:
    def start(table: BoardTable, details: Sequence[RowDetail]) -> Board:
        boards, records = BoardFolder(tmp_path / "data"), Records()
        boards.save(table, details)
        pages = open_pages(Reading(Shelf(boards, records), records).routes())
        browser = pages.browser()
        browser.sign_in()

        def ask(path: str, **query: Any) -> Any:
            return browser.get(f"/board/api/projects/7/{path}", params=query)

        def get(path: str, **query: Any) -> Any:
            answer = ask(path, **query)
            assert answer.status_code == 200, answer.text
            return answer.json()

        def post(path: str, **body: Any) -> Any:
            answer = browser.call("POST", f"/board/api/projects/7/{path}", json=body)
            return answer.json() if answer.status_code == 200 else answer

        return Board(get, post, boards, records, ask)

    return start


def keys(page: Mapping[str, Any]) -> list[str]:
    return [tile["key"] for tile in page["tiles"]]


def test_a_person_looks_through_a_group(open_board, make_board, board_details) -> None:
    """From the groups to a page of tiles to one label; what others decide moves no tile."""
    table = make_board(ROWS)
    board = open_board(table, board_details(table))
    groups = board.get("groups", control="kind", by="given")
    assert groups["total"] == 3
    cat = next(group for group in groups["groups"] if group["value"] == "cat")
    assert (cat["title"], cat["rows"], cat["decided"], cat["wrong"]) == ("cat", 50, 0, 0)
    assert [tile["given"] for tile in cat["examples"]] == ["cat"] * 3
    assert not any(tile["suspect"] for tile in cat["examples"])

    page = board.get("tiles", control="kind", by="given", value="cat", limit=10)
    assert (page["version"], page["total"], page["offset"]) == ("v1", cat["suspects"], 0)
    assert all(tile["given"] == "cat" and tile["suspect"] for tile in page["tiles"])
    first = page["tiles"][0]
    assert first["content"] == {
        "type": "image", "src": f"pictures/v1/{first['row']}.jpg", "alt": f"cat, task {first['task']}",
    }  # fmt: skip
    assert first["standing"] is None

    board.records.said[first["key"]] = Opinion("bob", SAID_AT, "wrong", None, None, "verdict")
    board.records.said[page["tiles"][1]["key"]] = Opinion("bob", SAID_AT, "keep", None, None, "scan")
    again = board.get("tiles", control="kind", by="given", value="cat", limit=10)
    assert keys(again) == keys(page)
    assert again["tiles"][0]["standing"]["others"][0]["decision"] == "wrong"
    groups = board.get("groups", control="kind", by="given")["groups"]
    cat = next(group for group in groups if group["value"] == "cat")
    assert (cat["decided"], cat["scanned"], cat["wrong"]) == (1, 1, 1)

    detail = board.get(f"rows/{first['key']}")
    assert (detail["key"], detail["reason"], detail["data"]) == (first["key"], "why", {"city": "Ulm"})
    assert detail["task_url"] == f"http://ls/projects/7/data?task={first['task']}"
    assert detail["scene"] == {"src": first["content"]["src"], "width": None, "height": None}


def test_pages_joined_are_the_whole(open_board, make_board, board_details) -> None:
    """Each label once, whatever the size of a page; and every key is found again on the page that it stands on."""
    table = make_board(ROWS)
    board = open_board(table, board_details(table))
    for query in ({"show": "all"}, {"by": "detector", "value": "low_self_confidence"}):
        whole = keys(board.get("tiles", limit=500, **query))
        for limit in (7, 60):
            joined = [
                key
                for at in range(0, len(whole), limit)
                for key in keys(board.get("tiles", offset=at, limit=limit, **query))
            ]
            assert joined == whole
        assert len(set(whole)) == len(whole)
        for at, key in list(enumerate(whole))[::13]:
            found = board.get("tiles", at=key, limit=20, **query)
            assert found["offset"] == at // 20 * 20
            assert keys(found) == whole[found["offset"] : found["offset"] + 20]


def test_a_selection_is_shown_in_its_own_order_or_in_blocks(open_board, make_board, board_details) -> None:
    """By numbers or by keys; keys of labels that are gone are left out; numbers of another version are refused."""
    table = make_board(ROWS)
    board = open_board(table, board_details(table))
    chosen = [5, 140, 3, 77]
    named = [table.keys[row].decode() for row in chosen]
    assert keys(board.post("tiles", rows=chosen)) == named
    assert keys(board.post("tiles", keys=[named[0], "gone", *named[1:]])) == named
    assert board.post("tiles", rows=chosen, offset=1, limit=2)["offset"] == 1
    blocks = keys(board.post("tiles", rows=list(range(150)), order="blocks", limit=500))
    likeliest = np.argsort(np.where(table.queue == NONE, len(table), table.queue), kind="stable")[:60]
    assert set(blocks[:60]) == {table.keys[row].decode() for row in likeliest}
    assert board.post("tiles", rows=chosen, version="v0").status_code == 409
    assert board.post("tiles", rows=chosen, version="v1")["total"] == 4


def test_most_similar_labels_come_first(open_board, make_board, board_details) -> None:
    """By the full space, the label itself first; labels of which nothing is known are none of them."""
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [0.8, 0.6], [0, 0]], np.float16)
    table = make_board([("cat", "cat", 0.1)] * 5, vectors=vectors)
    board = open_board(table, board_details(table))
    named = [key.decode() for key in table.keys]
    page = board.get("tiles", like=named[0], limit=3)
    assert keys(page) == [named[row] for row in (0, 3, 2)]
    assert page["total"] == 3  # nothing speaks for the one at right angles
    assert keys(board.get("tiles", like=named[4])) == [named[4]]
    detail = board.get(f"rows/{named[0]}")
    assert [tile["key"] for tile in detail["neighbours"]] == [named[row] for row in (3, 2)]


def test_what_cannot_be_meant_is_refused_by_name(open_board, make_board, board_details) -> None:
    """The parameter, what it was, and what it may be."""
    table = make_board(ROWS)
    board = open_board(table, board_details(table))
    for path, query, status, said in (
        ("groups", {"by": "hue"}, 400, "`by` is 'hue', and may be given, predicted, cell, detector, annotator, "),
        ("groups", {"control": "kin"}, 400, "`control` is 'kin', and may be kind."),
        ("groups", {"show": "some"}, 400, "`show` is 'some', and may be suspects or all."),
        ("groups", {"limit": "many"}, 400, "`limit` is 'many', and may be a whole number from 1 to 1,000."),
        ("tiles", {"limit": "0"}, 400, "`limit` is '0', and may be a whole number from 1 to 500."),
        ("tiles", {"offset": "-1"}, 400, "`offset` is '-1'"),
        ("tiles", {"by": "cell", "value": "cat"}, 400, '["cat","dog"]'),
        ("tiles", {"at": "feed"}, 404, "`at` is 'feed'"),
        ("tiles", {"like": "feed"}, 404, "`like` is 'feed'"),
        ("rows/feed", {}, 404, "no such label"),
        ("map/v0/0/xy.bin", {}, 404, "newer audit"),
        ("map/v1/0/zz.bin", {}, 404, "no such column"),
        ("map/v1/9/xy.bin", {}, 404, "no such column"),
    ):  # fmt: skip
        answer = board.ask(path, **query)
        assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    for body, said in (
        ({}, "either rows or keys"),
        ({"rows": [1], "keys": ["a"]}, "either rows or keys"),
        ({"rows": [150]}, "0 to 149"),
        ({"rows": ["1"]}, "`rows` must be"),
        ({"rows": [1], "order": "random"}, "`order` is 'random', and may be as_given or blocks."),
        ({"rows": [1], "limit": 501}, "`limit`"),
    ):
        answer = board.post("tiles", **body)
        assert (answer.status_code, said in answer.json()["detail"]) == (400, True), answer.text
    assert board.get("tiles", by="given", value="no such label")["tiles"] == []


def test_a_new_audit_is_shown_without_a_restart(open_board, make_board, board_details) -> None:
    """The next request has its labels; a map's columns of the version before are still had until it is gone."""
    table = make_board(ROWS)
    board = open_board(table, board_details(table))
    about = board.get("map", control="kind")
    newer = replace(make_board(ROWS[:40]), version="v2")
    board.boards.save(newer, board_details(newer))
    assert (board.get("tiles", show="all")["version"], board.get("tiles", show="all")["total"]) == ("v2", 40)
    column = board.ask(about["xy"])
    assert column.status_code == 200
    assert "immutable" in column.headers["cache-control"]


def test_the_projector_s_columns_are_plain_numbers(open_board, make_board, board_details) -> None:
    """Of those labels alone of which it is known what they look like; categories name what is there."""
    xy = np.column_stack((np.linspace(0, 1, 150), np.linspace(1, 0, 150))).astype(np.float32)
    xy[:30] = np.nan
    table = make_board(ROWS, xy=xy, apart=np.arange(150) % 2 == 0)
    board = open_board(table, board_details(table))
    about = board.get("map")
    assert (about["n"], about["k"], about["trustworthiness"]) == (120, 15, 0.9)
    read = {
        name: np.frombuffer(board.ask(about[name]).content, kind)
        for name, kind in (("rows", "<i4"), ("xy", "<f4"), ("size", "<f4"), ("apart", "u1"))
    }
    assert read["rows"].tolist() == list(range(30, 150))
    np.testing.assert_array_equal(read["xy"].reshape(-1, 2), xy[30:])
    np.testing.assert_array_equal(read["size"], table.disagreement[30:])
    assert read["apart"].tolist() == [1, 0] * 60
    colours = {colour["name"]: colour for colour in about["colours"]}
    assert list(colours) == ["given", "predicted", "disagreement", "annotator", "field:city"]
    cities = np.frombuffer(board.ask(colours["field:city"]["data"]).content, "<i4")
    assert cities.tolist() == table.fields[0].codes[30:].tolist()
    assert colours["field:city"]["values"] == ["Ulm", "Bonn"]
    assert (colours["disagreement"]["kind"], colours["disagreement"]["high"]) == ("number", 1.0)


def test_the_confusion_map_counts_what_is_shown(open_board, make_board, board_details) -> None:
    """Each label once; a label that is missing, or would go, has its own row and column, the last."""
    rows = [("cat", "dog", 0.9), ("cat", "cat", 0.1), ("dog", None, 0.8), (None, "emu", 0.7), ("cat", "dog", 0.6)]
    table = make_board(rows)
    board = open_board(table, board_details(table))
    board.records.said[table.keys[0].decode()] = Opinion("bob", SAID_AT, "wrong", None, None, "verdict")
    found = board.get("confusion", control="kind", show="all")
    labels = found["labels"]
    assert sorted(labels[:-1]) == ["cat", "dog", "emu"]
    assert labels[-1] is None
    cells = {(labels[cell[0]], labels[cell[1]]): cell[2:] for cell in found["cells"]}
    assert cells == {
        ("cat", "dog"): [2, 2, 1, 0, 1],
        ("cat", "cat"): [1, 0, 0, 0, 0],
        ("dog", None): [1, 1, 0, 0, 0],
        (None, "emu"): [1, 1, 0, 0, 0],
    }
    suspects = board.get("confusion", control="kind", show="suspects")
    assert suspects["labels"] == labels
    assert sum(cell[2] for cell in suspects["cells"]) == 4
    page = board.get("tiles", by="cell", value='[ "dog", null ]')
    assert [tile["given"] for tile in page["tiles"]] == ["dog"]
