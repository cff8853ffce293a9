"""A box that gets another label on the scan board: what is planned, written, exported and left alone."""

from __future__ import annotations

import copy
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from errata.boards.actions import Mark, Reviewer
from errata.boards.board_verdicts import to_board_verdict
from errata.boards.known_rows import KnownRow
from errata.review.agreement import settle
from errata_model.records import Control, Finding, GivenLabel

if TYPE_CHECKING:
    from tests.unit.review.conftest import Story

BOX = Control("box", "boxes", "image", "image", "image", ("car", "bus", "van"), type="rectanglelabels")
HERE = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0}


def box(label: str, **place: Any) -> dict[str, Any]:
    about = {"id": "a", "from_name": "box", "to_name": "image", "type": "rectanglelabels", "meta": {"text": ["x"]}}
    return {
        **about,
        "value": {**HERE, **place, "rectanglelabels": [label]},
        "original_width": 100,
        "original_height": 100,
    }


@pytest.fixture
def judged(story: Story) -> Finding:
    """A car on annotation 1 that somebody called a van on the board."""
    story.annotations.results[1] = [box("car")]
    value_hash = str(story.edits.value_hash([box("car")], "box", "a"))
    given = GivenLabel(10, 1, "ann", "box", "a", "boxes", "car", value_hash)
    finding = Finding("f", given, {}, 0.9, None, "why", None, "suspect", "v1")
    story.findings.findings["f"] = finding
    judge(story, finding, "van", 1)
    return finding


def judge(story: Story, finding: Finding, label: str, minute: int) -> None:
    when = story.annotations.saved_at + timedelta(minutes=minute)
    row = KnownRow(finding, BOX, is_suspect=True)
    verdict = to_board_verdict(7, Mark("f", "fix", label), row, Reviewer(3, "ann@x.org"), when, 1.0, story.edits)
    assert verdict is not None
    with story.verdicts.exclusive(7):
        story.verdicts.put([verdict], partial(settle, edits=story.edits))


def outcome(story: Story) -> tuple[Any, ...]:
    plan = story.plan([BOX])
    return [each.new_label for each in plan.changes], [each.why for each in plan.conflicts], plan.applied


def test_it_is_written_where_it_is_and_put_back(story: Story, judged: Finding) -> None:
    """Its place, its notes and its id stay; planned once, undone once, and decided anew planned again."""
    assert outcome(story) == (["van"], [], 0)
    applied = story.apply(story.plan([BOX]))
    assert story.annotations.results[1] == [box("van")]
    assert outcome(story) == ([], [], 1)
    story.undo(applied.changeset_id)
    assert story.annotations.results[1] == [box("car")]
    assert outcome(story) == ([], [], 0)
    assert len(story.plan([BOX]).undone) == 1
    judge(story, judged, "van", 5)
    assert outcome(story) == (["van"], [], 0)
    judge(story, judged, "bus", 6)
    story.apply(story.plan([BOX]))
    assert story.annotations.results[1] == [box("bus")]


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ([box("car", x=40)], "somebody changed where the region is since"),
        ([box("bus")], 'somebody changed the label to "bus" since'),
        ([], "the region was removed since"),
    ],
)
def test_what_people_changed_since_is_left_alone(story: Story, judged: Finding, now: Any, why: str) -> None:
    """A region elsewhere, with another label or gone is a conflict, and nothing is written."""
    story.annotations.results[1] = copy.deepcopy(now)
    assert outcome(story) == ([], [why], 0)
    story.apply(story.plan([BOX]))
    assert story.annotations.results[1] == now


def test_somebody_else_who_gave_it_that_label_is_no_conflict(story: Story, judged: Finding) -> None:
    """It stands there already."""
    story.annotations.results[1] = [box("van")]
    assert outcome(story) == ([], [], 1)


def test_an_export_has_it(story: Story, judged: Finding) -> None:
    """Merged where it is drawn; left out where it was moved."""
    tasks = [{"id": 10, "annotations": [{"id": 1, "result": [box("car")]}]}]
    merged, manifest = story.export(tasks)
    assert (merged[0]["annotations"][0]["result"], manifest["fixes_merged"]) == ([box("van")], 1)
    tasks[0]["annotations"][0]["result"] = [box("car", x=40)]
    merged, manifest = story.export(tasks)
    assert (merged, manifest["fixes_left_out_because_the_label_changed"]) == (tasks, 1)
