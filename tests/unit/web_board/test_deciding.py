from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from errata.audit.snapshot import Snapshot
from errata.boards.decisions import Decisions
from errata.boards.known_rows import KnownRows
from errata.boards.shelf import Shelf
from errata.labelstudio.codecs import Codecs
from errata.store.audits import AuditStore
from errata.store.board_log import BoardLog
from errata.store.boards import BoardFolder
from errata.store.database import open_database
from errata.store.verdict_figures import VerdictFigures
from errata.store.verdicts import VerdictStore
from errata.web.board.deciding import LARGEST_BODY, Deciding
from errata_model.records import Finding

ROWS = [("cat", "dog", 0.9), ("dog", "dog", 0.1), ("cat", "cat", 0.05)]
KEYS = [f"{row:020x}" for row in range(len(ROWS))]


@dataclass
class Board:
    """The pages' JSON, a person of it, and what is written down."""

    ask: Callable[..., Any]
    verdicts: VerdictStore
    audits: AuditStore
    boards: BoardFolder
    n_decided: list[int] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    n_sending: list[int] = field(default_factory=list)

    def act(self, *actions: dict[str, Any], who: str = "ann") -> Any:
        answer = self.ask("POST", "actions", {"actions": list(actions)}, who)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str, who: str = "ann") -> Any:
        return self.ask("GET", path, None, who).json()


@pytest.fixture
def busy() -> threading.Event:
    """Label Studio answers while it is set."""
    event = threading.Event()
    event.set()
    return event


@pytest.fixture
def board(
    open_pages: Callable[..., Any], make_board: Any, board_details: Any, tmp_path: Path, busy: threading.Event
) -> Iterator[Board]:
    engine = open_database(f"sqlite:///{tmp_path / 'errata.db'}")
    boards, audits = BoardFolder(tmp_path / "data"), AuditStore(engine, tmp_path)
    table = make_board(ROWS)
    boards.save(table, board_details(table))
    audits.begin(Snapshot("http://ls/", 7, "Animals", "<View/>", (), (), ()))
    told: list[int] = []
    made = Board(lambda: None, VerdictStore(engine, tmp_path), audits, boards, told)

    def send(project_id: int, findings: Sequence[Finding]) -> tuple[int, str]:
        made.n_sending.append(1)
        assert busy.wait(60)
        made.sent += [finding.key for finding in findings]
        return len(findings), f"http://ls/projects/{project_id}0/data"

    rows = KnownRows(boards, Shelf(boards, VerdictFigures(engine)))
    decisions = Decisions(rows, audits, BoardLog(engine), Codecs(), lambda: told.append(1))
    pages = open_pages(Deciding(decisions, send).routes())
    people = {name: pages.browser() for name in ("ann", "bob")}
    for name, browser in people.items():
        browser.sign_in(f"token-of-{name}")

    def ask(method: str, path: str, body: Any = None, who: str = "ann", **options: Any) -> Any:
        asked = {"json": body} if body is not None else {}
        return people[who].call(method, f"/board/api/projects/7/{path}", **asked, **options)

    made.ask = ask
    yield made
    engine.dispose()


def action(name: str, *marks: dict[str, Any], kind: str = "decide", **more: Any) -> dict[str, Any]:
    return {"id": name, "kind": kind, "at": "2026-01-01T00:00:00Z", "seconds": 6.0, "marks": list(marks), **more}


def mark(row: int, decision: str | None, **more: Any) -> dict[str, Any]:
    return {"key": KEYS[row], "decision": decision, "label": None, "reason": None, "strength": "verdict", **more}


def test_a_person_decides_looks_again_and_undoes(board: Board) -> None:
    """What is sent twice is once; another person sees it; a page that is committed is looked at, and not judged."""
    first = action("a", mark(0, "take_proposal"))
    said = board.act(first, action("page", *(mark(row, "keep", strength="scan") for row in (1, 2))))
    decision = {"decision": "take_proposal", "label": "dog", "reason": "class", "strength": "verdict"}
    assert (said["accepted"], said["refused"], said["undo"], said["redo"]) == (["a", "page"], [], 2, 0)
    assert said["standings"][KEYS[0]] == {"mine": decision, "others": [], "is_contradictory": False}
    assert said["standings"][KEYS[1]]["mine"]["strength"] == "scan"
    again = board.act(first)
    assert (again["accepted"], again["undo"], again["standings"]) == (["a"], 2, {KEYS[0]: said["standings"][KEYS[0]]})
    assert board.get("history") == {"undo": 2, "redo": 0, "decided": 1, "scanned": 2}
    (verdict,) = board.verdicts.of_project(7)
    assert (verdict.reviewer, verdict.seconds, verdict.new_label) == ("1@example.com", 6.0, "dog")
    assert board.verdicts.scanned(7) == 2
    assert board.audits.decided(7) == {KEYS[0]}

    seen = board.ask("POST", "standings", {"keys": KEYS}, "bob").json()["standings"]
    (other,) = seen[KEYS[0]]["others"]
    assert (other["reviewer"], seen[KEYS[0]]["mine"], other["decision"]) == ("1@example.com", None, "take_proposal")
    differs = board.act(action("a", mark(0, "keep")), who="bob")
    assert differs["standings"][KEYS[0]]["is_contradictory"]
    assert {each.decision for each in board.verdicts.of_project(7)} == {"unclear"}
    assert board.get("marks")["changes"] == [
        {"control": "kind", "given": "cat", "to": "dog", "decision": "take_proposal", "reason": "class", "n": 1,
         "keys": [KEYS[0]]}
    ]  # fmt: skip
    undone = board.act(action("u", kind="undo"), who="bob")
    assert (undone["undo"], undone["redo"], undone["standings"][KEYS[0]]["mine"]) == (0, 1, None)
    assert not undone["standings"][KEYS[0]]["is_contradictory"]
    assert [each.decision for each in board.verdicts.of_project(7)] == ["take_proposal"]
    taken_back = board.act(action("n", mark(0, None)))
    assert (taken_back["standings"][KEYS[0]]["mine"], taken_back["undo"]) == (None, 3)
    assert board.get("marks") == {"changes": [], "total": 0}
    assert len(board.n_decided) == 5


