"""What a mark on a page means, for every kind of labels: the same as the same answer in the review project."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

import pytest

from errata.boards.actions import Mark, Reviewer
from errata.boards.board_verdicts import to_board_verdict
from errata.boards.known_rows import KnownRow
from errata.boards.proposals import proposal_mark
from errata.errors import UsageError
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.region_tasks import read_regions, region_columns
from errata.review.agreement import settle
from errata.review.records import Answer, TagChange, Verdict
from errata.review.verdicts import to_verdict
from errata_model.records import Control, Finding, GivenLabel, Proposal

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ANN = Reviewer(3, "ann@example.com")
CODECS = Codecs()
KIND = Control("kind", "choices", "image", "image", "image", ("car", "bus", "van"))
PATH = Control("path", "taxonomy", "text", "text", "text", ("A", "A > B", "C"), type="taxonomy")
TAGS = Control("tags", "tags", "image", "image", "image", ("sun", "sea", "road"))
BOX = Control("box", "boxes", "image", "image", "image", ("car", "bus", "van"), type="rectanglelabels")
STARS = Control("stars", "values", "text", "text", "text", (), type="rating")
HERE = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0}


def region(label: str, region_id: str = "r") -> dict[str, Any]:
    about = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    return {**about, "value": {**HERE, "rectanglelabels": [label]}, "original_width": 100, "original_height": 100}


def row(
    control: Control, label: str | None, proposed: str | None, region_id: str | None = None, **proposal: Any
) -> KnownRow:
    """Return a suspect of a control."""
    value_hash = CODECS.value_hash([region(str(label))], "box", "r") if region_id else "hash"
    given = GivenLabel(10, 1, "bob", control.name, region_id, control.kind, label, str(value_hash))
    action = "add" if label is None else "replace"
    made = {"action": action, "value": {}, "top": ((proposed, 0.9),), **proposal}
    finding = Finding("f", given, {"d": 0.9}, 0.9, None, "why", Proposal(**made) if proposed else None, "suspect", "v1")
    return KnownRow(finding, control, is_suspect=True)


def decide(about: KnownRow, decision: Any, label: str | None = None, **more: Any) -> Verdict:
    mark = Mark("f", decision, label, **more)
    verdict = to_board_verdict(7, mark, about, ANN, NOW, 2.0, CODECS)
    assert verdict is not None
    return verdict


def answered(finding: Finding, choice: str, **said: Any) -> Verdict:
    """Return the verdict of another reviewer, who answered in the review project."""
    about = {"label": finding.given.label, "note": None, **said}
    answer = Answer("f", 70, 100, 5, "bob@example.com", NOW, 1.0, choice, **about)
    return to_verdict(7, answer, finding, CODECS)


def agree(*verdicts: Verdict) -> bool:
    return not any(each.verdict.contradiction for each in settle(verdicts, CODECS))


def test_a_choice_is_kept_replaced_or_called_wrong() -> None:
    """With all that was so at that moment, and by whom; seconds too."""
    about = row(KIND, "car", "bus")
    taken = decide(about, "take_proposal")
    assert (taken.decision, taken.old_label, taken.new_label, taken.reason) == ("take_proposal", "car", "bus", "class")
    assert (taken.reviewer, taken.seconds, taken.suggestion_shown) == ("ann@example.com", 2.0, True)
    assert (taken.review_annotation_id, taken.is_of_board, taken.strength) == (-3, True, "verdict")
    assert agree(taken, answered(about.finding, "fix", label="bus"), decide(about, "fix", "bus"))
    assert not agree(taken, answered(about.finding, "keep"))
    assert decide(about, "fix", "van").new_label == "van"
    for decision in ("keep", "unusable", "unclear"):
        said = decide(about, decision)
        assert (said.decision, said.new_label, said.reason, said.contradiction) == (decision, None, None, None)
    assert decide(about, "wrong").reason == "class"
    assert [decide(about, "wrong", reason=why).reason for why in ("missing", "boundary")] == ["missing", "boundary"]
    assert decide(row(PATH, "A", "C"), "fix", "A > B").new_label == "A > B"
    assert to_board_verdict(7, Mark("f", None), about, ANN, NOW, None, CODECS) is None


def test_a_scan_can_only_keep() -> None:
    """It is recorded as weaker than a verdict."""
    assert decide(row(KIND, "car", "bus"), "keep", strength="scan").strength == "scan"
    with pytest.raises(UsageError, match="can only be kept"):
        decide(row(KIND, "car", "bus"), "wrong", strength="scan")


@pytest.mark.parametrize(
    ("about", "decision", "label", "why"),
    [
        (row(KIND, "car", "bus"), "fix", "cow", '"kind" has no label "cow"'),
        (row(KIND, "car", "bus"), "fix", None, "needs the label"),
        (row(KIND, "car", "bus"), "fix", "car", "already"),
        (row(KIND, "car", None), "take_proposal", None, "no proposal"),
        (row(KIND, "car", "bus"), "take_proposal", "van", 'is "bus" by now, not "van"'),
        (row(BOX, "car", None, "r"), "take_proposal", None, "no proposal"),
        (row(BOX, None, None), "fix", "car", "nobody knows where"),
        (row(STARS, "3", "5"), "fix", "4", "in the review project alone"),
    ],
)
def test_what_nothing_can_follow_from_is_refused_by_name(about: KnownRow, decision: Any, label: Any, why: str) -> None:
    """A label that the control has not, or that is given; a proposal that there is not, or another one by now."""
    with pytest.raises(UsageError, match=why):
        decide(about, decision, label)


def test_a_tag_is_added_taken_away_or_replaced() -> None:
    """As in the form of tags: which tag was in question, and what else changes."""
    spurious = row(TAGS, "sun", "sun", action="remove")
    gone = decide(spurious, "take_proposal")
    assert (gone.tag, gone.old_label, gone.new_label, gone.reason) == ("sun", "sun", None, "spurious")
    taken_off = (TagChange("sun", False, CODECS.tag_hash("tags", "sun", True)),)
    assert agree(gone, answered(spurious.finding, "fix", tag_changes=taken_off))
    other = decide(spurious, "fix", "sea")
    assert (other.new_label, [(each.tag, each.is_given) for each in other.also]) == (None, [("sea", True)])

    form = {"id": "g", "from_name": "tags", "to_name": "image", "type": "choices"}
    missing = row(TAGS, None, "road", value={**form, "value": {"choices": ["road"]}})
    added = decide(missing, "take_proposal")
    assert (added.tag, added.old_label, added.new_label, added.form) == ("road", None, "road", form)
    assert agree(added, decide(missing, "fix", "road"))
    instead = decide(missing, "fix", "sea")
    assert (instead.new_label, instead.old_label, [each.tag for each in instead.also]) == (None, None, ["sea"])
    assert not instead.is_wrong


def test_a_region_is_relabelled_as_it_is_drawn_or_becomes_as_proposed() -> None:
    """A reviewer who gives the same label in the review project agrees; one who draws it elsewhere does not differ."""
    about = row(BOX, "car", "bus", "r", value=region("bus"))
    fixed = decide(about, "fix", "van")
    assert (fixed.new_label, fixed.new_value, fixed.relabels_region, fixed.is_wrong) == ("van", None, True, True)
    assert (fixed.reason, fixed.contradiction, fixed.other_edits) == ("class", None, ())
    filled = region_columns(about.finding, (BOX,), [region("car")])
    by_hand = answered(about.finding, "fix", label=None, regions=read_regions(filled, [region("van")]))
    assert agree(fixed, by_hand)
    assert not agree(decide(about, "fix", "bus"), by_hand)
    assert agree(decide(about, "fix", "bus"), decide(about, "take_proposal"))
    taken = decide(about, "take_proposal")
    assert (taken.new_label, taken.new_value, taken.reason) == ("bus", (region("bus"),), "class")
    assert decide(about, "wrong", reason="boundary").reason == "boundary"
    removed = decide(row(BOX, "car", "car", "r", action="remove"), "take_proposal")
    assert (removed.new_label, removed.new_value, removed.reason) == (None, (), "spurious")


def test_a_missing_region_is_added_where_it_is_proposed() -> None:
    """With the proposal's label, or with another one."""
    about = row(BOX, None, "bus", value=region("bus", "new"))
    added = decide(about, "take_proposal")
    assert (added.new_label, added.new_value, added.new_region_id) == ("bus", (region("bus", "new"),), "new")
    other = decide(about, "fix", "van")
    assert (other.new_label, other.new_value, other.new_region_id) == ("van", (region("van", "new"),), "new")
    assert (other.reason, other.contradiction) == ("missing", None)
    kept = decide(about, "keep")
    assert (kept.decision, kept.new_value) == ("keep", None)


