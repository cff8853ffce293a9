from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, insert, select

from errata.boards.actions import Action, Depth, Kind, Mark, Step
from errata.labelstudio.codecs import Codecs
from errata.review.agreement import settle
from errata.review.records import Decision, Verdict, board_verdict_id
from errata.store.board_log import BoardLog
from errata.store.database import open_database, writing
from errata.store.tables import BOARD_ACTIONS, BOARD_MARKS
from errata.store.verdicts import VerdictStore

Make = Callable[..., Verdict]
SETTLE = partial(settle, edits=Codecs())
PROJECT = 7
KEYS = ("a", "b", "c")
DECISIONS: tuple[Decision | None, ...] = ("keep", "wrong", "fix", None)


@dataclass(frozen=True)
class Told:
    """What a reviewer sends: one action, perhaps for the second time."""

    reviewer: int
    kind: Kind
    marks: tuple[tuple[str, Decision | None, bool], ...] = ()  # finding, decision, whether it is a scan
    again: int | None = None  # that many actions of this reviewer ago


@dataclass
class Model:
    """Replays everything, for each question from the beginning."""

    said: dict[int, list[Told]] = field(default_factory=dict)

    def tell(self, told: Told) -> None:
        self.said.setdefault(told.reviewer, []).append(told)

    def standing(self, reviewer: int) -> tuple[list[Told], list[Told]]:
        done: list[Told] = []
        undone: list[Told] = []
        for told in self.said.get(reviewer, []):
            if told.kind == "decide":
                done.append(told)
                undone.clear()
            elif told.kind == "undo" and done:
                undone.append(done.pop())
            elif told.kind == "redo" and undone:
                done.append(undone.pop())
        return done, undone

    def decided(self, reviewer: int) -> dict[str, tuple[Decision, bool]]:
        current: dict[str, tuple[Decision | None, bool]] = {}
        for told in self.standing(reviewer)[0]:
            for key, decision, is_scan in told.marks:
                is_weaker = is_scan and key in current and current[key][0] is not None and not current[key][1]
                current[key] = current[key] if is_weaker else (decision, is_scan)
        return {key: (decision, scan) for key, (decision, scan) in current.items() if decision is not None}


def marks() -> st.SearchStrategy[tuple[tuple[str, Decision | None, bool], ...]]:
    one = st.one_of(
        st.tuples(st.sampled_from(KEYS), st.sampled_from(DECISIONS), st.just(False)),
        st.tuples(st.sampled_from(KEYS), st.just("keep"), st.just(True)),
    )
    return st.lists(one, min_size=1, max_size=3, unique_by=lambda mark: mark[0]).map(tuple)


TOLD = st.one_of(
    st.builds(Told, st.sampled_from((1, 2)), st.just("decide"), marks()),
    st.builds(Told, st.sampled_from((1, 2)), st.sampled_from(("undo", "redo"))),
    st.builds(Told, st.sampled_from((1, 2)), st.just("undo"), again=st.integers(1, 4)),
)
BATCHES = st.lists(st.lists(TOLD, min_size=1, max_size=4), min_size=1, max_size=12)


class Teller:
    """Sends what was told to a log, and keeps what was sent to send it again."""

    def __init__(self, log: BoardLog, make_verdict: Make) -> None:
        self.log = log
        self.model = Model()
        self._make = make_verdict
        self._sent: dict[int, list[Step]] = {1: [], 2: []}

    def send(self, batch: Sequence[Told]) -> None:
        for reviewer in (1, 2):
            steps = []
            for told in batch:
                if told.reviewer != reviewer:
                    continue
                sent = self._sent[reviewer]
                if told.again is not None:
                    steps += sent[-told.again : len(sent) - told.again + 1] if told.again <= len(sent) else []
                    continue
                self.model.tell(told)
                sent.append(self._step(told, len(sent)))
                steps.append(sent[-1])
            self.log.take(PROJECT, reviewer, steps, SETTLE)

    def _step(self, told: Told, number: int) -> Step:
        verdicts: dict[str, Verdict | None] = {}
        for key, decision, is_scan in told.marks:
            verdicts[key] = decision and self._make(
                board_verdict_id(told.reviewer),
                key,
                decision=decision,
                new_label="car" if decision == "fix" else None,
                strength="scan" if is_scan else "verdict",
                reviewer=f"{told.reviewer}@example.com",
                review_project_id=0,
                review_task_id=0,
            )
        named = tuple(Mark(key, decision) for key, decision, _ in told.marks)
        return Step(Action(f"{told.reviewer}-{number}", told.kind, named), verdicts)


