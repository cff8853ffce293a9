from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from errata.review.closings import Closing
from errata.review.records import Settle
from errata.review.verdicts import find_contradiction, take_verdicts

if TYPE_CHECKING:
    from tests.unit.review.conftest import Story


@pytest.mark.parametrize(
    ("choice", "label", "proposed", "is_contradictory"),
    [
        ("keep", "truck", "car", False),
        ("keep", None, "car", False),
        ("keep", "car", "car", True),
        ("keep", "bus", "car", True),
        ("take_proposal", "truck", "car", False),
        ("take_proposal", "car", "car", False),
        ("take_proposal", None, "car", False),
        ("take_proposal", "bus", "car", True),
        ("take_proposal", "truck", None, True),
        ("fix", "bus", "car", False),
        ("fix", "car", "car", False),
        ("fix", "truck", "car", True),
        ("fix", None, "car", True),
        ("wrong", "truck", "car", False),
        ("unusable", "truck", "car", False),
        ("unclear", "truck", "car", False),
    ],
)
def test_contradictions(
    form_words: dict[str, str], choice: str, label: str | None, proposed: str | None, is_contradictory: bool
) -> None:
    """A decision and a label that do not go together are named, with the decision in the words."""
    said = find_contradiction(choice, label, "truck", proposed)
    assert (said is not None) == is_contradictory
    assert said is None or said.startswith(form_words[choice])


def test_every_answer_becomes_a_record_of_its_moment(story: Story) -> None:
    """The record holds who, when, what was shown, the old label with its hash, and the new one."""
    story.annotate(1, 2, 3)
    story.answer(story.find(1), "take_proposal", note="clear")
    story.answer(story.find(2), "fix", "bus")
    story.answer(story.find(3, proposed=None), "keep")
    taken = story.take()
    assert (taken.changed, taken.total, taken.contradictory) == (3, 3, 0)
    first, second, third = story.verdicts.of_project(7)
    assert (first.decision, first.old_label, first.new_label, first.note) == ("take_proposal", "truck", "car", "clear")
    assert first.old_hash == story.edits.value_hash(story.annotations.results[1], "kind", None)
    assert (first.detectors, first.model_version) == ({"low_self_confidence": 0.9}, "v1")
    assert first.suggestion_shown
    assert (second.decision, second.new_label, second.reason) == ("fix", "bus", "class")
    assert (third.decision, third.new_label, third.reason, third.suggestion_shown) == ("keep", None, None, False)


def test_reading_the_same_answers_again_changes_nothing(story: Story) -> None:
    """Verdicts come from answers alone, so that twice is once."""
    story.confirm(1, 2)
    kept = dict(story.verdicts.verdicts)
    assert story.take().changed == 0
    assert story.verdicts.verdicts == kept


def test_a_changed_answer_replaces_its_verdict_and_a_deleted_one_is_forgotten(story: Story) -> None:
    """What stands in the review project is what counts."""
    story.confirm(1, 2)
    story.answers.answers[0] = replace(story.answers.answers[0], choice="fix", label="bus")
    del story.answers.answers[1]
    taken = story.take()
    assert (taken.changed, taken.forgotten, taken.total) == (1, 1, 1)
    assert story.verdicts.of_project(7)[0].new_label == "bus"


def test_what_is_not_known_is_counted_and_not_fatal(story: Story) -> None:
    """An unknown decision or finding is reported; an answer that became unknown no longer counts."""
    story.confirm(1, 2)
    story.answers.answers[0] = replace(story.answers.answers[0], choice="perhaps")
    story.answer(replace(story.find(2), key="of another folder"), "keep")
    taken = story.take()
    assert (taken.unknown_choices, taken.unknown_findings, taken.total) == ({"perhaps": 1}, 1, 1)


def test_a_recorded_verdict_stays_when_its_finding_is_no_longer_known(story: Story) -> None:
    """The verdict record comes first: it does not need the finding any more."""
    story.confirm(1)
    story.findings.findings.clear()
    taken = story.take()
    assert (taken.unknown_findings, taken.total, taken.forgotten) == (1, 1, 0)


def test_nothing_is_forgotten_when_the_review_project_is_deleted(story: Story) -> None:
    """A deleted review project does not delete what was decided there."""
    story.confirm(1)
    story.answers.is_gone = True
    assert story.take().total == 1


