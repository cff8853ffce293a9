"""One answer about all findings of an item: what each of them gets, and what is about none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from errata.labelstudio.codecs import Codecs
from errata.labelstudio.region_tasks import read_regions, region_columns
from errata.review.records import Answer
from errata_model.records import Control, Finding, GivenLabel, Proposal

CONTROLS = (Control("box", "boxes", "image", "image", "image", ("car", "bus", "van"), type="rectanglelabels"),)
PLACES = {name: {"x": x, "y": y, "width": 15, "height": 15, "rotation": 0} for name, x, y in (
    ("a", 5, 5), ("b", 50, 5), ("c", 5, 50), ("d", 50, 50), ("e", 80, 80))}  # fmt: skip


def box(region_id: str, label: str, place: str) -> dict[str, Any]:
    about = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    value = {**PLACES[place], "rectanglelabels": [label]}
    return {**about, "value": value, "original_width": 100, "original_height": 100, "image_rotation": 0}


class Item:
    """Annotation 1 holds a, b and c; findings about a and b, and two missing ones, at d and e."""

    def __init__(self, story: Any) -> None:
        self.story = story
        self.first = [box("a", "car", "a"), box("b", "bus", "b"), box("c", "van", "c")]
        story.annotations.results[1] = list(self.first)
        self.findings = [
            self._find("a", Proposal("replace", box("a", "bus", "a"), (("bus", 0.9),))),
            self._find("b", Proposal("remove", box("b", "bus", "b"), (("bus", 0.9),))),
            self._find("d", Proposal("add", box("d", "car", "d"), (("car", 0.9),))),
            self._find("e", Proposal("add", box("e", "car", "e"), (("car", 0.9),))),
        ]

    def _find(self, name: str, proposal: Proposal) -> Finding:
        region_id = None if proposal.action == "add" else name
        label = Codecs().label(self.first, "box", name) if region_id else None
        value_hash = (Codecs().value_hash(self.first, "box", name) or "") if region_id else f"missing {name}"
        given = GivenLabel(10, 1, "ann", "box", region_id, "boxes", label, value_hash)
        finding = Finding(name, given, {"d": 0.9}, 0.9, None, "why", proposal, "suspect", "v1")
        self.story.findings.findings[name] = finding
        return finding

    def answer(self, choices: dict[str, str], submitted: list[dict[str, Any]] | None = None) -> list[Answer]:
        """Let a reviewer submit this; findings that no choice names are left open."""
        self.story.answers.answers.clear()
        made = read_regions(
            region_columns(self.findings[0], CONTROLS, self.first), self.first if submitted is None else submitted
        )
        several = {"regions": made, "is_one_of_several": True, "review_annotation_id": 1}
        for finding in self.findings:
            self.story.answer(finding, choices.get(finding.key, ""), None, **several)
        when = self.story.answers.answers[-1].answered_at
        self.story.answers.answers = [replace(each, answered_at=when) for each in self.story.answers.answers]
        return self.story.answers.answers

    @property
    def decisions(self) -> dict[str, str]:
        return {verdict.finding_key: verdict.decision for verdict in self.story.verdicts.of_project(7)}


@pytest.fixture
def item(story: Any) -> Item:
    return Item(story)


def test_each_finding_gets_its_own_verdict_and_line(item: Item) -> None:
    """One is right, one is taken away, one missing is drawn by hand, one left open: three verdicts, two lines."""
    drawn = box("drawn", "van", "d")
    item.answer({"a": "keep", "b": "take_proposal", "d": "fix"}, [*item.first, drawn])
    taken = item.story.take()
    assert (taken.total, taken.contradictory, taken.unknown_choices) == (3, 0, {})
    assert item.decisions == {"a": "keep", "b": "take_proposal", "d": "fix"}
    plan = item.story.plan(CONTROLS)
    said = [(line.region_id, line.old_label, line.new_label) for line in plan.changes]
    assert said == [("b", "bus", None), ("d", None, "van")]
    assert plan.other_edits == ()
    assert item.story.take().changed == 0
    before = list(item.story.annotations.results[1])
    item.story.apply(plan)
    assert [each["id"] for each in item.story.annotations.results[1]] == ["a", "c", "d"]
    item.story.undo()
    assert item.story.annotations.results[1] == before


def test_edits_to_what_is_about_another_finding_are_no_other_edits(item: Item) -> None:
    """What was decided about stands in its own line alone; what was not, and the rest, are other edits, once each."""
    submitted = [box("a", "van", "a"), box("b", "car", "b"), box("c", "car", "c")]
    item.answer({"a": "fix", "d": "keep"}, submitted)
    item.story.take()
    plan = item.story.plan(CONTROLS)
    assert [(line.region_id, line.new_label) for line in plan.changes] == [("a", "van")]
    assert sorted((line.region_id, line.new_label) for line in plan.other_edits) == [("b", "car"), ("c", "car")]


def test_a_region_that_was_drawn_is_about_one_missing_one(item: Item) -> None:
    """Drawn over two suggested places, it is of the one that its reviewer says to have corrected."""
    wide = {"x": 45, "y": 45, "width": 50, "height": 50, "rotation": 0}
    drawn = {**box("drawn", "car", "d"), "value": {**wide, "rectanglelabels": ["car"]}}
    item.answer({"d": "keep", "e": "fix"}, [*item.first, drawn])
    assert item.story.take().contradictory == 0
    assert [line.region_id for line in item.story.plan(CONTROLS).changes] == ["e"]


def test_one_contradiction_leaves_the_others_as_they_are(item: Item) -> None:
    """Corrected, but only another region was: that one is unclear; the other is written."""
    item.answer({"a": "fix", "b": "take_proposal"}, [*item.first[:2], box("c", "car", "c")])
    assert item.story.take().contradictory == 1
    assert item.decisions == {"a": "unclear", "b": "take_proposal"}
    assert [line.region_id for line in item.story.plan(CONTROLS).changes] == ["b"]


def test_a_decision_that_was_taken_back_is_forgotten_alone(item: Item) -> None:
    """The same answer, changed: what is open now is no verdict any more; with all open there is none."""
    item.answer({"a": "keep", "b": "take_proposal"})
    item.story.take()
    item.answer({"b": "take_proposal"})
    taken = item.story.take()
    assert (taken.forgotten, taken.total) == (1, 1)
    assert item.decisions == {"b": "take_proposal"}
    item.answer({})
    assert item.story.take().total == 0
