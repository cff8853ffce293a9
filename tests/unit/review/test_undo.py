from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from errata.errors import LabelStudioUnreachable, UsageError
from errata.review.recovery import Recovered, recover

if TYPE_CHECKING:
    from tests.unit.review.conftest import Story


def test_undo_restores_exactly_and_twice_is_once(story: Story) -> None:
    """Annotations are as they were, and the second undo writes nothing."""
    story.confirm(1, 2)
    before = copy.deepcopy(story.annotations.results)
    changeset_id = story.apply().changeset_id
    assert len(story.undo(changeset_id).restored) == 2
    assert story.annotations.results == before
    n_writes = story.annotations.n_writes
    assert story.undo(changeset_id).restored == ()
    assert story.undo().restored == ()
    assert story.annotations.n_writes == n_writes
    assert story.journal.states == ["undone", "undone"]


def test_what_was_undone_is_planned_again_only_when_asked(story: Story) -> None:
    """An automatic apply does not fight a person's undo; a newer verdict, or asking, brings it back."""
    story.confirm(1)
    story.apply()
    story.undo()
    assert (story.plan().changes, len(story.plan().undone)) == ((), 1)
    story.apply(story.plan(include_undone=True))
    assert story.label(1) == "car"


def test_a_label_that_somebody_edited_since_is_left_alone(story: Story) -> None:
    """It stays, undo says so, and the other labels are restored."""
    story.confirm(1, 2)
    story.apply()
    story.annotations.edit(1, "bus")
    undone = story.undo()
    assert [conflict.why for conflict in undone.conflicts] == ['somebody changed the label to "bus" since']
    assert (story.label(1), story.label(2)) == ("bus", "truck")
    assert story.journal.states == ["written", "undone"]


def test_other_regions_edited_since_are_kept(story: Story) -> None:
    """Undo touches errata's label alone."""
    story.confirm(1)
    story.apply()
    story.annotations.edit(1, "back", "view")
    story.annotations.results[1].append({"id": "new", "from_name": "x", "type": "rating", "value": {"rating": 3}})
    story.undo()
    assert (story.label(1), story.label(1, "view"), len(story.annotations.results[1])) == ("truck", "back", 4)


def test_of_two_labels_the_one_still_errata_s_is_restored(story: Story) -> None:
    """A merged write is undone label by label."""
    story.confirm(1)
    story.answer(story.find(1, "back", "view"), "take_proposal")
    story.take()
    story.apply()
    story.annotations.edit(1, "bus")
    undone = story.undo()
    assert (len(undone.restored), len(undone.conflicts)) == (1, 1)
    assert (story.label(1), story.label(1, "view")) == ("bus", "front")


def test_changesets_on_one_label_are_undone_newest_first(story: Story) -> None:
    """An earlier changeset waits for the later one that stands on it; all at once restores the first label."""
    story.confirm(1)
    first = story.apply().changeset_id
    story.answer(story.find(1, "bus"), "take_proposal")
    story.take()
    second = story.apply().changeset_id
    blocked = story.undo(first)
    assert [conflict.why for conflict in blocked.conflicts] == [
        f"changeset {second} changed the label again; undo that one first"
    ]
    assert story.label(1) == "bus"
    story.undo()
    assert story.label(1) == "truck"


def test_of_two_labels_the_one_that_waited_is_undone_later(story: Story) -> None:
    """Both were one write: what a later changeset stands on is restored once that is undone."""
    story.confirm(1)
    story.answer(story.find(1, "back", "view"), "take_proposal")
    story.take()
    first = story.apply().changeset_id
    story.answer(story.find(1, "bus"), "take_proposal")
    story.take()
    second = story.apply().changeset_id
    blocked = story.undo(first)
    assert ([c.control for c in blocked.restored], [c.change.control for c in blocked.conflicts]) == (
        ["view"],
        ["kind"],
    )
    assert story.plan().changes == ()
    story.undo(second)
    assert story.label(1) == "car"
    story.undo(first)
    assert (story.label(1), story.label(1, "view"), story.journal.states) == ("truck", "front", ["undone", "undone"])


def test_a_deleted_annotation_is_a_conflict(story: Story) -> None:
    """Nothing is there to restore; the others are."""
    story.confirm(1, 2)
    story.apply()
    del story.annotations.results[1]
    undone = story.undo()
    assert (len(undone.restored), len(undone.conflicts)) == (1, 1)


def test_a_changeset_that_is_not_there_is_wrong_use(story: Story) -> None:
    """The text says where to look."""
    with pytest.raises(UsageError, match="errata status 7"):
        story.undo(9)


def test_label_studio_going_down_stops_and_the_next_undo_ends_it(story: Story) -> None:
    """What was restored is journalled; the rest waits."""
    story.confirm(1, 2)
    story.apply()
    story.annotations.refusals[1] = LabelStudioUnreachable("down")
    undone = story.undo()
    assert (len(undone.restored), type(undone.stopped)) == (1, LabelStudioUnreachable)
    assert story.journal.states == ["undoing", "undone"]
    story.annotations.refusals.clear()
    story.undo()
    assert (story.label(1), story.journal.states) == ("truck", ["undone", "undone"])


@pytest.mark.parametrize(("point", "expected"), [("before", Recovered(written=1)), ("after", Recovered(undone=1))])
def test_killed_while_undoing(story: Story, killed: type[BaseException], point: str, expected: Recovered) -> None:
    """The journal follows Label Studio: an undo that did not arrive is as if it was never asked for."""
    story.confirm(1)
    story.apply()
    failing = story.annotations.refusals if point == "before" else story.annotations.replies_lost
    failing[1] = killed()
    with pytest.raises(killed):
        story.undo()
    story.annotations.refusals.clear()
    assert recover(7, story.annotations, story.edits, story.journal) == expected
    story.undo()
    assert (story.label(1), story.journal.states) == ("truck", ["undone"])


def test_what_undo_restores_is_no_late_write(story: Story) -> None:
    """A write that failed would have given the label that an undo of an earlier one brought back soon after."""
    story.confirm(1)
    story.apply()
    story.answer(story.find(1, "truck"), "take_proposal")
    story.take()
    story.annotations.refusals[1] = LabelStudioUnreachable("down")
    story.apply()
    story.annotations.refusals.clear()
    story.undo()
    assert (story.label(1), story.journal.states) == ("truck", ["undone", "dropped"])
    assert story.undo().restored == ()
    assert story.label(1) == "truck"
