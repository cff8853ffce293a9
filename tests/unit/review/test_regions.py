"""Verdicts about regions: what follows from a reviewer's edits, what is written, and what undo brings back."""

import copy
from dataclasses import replace
from datetime import timedelta

import pytest

from errata.labelstudio.codecs import Codecs
from errata.labelstudio.region_tasks import read_regions, region_columns
from errata.review.export import merged_export
from errata_model.records import Control, Finding, GivenLabel, Proposal

CONTROLS = (Control("box", "boxes", "image", "image", "image", ("car", "bus", "van"), type="rectanglelabels"),)
HERE = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0}
NEAR = {**HERE, "x": 12}
THERE = {**HERE, "x": 60}
ELSEWHERE = {**HERE, "y": 70}


def box(region_id, label, place, **more):
    value = {**place, "rectanglelabels": [label]}
    about = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    return {**about, "value": value, "original_width": 100, "original_height": 100, "image_rotation": 0, **more}


@pytest.fixture
def regions(story):
    """Tell of annotation 1 with a car and a bus, and of findings and answers about its regions."""

    class Regions:
        def __init__(self):
            relation = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"}
            said = {**box("a", "car", HERE), "from_name": "seen", "type": "choices"}
            said["value"] = {**HERE, "choices": ["half"]}
            self.first = [box("a", "car", HERE, meta={"text": ["x"]}), said, box("b", "bus", THERE), relation]
            story.annotations.results[1] = copy.deepcopy(self.first)

        @property
        def now(self):
            return story.annotations.results[1]

        def find(self, region_id, action, label, place=HERE, control="box"):
            """Record a finding: about a region, or, without an id, one that is missing."""
            codecs, given = Codecs(), None
            value_hash = codecs.value_hash(self.first, control, region_id) if region_id else "missing"
            given = codecs.label(self.first, control, region_id) if region_id else None
            about = GivenLabel(10, 1, "ann", control, region_id, "boxes", given, value_hash)
            value = {**box(region_id or "new", label, place), "from_name": control}
            proposal = Proposal(action, value, ((label, 0.9),)) if action else None
            finding = Finding(
                f"f-{region_id}-{action}-{control}", about, {"d": 0.9}, 0.9, None, "why", proposal, "suspect", "v1"
            )
            story.findings.findings[finding.key] = finding
            return finding

        def answer(self, finding, choice, submitted=None):
            """Let a reviewer submit this result, by default the one that the form was filled with."""
            filled = region_columns(finding, CONTROLS, self.first)
            made = read_regions(filled, self.first if submitted is None else submitted)
            answer = story.answer(finding, choice, None, regions=made)
            story.take()
            return story.verdicts.verdicts[answer.review_annotation_id]

        def answer_anew(self, finding, choice, submitted):
            """Let the reviewer of the only answer so far change it."""
            (first,) = story.answers.answers
            self.answer(finding, choice, submitted)
            changed = replace(story.answers.answers[-1], review_annotation_id=first.review_annotation_id)
            story.answers.answers = [changed]
            story.take()

        def plan(self, **options):
            return story.plan(CONTROLS, **options)

        def apply(self, **options):
            return story.apply(self.plan(**options))

        def edited(self, region_id, region=None):
            """Return the result with one region replaced by another, or gone."""
            kept = [each for each in copy.deepcopy(self.first) if each.get("id") != region_id]
            return kept + ([region] if region else [])

    return Regions()


class NoAudit:
    def last(self, project_id):
        return None


def changes(plan):
    return [(change.region_id, change.old_label, change.new_label) for change in plan.changes]


@pytest.mark.parametrize(
    ("region_id", "action", "label", "place", "reason", "written"),
    [
        ("a", "replace", "bus", HERE, "class", ("a", "car", "bus")),
        ("a", "replace", "car", NEAR, "boundary", ("a", "car", "car")),
        ("a", "remove", "car", HERE, "spurious", ("a", "car", None)),
        (None, "add", "van", ELSEWHERE, "missing", ("new", None, "van")),
    ],
)
def test_a_suggestion_is_planned_written_and_undone(regions, story, region_id, action, label, place, reason, written):
    """Another class, another place, a region less, a region more: each is one line, and undo brings all back."""
    verdict = regions.answer(regions.find(region_id, action, label, place), "take_proposal")
    assert (verdict.decision, verdict.reason, verdict.is_wrong) == ("take_proposal", reason, True)
    assert changes(regions.plan()) == [written]
    applied = regions.apply()
    assert len(applied.written) == 1
    codecs = Codecs()
    assert codecs.label(regions.now, "box", written[0]) == written[2]
    assert [each for each in regions.now if each.get("id") == "b"] == [box("b", "bus", THERE)]
    assert (changes(regions.plan()), regions.plan().applied) == ([], 1)
    assert len(story.undo(applied.changeset_id).restored) == 1
    assert regions.now == regions.first
    assert changes(regions.plan()) == []
    assert changes(regions.plan(include_undone=True)) == [written]


