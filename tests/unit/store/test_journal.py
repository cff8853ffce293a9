from __future__ import annotations

import tempfile
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from errata.review.records import Annotation, Change
from errata.store.database import open_database
from errata.store.journal import JournalStore

CHANGE = Change("f", 7, 10, 1, "kind", None, "truck", "h", "car", "rev", datetime(2026, 1, 1, tzinfo=timezone.utc), "y")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
RESULTS = st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=3)


def annotation(result: list[dict[str, Any]], raw: dict[str, Any] | None = None) -> Annotation:
    return Annotation(1, 10, tuple(result), CHANGE.decided_at, {**(raw or {}), "result": result})


@settings(max_examples=60, deadline=None)
@given(
    before=RESULTS,
    after=RESULTS,
    raw=st.dictionaries(st.text(), JSON, max_size=3),
    words=st.text(),
    when=st.datetimes(timezones=st.just(timezone.utc)),
)
def test_entries_come_back_as_they_went(
    before: list[dict[str, Any]], after: list[dict[str, Any]], raw: dict[str, Any], words: str, when: datetime
) -> None:
    """Whatever an annotation holds is restored bit by bit: this is all that undo has."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database("sqlite://")
        journal = JournalStore(engine, Path(folder))
        change = Change("f", 7, 10, 1, words, words, words, "h", words, words, when, words, new_value=tuple(after))
        changeset_id = journal.open_changeset(7, words)
        entry = journal.intend(changeset_id, [change], annotation(before, raw), after, [words])
        assert journal.entries(7) == [entry]
        assert entry.before == {**raw, "result": before}
        assert list(entry.after_result) == after
        assert (entry.changes, entry.state, entry.after_hashes) == ((change,), "intended", (words,))
        engine.dispose()


def test_states_and_changesets(engine: Engine, tmp_path: Path) -> None:
    """What is open, of which changeset, and how many writes of each stand."""
    journal = JournalStore(engine, tmp_path)
    first, second = journal.open_changeset(7, "me"), journal.open_changeset(7, "me")
    ids = [journal.intend(id_, [CHANGE], annotation([{}]), [{}], [None]).id for id_ in (first, first, second)]
    assert [entry.id for entry in journal.unsettled(7)] == ids
    journal.settle(ids[0], "written")
    journal.settle(ids[1], "conflict", "why")
    journal.settle(ids[2], "undoing")
    assert [entry.id for entry in journal.unsettled(7)] == ids[2:]
    journal.settle(ids[2], "dropped")
    assert [entry.id for entry in journal.unsettled(7)] == ids[2:]  # Label Studio may have saved it after that
    journal.settle(ids[0], "undone")
    assert journal.unsettled(7) == []  # errata itself has written there since
    journal.settle(ids[0], "written")
    journal.settle(ids[2], "undoing")
    assert [(entry.state, entry.problem) for entry in journal.entries(7)[:2]] == [
        ("written", None), ("conflict", "why")
    ]  # fmt: skip
    assert all(entry.intended_at.tzinfo is not None for entry in journal.entries(7))
    assert [(id_, n) for id_, _, n in journal.changesets(7)] == [(first, 1), (second, 1)]
    assert all(when.tzinfo is not None for _, when, _ in journal.changesets(7))
    assert journal.changesets(8) == []


def test_a_second_writer_waits(engine: Engine, tmp_path: Path) -> None:
    """It gets in when the first is out, and not before."""
    held: list[str] = []

    def write() -> None:
        with JournalStore(engine, tmp_path).exclusive(7):
            held.append("second")

    thread = threading.Thread(target=write)
    with JournalStore(engine, tmp_path).exclusive(7):
        thread.start()
        thread.join(0.2)
        held.append("first")
    thread.join()
    assert held == ["first", "second"]
