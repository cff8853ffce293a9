"""Answers the demo's findings as a person would, through Label Studio's API, and looks at the source project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from errata.audit.ports import Progress
from errata.demo.source_project import CONTROL, choice
from errata.labelstudio.client import LabelStudio

# All that Label Studio keeps of a task and its annotations, without what it words anew at each look ("2 minutes ago").
KEPT = (
    "id,data,meta,is_labeled,annotations,result,completed_by,lead_time,was_cancelled,ground_truth,"
    "created_at,updated_at,draft_created_at,parent_prediction,parent_annotation,import_id"
)


def answer_findings(
    client: LabelStudio, review_project_id: int, right: Mapping[int, str], progress: Progress
) -> dict[int, str]:
    """Decide every finding in the review project; return source task id -> label, of the labels judged wrong.

    Args:
        right: source task id -> what its label should be.
    """
    tasks = list(client.paged("api/tasks/", {"project": review_project_id, "fields": "all"}))
    progress.stage("Reviewing", len(tasks))
    judged_wrong = {}
    for task in tasks:
        data = task["data"]
        answer = right[data["source_task"]]
        label = data["given_label"]
        if answer == data["given_label"]:
            decision = "keep"
        elif answer == data["proposed_label"]:
            decision = "take_proposal"
        else:
            decision, label = "fix", answer
        if decision != "keep":
            judged_wrong[int(data["source_task"])] = answer
        result = [choice(CONTROL, label), choice("errata_verdict", decision)]
        client.post(f"api/tasks/{task['id']}/annotations/", {"result": result, "lead_time": 1.5})
        progress.advance()
    return judged_wrong


def source_state(client: LabelStudio, project_id: int) -> dict[int, dict[str, Any]]:
    """Return task id -> all that Label Studio keeps of it."""
    asked = {"project": project_id, "fields": "all", "include": KEPT}
    return {int(task["id"]): task for task in client.paged("api/tasks/", asked, page_size=500)}


def label_of(task: Mapping[str, Any]) -> str:
    """Return the label of a task of the demo."""
    (annotation,) = task["annotations"]
    (region,) = annotation["result"]
    return str(region["value"]["choices"][0])


def without_labels(state: Mapping[int, Mapping[str, Any]]) -> dict[int, Any]:
    """Return a state without the labels and the times of writing: what no fix may change."""
    return {task_id: _without(task, {"value", "updated_at"}) for task_id, task in state.items()}


def without_times(state: Mapping[int, Mapping[str, Any]]) -> dict[int, Any]:
    """Return a state without the times of writing, which Label Studio does not let anybody restore."""
    return {task_id: _without(task, {"updated_at"}) for task_id, task in state.items()}


def _without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _without(each, keys) for key, each in value.items() if key not in keys}
    return [_without(each, keys) for each in value] if isinstance(value, list) else value