def test_keep_is_a_verdict_and_no_change(regions):
    """Nothing was touched, nothing is written."""
    verdict = regions.answer(regions.find("a", "replace", "bus"), "keep")
    assert (verdict.decision, verdict.is_wrong, verdict.contradiction) == ("keep", False, None)
    assert changes(regions.plan()) == []


@pytest.mark.parametrize("choice", ["wrong", "unusable", "unclear"])
def test_no_replacement_no_change(regions, choice):
    """What is wrong without a replacement, cannot be used or cannot be told is recorded alone."""
    verdict = regions.answer(regions.find("a", "replace", "bus"), choice)
    assert (verdict.decision, verdict.new_value) == (choice, None)
    assert changes(regions.plan()) == []


@pytest.mark.parametrize(
    ("region", "reason", "written"),
    [
        (box("a", "van", HERE), "class", ("a", "car", "van")),
        (box("a", "car", NEAR), "boundary", ("a", "car", "car")),
        (None, "spurious", ("a", "car", None)),
    ],
)
def test_a_fix_is_what_became_of_the_region(regions, region, reason, written):
    """Its class, its place, or that it is gone, whatever was suggested."""
    verdict = regions.answer(regions.find("a", "replace", "bus"), "fix", regions.edited("a", region))
    assert (verdict.decision, verdict.reason, verdict.is_wrong) == ("fix", reason, True)
    assert changes(regions.plan()) == [written]
    regions.apply()
    value = Codecs().regions_of(regions.now, "box").get("a", [{"value": None}])[0]["value"]
    assert value == (region["value"] if region else None)


def test_who_deletes_a_region_and_draws_it_anew_has_moved_it(regions):
    """The region keeps its id, and what is answered about it."""
    finding = regions.find("a", "replace", "bus")
    verdict = regions.answer(finding, "fix", regions.edited("a", box("drawn", "van", NEAR)))
    assert verdict.other_edits == ()
    assert changes(regions.plan()) == [("a", "car", "van")]
    regions.apply()
    assert regions.now[0] == box("a", "van", NEAR, meta={"text": ["x"]})
    assert regions.now[1]["value"] == {**NEAR, "choices": ["half"]}
    assert regions.now[2:] == regions.first[2:]


def test_a_missing_region_is_the_one_that_fits_best(regions):
    """Of two that a reviewer draws, the one over the suggested place; it gets the suggestion's id."""
    finding = regions.find(None, "add", "van", ELSEWHERE)
    drawn = [*regions.first, box("x", "bus", NEAR), box("y", "car", {**ELSEWHERE, "x": 12})]
    verdict = regions.answer(finding, "fix", drawn)
    assert [edit.region_id for edit in verdict.other_edits] == ["x"]
    assert changes(regions.plan()) == [("new", None, "car")]


def test_a_missing_region_that_is_drawn_again_stays_one(regions):
    """A reviewer who corrects a fix that was applied already moves the region and does not add another."""
    finding = regions.find(None, "add", "van", ELSEWHERE)
    regions.answer(finding, "fix", [*regions.first, box("x", "van", ELSEWHERE)])
    regions.apply()
    first = len(Codecs().regions_of(regions.now, "box"))
    regions.answer_anew(finding, "fix", [*regions.first, box("y", "van", {**ELSEWHERE, "x": 12})])
    assert changes(regions.plan()) == [("new", None, "van")]
    regions.apply()
    there = Codecs().regions_of(regions.now, "box")
    assert (len(there), there["new"][0]["value"]["x"]) == (first, 12)


