from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from errata.errors import ErrataError, LabelStudioGone, LabelStudioRefused, LabelStudioUnreachable
from errata.review.recovery import Recovered, recover

if TYPE_CHECKING:
    from tests.unit.review.conftest import Story


def test_a_plan_names_what_would_change(story: Story) -> None:
    """Each line has its task, labels, reviewer and reason; pairs of classes are counted."""
    story.confirm(1, 2)
    story.annotate(3)
    story.answer(story.find(3), "fix", "bus")
    story.take()
    plan = story.plan()
    assert [(c.task_id, c.old_label, c.new_label) for c in plan.changes] == [
        (10, "truck", "car"), (20, "truck", "car"), (30, "truck", "bus")
    ]  # fmt: skip
    assert {(c.reviewer, c.reason) for c in plan.changes} == {("rev@example.com", "9 of 10 neighbours")}
    assert plan.counts == [("truck", "car", 2), ("truck", "bus", 1)]


def test_applying_changes_the_label_and_nothing_else(story: Story) -> None:
    """Every other region, id and field stays, and applying again writes nothing."""
    story.confirm(1)
    before = copy.deepcopy(story.annotations.results[1])
    applied = story.apply()
    assert [change.new_label for change in applied.written] == ["car"]
    before[1]["value"]["choices"] = ["car"]
    assert story.annotations.results[1] == before
    assert story.journal.states == ["written"]
    again = story.apply()
    assert (again.changeset_id, again.written, story.annotations.n_writes) == (None, (), 1)
    assert story.plan().applied == 1


def test_the_journal_knows_the_hash_of_what_it_wrote(story: Story) -> None:
    """By it an audit tells a label that a reviewer gave from one to be asked about."""
    story.confirm(1)
    story.apply()
    (entry,) = story.journal.entries(7)
    assert entry.after_hashes == (story.edits.value_hash(story.annotations.results[1], "kind", None),)


def test_the_same_plan_applied_twice_writes_once(story: Story) -> None:
    """Two processes that made the same plan do not write twice."""
    story.confirm(1)
    plan = story.plan()
    story.apply(plan)
    assert story.apply(plan).done == 1
    assert story.annotations.n_writes == 1


def test_two_controls_of_one_annotation_are_one_write(story: Story) -> None:
    """All lines of an annotation are merged."""
    story.confirm(1)
    story.answer(story.find(1, "back", "view"), "take_proposal")
    story.take()
    assert len(story.apply().written) == 2
    assert (story.label(1), story.label(1, "view")) == ("car", "back")
    assert (story.annotations.n_writes, story.journal.states) == (1, ["written"])


@pytest.mark.parametrize("when", ["before the plan", "after the plan"])
def test_a_label_that_somebody_changed_is_left_alone(story: Story, when: str) -> None:
    """It is a conflict with why, also where the change came between plan and write; other labels are written."""
    story.confirm(1, 2)
    plan = story.plan()
    story.annotations.edit(1, "bus")
    conflicts = story.plan().conflicts if when == "before the plan" else story.apply(plan).conflicts
    assert [conflict.why for conflict in conflicts] == ['somebody changed the label to "bus" since']
    story.apply()
    assert (story.label(1), story.label(2)) == ("bus", "car")


def test_edits_elsewhere_in_the_annotation_are_kept(story: Story) -> None:
    """Only the label in question is compared; another control's edit neither conflicts nor is lost."""
    story.confirm(1)
    plan = story.plan()
    story.annotations.edit(1, "back", "view")
    story.apply(plan)
    assert (story.label(1), story.label(1, "view")) == ("car", "back")


def test_deleted_annotations_and_labels_are_conflicts(story: Story) -> None:
    """What is gone is said to be gone."""
    story.confirm(1, 2)
    del story.annotations.results[1]
    del story.annotations.results[2][1]
    whys = [conflict.why for conflict in story.plan().conflicts]
    assert whys == ["the annotation was deleted or skipped since", 'the label of "kind" was removed since']


