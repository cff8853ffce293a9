"""What is written of regions that somebody edited since, what an export gets of them, and what undo brings back."""

import copy

import pytest

from errata.labelstudio.codecs import Codecs


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (lambda r: r.edited("a", r.box("a", "van", "here")), 'changed the label to "van"'),
        (lambda r: r.edited("a", r.box("a", "car", "near")), "changed where the region is"),
        (lambda r: r.edited("a"), "the region was removed"),
    ],
)
def test_what_somebody_edited_since_is_left_alone(regions, story, meanwhile, why):
    """The source is compared with what the reviewer saw."""
    regions.answer(regions.find("a", "replace", "bus"), "take_proposal")
    story.annotations.results[1] = meanwhile(regions)
    plan = regions.plan()
    assert regions.lines(plan) == []
    assert [why in conflict.why for conflict in plan.conflicts] == [True]


def test_edits_beside_the_region_are_no_conflict(regions, story):
    """Only the region in question is compared."""
    regions.answer(regions.find("a", "replace", "bus"), "take_proposal")
    story.annotations.results[1] = regions.edited("b", regions.box("c", "van", "elsewhere"))
    assert len(regions.apply().written) == 1
    assert Codecs().label(regions.now, "box", "c") == "van"


def test_a_missing_region_that_somebody_drew_meanwhile_is_not_added_twice(regions, story):
    """One with its label in its place, that the reviewer did not have before them, is in the way; others are not."""
    regions.answer(regions.find(None, "add", "car", "near"), "take_proposal")
    assert regions.lines(regions.plan()) == [("new", None, "car")]  # over "a", which the reviewer saw
    story.annotations.results[1].append(regions.box("c", "bus", "near"))
    assert regions.lines(regions.plan()) == [("new", None, "car")]
    story.annotations.results[1].append(regions.box("d", "car", "near"))
    plan = regions.plan()
    assert (regions.lines(plan), [conflict.why for conflict in plan.conflicts]) == (
        [],
        ['somebody drew a "car" there since'],
    )


def test_an_export_gets_the_fixes_and_nothing_twice(regions, story):
    """A region less, one elsewhere; one that somebody drew since is not drawn again beside theirs."""
    regions.answer(regions.find("a", "replace", "car", "near"), "take_proposal")
    regions.answer(regions.find(None, "add", "van", "elsewhere"), "take_proposal")
    theirs = regions.box("theirs", "van", "elsewhere", x=11)

    def export(*more):
        tasks = [{"id": 10, "annotations": [{"id": 1, "result": [*copy.deepcopy(regions.first), *more]}]}]
        (task,), manifest = story.export(tasks)
        return task["annotations"][0]["result"], {line["region"]: line["outcome"] for line in manifest["plan"]}

    result, outcomes = export()
    assert outcomes == {"a": "merged", "new": "merged"}
    assert [each["value"]["x"] for each in result if each.get("id") == "a"] == [12, 12]
    assert [each.get("id") for each in result] == ["a", "a", "b", None, "new"]
    result, outcomes = export(theirs)
    assert outcomes == {"a": "merged", "new": "left out"}
    assert [each.get("id") for each in result] == ["a", "a", "b", None, "theirs"]


def test_what_is_gone_already_is_done(regions, story):
    """Somebody else took the region away: nothing is left to do."""
    regions.answer(regions.find("a", "remove", "car"), "take_proposal")
    story.annotations.results[1] = regions.edited("a")
    plan = regions.plan()
    assert (regions.lines(plan), plan.conflicts, plan.applied) == ([], (), 1)


def test_undo_keeps_what_others_did_since(regions, story):
    """The region comes back with its answers and relations; another one that was drawn since stays."""
    regions.answer(regions.find("a", "remove", "car"), "take_proposal")
    applied = regions.apply()
    assert [each.get("id") for each in regions.now] == ["b"]
    story.annotations.results[1].append(regions.box("c", "van", "elsewhere"))
    assert len(story.undo(applied.changeset_id).restored) == 1
    assert regions.now == [*regions.first, regions.box("c", "van", "elsewhere")]


def test_undo_leaves_alone_what_was_edited_since(regions, story):
    """A region that errata moved and somebody moved again stays where they put it."""
    regions.answer(regions.find("a", "replace", "car", "near"), "take_proposal")
    applied = regions.apply()
    story.annotations.results[1][0]["value"]["x"] = 33
    undone = story.undo(applied.changeset_id)
    assert (undone.restored, [c.why for c in undone.conflicts]) == (
        (),
        ["somebody changed or removed the region since"],
    )
    assert regions.now[0]["value"]["x"] == 33


def test_undo_puts_no_label_beside_a_region_that_was_moved_since(regions, story):
    """Where another control labels the region too, it stayed when this control's label was taken away."""
    age = {**regions.box("b", "bus", "there"), "from_name": "age"}
    regions.first.append(age)
    story.annotations.results[1] = copy.deepcopy(regions.first)
    regions.answer(regions.find("b", "remove", "bus", "there"), "take_proposal")
    applied = regions.apply()
    moved = {**age, "value": {**age["value"], **regions.places["elsewhere"]}}
    story.annotations.results[1] = [each for each in regions.now if each != age] + [moved]
    undone = story.undo(applied.changeset_id)
    assert (undone.restored, [c.why for c in undone.conflicts]) == (
        (),
        ["somebody changed or removed the region since"],
    )
    assert regions.now[-1] == moved


def test_the_last_region_that_a_form_asks_for_stays(regions, story):
    """An annotation that Label Studio's form would not take is not written."""
    regions.first = [regions.box("a", "car", "here")]
    story.annotations.results[1] = copy.deepcopy(regions.first)
    regions.answer(regions.find("a", "remove", "car"), "take_proposal")
    plan = regions.plan()
    assert (regions.lines(plan), ["the form asks for one" in c.why for c in plan.conflicts]) == ([], [True])


def test_a_label_that_the_config_lost_is_a_conflict(regions, story):
    """Of regions as of all labels."""
    regions.answer(regions.find("a", "replace", "tram"), "take_proposal")
    assert ['has no "tram"' in conflict.why for conflict in regions.plan().conflicts] == [True]


@pytest.mark.parametrize(
    ("region_id", "action", "label", "place"),
    [("a", "replace", "bus", "here"), ("a", "remove", "car", "here"), (None, "add", "van", "elsewhere")],
)
@pytest.mark.parametrize("arrives", [True, False], ids=["written", "not written"])
def test_a_crash_between_journal_and_label_studio_is_settled(
    regions, story, killed, region_id, action, label, place, arrives
):
    """What arrived counts as written and can be undone; what did not is planned again."""
    regions.answer(regions.find(region_id, action, label, place), "take_proposal")
    failures = story.annotations.replies_lost if arrives else story.annotations.refusals
    failures[1] = killed()
    with pytest.raises(killed):
        regions.apply()
    failures.clear()
    plan = regions.plan()
    assert (len(plan.changes), plan.applied) == ((0, 1) if arrives else (1, 0))
    assert story.journal.states == (["written"] if arrives else ["dropped"])
    regions.apply()
    story.undo()
    assert regions.now == regions.first