@pytest.mark.parametrize(
    ("choice", "region_id", "action", "submitted", "words"),
    [
        ("keep", "a", "replace", lambda r: r.edited("a", box("a", "van", HERE)), '"car" -> "van"'),
        ("keep", "a", "replace", lambda r: r.edited("a"), 'remove "car"'),
        ("keep", None, "add", lambda r: [*r.first, box("x", "van", ELSEWHERE)], 'add "van"'),
        ("fix", "a", "replace", lambda r: r.first, "no region was changed"),
        ("fix", None, "add", lambda r: r.first, "no region was changed"),
        ("take_proposal", "a", None, lambda r: r.first, "nothing was suggested"),
        ("take_proposal", "a", "replace", lambda r: r.edited("a", box("a", "van", HERE)), "otherwise"),
        ("take_proposal", "a", "remove", lambda r: r.edited("a", box("a", "van", HERE)), "otherwise"),
    ],
)
def test_what_contradicts_itself_is_unclear(regions, story, choice, region_id, action, submitted, words):
    """The decision and what was made of the region do not go together: reported, marked, never applied."""
    finding = regions.find(region_id, action, "bus", HERE if region_id else ELSEWHERE)
    verdict = regions.answer(finding, choice, submitted(regions))
    assert verdict.decision == "unclear"
    assert verdict.contradiction.startswith(choice)
    assert words in verdict.contradiction
    assert story.answers.marked == [finding.given.task_id]
    assert changes(regions.plan(with_other_edits=True)) == []


def test_a_suggestion_made_by_hand_is_the_suggestion(regions):
    """Who takes the suggestion and makes it too, not to the pixel, has decided once."""
    finding = regions.find(None, "add", "van", ELSEWHERE)
    regions.answer(finding, "take_proposal", [*regions.first, box("x", "van", {**ELSEWHERE, "x": 11})])
    assert [change.new_value[0]["value"]["x"] for change in regions.plan().changes] == [11]


def test_other_edits_are_listed_and_wait(regions):
    """What a reviewer corrects beside the region in question is written on request only."""
    finding = regions.find("a", "replace", "bus")
    drawn = [*regions.edited("b", box("b", "van", THERE)), box("x", "car", ELSEWHERE)]
    verdict = regions.answer(finding, "take_proposal", drawn)
    assert verdict.contradiction is None
    plan = regions.plan()
    assert changes(plan) == [("a", "car", "bus")]
    assert [(e.region_id, e.old_label, e.new_label) for e in plan.other_edits] == [
        ("b", "bus", "van"),
        ("x", None, "car"),
    ]
    assert len(regions.apply().written) == 1
    assert changes(regions.plan(with_other_edits=True)) == [("b", "bus", "van"), ("x", None, "car")]
    regions.apply(with_other_edits=True)
    assert regions.plan().other_edits == ()
    assert Codecs().label(regions.now, "box", "x") == "car"


def test_a_fix_may_be_about_other_regions_alone(regions):
    """The region in question was right, as it turned out; the others wait."""
    verdict = regions.answer(regions.find("a", "replace", "bus"), "fix", regions.edited("b"))
    assert (verdict.decision, verdict.is_wrong) == ("fix", False)
    plan = regions.plan()
    assert (changes(plan), [edit.region_id for edit in plan.other_edits]) == ([], ["b"])


def test_who_was_asked_has_the_last_word(regions):
    """Another reviewer's edit beside their own question does not overrule what was said about the region."""
    regions.answer(regions.find("b", "replace", "van", THERE), "keep")
    regions.answer(regions.find("a", "replace", "bus"), "take_proposal", regions.edited("b"))
    plan = regions.plan(with_other_edits=True)
    assert changes(plan) == [("a", "car", "bus")]
    assert ["asked" in conflict.why for conflict in plan.conflicts] == [True]


def test_reviewers_agree_when_they_mean_the_same_place(regions):
    """Nobody draws the same pixels twice; another place, or another label, is another opinion."""
    finding = regions.find("a", "replace", "bus")
    regions.answer(finding, "fix", regions.edited("a", box("a", "car", NEAR)))
    verdict = regions.answer(finding, "fix", regions.edited("a", box("a", "car", {**HERE, "x": 13})))
    assert verdict.contradiction is None
    assert [change.new_value[0]["value"]["x"] for change in regions.plan().changes] == [13]
    verdict = regions.answer(finding, "fix", regions.edited("a", box("a", "car", ELSEWHERE)))
    assert verdict.contradiction.startswith("reviewers differ")
    assert changes(regions.plan()) == []


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (lambda r: r.edited("a", box("a", "van", HERE)), 'changed the label to "van"'),
        (lambda r: r.edited("a", box("a", "car", NEAR)), "changed where the region is"),
        (lambda r: r.edited("a"), "the region was removed"),
    ],
)
def test_what_somebody_edited_since_is_left_alone(regions, story, meanwhile, why):
    """The source is compared with what the reviewer saw."""
    regions.answer(regions.find("a", "replace", "bus"), "take_proposal")
    story.annotations.results[1] = meanwhile(regions)
    plan = regions.plan()
    assert changes(plan) == []
    assert [why in conflict.why for conflict in plan.conflicts] == [True]


