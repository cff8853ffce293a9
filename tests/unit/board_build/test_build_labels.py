"""Tables of labels of whole tasks: choices, tags, answers that are no labels."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from errata.boards.table import NONE

KIND = """<View><Image name="image" value="$image"/><Choices name="kind" toName="image" {more}>
<Choice value="red"/><Choice value="blue"/></Choices></View>"""
RED, BLUE = (220, 30, 30), (30, 30, 220)


def choice(*labels: str) -> list[dict[str, Any]]:
    value = {"choices": list(labels)}
    return [{"id": "c", "from_name": "kind", "to_name": "image", "type": "choices", "value": value}]


@pytest.fixture
def squares(task, paint):
    """Sixty pictures of red and blue things, two of them labelled wrong, by two annotators; further data."""
    rng = random.Random(4)
    tasks = []
    for n in range(60):
        right = ("red", "blue")[n % 2]
        place = (rng.randrange(40), rng.randrange(30), 40, 40)
        data = {
            "image": paint([(place, RED if right == "red" else BLUE)]),
            "hospital": ("Ulm", "Bonn", "Köln")[n % 3],
            "age": 20.5 + n % 35,
            "scan": f"S-{n}",
            "number": 1000 + n,
        }
        given = {"red": "blue", "blue": "red"}[right] if n in (10, 11) else right
        tasks.append(task(data, choice(given), choice(right)) if n < 20 else task(data, choice(given)))
    return tasks


def test_a_table_says_what_the_audit_found(desk, squares):
    """Rows stand in the audit's order; columns agree with the findings; like lies by like, in the order and on the map,
    and wrong labels stand apart; two annotators' labels of one task lie side by side; fields are those that group."""
    examination = desk.examine(KIND.format(more=""), squares, "own")
    desk.names = {"1": "ann@example.com"}
    built, details = desk.build(examination)
    table, found = built.table, examination.findings.all
    assert not built.remarks
    who = [table.annotators[code] for code in table.annotator]
    assert who == [desk.names.get(finding.given.annotator, finding.given.annotator) for finding in found]
    assert set(who) == {"ann@example.com", "2"}
    assert (table.project_id, table.model_version) == (examination.snapshot.project_id, found[0].model_version)
    assert [key.decode() for key in table.keys.tolist()] == [finding.key for finding in found]
    assert [table.labels[code] for code in table.given] == [finding.given.label for finding in found]
    suspects = [finding.key for finding in examination.findings.suspects]
    placed = np.argsort(np.where(table.queue == NONE, len(table), table.queue), kind="stable")
    assert [table.keys[row].decode() for row in placed[: len(suspects)]] == suspects
    assert np.isnan(table.place).all()
    np.testing.assert_array_equal(np.sort(table.leaf), np.arange(80))

    wrong = (table.tasks == 11) & (table.annotations == 1101) | (table.tasks == 12) & (table.annotations == 1201)
    assert wrong.sum() == 2
    np.testing.assert_array_equal(np.sort(table.queue[wrong]), [0, 1])
    assert (table.predicted[wrong] != table.given[wrong]).all()
    assert (table.predicted[~wrong] == table.given[~wrong]).all()
    np.testing.assert_array_equal(table.apart, wrong)
    assert (table.fired[wrong] >> np.uint64(table.detectors.index("low_self_confidence")) & np.uint64(1)).all()

    is_red = table.tasks % 2 == 1
    assert np.count_nonzero(np.diff(is_red[np.argsort(table.leaf)])) == 1
    nearest = np.argsort(((table.xy[:, None] - table.xy[None]) ** 2).sum(axis=2), axis=1)[:, 1:9]
    assert (is_red[nearest] == is_red[:, None]).mean() > 0.98
    assert table.trustworthiness["kind"] > 0.9
    alike = table.vectors.astype(np.float32) @ table.vectors.astype(np.float32).T
    np.testing.assert_allclose(np.diag(alike), 1, atol=0.01)
    assert alike[is_red][:, is_red].mean() > alike[is_red][:, ~is_red].mean() + 0.5
    for task_id in (1, 15):
        first, second = np.flatnonzero(table.tasks == task_id)
        assert abs(int(table.leaf[first]) - int(table.leaf[second])) == 1
        assert 0 < np.linalg.norm(table.xy[first] - table.xy[second]) < 0.02

    fields = {each.name: each for each in table.fields}
    assert fields.keys() == {"hospital", "age"}
    assert fields["hospital"].values == ("Bonn", "Köln", "Ulm")
    assert [fields["hospital"].values[code] for code in fields["hospital"].codes] == [
        squares[task_id - 1]["data"]["hospital"] for task_id in table.tasks
    ]
    assert len(fields["age"].values) == 10
    row = int(np.flatnonzero(table.tasks == 40)[0])
    low, high = map(float, fields["age"].values[fields["age"].codes[row]].split(" to "))
    assert low <= squares[39]["data"]["age"] <= high

    assert details[row].shown == squares[39]["data"]["image"]
    assert details[row].data == {"hospital": "Ulm", "age": "24.5", "scan": "S-39", "number": "1039"}
    assert details[row].finding is found[row]
    assert (details[row].given, details[row].proposed, details[row].answer) == (None, None, "")


