"""Tags from the answer to the applied fix and back: every tag stands alone, and one write carries them all."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from errata.labelstudio.codecs import Codecs
from errata.review.records import TagChange
from errata.review.required import LAST
from errata.review.verdicts import find_tags_contradiction
from errata_model.records import Control, Finding, GivenLabel, Proposal

if TYPE_CHECKING:
    from tests.unit.review.conftest import Story

CODECS = Codecs()
LABELS = ("car", "truck", "bus", "tram")
TAGS = Control("tags", "tags", "image", "image", "image", LABELS, takes_none=True)
NEEDED = replace(TAGS, takes_none=False)


def region(*tags: str) -> dict[str, Any]:
    said = {"from_name": "tags", "to_name": "image", "type": "choices", "value": {"choices": list(tags)}}
    return {"id": "r-tags", **said, "meta": {"text": ["sure"]}}


def annotate(story: Story, annotation_id: int, *tags: str) -> None:
    note = {"id": "n", "from_name": "note", "to_name": "image", "type": "textarea", "value": {"text": ["x"]}}
    story.annotations.results[annotation_id] = [note, *([region(*tags)] if tags else [])]


def tags_of(story: Story, annotation_id: int) -> frozenset[str] | None:
    return CODECS.tags(story.annotations.results[annotation_id], "tags")


def find(story: Story, annotation_id: int, tag: str, is_proposed: bool = True) -> Finding:
    """Record a finding about a tag as it is now: doubted where it is given, missing where it is not."""
    result = story.annotations.results[annotation_id]
    label, value_hash = (look(result, "tags", None, tag) for look in (CODECS.label, CODECS.value_hash))
    given = GivenLabel(annotation_id * 10, annotation_id, "ann", "tags", None, "tags", label, str(value_hash))
    proposal: Proposal | None = CODECS.addition(TAGS, [(tag, 0.94)])
    if label is not None:
        proposal = CODECS.removal(TAGS, tag, 0.03) if is_proposed else None
    key = f"{annotation_id}-{tag}-{'given' if label else 'missing'}"
    story.findings.findings[key] = Finding(key, given, {}, 0.9, None, "why", proposal, "suspect", "v1")
    return story.findings.findings[key]


def answer(story: Story, finding: Finding, choice: str, *left: str, **more: Any) -> None:
    """Let a reviewer answer who leaves these tags in a form that was filled with the annotation's."""
    result = story.annotations.results[finding.given.annotation_id]
    given = CODECS.tags(result, "tags") or frozenset()
    changed = sorted(given.symmetric_difference(left)) if left else []
    changes = tuple(TagChange(tag, tag not in given, CODECS.tag_hash("tags", tag, tag in given)) for tag in changed)
    form = CODECS.form([region(*left)], "tags") if left else None
    story.answer(finding, choice, None, tag_changes=changes, form=form, **more)


@pytest.mark.parametrize(
    ("choice", "changed", "was_suggested", "is_contradictory"),
    [
        ("keep", [], True, False),
        ("keep", ["car"], True, True),
        ("keep", ["bus"], True, True),
        ("take_proposal", [], True, False),
        ("take_proposal", ["car"], True, False),  # done above, too
        ("take_proposal", ["bus"], True, True),
        ("take_proposal", ["car", "bus"], True, True),
        ("take_proposal", [], False, True),
        ("fix", [], True, True),
        ("fix", ["car"], True, False),
        ("fix", ["bus"], False, False),
        ("wrong", ["bus"], True, False),
        ("unclear", ["bus"], True, False),
    ],
)
def test_contradictions(
    form_words: dict[str, str], choice: str, changed: list[str], was_suggested: bool, is_contradictory: bool
) -> None:
    """A decision and tags that do not go together are named, with the decision and the tags in the words."""
    changes = [TagChange(tag, False, "h") for tag in changed]
    said = find_tags_contradiction(choice, changes, "car", was_suggested)
    assert (said is not None) == is_contradictory
    assert said is None or said.startswith(form_words[choice])