def assert_as_replayed(log: BoardLog, model: Model) -> None:
    beside = log.beside(PROJECT, KEYS)
    said = {
        (each.said.review_annotation_id, key): (each.said.decision, each.said.strength == "scan")
        for key, settled in beside.items()
        for each in settled
    }
    wanted = {
        (board_verdict_id(reviewer), key): decided
        for reviewer in (1, 2)
        for key, decided in model.decided(reviewer).items()
    }
    assert said == wanted
    for reviewer in (1, 2):
        done, undone = model.standing(reviewer)
        assert log.depth(PROJECT, reviewer) == Depth(len(done), len(undone))
    for key, settled in beside.items():
        verdicts = {each.said.decision for each in settled if each.counts_as == "verdict"}
        assert all(
            bool(each.verdict.contradiction) == (len(verdicts) > 1) for each in settled if each.counts_as != "scan"
        )
        assert not any(each.verdict.contradiction for each in settled if each.counts_as == "scan"), key


@pytest.fixture
def engines() -> Iterator[Callable[[], Engine]]:
    opened: list[Engine] = []

    def fresh() -> Engine:
        opened.append(open_database("sqlite://"))
        return opened[-1]

    yield fresh
    for engine in opened:
        engine.dispose()


@settings(max_examples=150, print_blob=True, suppress_health_check=list(HealthCheck))
@given(batches=BATCHES)
def test_what_stands_is_what_a_replay_says(
    engines: Callable[[], Engine], make_verdict: Make, batches: list[list[Told]]
) -> None:
    """Of two reviewers who decide, undo, redo and send again in any order; a scan contradicts nobody."""
    teller = Teller(BoardLog(engines()), make_verdict)
    for batch in batches:
        teller.send(batch)
        assert_as_replayed(teller.log, teller.model)


def test_undo_has_no_limit_and_outlives_the_process(url: str, make_verdict: Make) -> None:
    """300 steps are taken back by a process that did none of them, and two brought back; then one decides anew."""
    first = open_database(url)
    teller = Teller(BoardLog(first), make_verdict)
    for n in range(300):
        teller.send([Told(1, "decide", ((KEYS[n % 3], DECISIONS[n % 3], False),))])
    first.dispose()
    second = open_database(url)
    teller.log = BoardLog(second)
    for _ in range(3):
        teller.send([Told(1, "undo")] * 100)
    assert teller.log.depth(PROJECT, 1) == Depth(0, 300)
    assert VerdictStore(second, Path()).of_project(PROJECT) == []
    teller.send([Told(1, "undo"), Told(1, "redo"), Told(1, "redo")])
    assert_as_replayed(teller.log, teller.model)
    teller.send([Told(1, "decide", (("c", "wrong", False),))])
    assert teller.log.depth(PROJECT, 1) == Depth(3, 0)
    assert_as_replayed(teller.log, teller.model)
    second.dispose()


def test_a_request_costs_the_same_after_100_000_actions(engine: Engine, make_verdict: Make) -> None:
    """As many statements as after the first action: nothing is replayed."""
    log, verdict = BoardLog(engine), make_verdict(board_verdict_id(1), "a", reviewer="1@example.com")
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *said: statements.append(said[2]))

    def cost(name: str) -> int:
        statements.clear()
        log.take(PROJECT, 1, [Step(Action(name, "decide", (Mark("a", "keep"),)), {"a": verdict})], SETTLE)
        log.take(PROJECT, 1, [Step(Action(f"{name}-undo", "undo"), {})], SETTLE)
        return len(statements)

    log.take(PROJECT, 1, [Step(Action("first", "decide", (Mark("a", "keep"),)), {"a": verdict})], SETTLE)
    early = cost("early")
    with writing(engine) as connection:
        last = connection.execute(select(func.max(BOARD_ACTIONS.c.sequence))).scalar() or 0
        now = datetime(2026, 1, 1)
        mine = {"project_id": PROJECT, "reviewer_id": 1}
        actions = [
            {
                **mine, "sequence": n, "action_id": f"x{n}", "kind": "decide", "marks": [], "taken_at": now,
                "target": None, "below": n - 1, "undo_top": n, "redo_top": 0, "n_undo": n - 2, "n_redo": 0,
            }
            for n in range(last + 1, 100_000)
        ]  # fmt: skip
        connection.execute(insert(BOARD_ACTIONS), actions)
        marks = [
            {**mine, "finding_key": f"k{row['sequence']}", "sequence": row["sequence"], "stands": True, "verdict": None}
            for row in actions
        ]
        connection.execute(insert(BOARD_MARKS), marks)
    assert cost("late") == early
    assert log.depth(PROJECT, 1).undo == 100_000 - 3


