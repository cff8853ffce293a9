from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from errata.boards.judged import Judged, JudgedRows
from errata.boards.key_index import KeyIndex
from errata.labelstudio.codecs import Codecs
from errata.review.agreement import settle as settled
from errata.review.records import Settle, Verdict
from errata.store.database import open_database, writing
from errata.store.tables import VERDICTS
from errata.store.verdict_figures import VerdictFigures
from errata.store.verdicts import VerdictStore

Make = Callable[..., Verdict]
KEYS = np.array(["e", "a", "c", "d", "b"], "S20")


def flags(judged: Judged) -> dict[str, list[str]]:
    """Return flag -> the keys that have it."""
    names = ("decided", "wrong", "kept", "scanned")
    return {name: sorted(key.decode() for key in KEYS[getattr(judged, name)]) for name in names}


def test_what_is_decided_is_counted(engine: Engine, tmp_path: Path, make_verdict: Make, settle: Settle) -> None:
    """A verdict beside a scan counts, a scan alone is a scan; what is taken back counts no more."""
    store, figures = VerdictStore(engine, tmp_path), VerdictFigures(engine)
    rows = JudgedRows(7, len(KEYS), KeyIndex(KEYS), figures)
    assert flags(rows.now()) == {"decided": [], "wrong": [], "kept": [], "scanned": []}
    scan = make_verdict(2, "b", decision="keep", strength="scan", reviewer="bob")
    store.put(
        [
            make_verdict(1, "a", decision="wrong"),
            make_verdict(1, "b", decision="unclear"),
            make_verdict(1, "c", decision="keep"),
            scan,
            make_verdict(2, "d", decision="keep", strength="scan", reviewer="bob"),
            make_verdict(1, "no row", decision="wrong"),
            make_verdict(1, "e", project_id=8),
        ],
        settle,
    )
    first = rows.now()
    assert flags(first) == {"decided": ["a", "b", "c"], "wrong": ["a"], "kept": ["c"], "scanned": ["d"]}
    assert rows.now() is first  # nothing changed
    assert figures.decided([7, 8, 9]) == {7: 4, 8: 1}
    store.put([make_verdict(1, "c", decision="take_proposal", new_label="car")], settle)
    store.remove([make_verdict(1, "a", decision="wrong"), make_verdict(1, "b", decision="unclear")], settle)
    assert flags(rows.now()) == {"decided": ["c"], "wrong": ["c"], "kept": [], "scanned": ["b", "d"]}
    with writing(engine) as connection:
        connection.execute(delete(VERDICTS))  # the project was purged
    assert flags(rows.now()) == {"decided": [], "wrong": [], "kept": [], "scanned": []}


def test_of_reviewers_who_differ_none_is_counted_as_wrong(engine: Engine, tmp_path: Path, make_verdict: Make) -> None:
    """Both are decided, and neither kept: what is unclear is no yield."""
    settle = partial(settled, edits=Codecs())
    store, rows = VerdictStore(engine, tmp_path), JudgedRows(7, len(KEYS), KeyIndex(KEYS), VerdictFigures(engine))
    store.put([make_verdict(1, "a", decision="wrong"), make_verdict(2, "a", decision="keep", reviewer="bob")], settle)
    assert flags(rows.now()) == {"decided": ["a"], "wrong": [], "kept": [], "scanned": []}


STEPS = st.tuples(
    st.sampled_from("abcde"),
    st.integers(1, 2),
    st.sampled_from([("keep", "verdict"), ("wrong", "verdict"), ("keep", "scan"), ("unclear", "verdict"), None]),
)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12), looks=st.sets(st.integers(0, 11)))
def test_looking_often_or_once_is_the_same(
    tmp_path_factory, make_verdict: Make, settle: Settle, steps: list, looks: set[int]
) -> None:
    """What was kept in step with the records is what is read from them at the end."""
    folder = tmp_path_factory.mktemp("data")
    engine = open_database(f"sqlite:///{folder / 'errata.db'}")
    store, figures = VerdictStore(engine, folder), VerdictFigures(engine)
    rows = JudgedRows(7, len(KEYS), KeyIndex(KEYS), figures)
    for n, (key, who, said) in enumerate(steps):
        verdict = make_verdict(
            who, key, reviewer=str(who), **(dict(zip(("decision", "strength"), said or (), strict=False)))
        )
        if said is None:
            store.remove([verdict], settle)
        else:
            store.put([verdict], settle)
        if n in looks:
            rows.now()
    assert flags(rows.now()) == flags(JudgedRows(7, len(KEYS), KeyIndex(KEYS), figures).now())
    engine.dispose()