def test_a_label_that_the_config_lost_is_a_conflict(story: Story) -> None:
    """A label config changed between verdict and plan does not bring an unknown label into the source."""
    story.confirm(1)
    plan = story.plan(controls=())
    assert (plan.changes, len(plan.conflicts)) == ((), 1)


def test_a_verdict_changed_after_it_was_applied_is_applied_on_top(story: Story) -> None:
    """errata's own write is not an edit by others."""
    story.confirm(1)
    story.apply()
    answer = story.answers.answers[0]
    later = answer.answered_at.replace(hour=9)
    story.answers.answers[0] = replace(answer, choice="fix", label="bus", answered_at=later)
    story.take()
    story.apply()
    assert story.label(1) == "bus"
    story.undo()
    assert story.label(1) == "truck"


def test_an_old_verdict_does_not_fight_a_newer_one_on_the_same_label(story: Story) -> None:
    """A label fixed, found again and fixed back stays as the newest verdict has it."""
    story.confirm(1)
    story.apply()
    story.answer(story.find(1, "truck"), "take_proposal")
    story.take()
    assert len(story.apply().written) == 1
    assert story.label(1) == "truck"
    assert story.apply().written == ()
    assert story.label(1) == "truck"


def test_one_failing_annotation_does_not_stop_the_others(story: Story, not_accepted: ErrataError) -> None:
    """One that Label Studio does not accept, and one deleted at the last moment, are conflicts."""
    story.confirm(1, 2, 3)
    story.annotations.refusals[1] = not_accepted
    story.annotations.refusals[2] = LabelStudioGone("deleted")
    applied = story.apply()
    assert ([c.annotation_id for c in applied.written], len(applied.conflicts), applied.stopped) == ([3], 2, None)
    assert story.journal.states == ["conflict", "conflict", "written"]


def test_label_studio_going_down_stops_and_loses_nothing(story: Story) -> None:
    """What was written is journalled, the one in question stays open, and the next apply does the rest."""
    story.confirm(1, 2, 3)
    story.annotations.refusals[2] = LabelStudioUnreachable("down")
    applied = story.apply()
    assert ([c.annotation_id for c in applied.written], type(applied.stopped)) == ([1], LabelStudioUnreachable)
    assert story.journal.states == ["written", "intended"]
    story.annotations.refusals.clear()
    story.apply()
    assert [story.label(i) for i in (1, 2, 3)] == ["car"] * 3
    assert story.journal.states == ["written", "dropped", "written", "written"]


def test_an_annotation_that_label_studio_fails_at_keeps_no_others_back(story: Story) -> None:
    """It stops the first apply; the next one writes all others before it looks at that one again."""
    story.confirm(1, 2, 3)
    story.annotations.refusals[1] = LabelStudioUnreachable("500")
    assert story.apply().written == ()
    applied = story.apply()
    assert ([c.annotation_id for c in applied.written], type(applied.stopped)) == ([2, 3], LabelStudioUnreachable)
    story.annotations.refusals.clear()
    assert [c.annotation_id for c in story.apply().written] == [1]


def test_a_refused_token_stops_and_is_known_not_to_have_written(story: Story) -> None:
    """Rights that are not enough fail once, not once an annotation."""
    story.confirm(1, 2)
    story.annotations.refusals[1] = LabelStudioRefused("no rights")
    assert isinstance(story.apply().stopped, LabelStudioRefused)
    assert story.journal.states == ["dropped"]


def test_a_write_that_somebody_overwrites_at_once_is_noticed(story: Story) -> None:
    """Reading back tells a conflict, and the other's label stands."""
    story.confirm(1)
    story.annotations.after_write = lambda id_: story.annotations.edit(id_, "bus")
    applied = story.apply()
    assert (applied.written, len(applied.conflicts), story.label(1)) == ((), 1, "bus")
    assert story.journal.states == ["conflict"]


