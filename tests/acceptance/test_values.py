"""Ratings, texts and dates on a real Label Studio, from stored predictions to fixes that are taken back."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from errata.audit.progress import LineProgress
from errata.wiring import BeliefOptions

CONFIG = """<View><Text name="text" value="$text"/><Rating name="stars" toName="text"/>
<TextArea name="summary" toName="text"/><DateTime name="day" toName="text" only="date"/></View>"""
QUIET = LineProgress(lambda _: None)


def said(name: str, type_: str, key: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"id": f"r-{name}", "from_name": name, "to_name": "text", "type": type_, "value": {key: value}, **more}


def stars(n: int, **more: Any) -> dict[str, Any]:
    return said("stars", "rating", "rating", n, **more)


def summary(*texts: str, **more: Any) -> dict[str, Any]:
    return said("summary", "textarea", "text", list(texts), **more)


def day(date: str) -> dict[str, Any]:
    return said("day", "datetime", "datetime", date)


# What a person answered, and what the prediction says.
ANSWERS = [
    ([stars(1, meta={"lead_time": 3}), summary("a red car", "at night")], [stars(4), summary("at night", "a red car")]),
    ([stars(3), summary("a rad car"), day("2020-01-01")], [stars(3), summary("a red car")]),
    ([stars(2)], [stars(5)]),
    ([stars(1)], [stars(3)]),
    ([stars(5), day("2020-01-01")], [stars(5), day("2020-01-01")]),
]


@pytest.fixture
def project(make_project: Callable[..., int]) -> int:
    """Make a project of answers and predictions."""
    tasks = [
        {
            "data": {"text": f"text {n}"},
            "annotations": [{"result": given}],
            "predictions": [{"model_version": "theirs", "score": 0.9, "result": predicted}],
        }
        for n, (given, predicted) in enumerate(ANSWERS)
    ]
    return make_project("Rated", CONFIG, tasks)


def test_answers_are_audited_reviewed_fixed_and_put_back(
    label_studio: Any, open_errata: Any, review_tasks: Any, results: Any, project: int
) -> None:
    """A suggestion taken, an answer of the reviewer's own, one kept, one that was edited meanwhile: then all undone."""
    client = label_studio.client
    before = results(project)
    annotations = [
        task["annotations"][0]["id"] for task in client.paged("api/tasks/", {"project": project, "fields": "all"})
    ]
    with open_errata() as errata:
        errata.connect(project)
        examination, published, _ = errata.audit(project, BeliefOptions(belief="stored"), QUIET)
        assert len(examination.findings.all) == 8  # every answer that the predictions have one beside
        assert published.n_open == 4
        again = errata.audit(project, BeliefOptions(belief="stored"), QUIET)[1]
        assert (again.n_inserted, again.n_moved, again.n_withdrawn) == (0, 0, 0)

        queue = {task["data"]["text"]: task for task in review_tasks(project)}
        assert queue.keys() == {"text 0", "text 1", "text 2", "text 3"}
        asked = queue["text 0"]["data"]
        assert asked["question"] == 'stars: Answered "1". The prediction says "4". Is the answer right?'
        assert asked["why"] == 'The prediction "theirs" says "4" (90 %), the annotator "1".'

        decisions: dict[str, tuple[str, list[dict[str, Any]]]] = {
            "text 0": ("take_proposal", before[0]),
            "text 1": ("fix", [stars(3), summary("a red cart"), day("2020-01-01")]),
            "text 2": ("keep", before[2]),
            "text 3": ("take_proposal", before[3]),
        }
        for text, (choice, answers) in decisions.items():
            verdict = {**said("errata_verdict", "choices", "choices", [choice]), "to_name": "text"}
            client.post(f"api/tasks/{queue[text]['id']}/annotations/", {"result": [*answers, verdict]})
        errata.take_verdicts(project)
        client.patch(f"api/annotations/{annotations[3]}/", {"result": [stars(4)]})

        plan = errata.plan(project)
        assert [(each.old_label, each.new_label) for each in plan.changes] == [("1", "4"), ("a rad car", "a red cart")]
        assert [each.why for each in plan.conflicts] == ['somebody changed the label to "4" since']
        applied = errata.apply(project)
        assert len(applied.written) == 2
        expected = copy.deepcopy(before)
        expected[0][0]["value"] = {"rating": 4}
        expected[1][1]["value"] = {"text": ["a red cart"]}
        expected[3] = [stars(4)]
        assert results(project) == expected
        assert errata.apply(project).changeset_id is None  # once is enough

        undone = errata.undo(project, applied.changeset_id)
        assert len(undone.restored) == 2
        assert results(project) == [*before[:3], [stars(4)], before[4]]
