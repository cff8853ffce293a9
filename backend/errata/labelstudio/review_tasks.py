"""What stands in one task of the review project, written and read back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from errata.audit.ports import ReviewEntry
from errata.audit.snapshot import Snapshot
from errata.audit.wording import named, unbroken
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.echoes import is_echo
from errata.labelstudio.item_tasks import item_columns, item_predictions, read_item
from errata.labelstudio.region_tasks import (
    read_regions,
    region_columns,
    region_predictions,
    region_question,
    showable,
)
from errata.labelstudio.review_config import Columns
from errata.review.records import Answer, TagChange
from errata_model.records import REGION_KINDS

GIVEN = "given label"  # the prediction's version that prefills
SUGGESTION = "errata suggestion"
LOOK_AGAIN = "yes"
NO_TAG = "(none)"  # in the columns of labels, where a tag is missing or is to be taken away
TRIAL = "trial "  # what the finding's key begins with in a task that is none: see `trial.py`

Region = Mapping[str, Any]


def review_task(
    snapshot: Snapshot,
    entry: ReviewEntry,
    columns: Columns,
    source_data: Mapping[str, Any],
    source_result: Sequence[Region],
) -> dict[str, Any]:
    """Return a finding as Label Studio imports it.

    The given label is the first prediction, because an annotation would make the task count as done. Who gave it
    is said nowhere.

    Args:
        snapshot: the source.
        entry: the finding and what is asked about it.
        columns: how the data columns are called.
        source_data: the source task's data, its media as addresses that work outside the source project too.
        source_result: the whole result of the suspected annotation; empty where it is gone.
    """
    finding, said = entry.finding, _columns(snapshot, entry)
    if entry.several is not None:
        shown = showable(source_result)
        given, suggested = item_predictions(snapshot, entry.several, shown)
        said |= item_columns(snapshot, entry.several, shown)
    elif finding.given.kind in REGION_KINDS:
        shown = showable(source_result)
        given, suggested = region_predictions(snapshot, finding, shown)
        asked = region_question(finding, shown)
        said["question"] = unbroken(named(asked, finding.given.control, len(snapshot.controls)))
        said["given_regions"] = region_columns(finding, snapshot.controls, shown)
    else:
        given = _given_result(snapshot, entry, source_result)
        suggested = _suggested_result(entry, given)
    predictions = [{"model_version": GIVEN, "result": given}]
    if suggested is not None:
        predictions.append({"model_version": SUGGESTION, "result": suggested})
    if finding.tag is not None:
        said["given_tags"] = sorted(Codecs().tags(given, finding.given.control) or ())
    return {
        "data": {**source_data, **{columns(name): value for name, value in said.items()}},
        "predictions": predictions,
    }


def predictions_alone(tasks: Sequence[Mapping[str, Any]], ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return the predictions of review tasks, as Label Studio imports them for tasks that have these ids by now."""
    return [
        {"task": task_id, **prediction}
        for task, task_id in zip(tasks, ids, strict=True)
        for prediction in task["predictions"]
    ]


def _columns(snapshot: Snapshot, entry: ReviewEntry) -> dict[str, Any]:
    finding, given = entry.finding, entry.finding.given
    proposed = [(each.proposal.label or NO_TAG) if each.proposal else "" for each in entry.findings]
    return {
        "question": unbroken(named(entry.question, given.control, len(snapshot.controls))),
        "disagreement": entry.shown,
        "given_label": ", ".join(each.given.label or NO_TAG for each in entry.findings),
        "proposed_label": ", ".join(filter(None, proposed)),
        "why": finding.reason,
        "source_url": f"{snapshot.url}projects/{snapshot.project_id}/data?task={given.task_id}",
        "finding": finding.key,
        "source_task": given.task_id,
        "source_annotation": given.annotation_id,
        "control": given.control,
        "region": given.region_id or "",
        "stream": finding.stream,
        "fingerprint": entry.fingerprint,
        "look_again": "",
    }


def _given_result(snapshot: Snapshot, entry: ReviewEntry, source_result: Sequence[Region]) -> list[dict[str, Any]]:
    """Return the annotation as it was when the label was doubted; where it changed since, the label alone.

    Of an answer that is no label, as it is now.
    """
    given, tag = entry.finding.given, entry.finding.tag
    codecs = Codecs()
    if given.kind == "values":
        return [dict(region) for region in source_result]
    is_as_found = codecs.label(source_result, given.control, given.region_id, tag) == given.label
    if is_as_found and (tag is None or codecs.tags(source_result, given.control) is not None):
        return [dict(region) for region in source_result]
    control = next(control for control in snapshot.controls if control.name == given.control)
    return [] if given.label is None else [codecs.region(control, given.label)]


