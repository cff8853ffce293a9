from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from errata.review.records import AuditRecord

if TYPE_CHECKING:
    from tests.unit.review.conftest import Story


BEGAN = datetime(2026, 1, 1, tzinfo=timezone.utc)
AUDIT = AuditRecord(5, 7, BEGAN, BEGAN + timedelta(minutes=1), "v1", {}, None)


def exported(story: Story) -> list[dict[str, Any]]:
    return [
        {"id": id_ * 10, "data": {"image": "ü"}, "annotations": [{"id": id_, "result": copy.deepcopy(result)}]}
        for id_, result in story.annotations.results.items()
    ]


def test_fixes_are_merged_and_all_else_is_unchanged(story: Story) -> None:
    """Confirmed labels change; tasks without a fix are the same objects, and the input is not touched."""
    story.confirm(1, 2)
    story.annotate(3)
    tasks = exported(story)
    before = copy.deepcopy(tasks)
    merged, manifest = story.export(tasks)
    assert tasks == before
    assert merged[2] is tasks[2]
    for task in before[:2]:
        task["annotations"][0]["result"][1]["value"]["choices"] = ["car"]
    assert merged == before
    assert (manifest["fixes_merged"], manifest["model_versions"]) == (2, ["v1"])
    assert manifest["fixes_by_class"] == [{"from": "truck", "to": "car", "count": 2}]


@pytest.mark.parametrize("exported_when", ["before applying", "after applying"])
def test_applied_fixes_are_in_it_either_way(story: Story, exported_when: str) -> None:
    """An export from before or after the apply becomes the same."""
    story.confirm(1)
    tasks = exported(story) if exported_when == "before applying" else []
    story.apply()
    merged, manifest = story.export(tasks or exported(story))
    assert merged == exported(story)
    assert manifest["fixes_merged"] + manifest["fixes_in_the_source_already"] == 1
    assert [(each["id"], each["annotations"]) for each in manifest["changesets"]] == [(1, 1)]


def test_unusable_tasks_are_dropped_and_edited_labels_are_left_alone(story: Story) -> None:
    """Both are counted in the manifest."""
    story.confirm(1)
    story.annotate(2)
    story.answer(story.find(2), "unusable")
    story.take()
    story.annotations.edit(1, "bus")
    tasks = exported(story)
    merged, manifest = story.export(tasks)
    assert merged == tasks[:1]
    assert (manifest["tasks_dropped_as_unusable"], manifest["fixes_left_out_because_the_label_changed"]) == (1, 1)


def test_the_manifest_names_the_audit_and_every_line_of_the_plan(story: Story) -> None:
    """Which audit, when, and what became of each confirmed fix: merged, there already, left out, or not met."""
    story.confirm(1)
    story.apply()
    story.confirm(2, 3, 4)
    story.annotations.edit(3, "bus")
    _, manifest = story.export(exported(story)[:3], AUDIT)
    assert manifest["audit"] == {
        "id": 5, "started_at": "2026-01-01T00:00:00+00:00", "finished_at": "2026-01-01T00:01:00+00:00", "version": "v1"
    }  # fmt: skip
    assert [(line["task"], line["outcome"]) for line in manifest["plan"]] == [
        (10, "in the source already"), (20, "merged"), (30, "left out"), (40, "not in the export")
    ]  # fmt: skip
    first, third = manifest["plan"][0], manifest["plan"][2]
    assert (first["from"], first["to"], first["annotation"], first["control"]) == ("truck", "car", 1, "kind")
    assert third["why"] == 'somebody changed the label to "bus" since'
    assert manifest["fixes_not_in_the_export"] == 1