def test_edits_beside_the_region_are_no_conflict(regions, story):
    """Only the region in question is compared."""
    regions.answer(regions.find("a", "replace", "bus"), "take_proposal")
    story.annotations.results[1] = regions.edited("b", box("c", "van", ELSEWHERE))
    assert len(regions.apply().written) == 1
    assert Codecs().label(regions.now, "box", "c") == "van"


def test_a_missing_region_that_somebody_drew_meanwhile_is_not_added_twice(regions, story):
    """One with its label in its place, that the reviewer did not have before them, is in the way; others are not."""
    regions.answer(regions.find(None, "add", "car", NEAR), "take_proposal")
    assert changes(regions.plan()) == [("new", None, "car")]  # over "a", which the reviewer saw
    story.annotations.results[1].append(box("c", "bus", NEAR))
    assert changes(regions.plan()) == [("new", None, "car")]
    story.annotations.results[1].append(box("d", "car", NEAR))
    plan = regions.plan()
    assert (changes(plan), [conflict.why for conflict in plan.conflicts]) == ([], ['somebody drew a "car" there since'])


def test_an_export_gets_the_fixes_and_nothing_twice(regions, story):
    """A region less, one elsewhere; one that somebody drew since is not drawn again beside theirs."""
    regions.answer(regions.find("a", "replace", "car", NEAR), "take_proposal")
    regions.answer(regions.find(None, "add", "van", ELSEWHERE), "take_proposal")
    theirs = box("theirs", "van", {**ELSEWHERE, "x": 11})

    def export(*more):
        tasks = [{"id": 10, "annotations": [{"id": 1, "result": [*copy.deepcopy(regions.first), *more]}]}]
        (task,), manifest = merged_export(7, tasks, story.verdicts, story.journal, NoAudit(), story.edits)
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
    assert (changes(plan), plan.conflicts, plan.applied) == ([], (), 1)


def test_undo_keeps_what_others_did_since(regions, story):
    """The region comes back with its answers and relations; another one that was drawn since stays."""
    regions.answer(regions.find("a", "remove", "car"), "take_proposal")
    applied = regions.apply()
    assert [each.get("id") for each in regions.now] == ["b"]
    story.annotations.results[1].append(box("c", "van", ELSEWHERE))
    assert len(story.undo(applied.changeset_id).restored) == 1
    assert regions.now == [*regions.first, box("c", "van", ELSEWHERE)]


def test_undo_leaves_alone_what_was_edited_since(regions, story):
    """A region that errata moved and somebody moved again stays where they put it."""
    regions.answer(regions.find("a", "replace", "car", NEAR), "take_proposal")
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
    age = {**box("b", "bus", THERE), "from_name": "age"}
    regions.first.append(age)
    story.annotations.results[1] = copy.deepcopy(regions.first)
    regions.answer(regions.find("b", "remove", "bus", THERE), "take_proposal")
    applied = regions.apply()
    moved = {**age, "value": {**age["value"], **ELSEWHERE}}
    story.annotations.results[1] = [each for each in regions.now if each != age] + [moved]
    undone = story.undo(applied.changeset_id)
    assert (undone.restored, [c.why for c in undone.conflicts]) == (
        (),
        ["somebody changed or removed the region since"],
    )
    assert regions.now[-1] == moved


@pytest.mark.parametrize("moving", ["age", "box"])
def test_a_new_place_and_a_new_label_by_another_control_are_both_written(regions, story, moving):
    """Two controls label one region, and each has a finding: neither fix takes the other back, nor does an export."""
    controls = (*CONTROLS, replace(CONTROLS[0], name="age"))
    regions.first.append({**box("b", "bus", THERE), "from_name": "age"})
    story.annotations.results[1] = copy.deepcopy(regions.first)
    relabelled = "box" if moving == "age" else "age"
    regions.answer(regions.find("b", "replace", "bus", ELSEWHERE, moving), "take_proposal")
    regions.answer(regions.find("b", "replace", "van", THERE, relabelled), "take_proposal")
    task = {"id": 10, "annotations": [{"id": 1, "result": copy.deepcopy(regions.first)}]}
    (merged,), _ = merged_export(7, [task], story.verdicts, story.journal, NoAudit(), story.edits)
    applied = story.apply(story.plan(controls))
    assert (len(applied.written), applied.conflicts) == (2, ())
    for result in (regions.now, merged["annotations"][0]["result"]):
        said = {each["from_name"]: each["value"] for each in result if each.get("id") == "b"}
        assert said[moving] == {**ELSEWHERE, "rectanglelabels": ["bus"]}
        assert said[relabelled] == {**ELSEWHERE, "rectanglelabels": ["van"]}
    assert len(story.undo(applied.changeset_id).restored) == 2
    assert regions.now == regions.first


