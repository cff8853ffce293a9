"""Answers the demo's findings as a person would, through Label Studio's API, and looks at the source project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from errata.audit.ports import Progress
from errata.demo.source_project import CONTROL, choice
from errata.labelstudio.client import LabelStudio

# What Label Studio itself notes down about a write; all else must be as it was.
WRITE_MARKS = ("updated_at", "updated_by")


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
    """Return task id -> its data and its annotations, all of each but what Label Studio notes about writes."""
    state = {}
    for task in client.paged("api/tasks/", {"project": project_id, "fields": "all"}, page_size=500):
        annotations = [
            {key: value for key, value in annotation.items() if key not in WRITE_MARKS}
            for annotation in sorted(task["annotations"], key=lambda annotation: int(annotation["id"]))
        ]
        state[int(task["id"])] = {"data": task["data"], "annotations": annotations}
    return state


def label_of(task: Mapping[str, Any]) -> str:
    """Return the label of a task of the demo."""
    (annotation,) = task["annotations"]
    (region,) = annotation["result"]
    return str(region["value"]["choices"][0])


def without_labels(state: Mapping[int, Mapping[str, Any]]) -> dict[int, Any]:
    """Return a state with the labels taken out: what must not change at all."""
    bare = {}
    for task_id, task in state.items():
        annotations = [
            {**annotation, "result": [{**region, "value": None} for region in annotation["result"]]}
            for annotation in task["annotations"]
        ]
        bare[task_id] = {**task, "annotations": annotations}
    return bare
