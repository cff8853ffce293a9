from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errata.boards.order import BLOCK, alike, in_blocks, page_with, similar
from errata.boards.table import NONE, BoardTable
from errata_model.records import Control

Make = Callable[..., BoardTable]
quick = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def board_of(make_board: Make, n: int, seed: int) -> BoardTable:
    rng = np.random.default_rng(seed)
    labels = [("cat", "dog", "emu")[code] for code in rng.integers(0, 3, 2 * n)]
    rows = list(zip(labels[:n], labels[n:], rng.random(n).round(1).tolist(), strict=True))
    return make_board(rows, leaf=rng.permutation(n).astype(np.int32))


def test_a_reviewer_meets_the_likeliest_errors_first_and_like_beside_like(make_board: Make) -> None:
    """A block holds sixty suspects that come next in the queue; inside it only what they look like counts."""
    table = board_of(make_board, 400, seed=1)
    ordered = in_blocks(table, np.flatnonzero(table.queue != NONE))
    n = len(ordered)
    assert n > 2 * BLOCK
    for start in range(0, n, BLOCK):
        block = ordered[start : start + BLOCK]
        assert set(table.queue[block]) == set(range(start, min(start + BLOCK, n)))
        assert (np.diff(table.leaf[block]) > 0).all()
    assert (np.diff(table.leaf[alike(table, np.arange(400))]) > 0).all()


@quick
@given(n=st.integers(0, 200), seed=st.integers(0, 99), limit=st.integers(1, 70), data=st.data())
def test_pages_joined_are_the_whole(make_board: Make, n: int, seed: int, limit: int, data: st.DataObject) -> None:
    """Every row that was asked for stands once, whatever order the rows came in, and is found on its own page."""
    table = board_of(make_board, n, seed)
    chosen = np.array(data.draw(st.lists(st.integers(0, n - 1), unique=True)) if n else [], dtype=np.int64)
    for arrange in (in_blocks, alike):
        ordered = arrange(table, chosen)
        assert sorted(ordered.tolist()) == sorted(chosen.tolist())
        assert ordered.tolist() == arrange(table, chosen[::-1]).tolist()
        for row in chosen.tolist():
            start = page_with(ordered, row, limit)
            assert start is not None
            assert start % limit == 0
            assert row in ordered[start : start + limit]
    assert page_with(chosen, n, limit) is None


def test_labels_of_several_controls_do_not_mix(make_board: Make) -> None:
    """Similarity is within a control: a selection over two shows one after the other."""
    control = np.array([0, 1, 0, 1], np.int16)
    table = make_board([("cat", "cat", 0.5)] * 4, control=control, leaf=np.array([1, 0, 0, 1], np.int32))
    assert alike(table, np.arange(4)).tolist() == [2, 0, 1, 3]
    assert in_blocks(table, np.arange(4)).tolist() == [2, 0, 1, 3]


@quick
@given(n=st.integers(1, 60), seed=st.integers(0, 99), limit=st.integers(1, 70))
def test_the_most_similar_are_those_of_all_products(make_board: Make, n: int, seed: int, limit: int) -> None:
    """The first few are as if all had been sorted; the region itself stands before its double."""
    rng = np.random.default_rng(seed)
    boxes = tuple(Control(name, "boxes", "image", "image", "image", ("cat",)) for name in ("one", "two"))
    vectors = rng.integers(-2, 3, (n, 3)).astype(np.float32)
    control = rng.integers(0, 2, n).astype(np.int16)
    table = make_board([("cat", "cat", 0.5)] * n, control=control, controls=boxes)
    row = int(rng.integers(0, n))
    found = similar(table, row, vectors, limit)
    products = vectors @ vectors[row]
    others = [i for i in range(n) if i != row and table.control[i] == table.control[row] and products[i]]
    expected = [row, *sorted(others, key=lambda i: (-products[i], i))]
    assert found.tolist() == expected[:limit]


def test_of_what_is_about_whole_tasks_one_label_a_task_is_similar(make_board: Make) -> None:
    """All tags of a picture look alike: the tag in question is shown of other pictures, else whatever they have."""
    rows = [("cat", "cat", 0.5), ("dog", "dog", 0.4), ("dog", "dog", 0.3), ("cat", "cat", 0.2), (None, "cat", 0.1)]
    rows += [("emu", "emu", 0.05), ("dog", "dog", 0.05)]
    tasks = np.array([1, 1, 2, 2, 3, 4, 3])
    table = make_board(rows, tasks=tasks)
    vectors = np.array([[1, 0], [1, 0], [0.8, 0.6], [0.8, 0.6], [0.6, 0.8], [0.9, 0.4], [0.6, 0.8]], np.float32)
    assert similar(table, 0, vectors, 9).tolist() == [0, 5, 3, 4]
    assert similar(table, 1, vectors, 9).tolist() == [1, 5, 2, 6]
    assert similar(table, 0, vectors, 2).tolist() == [0, 5]