def test_a_newer_verdict_follows_an_applied_one(regions):
    """A reviewer who says otherwise later is planned over errata's own write, also over a removal."""
    finding = regions.find("a", "remove", "car")
    regions.answer(finding, "take_proposal")
    regions.apply()
    regions.answer_anew(finding, "fix", regions.edited("a", box("a", "van", HERE)))
    assert changes(regions.plan()) == [("a", "car", "van")]
    regions.apply()
    assert Codecs().label(regions.now, "box", "a") == "van"


def test_the_last_region_that_a_form_asks_for_stays(regions, story):
    """An annotation that Label Studio's form would not take is not written."""
    regions.first = [box("a", "car", HERE)]
    story.annotations.results[1] = copy.deepcopy(regions.first)
    regions.answer(regions.find("a", "remove", "car"), "take_proposal")
    plan = regions.plan()
    assert (changes(plan), ["the form asks for one" in c.why for c in plan.conflicts]) == ([], [True])


def test_a_label_that_the_config_lost_is_a_conflict(regions, story):
    """Of regions as of all labels."""
    regions.answer(regions.find("a", "replace", "tram"), "take_proposal")
    assert ['has no "tram"' in conflict.why for conflict in regions.plan().conflicts] == [True]


@pytest.mark.parametrize(
    ("region_id", "action", "label", "place"),
    [("a", "replace", "bus", HERE), ("a", "remove", "car", HERE), (None, "add", "van", ELSEWHERE)],
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


@pytest.fixture
def aged(regions, story):
    """Let two controls label region "b", and each have a finding: one of a new place, one of a new label."""

    class Aged:
        controls = (*CONTROLS, replace(CONTROLS[0], name="age", takes_none=True))

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

    regions.first.append({**box("b", "bus", THERE), "from_name": "age"})
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
        aged.take(action, label, THERE, "age")
    aged.take("replace", "bus", ELSEWHERE, "box")
    moved = aged.apply("box")
    if decided == "after":
        aged.take(action, label, THERE, "age")
    assert aged.region == {"box": (TO, ["bus"]), "age": (TO, ["bus"])}
    task = {"id": 10, "annotations": [{"id": 1, "result": copy.deepcopy(regions.now)}]}
    (merged,), _ = merged_export(7, [task], story.verdicts, story.journal, NoAudit(), story.edits)
    applied = aged.apply()
    assert (len(applied.written), applied.conflicts, aged.region) == (1, (), left)
    assert merged["annotations"][0]["result"] == regions.now
    assert (changes(aged.plan()), aged.plan().conflicts, aged.plan().applied) == ([], (), 2)
    assert len(story.undo(applied.changeset_id).restored) == 1
    assert aged.region == {"box": (TO, ["bus"]), "age": (TO, ["bus"])}
    assert len(story.undo(moved.changeset_id).restored) == 1
    assert regions.now == regions.first
    assert (changes(aged.plan()), len(aged.plan().undone)) == ([], 2)


def test_undone_in_any_order(regions, story, aged):
    """A move that is taken back does not keep the label that another control got at the new place."""
    aged.take("replace", "bus", ELSEWHERE, "box")
    moved = aged.apply()
    aged.take("replace", "van", THERE, "age")
    applied = aged.apply()
    assert len(story.undo(moved.changeset_id).restored) == 1
    assert aged.region == {"box": (AT, ["bus"]), "age": (AT, ["van"])}
    assert len(story.undo(applied.changeset_id).restored) == 1
    assert regions.now == regions.first


def test_a_move_by_somebody_else_stays_a_conflict(regions, story, aged):
    """Also where errata moved the region first, and where somebody put it back and labelled it otherwise."""
    aged.take("replace", "bus", ELSEWHERE, "box")
    aged.apply()
    aged.take("replace", "van", THERE, "age")
    by_errata = copy.deepcopy(regions.now)
    for place, label in ((HERE, "bus"), (ELSEWHERE, "car"), (THERE, "car")):
        for each in story.annotations.results[1]:
            if each.get("id") == "b":
                each["value"] = {**place, "rectanglelabels": [label]}
        (conflict,) = [each for each in aged.plan().conflicts if each.change.control == "age"]
        assert "somebody changed" in conflict.why
        story.annotations.results[1] = copy.deepcopy(by_errata)
    assert changes(aged.plan()) == [("b", "bus", "van")]


def test_of_two_places_the_newer_verdict_s_stands(regions, story, aged):
    """Two controls' reviewers move one region: the older does not take back what the newer one's did."""
    aged.take("replace", "bus", HERE, "age")
    aged.take("replace", "bus", ELSEWHERE, "box")
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
