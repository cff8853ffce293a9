"""Verdicts about answers that are no labels: what follows from them, what is written, and what undo brings back."""

import copy

import pytest

from errata.labelstudio.codecs import Codecs
from errata_model.records import Control, Finding, GivenLabel

CONTROLS = (
    Control("stars", "values", "image", "image", "image", (), type="rating"),
    Control("box", "values", "video", "image", "image", (), type="videorectangle", takes_none=True),
)
STARS, BOX = CONTROLS
KEY = {"frame": 1, "x": 10, "y": 10, "width": 20, "height": 20, "enabled": True, "rotation": 0, "time": 0.04}


def stars(n, **more):
    return {"id": "s", "from_name": "stars", "to_name": "image", "type": "rating", "value": {"rating": n}, **more}


def track(region_id, x, **more):
    value = {"framesCount": 9, "duration": 1.0, "sequence": [{**KEY, "x": x}], "labels": ["car"], **more}
    return {"id": region_id, "from_name": "box", "to_name": "image", "type": "videorectangle", "value": value}


NOTE = {"id": "n", "from_name": "note", "to_name": "image", "type": "textarea", "value": {"text": ["x"]}}


@pytest.fixture
def values(story):
    """Tell of annotation 1 with a rating, a note and two objects, and of findings and answers about them."""

    class Values:
        first = [stars(1, meta={"lead_time": 3}), NOTE, track("a", 10), track("b", 60)]  # noqa: RUF012

        def __init__(self):
            story.annotations.results[1] = copy.deepcopy(self.first)

        @property
        def now(self):
            return story.annotations.results[1]

        def find(self, control, proposed):
            """Record a finding about a control; `proposed` are the results of another answer."""
            codecs = Codecs()
            (given, value_hash) = (
                codecs.label(self.first, control.name, None),
                codecs.answer_hash(self.first, control.name),
            )
            about = GivenLabel(10, 1, "ann", control.name, None, "values", given, value_hash)
            answer, _ = codecs.answer_in(proposed, control)
            finding = Finding(
                f"f-{control.name}", about, {"prediction_conflict": 0.9}, 0.9, None, "why",
                codecs.answer(control, answer, 0.9), "suspect", "v1",
            )  # fmt: skip
            story.findings.findings[finding.key] = finding
            return finding

        def answer(self, finding, choice, submitted=None):
            """Let a reviewer submit this result, by default the one that the form was filled with."""
            result, control = self.first if submitted is None else submitted, finding.given.control
            said = {"label": Codecs().label(result, control, None), "value": tuple(Codecs().answer_of(result, control))}
            answer = story.answer(finding, choice, **said)
            story.take()
            return story.verdicts.verdicts[answer.review_annotation_id]

        def plan(self, **options):
            return story.plan(CONTROLS, **options)

    return Values()


def test_a_suggestion_is_planned_written_and_undone(values, story):
    """The answer alone changes, under its own id; undo brings it back to the letter."""
    verdict = values.answer(values.find(STARS, [stars(4)]), "take_proposal")
    assert (verdict.decision, verdict.old_label, verdict.new_label, verdict.is_wrong) == (
        "take_proposal",
        "1",
        "4",
        True,
    )
    applied = story.apply(values.plan())
    assert values.now == [stars(4, meta={"lead_time": 3}), *values.first[1:]]
    assert values.plan().applied == 1
    assert len(story.undo(applied.changeset_id).restored) == 1
    assert values.now == values.first
    assert values.plan().changes == ()
    assert [change.new_label for change in values.plan(include_undone=True).changes] == ["4"]


def test_an_answer_of_the_reviewers_own_is_written(values, story):
    """Neither the given nor the suggested one: as it was submitted."""
    values.answer(values.find(STARS, [stars(4)]), "fix", [stars(2), *values.first[1:]])
    story.apply(values.plan())
    assert values.now[0]["value"] == {"rating": 2}


def test_a_video_gets_every_object_of_the_answer(values, story):
    """One object in place of two, then none at all where the suggestion is that there is nothing; both are undone."""
    values.answer(values.find(BOX, [track("z", 30)]), "take_proposal")
    first = story.apply(values.plan())
    (written,) = [each for each in values.now if each["from_name"] == "box"]
    assert written["value"]["sequence"][0]["x"] == 30
    assert "score" not in written
    story.undo(first.changeset_id)
    assert values.now == values.first

    story.answers.answers.clear()
    values.answer(values.find(BOX, []), "take_proposal")
    applied = story.apply(values.plan())
    assert values.now == values.first[:2]
    assert values.plan().applied == 1
    story.undo(applied.changeset_id)
    assert values.now == values.first


def test_what_the_page_works_out_anew_is_no_change(values):
    """Seconds follow from frames: a form that was saved without an edit keeps what the finding is about."""
    again = [*values.first[:2], track("a", 10, duration=1.04, framesCount=10), track("b", 60)]
    verdict = values.answer(values.find(BOX, [track("z", 30)]), "keep", again)
    assert (verdict.decision, verdict.contradiction) == ("keep", None)


@pytest.mark.parametrize(
    ("choice", "submitted", "why"),
    [
        ("keep", [stars(2)], 'said to be right, but the answer was changed to "2"'),
        ("fix", None, "said to be corrected, but the answer was left as it is"),
        ("fix", [NOTE], "said to be corrected, but no answer is given"),
        ("take_proposal", [stars(2)], 'the suggestion was taken, but the answer was changed to "2"'),
    ],
)
def test_a_decision_and_an_answer_that_do_not_go_together_are_unclear(values, choice, submitted, why):
    """Nothing follows from it but that somebody should look again."""
    verdict = values.answer(values.find(STARS, [stars(4)]), choice, submitted)
    assert (verdict.decision, verdict.contradiction, verdict.new_value) == ("unclear", why, None)


def test_taking_the_suggestion_by_hand_too_is_the_suggestion(values):
    """Who sets the fourth star and says that the suggestion is right means one thing."""
    verdict = values.answer(values.find(STARS, [stars(4)]), "take_proposal", [stars(4), *values.first[1:]])
    assert (verdict.decision, verdict.new_label) == ("take_proposal", "4")


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ([stars(3)], 'somebody changed the label to "3" since'),
        ([NOTE], 'the answer to "stars" was removed since'),
    ],
)
def test_an_answer_that_somebody_edited_since_is_left_alone(values, story, now, why):
    """Neither a plan nor an undo writes over another person's answer."""
    values.answer(values.find(STARS, [stars(4)]), "take_proposal")
    story.annotations.results[1] = copy.deepcopy(now)
    assert [conflict.why for conflict in values.plan().conflicts] == [why]
    story.annotations.results[1] = copy.deepcopy(values.first)
    applied = story.apply(values.plan())
    story.annotations.results[1] = copy.deepcopy(now)
    assert len(story.undo(applied.changeset_id).conflicts) == 1
    assert values.now == now


def test_undo_brings_back_what_named_an_object_that_went(values, story):
    """Its relations, too, also where somebody changed something else meanwhile; the object that stayed kept its id."""
    relation = {"type": "relation", "from_id": "b", "to_id": "a", "direction": "right"}
    story.annotations.results[1].append(relation)
    values.answer(values.find(BOX, [track("new", 61, labels=["bus"])]), "take_proposal")
    applied = story.apply(values.plan())
    assert [(each["id"], each["type"]) for each in values.now[2:]] == [("b", "videorectangle")]
    story.annotations.results[1][0] = stars(5)
    assert len(story.undo(applied.changeset_id).restored) == 1
    assert values.now == [stars(5), *values.first[1:], relation]
