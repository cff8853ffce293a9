"""Two controls that label one region, and a finding of each."""

import copy
from dataclasses import replace
from datetime import timedelta

import pytest


@pytest.mark.parametrize("moving", ["age", "box"])
def test_a_new_place_and_a_new_label_by_another_control_are_both_written(regions, story, moving):
    """Two controls label one region, and each has a finding: neither fix takes the other back, nor does an export."""
    controls = (*regions.controls, replace(regions.controls[0], name="age"))
    regions.first.append({**regions.box("b", "bus", "there"), "from_name": "age"})
    story.annotations.results[1] = copy.deepcopy(regions.first)
    relabelled = "box" if moving == "age" else "age"
    regions.answer(regions.find("b", "replace", "bus", "elsewhere", moving), "take_proposal")
    regions.answer(regions.find("b", "replace", "van", "there", relabelled), "take_proposal")
    task = {"id": 10, "annotations": [{"id": 1, "result": copy.deepcopy(regions.first)}]}
    (merged,), _ = story.export([task])
    applied = story.apply(story.plan(controls))
    assert (len(applied.written), applied.conflicts) == (2, ())
    for result in (regions.now, merged["annotations"][0]["result"]):
        said = {each["from_name"]: each["value"] for each in result if each.get("id") == "b"}
        assert said[moving] == {**regions.places["elsewhere"], "rectanglelabels": ["bus"]}
        assert said[relabelled] == {**regions.places["elsewhere"], "rectanglelabels": ["van"]}
    assert len(story.undo(applied.changeset_id).restored) == 2
    assert regions.now == regions.first


@pytest.fixture
def aged(regions, story):
    """Let two controls label region "b", and each have a finding: one of a new place, one of a new label."""

    class Aged:
        controls = (*regions.controls, replace(regions.controls[0], name="age", takes_none=True))

        def take(self, action, label, place, control):
            return regions.answer(regions.find("b", action, label, place, control), "take_proposal")

        def plan(self, **options):
            return story.plan(self.controls, **options)

        def apply(self, *named):
            """Write the plan, or its lines for these controls."""
            plan = self.plan()
            lines = [change for change in plan.changes if change.control in named or not named]
            return story.apply(replace(plan, changes=tuple(lines)))

        @property
        def region(self):
            """Control -> (x and y, labels) of the region as it is."""
            values = {each["from_name"]: each["value"] for each in regions.now if each.get("id") == "b"}
            return {name: ((v["x"], v["y"]), v["rectanglelabels"]) for name, v in values.items()}

    regions.first.append({**regions.box("b", "bus", "there"), "from_name": "age"})
    story.annotations.results[1] = copy.deepcopy(regions.first)
    return Aged()


AT, TO, LATER = (60, 10), (10, 70), (10, 10)


@pytest.mark.parametrize(
    ("action", "label", "left"),
    [("replace", "van", {"box": (TO, ["bus"]), "age": (TO, ["van"])}), ("remove", "bus", {"box": (TO, ["bus"])})],
)
@pytest.mark.parametrize("decided", ["before", "after"])
def test_a_move_by_errata_is_no_edit_by_others(regions, story, aged, action, label, left, decided):
    """What another control says of the region that errata moved is written there, exported there, and undone there."""
    if decided == "before":
        aged.take(action, label, "there", "age")
    aged.take("replace", "bus", "elsewhere", "box")
    moved = aged.apply("box")
    if decided == "after":
        aged.take(action, label, "there", "age")
    assert aged.region == {"box": (TO, ["bus"]), "age": (TO, ["bus"])}
    task = {"id": 10, "annotations": [{"id": 1, "result": copy.deepcopy(regions.now)}]}
    (merged,), _ = story.export([task])
    applied = aged.apply()
    assert (len(applied.written), applied.conflicts, aged.region) == (1, (), left)
    assert merged["annotations"][0]["result"] == regions.now
    assert (regions.lines(aged.plan()), aged.plan().conflicts, aged.plan().applied) == ([], (), 2)
    assert len(story.undo(applied.changeset_id).restored) == 1
    assert aged.region == {"box": (TO, ["bus"]), "age": (TO, ["bus"])}
    assert len(story.undo(moved.changeset_id).restored) == 1
    assert regions.now == regions.first
    assert (regions.lines(aged.plan()), len(aged.plan().undone)) == ([], 2)


