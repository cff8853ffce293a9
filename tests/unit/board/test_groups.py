from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errata.boards.groups import canonical_value, counted, grouping
from errata.boards.table import NONE, BoardTable
from errata.errors import UsageError

Make = Callable[..., BoardTable]
LABELS = st.sampled_from(["cat", "dog", "emu", None])
ROWS = st.lists(st.tuples(LABELS, LABELS, st.floats(0, 1)), max_size=40)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, seed=st.integers(0, 99), limit=st.integers(1, 5))
def test_groups_sums_are_the_table_s(make_board: Make, rows: list, seed: int, limit: int) -> None:
    """By whatever rows are grouped, every figure adds up, and pages of groups joined are all groups, each once."""
    table = make_board(rows)
    n, rng = len(rows), np.random.default_rng(seed)
    suspects = table.queue != NONE
    decided, scanned, wrong = (rng.random(n) < 0.5 for _ in range(3))
    for by in ("given", "predicted", "cell", "annotator", "field:city", "detector"):
        of = grouping(table, np.arange(n), by)
        for shown in (suspects, np.ones(n, np.bool_)):
            pages, start, total = [], 0, 1
            while start < total:
                page, total = counted(of, shown, suspects, (decided, scanned, wrong), "", start, limit)
                pages += page
                start += limit
            assert len(pages) == total == len({group.name.value for group in pages})
            if by == "detector":  # a row may be in several, and in none: only suspects have one here
                assert sum(group.suspects for group in pages) == suspects.sum()
                continue
            for figure, flags in (("decided", decided), ("scanned", scanned), ("wrong", wrong)):
                assert sum(getattr(group, figure) for group in pages) == (shown & flags).sum()
            assert sum(group.suspects for group in pages) == suspects.sum()
            members = [row for group in pages for row in of.members(group.name.value).tolist()]
            assert len(members) == len(set(members))
            assert set(np.flatnonzero(shown)) <= set(members)
            assert Counter({group.name.value: group.rows for group in pages}) == {
                group.name.value: len(of.members(group.name.value)) for group in pages
            }


def test_the_groups_with_the_most_to_show_come_first(make_board: Make) -> None:
    """Of suspects, where those are shown; a search keeps what has the words in its title, in any case."""
    rows = [("dog", "dog", 0.0)] * 5 + [("cat", "dog", 0.9)] * 3 + [("dog", "cat", 0.9)] * 2 + [(None, "emu", 0.9)]
    table = make_board(rows)
    suspects, everything = table.queue != NONE, np.ones(len(rows), np.bool_)
    none = np.zeros(len(rows), np.bool_)

    def titles(by: str, shown: np.ndarray, search: str = "") -> list[tuple[str, int, int]]:
        of = grouping(table, np.arange(len(rows)), by)
        page, _ = counted(of, shown, suspects, (none, none, none), search, 0, 100)
        return [(group.name.title, group.rows, group.suspects) for group in page]

    assert titles("given", suspects) == [("cat", 3, 3), ("dog", 7, 2), ("nothing", 1, 1)]
    assert titles("given", everything) == [("dog", 7, 2), ("cat", 3, 3), ("nothing", 1, 1)]
    assert titles("cell", suspects) == [("cat → dog", 3, 3), ("dog → cat", 2, 2), ("nothing → emu", 1, 1)]
    assert titles("cell", everything, " DOG →") == [("dog → dog", 5, 0), ("dog → cat", 2, 2)]
    assert titles("detector", suspects) == [("low self confidence", 6, 6)]
    assert titles("field:city", everything) == [("unknown", 4, 2), ("Ulm", 4, 2), ("Bonn", 3, 2)]


def test_a_row_without_a_label_has_a_group_too(make_board: Make) -> None:
    """What is missing has the empty value; a cell names it null; each is about the class that it has."""
    table = make_board([(None, "emu", 0.9), ("cat", None, 0.8)])
    rows = np.arange(2)
    assert grouping(table, rows, "given").members("").tolist() == [0]
    assert grouping(table, rows, "predicted").members("").tolist() == [1]
    cells = grouping(table, rows, "cell")
    assert {json.loads(name.value)[0]: name.label for name in cells.names} == {None: 2, "cat": 0}
    assert cells.members(canonical_value("cell", '[null,\t"emu"]')).tolist() == [0]


def test_a_label_may_be_anything(make_board: Make) -> None:
    """Quotes, brackets and markup in a label are parts of its name, and name the same group again."""
    labels = ('"]', "<img src=x onerror=alert(1)>", "a > b", "ü\U0001f600")
    table = make_board([(label, labels[0], 0.5) for label in labels], labels=labels)
    for by in ("given", "cell"):
        of = grouping(table, np.arange(4), by)
        for name in of.names:
            again = canonical_value(by, json.dumps(json.loads(name.value)) if by == "cell" else name.value)
            (row,) = of.members(again).tolist()
            assert labels[row] in name.title


@pytest.mark.parametrize("value", ["cat", "[]", '["cat"]', '["cat", 1]', '{"cat": "dog"}', "[[[", "[", 9999 * "["])
def test_a_cell_is_named_by_two_labels(value: str) -> None:
    """Anything else is refused with an example."""
    with pytest.raises(UsageError, match=r'as JSON, such as \["cat","dog"\]'):
        canonical_value("cell", value)