def _suggested_result(entry: ReviewEntry, given_result: Sequence[Region]) -> list[dict[str, Any]] | None:
    finding = entry.finding
    proposal = finding.proposal
    if proposal is None or proposal.label == finding.given.label:
        return None
    codecs, control = Codecs(), finding.given.control
    if finding.given.kind == "values":
        return codecs.with_answer(given_result, control, proposal.results)
    if finding.tag is None and proposal.label is None:
        return None
    form = codecs.form([proposal.value], control)
    return codecs.replaced(given_result, control, finding.given.region_id, proposal.label, finding.tag, form)


def read_answers(
    task: Mapping[str, Any], columns: Columns, verdict: str, note: str, region_verdicts: Collection[str] = ()
) -> list[Answer]:
    """Return what people submitted for a review task, by annotation id; of one about several findings, for each.

    Args:
        task: with its annotations, as Label Studio lists it.
        columns: how the data columns are called.
        verdict: the name of the decision's control.
        note: the name of the note's control.
        region_verdicts: the names of the controls of the decisions about regions, where several are asked about.
    """
    data = task.get("data") or {}
    key = data.get(columns("finding"))
    if not isinstance(key, str) or key.startswith(TRIAL):
        return []
    submitted = submitted_annotations(task)
    answers = [
        Answer(
            finding_key=key,
            review_project_id=int(task["project"]),
            review_task_id=int(task["id"]),
            review_annotation_id=int(annotation["id"]),
            reviewer=_name(annotation),
            answered_at=datetime.fromisoformat(annotation["updated_at"].replace("Z", "+00:00")),
            seconds=annotation.get("lead_time"),
            choice=Codecs().label(annotation.get("result") or (), verdict, None) or "",
            note=_note(annotation.get("result") or (), note),
            is_echo=is_echo(annotation, int(task["id"])),
            **_said(data, columns, annotation.get("result") or ()),
        )
        for annotation in submitted
    ]
    asked = data.get(columns("findings"))
    if not isinstance(asked, list):
        return answers
    filled = data.get(columns("given_regions")) or {}
    return [
        replace(answer, finding_key=of, choice=choice, regions=edits, is_one_of_several=True)
        for answer, annotation in zip(answers, submitted, strict=True)
        for of, choice, edits in read_item(
            asked, filled, annotation.get("result") or (), answer.choice, region_verdicts
        )
    ]


def _said(data: Mapping[str, Any], columns: Columns, result: Sequence[Region]) -> dict[str, Any]:
    """Return what became of the label in the form, or of the tags that it was filled with."""
    codecs, control = Codecs(), str(data.get(columns("control"), ""))
    regions = data.get(columns("given_regions"))
    if isinstance(regions, Mapping):
        return {"label": None, "regions": read_regions(regions, result)}
    given = data.get(columns("given_tags"))
    if not isinstance(given, list):
        label = codecs.label(result, control, data.get(columns("region")) or None)
        return {"label": label, "value": tuple(codecs.answer_of(result, control))}
    left = codecs.tags(result, control)
    changed = left.symmetric_difference(given) if left is not None else ()
    changes = tuple(
        TagChange(tag, tag not in given, codecs.tag_hash(control, tag, tag in given)) for tag in sorted(changed)
    )
    return {"label": None, "tag_changes": changes, "form": codecs.form(result, control)}


def submitted_annotations(task: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a task's annotations that were not skipped, by id."""
    submitted = [each for each in task.get("annotations") or () if not each.get("was_cancelled")]
    return sorted(submitted, key=lambda each: int(each["id"]))


def _name(annotation: Mapping[str, Any]) -> str:
    """Return the e-mail address of who submitted it: Label Studio names its users "Ann Lee ann@example.com, 3"."""
    named = str(annotation.get("created_username") or "").rpartition(",")[0].split()
    return named[-1] if named else f"user {annotation.get('completed_by')}"


def _note(result: Sequence[Region], control: str) -> str | None:
    lines = [
        str(line)
        for region in result
        if region.get("from_name") == control
        for line in region.get("value", {}).get("text", ())
    ]
    return "\n".join(lines).strip() or None