def test_two_tabs_and_two_servers_lose_nothing(url: str, make_verdict: Make) -> None:
    """Two engines write at once for one reviewer: each action is there once, in some order, with what it decided."""
    engines = [open_database(url), open_database(url)]
    logs = [BoardLog(engine) for engine in engines]
    problems: list[BaseException] = []

    def work(log: BoardLog, name: str) -> None:
        try:
            for n in range(40):
                key = f"{name}{n}"
                verdict = make_verdict(board_verdict_id(1), key, review_project_id=0, review_task_id=0)
                step = Step(Action(key, "decide", (Mark(key, "keep"),)), {key: verdict})
                log.take(PROJECT, 1, [step, step], SETTLE)
                log.take(PROJECT, 1, [step, Step(Action(f"shared{n}", "redo"), {})], SETTLE)
        except BaseException as error:  # noqa: BLE001  told to the test
            problems.append(error)

    threads = [threading.Thread(target=work, args=(log, name)) for log, name in zip(logs, "pq", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert logs[0].depth(PROJECT, 1) == Depth(80, 0)
    with engines[0].begin() as connection:
        sequence = (
            connection.execute(select(BOARD_ACTIONS.c.sequence).order_by(BOARD_ACTIONS.c.sequence)).scalars().all()
        )
    assert sequence == list(range(1, 80 + 40 + 1))
    assert len(VerdictStore(engines[1], Path()).of_project(PROJECT)) == 80
    for engine in engines:
        engine.dispose()


def test_a_scan_is_no_verdict_and_the_newer_word_of_one_reviewer_counts(engine: Engine, make_verdict: Make) -> None:
    """What was looked at alone is in nobody's figures; who decides here after an answer there contradicts nobody."""
    log, store = BoardLog(engine), VerdictStore(engine, Path())
    scan = make_verdict(board_verdict_id(1), "a", strength="scan", reviewer="1@example.com")
    log.take(PROJECT, 1, [Step(Action("1", "decide", (Mark("a", "keep"),)), {"a": scan})], SETTLE)
    assert store.of_project(PROJECT) == []
    wrong = make_verdict(5, "a", decision="wrong", reviewer="2@example.com")
    store.put([wrong], SETTLE)
    assert [(each.decision, each.contradiction) for each in store.of_project(PROJECT)] == [("wrong", None)]

    mine = make_verdict(board_verdict_id(2), "a", decision="fix", new_label="bus", reviewer="2@example.com")
    log.take(PROJECT, 2, [Step(Action("1", "decide", (Mark("a", "fix"),)), {"a": mine})], SETTLE)
    assert [(each.decision, each.contradiction) for each in store.of_project(PROJECT)] == [("fix", None)]
    later = replace(wrong, decided_at=datetime.now(timezone.utc) + timedelta(minutes=1))
    store.put([later], SETTLE)
    assert store.of_project(PROJECT) == [later]
    log.take(PROJECT, 2, [Step(Action("2", "undo"), {})], SETTLE)
    assert store.of_project(PROJECT) == [later]

    other = make_verdict(6, "a", decision="keep", reviewer="3@example.com")
    store.put([other], SETTLE)
    assert {each.decision for each in store.of_project(PROJECT)} == {"unclear"}
    store.remove([later], SETTLE)
    assert store.of_project(PROJECT) == [other]
    assert {each.counts_as for each in log.beside(PROJECT, ["a"])["a"]} == {"scan", "verdict"}


def test_a_scan_makes_no_decision_younger(engine: Engine, make_verdict: Make) -> None:
    """Who pages past a label, or takes that back, does not bring back what they have said otherwise since."""
    log, store = BoardLog(engine), VerdictStore(engine, Path())
    wrong = make_verdict(board_verdict_id(1), "a", decision="wrong")
    scan = make_verdict(board_verdict_id(1), "a", strength="scan")
    log.take(PROJECT, 1, [Step(Action("1", "decide", (Mark("a", "wrong"),)), {"a": wrong})], SETTLE)
    (before,) = log.beside(PROJECT, ["a"])["a"]
    answer = make_verdict(5, "a", decision="keep", decided_at=datetime.now(timezone.utc))
    store.put([answer], SETTLE)
    kinds: tuple[Kind, ...] = ("decide", "undo", "redo")
    for number, kind in enumerate(kinds, start=2):
        verdicts = {"a": scan} if kind == "decide" else {}
        log.take(PROJECT, 1, [Step(Action(str(number), kind, (Mark("a", "keep"),)), verdicts)], SETTLE)
        assert store.of_project(PROJECT) == [answer]
        assert before.said in [each.said for each in log.beside(PROJECT, ["a"])["a"]]
    log.take(PROJECT, 1, [Step(Action("5", "undo"), {}), Step(Action("6", "undo"), {})], SETTLE)
    assert [each.said for each in log.beside(PROJECT, ["a"])["a"]] == [answer]