def test_a_doubted_tag_is_taken_away_and_a_missing_one_added(story: Story) -> None:
    """The verdict says what the tag was and becomes; other tags, regions, ids and meta stay; undo restores exactly."""
    annotate(story, 1, "car", "truck")
    annotate(story, 2)
    before = copy.deepcopy(story.annotations.results)
    answer(story, find(story, 1, "car"), "take_proposal")
    answer(story, find(story, 2, "bus"), "take_proposal")
    story.take()
    spurious, missing = story.verdicts.of_project(7)
    assert (spurious.tag, spurious.old_label, spurious.new_label, spurious.reason) == ("car", "car", None, "spurious")
    assert (missing.tag, missing.old_label, missing.new_label, missing.reason) == ("bus", None, "bus", "missing")
    plan = story.plan([TAGS])
    assert plan.counts == [("car", None, 1), (None, "bus", 1)]
    story.apply(plan)
    assert story.annotations.results[1] == [before[1][0], region("truck")]
    assert (tags_of(story, 2), story.annotations.results[2][:1]) == ({"bus"}, before[2])
    assert (story.plan([TAGS]).changes, story.plan([TAGS]).applied) == ((), 2)
    assert len(story.undo().restored) == 2
    assert story.annotations.results == before


def test_a_fix_writes_all_tags_that_the_reviewer_changed(story: Story) -> None:
    """One finding, several lines of the plan, one write; undo takes back each of them."""
    annotate(story, 1, "car", "truck")
    answer(story, find(story, 1, "car"), "fix", "truck", "bus", "tram")
    story.take()
    (verdict,) = story.verdicts.of_project(7)
    assert (verdict.new_label, [each.tag for each in verdict.also]) == (None, ["bus", "tram"])
    applied = story.apply(story.plan([TAGS]))
    assert (len(applied.written), story.annotations.n_writes) == (3, 1)
    assert tags_of(story, 1) == {"truck", "bus", "tram"}
    story.undo()
    assert tags_of(story, 1) == {"car", "truck"}


def test_a_fix_of_other_tags_alone_says_that_the_one_in_question_is_right(story: Story) -> None:
    annotate(story, 1, "car", "truck")
    answer(story, find(story, 1, "car"), "fix", "car")
    story.take()
    (verdict,) = story.verdicts.of_project(7)
    assert (verdict.decision, verdict.is_wrong) == ("fix", False)
    (change,) = story.plan([TAGS]).changes
    assert (change.old_label, change.reason) == ("truck", 'Corrected when asked about the tag "car".')
    story.apply(story.plan([TAGS]))
    assert tags_of(story, 1) == {"car"}


def test_findings_of_one_annotation_merge_into_one_write_whatever_two_of_them_share(story: Story) -> None:
    """Two tags are two places; the same change, said twice, is one line."""
    annotate(story, 1, "car", "truck")
    answer(story, find(story, 1, "car"), "fix", "truck", "bus")
    answer(story, find(story, 1, "bus"), "take_proposal")
    answer(story, find(story, 1, "truck"), "take_proposal")
    story.take()
    plan = story.plan([TAGS])
    assert (len(plan.changes), plan.conflicts) == (3, ())
    story.apply(plan)
    assert (tags_of(story, 1), story.annotations.n_writes) == ({"bus"}, 1)
    assert len(story.annotations.results[1]) == 2
    assert story.plan([TAGS]).changes == ()


def test_a_reviewer_who_was_asked_about_a_tag_outweighs_a_fix_that_changes_it_too(story: Story) -> None:
    """The rest of that fix is planned; the tag is a conflict, in the plan and in the export."""
    annotate(story, 1, "car", "truck")
    answer(story, find(story, 1, "bus"), "keep")
    answer(story, find(story, 1, "car"), "fix", "truck", "bus")
    story.take()
    plan = story.plan([TAGS])
    assert [change.tag for change in plan.changes] == ["car"]
    assert [(conflict.change.tag, "wants it as it is" in conflict.why) for conflict in plan.conflicts] == [
        ("bus", True)
    ]
    tasks = [{"id": 10, "data": {}, "annotations": [{"id": 1, "result": story.annotations.results[1]}]}]
    merged, manifest = story.export(tasks)
    assert CODECS.tags(merged[0]["annotations"][0]["result"], "tags") == {"truck"}
    assert [(line["from"], line["to"], line["outcome"]) for line in manifest["plan"]] == [
        (None, "bus", "left out"),
        ("car", None, "merged"),
    ]