def test_decisions_do_not_wait_for_what_is_sent(board: Board, busy: threading.Event) -> None:
    """However many people send labels to a Label Studio that takes its time, what somebody decides is kept at once."""
    busy.clear()
    with ThreadPoolExecutor(8) as senders:
        sending = [senders.submit(board.ask, "POST", "send", {"keys": KEYS}) for _ in range(8)]
        try:
            while len(board.n_sending) < 2:
                time.sleep(0.01)
            time.sleep(0.3)  # all the others that may send at once
            assert board.act(action("a", mark(0, "keep")))["accepted"] == ["a"]
            assert board.sent == []
        finally:
            busy.set()
        assert [each.result().json()["sent"] for each in sending] == [len(KEYS)] * 8


def test_a_page_left_open_records_nothing_as_another_persons(board: Board) -> None:
    """Who signs in to a browser gets none of the decisions that the tabs of the person before them still send."""
    body = {"actions": [action("a", mark(0, "wrong"))], "reviewer": 1}
    refused = board.ask("POST", "actions", body, "bob")
    assert (refused.status_code, board.verdicts.of_project(7)) == (401, [])
    assert "signed in meanwhile" in refused.json()["detail"]
    assert board.ask("POST", "actions", body, "ann").json()["accepted"] == ["a"]
    assert [each.reviewer for each in board.verdicts.of_project(7)] == ["1@example.com"]


def test_what_cannot_be_taken_is_refused_by_name_and_the_rest_is_taken(board: Board) -> None:
    """An unknown key, a wrong label, no proposal, a nameless decision, too many marks: each says what is wrong."""
    unknown = {**mark(0, "keep"), "key": "f" * 20}
    said = board.act(
        action("mixed", mark(1, "wrong", reason="boundary"), unknown, mark(0, "fix", label="cow")),
        action("alone", mark(2, "fix", label="cat")),
        action("odd", mark(2, "maybe")),
        action("many", *(mark(2, "keep") for _ in range(1001))),
        action("none"),
        action("good", mark(2, "keep")),
        {"id": "kind", "kind": "forget"},
        action("late", mark(2, "keep"), at="yesterday"),
    )
    assert said["accepted"] == ["mixed", "good"]
    why = {(each["id"], each.get("key")): each["why"] for each in said["refused"]}
    assert why.keys() == {
        ("mixed", "f" * 20), ("mixed", KEYS[0]), ("alone", KEYS[2]), ("odd", None), ("many", None), ("none", None),
        ("kind", None), ("late", None),
    }  # fmt: skip
    assert "reload the page" in why["mixed", "f" * 20]
    assert '"kind" has no label "cow"' in why["mixed", KEYS[0]]
    assert "1,000 marks" in why["many", None]
    assert said["standings"][KEYS[1]]["mine"] == {
        "decision": "wrong", "label": None, "reason": "boundary", "strength": "verdict",
    }  # fmt: skip
    assert said["undo"] == 3
    again = board.act(action("slip", mark(2, "fix", label="cow")), action("back", kind="undo"))
    assert (again["accepted"], again["undo"], again["redo"]) == (["back"], 3, 1)  # what is undone is the slip
    assert board.act(action("a", kind="undo"))["standings"][KEYS[2]]["mine"] is None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("actions", {"actions": [{"kind": "undo"}]}, 400),
        ("actions", {"actions": "all"}, 400),
        ("actions", {"actions": [{"id": f"{n}", "kind": "undo"} for n in range(501)]}, 400),
        ("actions", {"actions": [{"id": "x", "kind": "decide", "marks": ["x" * LARGEST_BODY]}]}, 413),
        ("standings", {"keys": [1]}, 400),
        ("standings", {"keys": ["a"] * 10_001}, 400),
        ("send", {"keys": ["a"] * 1001}, 400),
    ],
)
def test_a_request_that_is_none_is_refused_as_a_whole(board: Board, path: str, body: Any, status: int) -> None:
    """With what is wrong and what to do, and nothing is taken."""
    answer = board.ask("POST", path, body)
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)
    assert board.get("history") == {"undo": 0, "redo": 0, "decided": 0, "scanned": 0}


def test_a_label_that_nobody_suspected_becomes_a_finding_that_is_none_of_the_suspects(board: Board) -> None:
    """It is written down first, with why it is in front of a reviewer, so that the plan knows it."""
    board.act(action("a", mark(0, "keep"), mark(1, "wrong")))
    streams = {verdict.finding_key: verdict.stream for verdict in board.verdicts.of_project(7)}
    assert streams == {KEYS[0]: "suspect", KEYS[1]: "selected"}
    assert {key: each.stream for key, each in board.audits.get(KEYS).items()} == streams


def test_chosen_labels_are_sent(board: Board) -> None:
    """Those that the latest audit has, each once."""
    answer = board.ask("POST", "send", {"keys": [KEYS[1], KEYS[0], KEYS[1], "f" * 20]}).json()
    assert answer == {"sent": 2, "there": 1, "review_url": "http://ls/projects/70/data"}
    assert sorted(board.sent) == KEYS[:2]
