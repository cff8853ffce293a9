"""One person does everything: labels, runs errata with their own token, and reviews what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import select

from errata.audit.progress import LineProgress
from errata.demo.digits import Digits, load_digits
from errata.demo.reviewer import answer_findings, label_of, source_state, without_labels, without_times
from errata.demo.source_project import CONTROL, choice, make_source_project
from errata.labelstudio.review_project import find_review_project
from errata.store.database import open_database
from errata.store.tables import AUDITS

N_DIGITS = 100
LOOKS = 4  # of the service for answers and changed labels, in which nothing may begin by itself
QUIET = LineProgress(lambda _: None)


@pytest.fixture
def source(label_studio: Any) -> Iterator[tuple[int, dict[int, str]]]:
    """Return a project of digits, some labelled wrong, and what their labels should be."""
    every = load_digits(seed=5, planted_share=0.1)
    digits = Digits(every.pngs[:N_DIGITS], every.given[:N_DIGITS], every.right[:N_DIGITS])
    client = label_studio.client
    project_id, task_ids = make_source_project(client, digits, QUIET)
    yield project_id, dict(zip(task_ids, digits.right, strict=True))
    review = find_review_project(client, project_id)
    for each in (project_id, *([review["id"]] if review else [])):
        client.delete(f"api/projects/{each}/")


@pytest.fixture
def looks(wire: Any) -> Callable[[], int]:
    """Return a function that counts how often the service has looked for answers."""
    seen: list[str] = []
    wire.misbehave(r"GET /api/tasks/\?.*total_annotations", times=10**9, act=lambda: seen.append(""))
    return lambda: len(seen)


def audits(errata: Any) -> list[tuple[bool, str | None]]:
    """Return of every audit, oldest first, whether it has ended and what was wrong with it."""
    with closing(open_database(f"sqlite:///{errata.data_dir / 'errata.db'}").connect()) as connection:
        rows = connection.execute(select(AUDITS.c.finished_at, AUDITS.c.problem).order_by(AUDITS.c.id)).all()
        connection.engine.dispose()
    return [(row.finished_at is not None, row.problem) for row in rows]


def test_one_person_s_own_writes_start_nothing_twice(
    label_studio: Any,
    source: tuple[int, dict[int, str]],
    make_errata: Callable[..., Any],
    wire: Any,
    looks: Callable[[], int],
    wait: Callable[..., Any],
) -> None:
    """Fixes that errata writes with the person's token are its own by the journal; what the person edits is not."""
    project_id, right = source
    client = label_studio.client
    before = source_state(client, project_id)
    errata = make_errata(wire.url, ERRATA_APPLY="auto", ERRATA_POLL_S="0.5")
    errata.serve()
    errata.run("connect", str(project_id), "--yes")
    errata.ask("audit", str(project_id))
    review_id = find_review_project(client, project_id)["id"]
    errata.stop()
    judged_wrong = answer_findings(client, review_id, right, QUIET)
    assert len(judged_wrong) > 5
    errata.serve()  # finds all answers at once: one change, and one audit of what came of it

    def labels() -> dict[int, str]:
        return {task_id: label_of(task) for task_id, task in source_state(client, project_id).items()}

    wait(lambda: judged_wrong.items() <= labels().items(), "the fixes")

    def settled() -> bool:
        """Say whether the service has looked around a few times, and no audit has begun meanwhile."""
        so_far, n_looks = audits(errata), looks()
        wait(lambda: looks() >= n_looks + LOOKS, "the service's looks")
        return len(so_far) > 1 and so_far[-1][0] and audits(errata) == so_far

    wait(settled, "the end of what the fixes set off")
    assert audits(errata) == [(True, None)] * 2
    plan = errata.ask("plan", str(project_id))
    assert (plan["changes"], plan["conflicts"], plan["applied"]) == ([], [], len(judged_wrong))
    after = source_state(client, project_id)
    assert without_labels(after) == without_labels(before)
    assert {t: label_of(after[t]) for t in before if t not in judged_wrong} == {
        t: label_of(before[t]) for t in before if t not in judged_wrong
    }

    errata.stop()
    edited, *others = sorted(judged_wrong)
    own_edit = {"result": [choice(CONTROL, str((int(judged_wrong[edited]) + 1) % 10))]}
    client.patch(f"api/annotations/{after[edited]['annotations'][0]['id']}/", own_edit)
    undone = errata.ask("undo", "--all", str(project_id))
    assert undone["restored"] == len(others)
    assert [conflict["task_id"] for conflict in undone["conflicts"]] == [edited]
    left = without_times(source_state(client, project_id))
    assert {t: left[t] for t in left if t != edited} == {
        t: task for t, task in without_times(before).items() if t != edited
    }
