"""Which keys of tasks' data are fields to group labels by."""

from __future__ import annotations

import numpy as np
import pytest

from errata.audit.snapshot import Task
from errata.boards.fields import fields_of
from errata.boards.table import NONE

N = 80


def grouped(held):
    """The field that a key with these values is, as text of each task; None where it is no field."""
    tasks = [Task(n, {"shown": "x", "key": value}, (), True) for n, value in enumerate(held)]
    found = fields_of(tasks, np.arange(len(tasks)), {"shown"})
    assert [each.name for each in found] in ([], ["key"])
    if not found:
        return None
    assert found[0].codes.dtype == np.int32
    return [None if code == NONE else found[0].values[code] for code in found[0].codes]


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (["a", "b"] * 40, ["a", "b"] * 40),
        (["a", None] * 40, ["a", None] * 40),
        (["", "b", "c", "b"] * 20, [None, "b", "c", "b"] * 20),
        ([True, False] * 40, ["true", "false"] * 40),
        ([1, 2.0, 2.5, 10] * 20, ["1", "2", "2.5", "10"] * 20),
        ([1, "a", 2, "a"] * 20, ["1", "a", "2", "a"] * 20),
    ],
)
def test_a_few_values_are_groups(held, said):
    """Texts, numbers, yes or no, also mixed; a task without a value is in none."""
    assert grouped(held) == said


@pytest.mark.parametrize(
    "held",
    [
        [f"scan-{n}" for n in range(N)],
        list(range(1000, 1000 + N)),
        ["a"] * N,
        [None] * N,
        [["a"], ["b"]] * 40,
        [{"a": 1}] * N,
        ["a" * 201, "b" * 201] * 40,
        [float("nan"), *np.linspace(0, 1, N - 1).tolist()],
        [],
    ],
)
def test_what_tells_nothing_is_no_field(held):
    """Ids, one value for all, lists, long texts, numbers that are none."""
    assert grouped(held) is None


def test_many_numbers_are_ranges():
    """Ten of about as many tasks each, that hold their numbers; numbers stand in order, not as texts do."""
    numbers = np.random.default_rng(3).normal(50, 20, 400).round(2)
    said = grouped([*numbers.tolist(), None])
    assert said is not None
    assert said[-1] is None
    names, counts = np.unique(said[:-1], return_counts=True)
    assert len(names) == 10
    assert counts.min() >= 36
    for number, name in zip(numbers, said[:-1], strict=True):
        low, high = map(float, name.split(" to "))
        assert low - 0.01 <= number <= high + 0.01
    tasks = [Task(n, {"key": n % 12}, (), True) for n in range(48)]
    assert fields_of(tasks, np.arange(48), ())[0].values == tuple(map(str, range(12)))


def test_rows_have_their_tasks_values():
    """Several labels of a task have its value, and there are fifty fields at most."""
    tasks = [Task(n, {f"key{k:02}": f"{n % 2}{k}" for k in range(60)}, (), True) for n in range(8)]
    found = fields_of(tasks, np.array([3, 3, 0]), ())
    assert len(found) == 50
    assert [found[2].values[code] for code in found[2].codes] == ["12", "12", "02"]
