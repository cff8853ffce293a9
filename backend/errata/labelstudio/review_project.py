"""The review project: where findings stand for people to decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from errata.audit.ports import Footprint, ReviewEntry, ReviewItem, Trace
from errata.audit.snapshot import Snapshot
from errata.errors import LabelStudioGone
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.item_tasks import finding_keys
from errata.labelstudio.media_links import MediaLinks
from errata.labelstudio.review_config import (
    Columns,
    note_control,
    read_columns,
    region_verdict_controls,
    verdict_control,
)
from errata.labelstudio.review_import import import_tasks
from errata.labelstudio.review_media import ReviewMedia
from errata.labelstudio.review_setup import find_columns, make_project, marker, renew_form
from errata.labelstudio.review_tabs import add_tabs
from errata.labelstudio.review_tasks import (
    GIVEN,
    LOOK_AGAIN,
    TRIAL,
    read_answers,
    review_task,
    submitted_annotations,
)
from errata.labelstudio.task_list import Filter, Params, chosen_tasks, task_filter, task_pages
from errata.review.records import Answer


class ReviewProject:
    """The review project of one source project; made at the first insertion.

    Label Studio does not tell who has a task open: a reviewer who opened one and changed nothing yet leaves no
    sign, and finds it gone at submission when it is deleted meanwhile. Whatever has an annotation, a skip or
    anybody's draft is never deleted: Label Studio itself looks at that in the deleting request.

    Args:
        client: Label Studio.
        snapshot: the source.
        footprint: is told of the project when it is made or found.
        links: make the addresses of media where errata serves them; None where Label Studio does.
        by_item: its form takes a decision about each region.

    Attributes:
        columns: how the data columns are called; known once the project is found or made.
    """

    def __init__(
        self,
        client: LabelStudio,
        snapshot: Snapshot,
        footprint: Footprint,
        links: MediaLinks | None = None,
        by_item: bool = False,
    ) -> None:
        self._client = client
        self._snapshot = snapshot
        self._footprint = footprint
        self._by_item = by_item
        self._media = ReviewMedia(client, snapshot, links)
        self._id: int | None = None
        self.columns = Columns()

    def find(self) -> int | None:
        """Return the review project's id, None where there is none yet. Writes nothing to Label Studio."""
        if self._id is None:
            project = current_review_project(self._client, self._snapshot.project_id, self._footprint)
            if project is not None:
                self._remember(project)
        return self._id

    def ensure(self) -> int:
        """Return the review project's id; makes it where there is none, and renews its config and tabs."""
        review_id = self.find()
        if review_id is None:
            review_id = self._create()
        else:
            renew_form(self._client, review_id, self._snapshot, self.columns, self._by_item)
        add_tabs(self._client, review_id, self.columns)
        return review_id

    def items(self) -> list[ReviewItem]:
        """Return what is there, by ascending review task id."""
        review_id = self.find()
        if review_id is None:
            return []
        finding, fingerprint, shown = (self.columns(name) for name in ("finding", "fingerprint", "disagreement"))
        # One list for both, so that no answer falls between two.
        tasks = self._tasks(review_id, {"fields": "all", "include": ",".join(("id", "data", *_TOUCHES))})
        return [
            ReviewItem(
                review_task_id=int(task["id"]),
                finding_key=key,
                fingerprint=str(task["data"].get(fingerprint, "")),
                shown=float(task["data"].get(shown) or 0.0),
                is_touched=any(task[column] for column in _TOUCHES),
                several=finding_keys(task["data"].get(self.columns("findings"))),
            )
            for task in tasks
            # People may have added tasks of their own, and connect tries one: neither is a finding.
            if (key := str(task["data"].get(finding) or "")) and not key.startswith(TRIAL)
        ]

    def insert(self, entries: Sequence[ReviewEntry]) -> list[int]:
        """Add review tasks in this order; return their ids."""
        if not entries:
            return []
        review_id = self.ensure()
        source = self._media.source_tasks([entry.finding.given.task_id for entry in entries])
        ids = import_tasks(self._client, review_id, (self._task(entry, source) for entry in entries))
        self._prefill(review_id)
        return ids

    def delete(self, review_task_ids: Sequence[int]) -> list[int]:
        """Delete those that nobody touched; return which are gone."""
        review_id = self.find()
        if review_id is None or not review_task_ids:
            return list(review_task_ids)
        wanted = {"selectedItems": {"all": False, "included": list(review_task_ids)}}
        # One request looks and deletes: an answer that comes in before it is seen by it.
        self._client.post(
            "api/dm/actions/",
            wanted | {"filters": _UNTOUCHED},
            params={"id": "delete_tasks", "project": review_id},
            timeout_s=300,
            is_repeatable=True,
        )
        left = {task["id"] for task in chosen_tasks(self._client, review_id, review_task_ids, _IDS)}
        add_tabs(self._client, review_id, self.columns)  # deleting the last task deletes every tab
        return [task_id for task_id in review_task_ids if task_id not in left]

    def read(self) -> list[Answer]:
        """Return every submitted answer, by review annotation id.

        Raises:
            LabelStudioGone: there is no review project (any more).
        """
        review_id = self.find()
        if review_id is None:
            raise LabelStudioGone(f"Project {self._snapshot.project_id} has no review project; audit it to make one.")
        source = self._snapshot
        at_regions = region_verdict_controls(source.label_config, source.controls).keys()
        names = (verdict_control(source.label_config), note_control(source.label_config), at_regions)
        answers = [
            answer
            for task in self._tasks(review_id, _ANSWERS, _ANSWERED)
            for answer in read_answers(task, self.columns, *names)
        ]
        return sorted(answers, key=lambda answer: answer.review_annotation_id)

    def submitted(self, review_project_id: int, review_task_ids: Sequence[int]) -> dict[int, set[int]]:
        """Return review task id -> ids of its answers, for those tasks that still stand in this review project."""
        if self.find() != review_project_id:
            return {}
        tasks = chosen_tasks(self._client, review_project_id, review_task_ids, _ANSWERS)
        return {int(task["id"]): {int(each["id"]) for each in submitted_annotations(task)} for task in tasks}

    def renew_media(self) -> int:
        """Give review tasks addresses of media that last; return how many got one."""
        review_id = self.find()
        return 0 if review_id is None else self._media.renew(review_id, self.columns)

    def source_data(self, task_id: int) -> dict[str, Any]:
        """Return a source task's data as a review task of it carries them; empty where the task is gone."""
        return dict(self._media.source_tasks([task_id]).get(task_id, {}).get("data", {}))

    def mark_contradictory(self, review_task_ids: Sequence[int]) -> None:
        """Put these into the tab "Contradictory: look again", and take all others out of it."""
        review_id = self.find()
        if review_id is None:
            return
        column = self.columns("look_again")
        marked = task_filter(f"data.{column}", "equal", "String", LOOK_AGAIN)
        there = {task["id"]: task for task in self._tasks(review_id, _DATA, marked)}
        new = [task_id for task_id in review_task_ids if task_id not in there]
        wanted = set(review_task_ids)
        changes = [(task, LOOK_AGAIN) for task in chosen_tasks(self._client, review_id, new, _DATA)]
        changes += [(task, "") for task_id, task in there.items() if task_id not in wanted]
        for task, value in changes:  # Label Studio replaces the data as a whole
            self._client.patch(f"api/tasks/{task['id']}/", {"data": task["data"] | {column: value}})

    def _create(self) -> int:
        self.columns = find_columns(self._client, self._snapshot)
        project = self._agreed(make_project(self._client, self._snapshot, self.columns, self._by_item))
        self._remember(project)
        return int(project["id"])

    def _agreed(self, made: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the oldest review project there is; delete the one just made where that is another.

        `errata connect` and an audit, or errata on two machines, may all have found none and made one each.
        """
        oldest = find_review_project(self._client, self._snapshot.project_id) or made
        if oldest["id"] < made["id"]:
            self._client.delete(f"api/projects/{made['id']}/")
            return oldest
        return made

    def _remember(self, project: Mapping[str, Any]) -> None:
        self._id = int(project["id"])
        self.columns = read_columns(project["label_config"])
        if str(self._id) not in _written_down(self._snapshot.project_id, self._footprint):
            self._footprint.add(self._snapshot.project_id, Trace("review_project", str(self._id)))

    def _prefill(self, review_id: int) -> None:
        """Make the given label what a task opens with; Label Studio accepts that once such predictions exist."""
        if self._client.get(f"api/projects/{review_id}/").get("model_version") != GIVEN:
            self._client.patch(f"api/projects/{review_id}/", {"model_version": GIVEN})

    def _task(self, entry: ReviewEntry, source: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
        given = entry.finding.given
        task = source.get(given.task_id, {})
        results = [each["result"] for each in task.get("annotations", ()) if each["id"] == given.annotation_id]
        data = task.get("data", entry.task.data)
        return review_task(self._snapshot, entry, self.columns, data, results[0] if results else ())

    def _tasks(self, review_id: int, params: Params, *filters: Filter) -> Iterator[dict[str, Any]]:
        return chain.from_iterable(task_pages(self._client, review_id, params, filters))


def current_review_project(client: LabelStudio, source_id: int, footprint: Footprint) -> dict[str, Any] | None:
    """Return the review project of a source project, the one that the footprint names where that is still errata's.

    That takes one request where all projects would be many.
    """
    for review_id in reversed(_written_down(source_id, footprint)):
        try:
            project = dict(client.get(f"api/projects/{review_id}/"))
        except LabelStudioGone:
            continue
        if marker(source_id) in (project.get("description") or ""):  # else somebody made it theirs
            return project
    return find_review_project(client, source_id)


def _written_down(source_id: int, footprint: Footprint) -> list[str]:
    return [trace.ref for trace in footprint.of_project(source_id) if trace.kind == "review_project"]


def find_review_project(client: LabelStudio, source_id: int) -> dict[str, Any] | None:
    """Return the review project of a source project, the oldest where there are several."""
    listed = client.paged("api/projects/", {"include": "id,description"})
    ids = sorted(int(p["id"]) for p in listed if marker(source_id) in (p.get("description") or ""))
    for project_id in ids:
        try:
            return dict(client.get(f"api/projects/{project_id}/"))
        except LabelStudioGone:  # deleted between the two requests
            continue
    return None


_IDS, _DATA = {"include": "id"}, {"include": "id,data"}
_TOUCHES = ("total_annotations", "cancelled_annotations", "draft_exists")
# A third of what `fields=all` alone sends, in less than half the time (measured on 1.23.2): no predictions above all.
_ANSWERS = {
    "fields": "all",
    "include": "id,project,data,annotations,result,was_cancelled,created_username,completed_by,updated_at,lead_time",
}
_ANSWERED = task_filter("total_annotations", "greater", "Number", 0)
_UNTOUCHED = {
    "conjunction": "and",
    "items": [
        task_filter("total_annotations", "equal", "Number", 0),
        task_filter("cancelled_annotations", "equal", "Number", 0),
        task_filter("draft_exists", "equal", "Boolean", False),
    ],
}
