"""Publishing over a review project that is a list."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from errata.audit.progress import LineProgress
from errata.audit.publish import publish
from errata.audit.review_order import NEXT_UP
from errata.audit.snapshot import Snapshot, Task
from errata.audit.suspect import Findings
from errata_model.records import Finding, GivenLabel

if TYPE_CHECKING:
    from tests.unit.audit.conftest import ListLog, ListQueue

QUIET = LineProgress(lambda _: None)


def finding(n: int, disagreement: float) -> Finding:
    given = GivenLabel(n, n, "1", "label", None, "choices", "cat", f"hash{n}")
    return Finding(f"key{n}", given, {}, disagreement, None, "Why.", None, "suspect", "errata-1")


def snapshot(n_tasks: int) -> Snapshot:
    tasks = tuple(Task(n, {"image": f"{n}.png"}, (), True) for n in range(n_tasks))
    return Snapshot("http://label-studio/", 1, "Cats", "<View/>", (), (), tasks)


def found(findings: Sequence[Finding], n_suspects: int | None = None) -> Findings:
    ordered = tuple(sorted(findings, key=lambda f: -f.disagreement))
    return Findings(ordered, ordered[:n_suspects], len(ordered))


def test_most_likely_error_is_served_first(queue: ListQueue, log: ListLog) -> None:
    """Review tasks are inserted by falling disagreement, which is the order of their ids."""
    publish(snapshot(9), found([finding(1, 0.6), finding(2, 0.9), finding(3, 0.7)]), queue, log, QUIET)
    assert queue.keys() == ["key2", "key3", "key1"]


def test_publishing_twice_changes_nothing(queue: ListQueue, log: ListLog) -> None:
    """The second publish of the same findings writes nothing at all."""
    findings = found([finding(n, 0.5 + n / 100) for n in range(40)])
    publish(snapshot(50), findings, queue, log, QUIET)
    n_writes = queue.n_writes
    again = publish(snapshot(50), findings, queue, log, QUIET)
    assert queue.n_writes == n_writes
    assert (again.n_inserted, again.n_moved, again.n_withdrawn) == (0, 0, 0)


def test_new_finding_goes_to_its_place(queue: ListQueue, log: ListLog) -> None:
    """What is less likely wrong than a new finding is deleted and inserted again behind it."""
    publish(snapshot(9), found([finding(1, 0.9), finding(2, 0.5)]), queue, log, QUIET)
    published = publish(snapshot(9), found([finding(1, 0.9), finding(3, 0.7), finding(2, 0.5)]), queue, log, QUIET)
    assert queue.keys() == ["key1", "key3", "key2"]
    assert (published.n_inserted, published.n_moved) == (1, 1)
    assert log.placed == {i.finding_key: i.review_task_id for i in queue.stored}


def test_touched_review_tasks_stay(queue: ListQueue, log: ListLog) -> None:
    """What somebody decided or opened is never deleted, whatever the audit says."""
    publish(snapshot(9), found([finding(1, 0.9), finding(2, 0.5)]), queue, log, QUIET)
    queue.touch("key2")
    publish(snapshot(9), found([finding(3, 0.7)]), queue, log, QUIET)
    assert queue.keys() == ["key2", "key3"]


def test_what_is_served_next_stays_once_people_review(queue: ListQueue, log: ListLog) -> None:
    """A reviewer who has the next task open keeps it, even where a likelier error was found meanwhile."""
    first = [finding(n, 0.5 + n / 100) for n in range(30)]
    publish(snapshot(60), found(first), queue, log, QUIET)
    before = queue.keys()
    queue.touch(before[0])
    publish(snapshot(60), found([*first, finding(50, 0.99)]), queue, log, QUIET)
    assert queue.keys() == [*before[: NEXT_UP + 1], "key50", *before[NEXT_UP + 1 :]]


def test_what_lost_its_belief_stays(queue: ListQueue, log: ListLog) -> None:
    """Where media cannot be read for a while, published findings are not withdrawn; with the label they go."""
    publish(snapshot(9), found([finding(1, 0.9), finding(2, 0.8)]), queue, log, QUIET)
    unread = replace(found([finding(2, 0.8)]), unscored=frozenset({"key1"}))
    publish(snapshot(9), unread, queue, log, QUIET)
    assert queue.keys() == ["key1", "key2"]
    publish(snapshot(9), found([finding(2, 0.8)]), queue, log, QUIET)
    assert queue.keys() == ["key2"]


def test_queue_does_not_flicker(queue: ListQueue, log: ListLog) -> None:
    """A published finding leaves only when it falls below half the cut, or its label is gone."""
    publish(snapshot(9), found([finding(1, 0.9), finding(2, 0.8), finding(3, 0.7)]), queue, log, QUIET)
    publish(snapshot(9), found([finding(1, 0.8), finding(2, 0.5), finding(3, 0.3)], 1), queue, log, QUIET)
    assert queue.keys() == ["key1", "key2"]
    publish(snapshot(9), found([finding(1, 0.8)], 1), queue, log, QUIET)
    assert queue.keys() == ["key1"]


def test_small_moves_move_nothing(queue: ListQueue, log: ListLog) -> None:
    """A disagreement that hardly changed leaves its review task, and the order, as they are."""
    publish(snapshot(9), found([finding(1, 0.91), finding(2, 0.90), finding(3, 0.80)]), queue, log, QUIET)
    n_writes = queue.n_writes
    publish(snapshot(9), found([finding(1, 0.89), finding(2, 0.92), finding(3, 0.81)]), queue, log, QUIET)
    assert queue.n_writes == n_writes
    publish(snapshot(9), found([finding(1, 0.89), finding(2, 0.92), finding(3, 0.99)]), queue, log, QUIET)
    assert queue.keys() == ["key3", "key1", "key2"]


def test_decided_findings_stay_closed(queue: ListQueue, log: ListLog) -> None:
    """A finding with a verdict is not asked again while its label is the same."""
    log.closed.add("key1")
    publish(snapshot(9), found([finding(1, 0.9), finding(2, 0.8)]), queue, log, QUIET)
    assert queue.keys() == ["key2"]


def test_crash_between_insert_and_answer_leaves_no_duplicate(queue: ListQueue, log: ListLog) -> None:
    """What Label Studio accepted although errata never heard of it is found by its key."""
    queue.dies_after_insert = True
    findings = found([finding(1, 0.9), finding(2, 0.8)])
    with pytest.raises(ConnectionError):
        publish(snapshot(9), findings, queue, log, QUIET)
    queue.dies_after_insert = False
    publish(snapshot(9), findings, queue, log, QUIET)
    assert queue.keys() == ["key1", "key2"]
    assert log.placed == {"key1": 1, "key2": 2}


def test_duplicates_in_the_review_project_are_removed(queue: ListQueue, log: ListLog) -> None:
    """Of two review tasks of one finding the first stays."""
    findings = found([finding(1, 0.9)])
    publish(snapshot(9), findings, queue, log, QUIET)
    queue.stored.append(replace(queue.stored[0], review_task_id=7))
    publish(snapshot(9), findings, queue, log, QUIET)
    assert [item.review_task_id for item in queue.stored] == [1]


def test_any_history_ends_in_order(queue: ListQueue, log: ListLog) -> None:
    """After any series of audits and touches: each key once, untouched ones in falling order, touched ones kept."""
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(30):
        findings = [finding(n, rng.random()) for n in rng.sample(range(60), rng.randint(0, 40))]
        was_touched = {i.finding_key for i in queue.stored if i.is_touched}
        publish(snapshot(60), found(findings, rng.randint(0, 30)), queue, log, QUIET)
        keys = queue.keys()
        assert len(keys) == len(set(keys))
        assert was_touched <= set(keys)
        untouched = [i.shown for i in queue.stored if not i.is_touched]
        untouched = untouched[NEXT_UP if was_touched else 0 :]
        assert untouched == sorted(untouched, reverse=True)
        if keys:
            queue.touch(rng.choice(keys))
