"""What follows from what reviewers decide about regions and make of them."""

import pytest

from errata.labelstudio.codecs import Codecs


@pytest.mark.parametrize(
    ("region_id", "action", "label", "place", "reason", "written"),
    [
        ("a", "replace", "bus", "here", "class", ("a", "car", "bus")),
        ("a", "replace", "car", "near", "boundary", ("a", "car", "car")),
        ("a", "remove", "car", "here", "spurious", ("a", "car", None)),
        (None, "add", "van", "elsewhere", "missing", ("new", None, "van")),
    ],
)
def test_a_suggestion_is_planned_written_and_undone(regions, story, region_id, action, label, place, reason, written):
    """Another class, another place, a region less, a region more: each is one line, and undo brings all back."""
    verdict = regions.answer(regions.find(region_id, action, label, place), "take_proposal")
    assert (verdict.decision, verdict.reason, verdict.is_wrong) == ("take_proposal", reason, True)
    assert regions.lines(regions.plan()) == [written]
    applied = regions.apply()
    assert len(applied.written) == 1
    codecs = Codecs()
    assert codecs.label(regions.now, "box", written[0]) == written[2]
    assert [each for each in regions.now if each.get("id") == "b"] == [regions.box("b", "bus", "there")]
    assert (regions.lines(regions.plan()), regions.plan().applied) == ([], 1)
    assert len(story.undo(applied.changeset_id).restored) == 1
    assert regions.now == regions.first
    assert regions.lines(regions.plan()) == []
    assert regions.lines(regions.plan(include_undone=True)) == [written]


def test_keep_is_a_verdict_and_no_change(regions):
    """Nothing was touched, nothing is written."""
    verdict = regions.answer(regions.find("a", "replace", "bus"), "keep")
    assert (verdict.decision, verdict.is_wrong, verdict.contradiction) == ("keep", False, None)
    assert regions.lines(regions.plan()) == []


@pytest.mark.parametrize("choice", ["wrong", "unusable", "unclear"])
def test_no_replacement_no_change(regions, choice):
    """What is wrong without a replacement, cannot be used or cannot be told is recorded alone."""
    verdict = regions.answer(regions.find("a", "replace", "bus"), choice)
    assert (verdict.decision, verdict.new_value) == (choice, None)
    assert regions.lines(regions.plan()) == []


@pytest.mark.parametrize(
    ("made", "reason", "written"),
    [
        (("van", "here"), "class", ("a", "car", "van")),
        (("car", "near"), "boundary", ("a", "car", "car")),
        (None, "spurious", ("a", "car", None)),
    ],
)
def test_a_fix_is_what_became_of_the_region(regions, made, reason, written):
    """Its class, its place, or that it is gone, whatever was suggested."""
    region = regions.box("a", *made) if made else None
    verdict = regions.answer(regions.find("a", "replace", "bus"), "fix", regions.edited("a", region))
    assert (verdict.decision, verdict.reason, verdict.is_wrong) == ("fix", reason, True)
    assert regions.lines(regions.plan()) == [written]
    regions.apply()
    value = Codecs().regions_of(regions.now, "box").get("a", [{"value": None}])[0]["value"]
    assert value == (region["value"] if region else None)


def test_who_deletes_a_region_and_draws_it_anew_has_moved_it(regions):
    """The region keeps its id, and what is answered about it."""
    finding = regions.find("a", "replace", "bus")
    verdict = regions.answer(finding, "fix", regions.edited("a", regions.box("drawn", "van", "near")))
    assert verdict.other_edits == ()
    assert regions.lines(regions.plan()) == [("a", "car", "van")]
    regions.apply()
    assert regions.now[0] == {**regions.box("a", "van", "near"), "meta": {"text": ["x"]}}
    assert regions.now[1]["value"] == {**regions.places["near"], "choices": ["half"]}
    assert regions.now[2:] == regions.first[2:]


def test_a_missing_region_is_the_one_that_fits_best(regions):
    """Of two that a reviewer draws, the one over the suggested place; it gets the suggestion's id."""
    finding = regions.find(None, "add", "van", "elsewhere")
    drawn = [*regions.first, regions.box("x", "bus", "near"), regions.box("y", "car", "elsewhere", x=12)]
    verdict = regions.answer(finding, "fix", drawn)
    assert [edit.region_id for edit in verdict.other_edits] == ["x"]
    assert regions.lines(regions.plan()) == [("new", None, "car")]


def test_a_missing_region_that_is_drawn_again_stays_one(regions):
    """A reviewer who corrects a fix that was applied already moves the region and does not add another."""
    finding = regions.find(None, "add", "van", "elsewhere")
    regions.answer(finding, "fix", [*regions.first, regions.box("x", "van", "elsewhere")])
    regions.apply()
    first = len(Codecs().regions_of(regions.now, "box"))
    regions.answer_anew(finding, "fix", [*regions.first, regions.box("y", "van", "elsewhere", x=12)])
    assert regions.lines(regions.plan()) == [("new", None, "van")]
    regions.apply()
    there = Codecs().regions_of(regions.now, "box")
    assert (len(there), there["new"][0]["value"]["x"]) == (first, 12)


