"""Decisions on the pages where several servers write into one PostgreSQL."""

from __future__ import annotations

import random
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from errata.boards.actions import Action, Depth, Mark, Step
from errata.labelstudio.codecs import Codecs
from errata.review.agreement import settle
from errata.review.closings import Closing
from errata.review.records import Verdict, board_verdict_id
from errata.store.board_closings import ClosingStore
from errata.store.board_log import BoardLog
from errata.store.database import open_database
from errata.store.tables import BOARD_ACTIONS, VERDICTS
from errata.store.verdict_figures import VerdictFigures
from errata.store.verdicts import VerdictStore

SETTLE = partial(settle, edits=Codecs())
PROJECT, N_STEPS = 7, 60
KEYS = tuple("abcdefgh")


@pytest.fixture(scope="module")
def url(postgres: Any) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="errata-postgresql-") as name:  # tmp_path is closed to its user
        postgres.create(Path(name) / "cluster")
        with postgres.running(Path(name) / "cluster") as port:
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"


def verdict(annotation_id: int, key: str, decision: Any, reviewer: str) -> Verdict:
    return Verdict(
        finding_key=key, project_id=PROJECT, task_id=10, annotation_id=1, control="kind", region_id=None,
        reviewer=reviewer, decided_at=datetime.now(timezone.utc), seconds=1.0, stream="suspect", inclusion=None,
        detectors={}, disagreement=0.5, model_version="v1", suggestion_shown=True, old_label="car", old_hash="h",
        decision=decision, reason=None, strength="verdict", new_label=None, note=None, contradiction=None,
        review_project_id=0, review_task_id=0, review_annotation_id=annotation_id,
    )  # fmt: skip


def test_servers_that_write_at_once_agree_on_what_stands(url: str) -> None:
    """Two servers, two reviewers in two tabs each, and answers that are taken meanwhile: as if one after another."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    engines = [open_database(url), open_database(url)]
    problems: list[BaseException] = []

    def reviewer(number: int, tab: int) -> None:
        rng, log = random.Random(seed + 10 * number + tab), BoardLog(engines[tab])
        for n in range(N_STEPS):
            kind = rng.choice(("decide", "decide", "undo", "redo"))
            said: dict[str, Verdict | None] = {}
            if kind == "decide":
                for key in rng.sample(KEYS, 3):
                    decision = rng.choice(("keep", "wrong", None))
                    who = f"{number}@example.com"
                    said[key] = decision and verdict(board_verdict_id(number), key, decision, who)
            marks = tuple(Mark(key, each and each.decision) for key, each in said.items())
            log.take(PROJECT, number, [Step(Action(f"{tab}-{n}", kind, marks), said)], SETTLE)

    def answers() -> None:
        store, rng = VerdictStore(engines[0], Path()), random.Random(seed)
        for n in range(N_STEPS):
            key = rng.choice(KEYS)
            store.put([verdict(n % 5 + 1, key, rng.choice(("keep", "wrong")), "3@example.com")], SETTLE)
            store.remove([verdict(rng.randrange(1, 6), rng.choice(KEYS), "keep", "3@example.com")], SETTLE)

    def guarded(work: Any, *arguments: int) -> None:
        try:
            work(*arguments)
        except BaseException as error:  # noqa: BLE001  told to the test
            problems.append(error)

    works = [(reviewer, number, tab) for number in (1, 2) for tab in (0, 1)]
    threads = [threading.Thread(target=guarded, args=each) for each in [*works, (answers,)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    for number in (1, 2):
        done, undone, current = replayed(engines[1], number)
        assert BoardLog(engines[1]).depth(PROJECT, number) == Depth(done, undone)
        with engines[1].begin() as connection:
            mine = VERDICTS.c.review_annotation_id == board_verdict_id(number)
            rows = connection.execute(select(VERDICTS).where(mine & (VERDICTS.c.counts_as != "gone"))).all()
        assert {row.finding_key: (row.said or row.verdict)["decision"] for row in rows} == current
    beside = BoardLog(engines[0]).beside(PROJECT, KEYS)
    for settled in beside.values():
        again = SETTLE([each.said for each in settled])
        assert [(each.verdict, each.counts_as) for each in again] == [(e.verdict, e.counts_as) for e in settled]

    revision, figures = VerdictFigures(engines[0]).changed_since(PROJECT, -1)
    assert VerdictFigures(engines[1]).changed_since(PROJECT, revision) == (revision, [])
    counting = {(each.finding_key, each.review_annotation_id) for each in figures if each.counts_as == "verdict"}
    of_project = VerdictStore(engines[1], Path()).of_project(PROJECT)
    assert counting == {(each.finding_key, each.review_annotation_id) for each in of_project}
    for engine in engines:
        engine.dispose()


def replayed(engine: Any, number: int) -> tuple[int, int, dict[str, str]]:
    """Return how many steps can be undone and redone, and what stands, from the log alone."""
    done: list[list[dict[str, Any]]] = []
    undone: list[list[dict[str, Any]]] = []
    with engine.begin() as connection:
        mine = select(BOARD_ACTIONS).where(BOARD_ACTIONS.c.reviewer_id == number)
        rows = connection.execute(mine.order_by(BOARD_ACTIONS.c.sequence)).all()
    assert [row.sequence for row in rows] == list(range(1, 2 * N_STEPS + 1))
    for row in rows:
        if row.kind == "decide":
            done.append(row.marks)
            undone.clear()
        elif row.kind == "undo" and done:
            undone.append(done.pop())
        elif row.kind == "redo" and undone:
            done.append(undone.pop())
    current: defaultdict[str, Any] = defaultdict(lambda: None)
    for marks in done:
        current |= {mark["key"]: mark["decision"] for mark in marks}
    return len(done), len(undone), {key: decision for key, decision in current.items() if decision}


def test_a_closing_that_people_overruled_takes_the_verdict_with_it(url: str) -> None:
    """Unless it was decided anew since. No later step on the pages brings it back: neither a scan nor an undo."""
    engine = open_database(url)
    log, closings = BoardLog(engine), ClosingStore(engine)
    first = Step(Action("w", "decide", (Mark("z", "wrong"),)), {"z": verdict(-4, "z", "wrong", "4@example.com")})
    step = Step(Action("x", "decide", (Mark("z", "keep"),)), {"z": verdict(-4, "z", "keep", "4@example.com")})
    log.take(PROJECT, 4, [first, step], SETTLE)
    (said,) = log.beside(PROJECT, ["z"])["z"]
    old = Closing("z", 4, 70, 100, 5, datetime(2026, 1, 1, tzinfo=timezone.utc))
    assert closings.overrule(PROJECT, [old], SETTLE) == 0
    now = Closing("z", 4, 70, 100, 5, said.said.decided_at)
    assert (closings.overrule(PROJECT, [now], SETTLE), log.beside(PROJECT, ["z"])) == (1, {})
    assert (closings.due(PROJECT), closings.recorded(PROJECT)) == ([], [])
    look = replace(verdict(-4, "z", "keep", "4@example.com"), strength="scan")
    log.take(PROJECT, 4, [Step(Action("y", "decide", (Mark("z", "keep", strength="scan"),)), {"z": look})], SETTLE)
    assert [each.counts_as for each in log.beside(PROJECT, ["z"])["z"]] == ["scan"]
    log.take(PROJECT, 4, [Step(Action("1", "undo"), {}), Step(Action("2", "undo"), {})], SETTLE)
    assert log.beside(PROJECT, ["z"]) == {}
    engine.dispose()
