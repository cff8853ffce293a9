"""All findings of an item in one review task, over a review project that is a list."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from errata.audit.progress import LineProgress
from errata.audit.publish import publish
from errata.audit.review_order import Published
from errata.audit.snapshot import Snapshot, Task
from errata.audit.suspect import Findings
from errata_model.records import Finding, GivenLabel

if TYPE_CHECKING:
    from tests.unit.audit.conftest import ListLog, ListQueue

N_TASKS = 20
Publish = Callable[..., Published]


def finding(key: str, task: int, disagreement: float) -> Finding:
    given = GivenLabel(task, task, "1", "box", key, "boxes", "cat", f"hash-{key}")
    return Finding(key, given, {}, disagreement, None, "Why.", None, "suspect", "errata-1")


@pytest.fixture
def put(queue: ListQueue, log: ListLog) -> Publish:
    """Publish findings, by item where nothing else is said."""
    tasks = tuple(Task(n, {"image": f"{n}.png"}, (), True) for n in range(N_TASKS))
    snapshot = Snapshot("http://label-studio/", 1, "Cats", "<View/>", (), (), tasks)

    def to(*findings: Finding, unscored: Sequence[str] = (), by_item: bool = True) -> Published:
        ordered = tuple(sorted(findings, key=lambda each: -each.disagreement))
        found = replace(Findings(ordered, ordered, len(ordered)), unscored=frozenset(unscored))
        return publish(snapshot, found, queue, log, LineProgress(lambda _: None), by_item)

    return to


def standing(queue: ListQueue) -> list[tuple[str, ...]]:
    return [item.keys for item in queue.items()]


def test_an_item_stands_by_its_worst_finding(queue: ListQueue, log: ListLog, put: Publish) -> None:
    """Its findings are one review task; twice is once, and every finding is known to stand there."""
    findings = [finding("a", 1, 0.6), finding("b", 2, 0.8), finding("c", 1, 0.9), finding("d", 3, 0.7)]
    first = put(*findings)
    assert standing(queue) == [("c", "a"), ("b",), ("d",)]
    assert (first.n_open, first.n_inserted) == (4, 4)
    assert log.placed == {"c": 1, "a": 1, "b": 2, "d": 3}
    n_writes = queue.n_writes
    again = put(*findings)
    assert (again.n_inserted, again.n_moved, again.n_withdrawn, queue.n_writes) == (0, 0, 0, n_writes)


def test_labels_of_whole_tasks_are_asked_about_one_by_one(queue: ListQueue, put: Publish) -> None:
    """There is no region in the form that could carry the decision."""
    whole = replace(finding("w", 1, 0.5), given=GivenLabel(1, 1, "1", "kind", None, "choices", "cat", "h"))
    put(whole, finding("a", 1, 0.6), finding("b", 1, 0.7))
    assert [item.several for item in queue.items()] == [("b", "a"), None]


def test_what_is_closed_leaves_and_what_is_new_comes_in(queue: ListQueue, log: ListLog, put: Publish) -> None:
    """A review task that nobody touched is replaced when its findings are others."""
    a, b = finding("a", 1, 0.9), finding("b", 1, 0.8)
    put(a, b)
    log.closed.add("a")
    gone = put(a, b, finding("c", 1, 0.7))
    assert standing(queue) == [("b", "c")]
    assert (gone.n_withdrawn, gone.n_inserted) == (1, 1)
    assert log.placed.keys() == {"b", "c"}


def test_what_was_touched_stays_and_is_asked_once(queue: ListQueue, log: ListLog, put: Publish) -> None:
    """One decided, one left open: the open one stays where it was asked; a new one gets a review task of its own."""
    a, b = finding("a", 1, 0.9), finding("b", 1, 0.8)
    put(a, b)
    queue.touch("a")
    log.closed.add("a")
    published = put(a, b, finding("c", 1, 0.95))
    assert standing(queue) == [("a", "b"), ("c",)]
    assert (published.n_inserted, published.n_withdrawn, published.n_open) == (1, 0, 2)
    n_writes = queue.n_writes
    put(a, b, finding("c", 1, 0.95))
    assert queue.n_writes == n_writes


def test_what_could_not_be_read_keeps_its_review_task(queue: ListQueue, put: Publish) -> None:
    """One finding has no belief this time: nothing of the task's is asked about a second time."""
    a, b = finding("a", 1, 0.9), finding("b", 1, 0.8)
    put(a, b)
    put(b, unscored=["a"])
    assert standing(queue) == [("a", "b")]


@pytest.mark.parametrize("by_item", [True, False])
def test_a_switch_puts_anew_what_nobody_touched(queue: ListQueue, put: Publish, by_item: bool) -> None:
    """One way or the other: the touched review task stays as it is, and what it asks is asked nowhere else."""
    findings = [finding(f"{name}{task}", task, 0.9 - task / 10) for task in (1, 2) for name in "ab"]
    put(*findings, by_item=not by_item)
    queue.touch("a1")
    put(*findings, by_item=by_item)
    expected = [("a1",), ("b1",), ("a2", "b2")] if by_item else [("a1", "b1"), ("a2",), ("b2",)]
    assert standing(queue) == expected
    put(*findings, by_item=by_item)
    assert standing(queue) == expected


def test_any_history_asks_everything_once(queue: ListQueue, put: Publish) -> None:
    """After any series of audits, touches and switches no finding stands twice, and what is doubted stands."""
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(60):
        numbers = rng.sample(range(60), rng.randint(1, 40))
        findings = [finding(f"k{n}", n % N_TASKS, rng.random()) for n in numbers]
        touched = {item.review_task_id for item in queue.items() if item.is_touched}
        put(*findings, by_item=rng.random() < 0.7)
        keys = [key for item in queue.items() for key in item.keys]
        assert len(keys) == len(set(keys))
        assert {each.key for each in findings} <= set(keys)
        assert touched <= {item.review_task_id for item in queue.items()}
        queue.touch(rng.choice(queue.keys()))
