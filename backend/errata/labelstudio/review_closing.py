"""Writes decisions of the scan board into the review project, as the form's page would submit them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from errata.audit.snapshot import Snapshot
from errata.boards.closing import ReviewForm
from errata.errors import LabelStudioGone
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.closing_result import FormNames, closing_result
from errata.labelstudio.echoes import is_echo, reviewer_of
from errata.labelstudio.item_tasks import finding_keys
from errata.labelstudio.review_config import note_control, region_verdict_controls, verdict_control
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.review_tasks import submitted_annotations
from errata.labelstudio.task_list import chosen_tasks
from errata.review.records import Verdict

_READ = {
    "fields": "all",
    "include": "id,project,data,annotations,predictions,result,was_cancelled,completed_by,model_version",
}
_OWN = uuid.UUID("8b0c6f0e-3c1d-4b53-9c8e-2f6b8f2a7d11")  # any of our own: what ids of answers are made in


class ReviewClosing:
    """Answers of errata's in the review project: `boards.closing.ReviewForms`.

    An answer is the reviewer's in Label Studio (`completed_by`), whoever's token writes it: their own may have expired
    by the time Label Studio can be reached.

    Args:
        client: Label Studio.
        source: the source project, described.
        review: its review project.
    """

    def __init__(self, client: LabelStudio, source: Snapshot, review: ReviewProject) -> None:
        self._client = client
        self._source = source
        self._review = review

    def review_project_id(self) -> int | None:
        """Return which one it is, None where there is none."""
        return self._review.find()

    def read(self, review_task_ids: Sequence[int]) -> dict[int, ReviewForm]:
        """Return review task -> what stands there, for those that exist."""
        review_id = self._review.find()
        if review_id is None:
            return {}
        listed = chosen_tasks(self._client, review_id, review_task_ids, _READ)
        return {int(task["id"]): form for task in listed if (form := self._form(task)) is not None}

    def write(self, form: ReviewForm, reviewer_id: int, said: Sequence[Verdict], annotation_id: int | None) -> int:
        """Submit decisions as a reviewer's answer, or change that answer; return the annotation's id.

        Raises:
            LabelStudioGone: the task or the annotation is gone.
        """
        result = closing_result(form.task, said, self._names(), self._review.columns, reviewer_id)
        seconds = [verdict.seconds for verdict in said if verdict.seconds is not None]
        body = {"result": result, **({"lead_time": sum(seconds)} if seconds else {})}
        if annotation_id is None:
            # The same answer has the same id: two processes that write it at once make one.
            own = str(uuid.uuid5(_OWN, f"{form.review_task_id} {result[-1]['id']} {said[0].decided_at.isoformat()}"))
            made = self._client.post(
                f"api/tasks/{form.review_task_id}/annotations/",
                {**body, "completed_by": reviewer_id, "unique_id": own},
            )
            return int(made["id"])
        if _result_of(form, annotation_id) != result:
            self._client.patch(f"api/annotations/{annotation_id}/", body)
        return annotation_id

    def delete(self, annotation_id: int) -> None:
        """Take an answer away; one that is gone already is no error."""
        try:
            self._client.delete(f"api/annotations/{annotation_id}/")
        except LabelStudioGone:
            return

    def _form(self, task: Mapping[str, Any]) -> ReviewForm | None:
        data, columns = task.get("data") or {}, self._review.columns
        submitted = submitted_annotations(task)
        key = data.get(columns("finding"))
        if not isinstance(key, str):
            return None
        return ReviewForm(
            int(task["id"]),
            finding_keys(data.get(columns("findings"))) or (key,),
            frozenset(int(each["id"]) for each in submitted),
            dict(_echoes(submitted, int(task["id"]))),
            task,
        )

    def _names(self) -> FormNames:
        """Return how the review form's controls are called, and what they are asked about."""
        source = self._source
        verdict, note = verdict_control(source.label_config), note_control(source.label_config)
        at_regions = region_verdict_controls(source.label_config, source.controls)
        return FormNames(verdict, note, {to_name: name for name, to_name in at_regions.items()}, _first(source))


def _first(source: Snapshot) -> str:
    """Return what the decision is asked about: the first thing that the label config labels."""
    root = ET.fromstring(source.label_config)
    names = {tag.get("name") for tag in root.iter()}
    asked = (tag.get("toName", "").split(",")[0].strip() for tag in root.iter())
    return next(name for name in asked if name and name in names)


def _echoes(annotations: Sequence[Mapping[str, Any]], task_id: int) -> Iterator[tuple[int, int]]:
    for each in annotations:
        reviewer_id = reviewer_of(each)
        if reviewer_id is not None and is_echo(each, task_id):
            yield reviewer_id, int(each["id"])


def _result_of(form: ReviewForm, annotation_id: int) -> Any:
    return next(each.get("result") for each in form.task["annotations"] if int(each["id"]) == annotation_id)
