"""Two boxes of an annotation, the findings about them, and a reviewer's answers."""

import copy
from dataclasses import replace

import pytest

from errata.labelstudio.codecs import Codecs
from errata.labelstudio.region_tasks import read_regions, region_columns
from errata_model.records import Control, Finding, GivenLabel, Proposal

PLACES = {
    name: {"x": x, "y": y, "width": 20, "height": 20, "rotation": 0}
    for name, x, y in (("here", 10, 10), ("near", 12, 10), ("there", 60, 10), ("elsewhere", 10, 70))
}


@pytest.fixture
def regions(story):
    """Tell of annotation 1 with a car and a bus, and of findings and answers about its regions."""

    class Regions:
        controls = (Control("box", "boxes", "image", "image", "image", ("car", "bus", "van"), type="rectanglelabels"),)
        places = PLACES

        def __init__(self):
            relation = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"}
            said = {**self.box("a", "car", "here"), "from_name": "seen", "type": "choices"}
            said["value"] = {**PLACES["here"], "choices": ["half"]}
            first = {**self.box("a", "car", "here"), "meta": {"text": ["x"]}}
            self.first = [first, said, self.box("b", "bus", "there"), relation]
            story.annotations.results[1] = copy.deepcopy(self.first)

        @property
        def now(self):
            return story.annotations.results[1]

        def box(self, region_id, label, place, **shifted):
            """Return a region in one of the places, or shifted from there."""
            value = {**PLACES[place], **shifted, "rectanglelabels": [label]}
            about = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
            return {**about, "value": value, "original_width": 100, "original_height": 100, "image_rotation": 0}

        def find(self, region_id, action, label, place="here", control="box"):
            """Record a finding: about a region, or, without an id, one that is missing."""
            codecs, given = Codecs(), None
            value_hash = codecs.value_hash(self.first, control, region_id) if region_id else "missing"
            given = codecs.label(self.first, control, region_id) if region_id else None
            about = GivenLabel(10, 1, "ann", control, region_id, "boxes", given, value_hash)
            value = {**self.box(region_id or "new", label, place), "from_name": control}
            proposal = Proposal(action, value, ((label, 0.9),)) if action else None
            finding = Finding(
                f"f-{region_id}-{action}-{control}", about, {"d": 0.9}, 0.9, None, "why", proposal, "suspect", "v1"
            )
            story.findings.findings[finding.key] = finding
            return finding

        def answer(self, finding, choice, submitted=None):
            """Let a reviewer submit this result, by default the one that the form was filled with."""
            filled = region_columns(finding, self.controls, self.first)
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
            return story.plan(self.controls, **options)

        def lines(self, plan):
            """Return what a plan changes: region, old label, new label."""
            return [(change.region_id, change.old_label, change.new_label) for change in plan.changes]

        def apply(self, **options):
            return story.apply(self.plan(**options))

        def edited(self, region_id, region=None):
            """Return the result with one region replaced by another, or gone."""
            kept = [each for each in copy.deepcopy(self.first) if each.get("id") != region_id]
            return kept + ([region] if region else [])

    return Regions()