@pytest.mark.parametrize(
    ("choice", "region_id", "action", "submitted", "words"),
    [
        ("keep", "a", "replace", lambda r: r.edited("a", r.box("a", "van", "here")), '"car" -> "van"'),
        ("keep", "a", "replace", lambda r: r.edited("a"), 'remove "car"'),
        ("keep", None, "add", lambda r: [*r.first, r.box("x", "van", "elsewhere")], 'add "van"'),
        ("fix", "a", "replace", lambda r: r.first, "no region was changed"),
        ("fix", None, "add", lambda r: r.first, "no region was changed"),
        ("take_proposal", "a", None, lambda r: r.first, "nothing was suggested"),
        ("take_proposal", "a", "replace", lambda r: r.edited("a", r.box("a", "van", "here")), "otherwise"),
        ("take_proposal", "a", "remove", lambda r: r.edited("a", r.box("a", "van", "here")), "otherwise"),
    ],
)
def test_what_contradicts_itself_is_unclear(regions, story, form_words, choice, region_id, action, submitted, words):
    """The decision and what was made of the region do not go together: reported, marked, never applied."""
    finding = regions.find(region_id, action, "bus", "here" if region_id else "elsewhere")
    verdict = regions.answer(finding, choice, submitted(regions))
    assert verdict.decision == "unclear"
    assert verdict.contradiction.startswith(form_words[choice])
    assert words in verdict.contradiction
    assert story.answers.marked == [finding.given.task_id]
    assert regions.lines(regions.plan(with_other_edits=True)) == []


def test_a_suggestion_made_by_hand_is_the_suggestion(regions):
    """Who takes the suggestion and makes it too, not to the pixel, has decided once."""
    finding = regions.find(None, "add", "van", "elsewhere")
    regions.answer(finding, "take_proposal", [*regions.first, regions.box("x", "van", "elsewhere", x=11)])
    assert [change.new_value[0]["value"]["x"] for change in regions.plan().changes] == [11]


def test_other_edits_are_listed_and_wait(regions):
    """What a reviewer corrects beside the region in question is written on request only."""
    finding = regions.find("a", "replace", "bus")
    drawn = [*regions.edited("b", regions.box("b", "van", "there")), regions.box("x", "car", "elsewhere")]
    verdict = regions.answer(finding, "take_proposal", drawn)
    assert verdict.contradiction is None
    plan = regions.plan()
    assert regions.lines(plan) == [("a", "car", "bus")]
    assert [(e.region_id, e.old_label, e.new_label) for e in plan.other_edits] == [
        ("b", "bus", "van"),
        ("x", None, "car"),
    ]
    assert len(regions.apply().written) == 1
    assert regions.lines(regions.plan(with_other_edits=True)) == [("b", "bus", "van"), ("x", None, "car")]
    regions.apply(with_other_edits=True)
    assert regions.plan().other_edits == ()
    assert Codecs().label(regions.now, "box", "x") == "car"


def test_a_fix_may_be_about_other_regions_alone(regions):
    """The region in question was right, as it turned out; the others wait."""
    verdict = regions.answer(regions.find("a", "replace", "bus"), "fix", regions.edited("b"))
    assert (verdict.decision, verdict.is_wrong) == ("fix", False)
    plan = regions.plan()
    assert (regions.lines(plan), [edit.region_id for edit in plan.other_edits]) == ([], ["b"])


def test_who_was_asked_has_the_last_word(regions):
    """Another reviewer's edit beside their own question does not overrule what was said about the region."""
    regions.answer(regions.find("b", "replace", "van", "there"), "keep")
    regions.answer(regions.find("a", "replace", "bus"), "take_proposal", regions.edited("b"))
    plan = regions.plan(with_other_edits=True)
    assert regions.lines(plan) == [("a", "car", "bus")]
    assert ["asked" in conflict.why for conflict in plan.conflicts] == [True]


def test_reviewers_agree_when_they_mean_the_same_place(regions):
    """Nobody draws the same pixels twice; another place, or another label, is another opinion."""
    finding = regions.find("a", "replace", "bus")
    regions.answer(finding, "fix", regions.edited("a", regions.box("a", "car", "near")))
    verdict = regions.answer(finding, "fix", regions.edited("a", regions.box("a", "car", "here", x=13)))
    assert verdict.contradiction is None
    assert [change.new_value[0]["value"]["x"] for change in regions.plan().changes] == [13]
    verdict = regions.answer(finding, "fix", regions.edited("a", regions.box("a", "car", "elsewhere")))
    assert verdict.contradiction.startswith("reviewers differ")
    assert regions.lines(regions.plan()) == []


def test_a_newer_verdict_follows_an_applied_one(regions):
    """A reviewer who says otherwise later is planned over errata's own write, also over a removal."""
    finding = regions.find("a", "remove", "car")
    regions.answer(finding, "take_proposal")
    regions.apply()
    regions.answer_anew(finding, "fix", regions.edited("a", regions.box("a", "van", "here")))
    assert regions.lines(regions.plan()) == [("a", "car", "van")]
    regions.apply()
    assert Codecs().label(regions.now, "box", "a") == "van"