def test_reviewers_who_change_different_tags_differ(story: Story) -> None:
    """Taking the suggestion and doing it by hand are one decision; another tag beside it is not."""
    annotate(story, 1, "car", "truck")
    annotate(story, 2, "car", "truck")
    same, other = find(story, 1, "car"), find(story, 2, "car")
    answer(story, same, "take_proposal", reviewer="a")
    answer(story, same, "fix", "truck", reviewer="b")
    answer(story, other, "take_proposal", reviewer="a")
    answer(story, other, "fix", "truck", "bus", reviewer="b")
    assert story.take().contradictory == 1
    (verdict, _) = [each for each in story.verdicts.of_project(7) if each.contradiction]
    assert verdict.contradiction == 'reviewers differ (a: remove "car"; b: remove "car", add "bus")'
    assert [change.annotation_id for change in story.plan([TAGS]).changes] == [1]


def test_the_last_tag_stays_where_the_form_asks_for_one(story: Story) -> None:
    """The page would not take such an annotation; another tag in its place is no loss."""
    for id_ in (1, 2):
        annotate(story, id_, "car")
    answer(story, find(story, 1, "car"), "take_proposal")
    answer(story, find(story, 2, "car"), "fix", "bus")
    story.take()
    plan = story.plan([NEEDED])
    assert [(conflict.change.annotation_id, conflict.why) for conflict in plan.conflicts] == [(1, LAST)]
    assert {change.annotation_id for change in plan.changes} == {2}
    assert len(story.plan([TAGS]).changes) == 3


def test_a_form_takes_no_more_tags_than_it_takes(story: Story) -> None:
    """An addition beyond them is left alone and says why; one that comes with a removal is written."""
    for id_ in (1, 2, 3):
        annotate(story, id_, "car", "truck")
    answer(story, find(story, 1, "bus"), "take_proposal")
    answer(story, find(story, 2, "car"), "take_proposal")
    answer(story, find(story, 2, "bus"), "take_proposal")
    answer(story, find(story, 3, "car"), "take_proposal")
    story.take()
    plan = story.plan([replace(TAGS, most=2)])
    said = "there would be 3 tags, and the form takes 2; say in the review project which ones are right"
    assert [(conflict.change.annotation_id, conflict.why) for conflict in plan.conflicts] == [(1, said)]
    story.apply(plan)
    assert [tags_of(story, id_) for id_ in (1, 2, 3)] == [{"car", "truck"}, {"truck", "bus"}, {"truck"}]
    assert [change.annotation_id for change in story.plan([TAGS]).changes] == [1]


@pytest.mark.parametrize("now", [["car", "tram"], []])
def test_other_tags_that_somebody_edited_since_do_not_matter(story: Story, now: list[str]) -> None:
    """What was to be written is written beside them, and undone beside them; without its region it finds another."""
    annotate(story, 1, "car", "truck")
    answer(story, find(story, 1, "bus"), "take_proposal")
    story.take()
    annotate(story, 1, *now)
    story.apply(story.plan([TAGS]))
    assert tags_of(story, 1) == {*now, "bus"}
    annotate(story, 1, *now, "bus", "truck")
    assert len(story.undo().restored) == 1
    assert tags_of(story, 1) == {*now, "truck"}


def test_a_tag_that_somebody_gave_or_took_away_since_is_done(story: Story) -> None:
    annotate(story, 1, "car", "truck")
    answer(story, find(story, 1, "car"), "fix", "truck", "bus")
    story.take()
    annotate(story, 1, "bus")
    plan = story.plan([TAGS])
    assert (plan.changes, plan.applied) == ((), 2)


def test_tags_that_cannot_be_read_any_more_are_left_alone(story: Story) -> None:
    annotate(story, 1, "car")
    answer(story, find(story, 1, "car"), "take_proposal")
    story.take()
    story.annotations.results[1].append(region("bus"))
    (conflict,) = story.plan([TAGS]).conflicts
    assert "cannot be read" in conflict.why


def test_a_tag_that_the_config_lost_can_be_taken_away_and_not_added(story: Story) -> None:
    annotate(story, 1, "car")
    answer(story, find(story, 1, "car"), "fix", "bus")
    story.take()
    plan = story.plan([replace(TAGS, labels=("truck", "tram"))])
    assert [change.tag for change in plan.changes] == ["car"]
    assert [conflict.change.tag for conflict in plan.conflicts] == ["bus"]