def test_an_answer_that_is_no_label_becomes_as_proposed() -> None:
    """Under either key; what people type themselves is for the review project."""
    rating = {"id": "s", "from_name": "stars", "to_name": "text", "type": "rating", "value": {"rating": 5}}
    about = row(STARS, "3", "5", value=rating)
    about = replace(about, finding=replace(about.finding, given=replace(about.finding.given, value_hash="other")))
    taken, fixed = decide(about, "take_proposal"), decide(about, "fix", "5")
    assert (taken.new_value, fixed.new_value, fixed.contradiction) == ((rating,), (rating,), None)
    assert agree(fixed, answered(about.finding, "take_proposal", value=(rating,)))
    four = {**rating, "value": {"rating": 4}}
    assert not agree(taken, answered(about.finding, "fix", label="5", value=(four,)))


def test_of_one_reviewer_the_newer_word_counts() -> None:
    """Here after there, or there after here; of two people neither."""
    about = row(KIND, "car", "bus")
    here, there = decide(about, "take_proposal"), answered(about.finding, "keep")
    mine = replace(there, reviewer=ANN.email)
    settled = partial(settle, edits=CODECS)
    later = replace(here, decided_at=NOW.replace(hour=1))
    assert [each.counts_as for each in settled([later, mine])] == ["verdict", "superseded"]
    assert [each.counts_as for each in settled([here, mine])] == ["superseded", "verdict"]
    assert [each.verdict.decision for each in settled([here, there])] == ["unclear", "unclear"]
    assert [each.said for each in settled([here, there])] == [here, there]


@pytest.mark.parametrize(("decision", "label"), [("take_proposal", "bus"), ("fix", "van")])
def test_what_was_seen_is_taken_and_not_what_a_later_audit_proposes(decision: str, label: str) -> None:
    """The same label in another place is another proposal; the id of its region says nothing."""
    first, again = (row(BOX, None, "bus", value=region("bus", name)) for name in ("first", "again"))
    further = {**HERE, "x": 11, "rectanglelabels": ["bus"]}
    moved = row(BOX, None, "bus", value={**region("bus", "again"), "value": further})
    assert first.finding.proposal is not None
    seen = proposal_mark(first.finding.proposal)
    assert decide(again, decision, label, proposal=seen).new_label == label
    with pytest.raises(UsageError, match="another place is proposed by now"):
        decide(moved, decision, label, proposal=seen)