def test_undone_in_any_order(regions, story, aged):
    """A move that is taken back does not keep the label that another control got at the new place."""
    aged.take("replace", "bus", "elsewhere", "box")
    moved = aged.apply()
    aged.take("replace", "van", "there", "age")
    applied = aged.apply()
    assert len(story.undo(moved.changeset_id).restored) == 1
    assert aged.region == {"box": (AT, ["bus"]), "age": (AT, ["van"])}
    assert len(story.undo(applied.changeset_id).restored) == 1
    assert regions.now == regions.first


def test_a_move_by_somebody_else_stays_a_conflict(regions, story, aged):
    """Also where errata moved the region first, and where somebody put it back and labelled it otherwise."""
    aged.take("replace", "bus", "elsewhere", "box")
    aged.apply()
    aged.take("replace", "van", "there", "age")
    by_errata = copy.deepcopy(regions.now)
    for place, label in (("here", "bus"), ("elsewhere", "car"), ("there", "car")):
        for each in story.annotations.results[1]:
            if each.get("id") == "b":
                each["value"] = {**regions.places[place], "rectanglelabels": [label]}
        (conflict,) = [each for each in aged.plan().conflicts if each.change.control == "age"]
        assert "somebody changed" in conflict.why
        story.annotations.results[1] = copy.deepcopy(by_errata)
    assert regions.lines(aged.plan()) == [("b", "bus", "van")]


def test_of_two_places_the_newer_verdict_s_stands(regions, story, aged):
    """Two controls' reviewers move one region: the older does not take back what the newer one's did."""
    aged.take("replace", "bus", "here", "age")
    aged.take("replace", "bus", "elsewhere", "box")
    moved = aged.apply("box")
    (conflict,) = aged.plan().conflicts
    assert "newer verdict on where the region is" in conflict.why
    older, newer = story.answers.answers
    story.answers.answers = [replace(older, answered_at=newer.answered_at + timedelta(hours=1)), newer]
    story.take()
    assert len(aged.apply().written) == 1
    assert aged.region == {"box": (LATER, ["bus"]), "age": (LATER, ["bus"])}
    (conflict,) = story.undo(moved.changeset_id).conflicts
    assert conflict.why == "errata moved the region since, for another control; undo that first"
    assert len(story.undo().restored) == 2
    assert regions.now == regions.first


@pytest.mark.parametrize("since", [(), ("c",)], ids=["left alone", "edited beside"])
def test_a_removal_and_a_move_in_one_write_are_undone_together(regions, story, aged, since):
    """What the removal left of the region stands elsewhere, by errata's own hand."""
    aged.take("remove", "bus", "there", "box")
    aged.take("replace", "bus", "elsewhere", "age")
    applied = aged.apply()
    assert aged.region == {"age": (TO, ["bus"])}
    drawn = [regions.box(region_id, "van", "near") for region_id in since]
    story.annotations.results[1] += drawn
    assert len(story.undo(applied.changeset_id).restored) == 2
    assert sorted(map(str, regions.now)) == sorted(map(str, [*regions.first, *drawn]))


def test_a_removal_after_a_move_that_was_undone_first(regions, story, aged):
    """The label comes back where the region is by now."""
    aged.take("replace", "car", "elsewhere", "box")
    moved = aged.apply()
    aged.take("remove", "bus", "there", "age")
    removed = aged.apply()
    assert len(story.undo(moved.changeset_id).restored) == 1
    assert len(story.undo(removed.changeset_id).restored) == 1
    assert aged.region == {"box": (AT, ["bus"]), "age": (AT, ["bus"])}
