"""Tags through a real Label Studio: found, asked about, fixed and put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from errata.labelstudio.codecs import Codecs
from errata.wiring import Wiring

CODECS = Codecs()


def results_of(label_studio: Any, project_id: int) -> dict[int, list[dict[str, Any]]]:
    """Return task id -> result of its annotation."""
    listed = label_studio.client.paged("api/tasks/", {"project": project_id, "fields": "all"})
    return {task["id"]: task["annotations"][0]["result"] for task in listed}


def review_tasks(label_studio: Any, review_id: int) -> dict[int, dict[str, Any]]:
    """Return source task id -> review task."""
    listed = label_studio.client.paged("api/tasks/", {"project": review_id, "fields": "all"})
    return {int(task["data"]["source_task"]): task for task in listed}


def decide(label_studio: Any, task: dict[str, Any], choice: str, tags: set[str] | None = None) -> None:
    """Answer a review task as Label Studio's page submits it, with the tags as prefilled unless others are given."""
    (prefilled,) = [each for each in task["predictions"] if each["model_version"] == "given label"]
    result = [each for each in prefilled["result"] if tags is None or each["from_name"] != "label"]
    common = {"to_name": "image", "type": "choices"}
    if tags:
        result.append({"id": "edited", "from_name": "label", "value": {"choices": sorted(tags)}, **common})
    result.append({"id": "v", "from_name": "errata_verdict", "value": {"choices": [choice]}, **common})
    label_studio.client.post(f"api/tasks/{task['id']}/annotations/", {"result": result, "lead_time": 2.0})


def test_tags_are_found_decided_applied_and_put_back(
    label_studio: Any, tagged: Any, errata: Wiring, audit: Callable[[int], Any]
) -> None:
    """Planted wrong and missing tags lead the queue; fixes touch their tag alone; undo restores every annotation."""
    project_id = tagged.source.id
    before = results_of(label_studio, project_id)
    examination, published, n_predictions = audit(project_id)
    wrong = tagged.wrong
    found = [(each.given.task_id, each.tag, each.given.label is not None) for each in examination.findings.suspects]
    planted = {(task_id, *error) for task_id, error in wrong.items()}
    assert planted <= set(found[: 2 * len(planted)])
    assert (published.n_inserted, n_predictions) == (len(found), len(before))

    asked = review_tasks(label_studio, _review_id(errata, project_id))
    assert asked.keys() >= wrong.keys()
    for task_id, (tag, is_given) in wrong.items():
        data, predictions = (
            asked[task_id]["data"],
            {p["model_version"]: p["result"] for p in asked[task_id]["predictions"]},
        )
        assert f'agged "{tag}"' in data["question"]
        assert data["given_tags"] == sorted(CODECS.tags(before[task_id], "label") or ())
        assert predictions["given label"] == before[task_id]
        suggested = CODECS.tags(predictions["errata suggestion"], "label")
        assert suggested == set(data["given_tags"]) ^ {tag}
        assert data["given_label"] == (tag if is_given else "(none)")

    first, second, third, fourth = sorted(wrong)
    decide(label_studio, asked[first], "take_proposal")
    decide(label_studio, asked[second], "fix", set(tagged.right[tagged.source.task_ids.index(second)]) | {"road"})
    decide(label_studio, asked[third], "take_proposal")
    decide(label_studio, asked[fourth], "keep")
    taken = errata.take_verdicts(project_id)
    assert (taken.total, taken.contradictory) == (4, 0)
    applied = errata.apply(project_id)
    assert (applied.conflicts, applied.stopped) == ((), None)

    after = results_of(label_studio, project_id)
    for n, task_id in enumerate(tagged.source.task_ids):
        expected = tagged.given[n] if task_id == fourth else tagged.right[n]
        if task_id == second:
            expected |= {"road"}
        assert CODECS.tags(after[task_id], "label") == expected
        if task_id not in (first, second, third):
            assert after[task_id] == before[task_id]
        else:
            assert [each for each in after[task_id] if each["from_name"] == "note"] == before[task_id][:1]
    assert errata.plan(project_id).changes == ()

    _, again, _ = audit(project_id)
    assert again.n_inserted == 0, "what was decided or written by errata stays closed"

    undone = errata.undo(project_id, None)
    assert (undone.conflicts, undone.stopped) == ((), None)
    assert results_of(label_studio, project_id) == before


def _review_id(errata: Wiring, project_id: int) -> int:
    (trace,) = [each for each in errata.footprint.of_project(project_id) if each.kind == "review_project"]
    return int(trace.ref)