@pytest.mark.parametrize("deleted", ["the review project", "the review task"])
def test_a_deleted_review_project_or_task_takes_no_verdict_with_it(story: Story, deleted: str) -> None:
    """What was decided there stays, also when a new review project was made since and is empty or answered anew."""
    story.confirm(1, 2)
    kept = story.verdicts.of_project(7)
    story.answers.answers.clear()
    if deleted == "the review project":
        story.answers.project_id = 71
    else:
        story.answers.task_ids.clear()
    taken = story.take()
    assert (taken.forgotten, taken.total) == (0, 2)
    assert story.verdicts.of_project(7) == kept
    story.annotate(3)
    story.answer(story.find(3), "keep", review_annotation_id=9)
    assert (story.take().forgotten, story.take().total) == (0, 3)


def test_an_answer_that_the_list_left_out_is_kept(story: Story) -> None:
    """A row lost between two pages is looked at again before anything is forgotten."""
    story.confirm(1, 2)
    listed = story.answers.read
    story.answers.read = lambda: listed()[:1]  # type: ignore[method-assign]
    assert (story.take().forgotten, story.take().total) == (0, 2)


def test_reviewers_who_differ_are_both_kept_and_the_finding_is_unclear(story: Story) -> None:
    """Both say what each had decided, and their review task is marked; when one gives in, it is clear again."""
    story.annotate(1)
    finding = story.find(1)
    story.answer(finding, "keep", reviewer="a")
    story.answer(finding, "take_proposal", reviewer="b")
    taken = story.take()
    assert (taken.total, taken.contradictory) == (2, 1)
    for verdict in story.verdicts.of_project(7):
        assert (verdict.decision, verdict.new_label) == ("unclear", None)
        assert verdict.contradiction == 'reviewers differ (a: keep; b: change it to "car")'
    assert story.answers.marked == [10]
    del story.answers.answers[0]
    story.take()
    assert [verdict.decision for verdict in story.verdicts.of_project(7)] == ["take_proposal"]
    assert story.answers.marked == []


def test_reviewers_who_reach_the_same_label_in_two_ways_agree(story: Story) -> None:
    """Taking the suggestion and giving the suggested label by hand are one decision."""
    story.annotate(1)
    finding = story.find(1)
    story.answer(finding, "fix", "car", reviewer="a")
    story.answer(finding, "take_proposal", reviewer="b")
    assert story.take().contradictory == 0
    assert [change.reviewer for change in story.plan().changes] == ["a, b"]


def test_contradictory_verdicts_are_listed_and_never_planned(story: Story) -> None:
    """A keep with an edited label is unclear, its task is marked, and nothing is planned."""
    story.annotate(1, 2)
    story.answer(story.find(1), "keep", "bus")
    story.answer(story.find(2), "fix")
    assert story.take().contradictory == 2
    assert story.answers.marked == [10, 20]
    assert story.plan().changes == ()


class Written:
    """What errata wrote for decisions on the scan board: `review.closings.Closings`."""

    def __init__(self, *closings: Closing) -> None:
        self.closings = list(closings)

    def recorded(self, project_id: int) -> list[Closing]:
        return self.closings

    def overrule(self, project_id: int, closings: Sequence[Closing], settle: Settle) -> int:
        raise AssertionError("nobody overruled anything")

    def review_tasks(self, keys: Sequence[str]) -> dict[str, int]:
        return {}


@pytest.mark.parametrize("is_being_written", [False, True])
def test_an_answer_that_errata_wrote_counts_where_errata_knows_nothing_of_it(
    story: Story, is_being_written: bool
) -> None:
    """A decision on the scan board outlives the data folder: after an older backup its echo is what is left of it."""
    story.annotate(1)
    story.answer(story.find(1), "fix", "bus")
    (echo,) = story.answers.answers = [replace(story.answers.answers[0], is_echo=True)]
    closing = Closing(
        echo.finding_key,
        1,
        echo.review_project_id,
        echo.review_task_id,
        None if is_being_written else echo.review_annotation_id,
        echo.answered_at,
    )

    def take(written: Written) -> int:
        return take_verdicts(7, story.answers, story.findings, story.verdicts, story.edits, written).total

    assert take(Written(closing)) == 0
    assert take(Written(replace(closing, review_task_id=closing.review_task_id + 1))) == 1
    assert [each.new_label for each in story.verdicts.of_project(7)] == ["bus"]