def test_versions_name_what_is_shown(desk, squares):
    """The same audit makes the same table; what is only shown beside it, a task's other data, makes another version."""
    examination = desk.examine(KIND.format(more=""), squares, "own")
    first, again = desk.build(examination)[0].table, desk.build(examination)[0].table
    assert first.version == again.version
    np.testing.assert_array_equal(first.xy, again.xy)
    squares[3]["data"]["scan"] = "S-other"
    other = desk.build(desk.examine(KIND.format(more=""), squares, "own"))[0].table
    np.testing.assert_array_equal(other.keys, first.keys)
    assert other.version != first.version


def test_a_fixed_label_stays_where_it_was(desk, squares):
    """An audit after a fix, and with a task more: points do not move, though a finding's key changed with its label."""
    before, _ = desk.build(desk.examine(KIND.format(more=""), squares, "own"))
    squares[10]["annotations"][0]["result"] = choice("red")
    new = {**squares[0], "id": 900, "annotations": [{**squares[0]["annotations"][0], "id": 90001}]}
    after, _ = desk.build(desk.examine(KIND.format(more=""), [*squares, new], "own"), before.table)
    place = dict(zip(before.table.tasks.tolist(), before.table.xy, strict=True))
    moved = [
        np.linalg.norm(xy - place[n])
        for n, xy in zip(after.table.tasks.tolist(), after.table.xy, strict=True)
        if n < 900
    ]
    assert max(moved) < 0.02
    fixed = (after.table.tasks == 11) & (after.table.annotations == 1101)
    assert after.table.keys[fixed] not in before.table.keys
    assert np.isfinite(after.table.xy).all()


def test_beliefs_from_elsewhere_are_looked_at_too(desk, squares):
    """Stored predictions bring no embeddings: the table has them all the same; a picture that cannot be read has a row
    and no place on the map, which is said."""
    for n, each in enumerate(squares):
        each["predictions"] = [{"model_version": "m", "score": 0.9, "result": choice(("red", "blue")[n % 2])}]
    squares[7]["data"]["image"] = "gone.png"
    built, _ = desk.build(desk.examine(KIND.format(more=""), squares))
    lost = built.table.tasks == 8
    np.testing.assert_array_equal(np.isnan(built.table.xy).any(axis=1), lost)
    assert not built.table.vectors[lost].any()
    assert built.table.leaf[lost].min() >= 80 - lost.sum()
    (remark,) = built.remarks
    assert remark.startswith(f'{lost.sum()} of 80 labels of "kind" have no place on the map: what they show could not')


def test_tags_have_rows_of_their_own(desk, task, paint):
    """A tag that is missing is given by nobody, and predicted where the belief would give it; a task's tags lie side by
    side; the one that is wrong and the one that is missing stand apart."""
    rng = random.Random(8)
    tasks = []
    for n in range(60):
        there = [((rng.randrange(30), rng.randrange(20), 30, 30), RED)]
        there += [((rng.randrange(60, 70), rng.randrange(50), 30, 30), BLUE)] if n % 2 else []
        given = ["red", "blue"] if n % 2 != (n in (20, 31)) else ["red"]
        tasks.append(task({"image": paint(there)}, choice(*given)))
    built, _ = desk.build(desk.examine(KIND.format(more='choice="multiple"'), tasks, "own"))
    table = built.table
    blue, red = table.labels.index("blue"), table.labels.index("red")
    worst = np.argsort(np.where(table.queue == NONE, len(table), table.queue))[:2]
    assert set(table.tasks[worst].tolist()) == {21, 32}
    said = {int(table.tasks[row]): (table.given[row], table.predicted[row]) for row in worst}
    assert said == {21: (blue, NONE), 32: (NONE, blue)}
    assert table.apart[worst].all()
    assert np.count_nonzero(table.apart) == 2
    first, second = np.flatnonzero((table.tasks == 2) & (table.given != NONE))
    assert {table.given[first], table.given[second]} == {red, blue}
    assert 0 < np.linalg.norm(table.xy[first] - table.xy[second]) < 0.02
    assert np.count_nonzero(table.given == NONE) == 1  # not the 29 others, which nothing speaks for


def test_answers_that_are_no_labels(desk, task):
    """A rating is said in words; where there are few different ones they are groups, too."""
    config = """<View><Text name="text" value="$text"/><Rating name="stars" toName="text"/></View>"""

    def stars(n: int) -> list[dict[str, Any]]:
        return [{"id": "r", "from_name": "stars", "to_name": "text", "type": "rating", "value": {"rating": n}}]

    tasks = [
        task({"text": f"Number {n} was {'fine' if n % 2 else 'awful'}."}, *(stars(5 if n % 2 else 1) for _ in "abc"))
        for n in range(20)
    ]
    tasks[3]["annotations"][2]["result"] = stars(1)
    built, details = desk.build(desk.examine(config, tasks, "annotators"))
    table = built.table
    worst = int(np.flatnonzero(table.queue == 0)[0])
    assert (table.tasks[worst], table.annotations[worst]) == (4, 403)
    assert details[worst].answer == "1"
    assert details[worst].shown == "Number 3 was fine."
    assert (table.labels[table.given[worst]], table.labels[table.predicted[worst]]) == ("1", "5")
    assert set(table.labels) == {"1", "5"}