def test_killed_after_the_intention(story: Story, killed: type[BaseException]) -> None:
    """The write never went out: it is dropped, and the next plan has it again. Recovery itself writes nothing."""
    story.confirm(1)
    story.annotations.refusals[1] = killed()
    with pytest.raises(killed):
        story.apply()
    assert story.journal.states == ["intended"]
    story.annotations.refusals.clear()
    assert recover(7, story.annotations, story.edits, story.journal) == Recovered(dropped=1)
    assert story.annotations.n_writes == 0
    story.apply()
    assert (story.label(1), story.journal.states, story.annotations.n_writes) == ("car", ["dropped", "written"], 1)


@pytest.mark.parametrize("point", ["before the reply", "before settling"])
def test_killed_after_the_write(story: Story, killed: type[BaseException], point: str) -> None:
    """Label Studio has it: the entry is written, nothing is written twice, and undo restores."""
    story.confirm(1)
    if point == "before the reply":
        story.annotations.replies_lost[1] = killed()
    else:
        story.journal.before_settling = _raise(killed)
    with pytest.raises(killed):
        story.apply()
    story.journal.before_settling = lambda state: None
    assert recover(7, story.annotations, story.edits, story.journal) == Recovered(written=1)
    story.apply()
    assert (story.annotations.n_writes, story.journal.states) == (1, ["written"])
    story.undo()
    assert story.label(1) == "truck"


def test_killed_and_edited_by_somebody_meanwhile(story: Story, killed: type[BaseException]) -> None:
    """Neither value of errata's is there: a conflict, and the other's label stands."""
    story.confirm(1)
    story.annotations.replies_lost[1] = killed()
    with pytest.raises(killed):
        story.apply()
    story.annotations.edit(1, "bus")
    assert recover(7, story.annotations, story.edits, story.journal) == Recovered(conflicts=1)
    assert story.label(1) == "bus"


def test_a_fix_that_a_person_made_later_is_not_errata_s_to_undo(story: Story) -> None:
    """A write was given up, and an hour later somebody makes the same fix: their label stays."""
    story.confirm(1)
    story.annotations.refusals[1] = LabelStudioUnreachable("timed out")
    story.apply()
    story.plan()
    story.annotations.refusals.clear()
    story.annotations.edit(1, "car")
    story.annotations.saved_at += timedelta(hours=1)
    assert (story.plan().changes, story.journal.states) == ((), ["dropped"])
    assert story.undo().restored == ()
    assert story.label(1) == "car"


def test_a_write_that_arrives_after_errata_gave_up_can_still_be_undone(story: Story) -> None:
    """A slow Label Studio saves after the entry was dropped: the next look finds it."""
    story.confirm(1)
    story.annotations.refusals[1] = LabelStudioUnreachable("timed out")
    story.apply()
    assert story.plan().changes != ()
    assert story.journal.states == ["dropped"]
    story.annotations.refusals.clear()
    story.annotations.edit(1, "car")
    assert story.plan().changes == ()
    assert story.journal.states == ["written"]
    story.undo()
    assert story.label(1) == "truck"


def _raise(error: type[BaseException]):  # type: ignore[no-untyped-def]
    def fail(state: str) -> None:
        raise error

    return fail


def test_what_was_not_accepted_is_tried_again_by_people_only(story: Story, not_accepted: ErrataError) -> None:
    """A job that applies as verdicts come in would try for ever; a newer verdict is a new fix."""
    story.confirm(1)
    story.annotations.refusals[1] = not_accepted
    story.apply()
    assert [change.task_id for change in story.plan().changes] == [10]
    job = story.plan(retry_refused=False)
    assert (job.changes, [conflict.why for conflict in job.conflicts]) == ((), [str(not_accepted)])
    assert story.apply(job).changeset_id is None
    (before,) = story.answers.answers
    story.answers.answers = [replace(before, answered_at=before.answered_at + timedelta(hours=1))]
    story.take()
    assert [change.task_id for change in story.plan(retry_refused=False).changes] == [10]
