"""What findings say to people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from errata.audit.region_wording import region_reason
from errata.audit.wording import annotators_together, named, per_cent, question, similar_items, unbroken
from errata_model.records import Control, Finding, GivenLabel, Proposal
from errata_model.regions.records import DUPLICATE, SPURIOUS, Believed, Doubt, Item, Region
from errata_model.regions.shapes import Box, Ellipse, Point, Shape

GIVEN = GivenLabel(1, 1, "1", "animal", None, "choices", "truck", "hash")
FINDING = Finding("key", GIVEN, {}, 0.9, None, "", None, "suspect", "errata-1")


def _of_sea(action: str, probability: float) -> Proposal:
    return Proposal(action, {}, (("sea", probability),))


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "< 1 %"), (0.0099, "< 1 %"), (0.01, "1 %"), (0.974, "97 %"), (0.99, "99 %"), (0.991, "> 99 %"), (1, "> 99 %")],
)
def test_a_share_is_never_a_certainty(share: float, words: str) -> None:
    """Neither 0 % nor 100 % is ever claimed."""
    assert per_cent(share) == words


@pytest.mark.parametrize(
    ("top", "asked"),
    [
        ((("car", 0.97), ("truck", 0.03)), 'The model suggests "car" (97 %). Is the label right?'),
        ((("truck", 0.4), ("car", 0.3)), "The model is not sure about it (40 %). Is the label right?"),
        ((), "Is the label right?"),
    ],
)
def test_question_can_be_answered(top: tuple[tuple[str, float], ...], asked: str) -> None:
    """It names the given label, and the proposed one where there is one."""
    proposal = Proposal("replace", {}, top)
    assert question(replace(FINDING, proposal=proposal)) == f'Labelled "truck". {asked}'


@pytest.mark.parametrize(
    ("label", "proposal", "asked"),
    [
        ("sea", _of_sea("remove", 0.03), 'Tagged "sea". The model suggests taking it away (97 %). Is the tag right?'),
        ("sea", _of_sea("remove", 0.6), 'Tagged "sea". The model is not sure about it (60 %). Is the tag right?'),
        ("sea", None, 'Tagged "sea". Is the tag right?'),
        (None, _of_sea("add", 0.94), 'Not tagged "sea". The model suggests adding it (94 %). Is it missing?'),
        (None, _of_sea("add", 0.3), 'Not tagged "sea". The model is not sure about it (30 %). Is it missing?'),
    ],
)
def test_a_question_is_about_one_tag(label: str | None, proposal: Proposal | None, asked: str) -> None:
    """Given and doubted, given and sent by hand, or missing; what the suggestion would do is said."""
    assert question(replace(FINDING, given=replace(GIVEN, kind="tags", label=label), proposal=proposal)) == asked


def test_the_question_says_which_of_several_controls_it_is_about() -> None:
    """And nothing where there is but one."""
    assert named("Labelled?", "animal", 1) == "Labelled?"
    assert named("Labelled?", "animal", 2) == "animal: Labelled?"


def test_no_line_ends_within_a_share() -> None:
    """A path's levels and other words may part."""
    assert unbroken("A > 9 (> 99 %), 5 %.").replace("\N{NO-BREAK SPACE}", "_") == "A > 9 (>_99_%), 5_%."


def test_question_says_that_other_annotators_differ() -> None:
    """What they and the model say together is not the model's own suggestion."""
    proposal = Proposal("replace", {}, (("car", 0.97), ("truck", 0.03)))
    contested = replace(FINDING, proposal=proposal, detectors={"annotator_conflict": 0.5})
    asked = 'Other annotators and the model suggest "car" (97 %). Is the label right?'
    assert question(contested) == f'Labelled "truck". {asked}'


def test_question_without_a_proposal() -> None:
    """Nothing is suggested where the belief has no answer."""
    assert question(FINDING) == 'Labelled "truck". Is the label right?'


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([], ""),
        (["car"] * 10, "All 10 most similar images are labelled car."),
        (["car"] * 9 + ["truck"], "9 of the 10 most similar images are labelled car."),
        (
            ["car"] * 4 + ["truck"] * 3 + ["bus"] * 2 + ["van"],
            "The 10 most similar images are labelled: 4 car, 3 truck, 2 bus.",
        ),
        (["car", "truck"], "The 2 most similar images are labelled: 1 car, 1 truck."),
        (["car"], "The most similar image is labelled car."),
    ],
)
def test_evidence_can_be_checked(labels: list[str], words: str) -> None:
    """How many of how many, and which labels where none has the majority."""
    assert similar_items(labels, "image") == words


def test_how_far_annotators_agree() -> None:
    """A part for each control; of one task as of several."""
    figures = [
        {"control": "animal", "shared_tasks": 1, "agreement": 1.0},
        {"control": "mood", "shared_tasks": 2, "agreement": 0.75},
    ]
    assert annotators_together(figures) == (
        '1 task has an answer for "animal" by several people; on average > 99 % of them gave the likeliest; '
        '2 tasks have an answer for "mood" by several people; on average 75 % of them gave the likeliest'
    )


@pytest.mark.parametrize(
    ("label", "action", "proposed", "asked"),
    [
        ("car", "replace", "bus", 'Marked "car". The model suggests "bus". Is it right as it is?'),
        ("car", "replace", "car", 'Marked "car". The model suggests another place for it. Is it right as it is?'),
        ("car", "remove", "car", 'Marked "car". The model suggests taking it away. Is it right as it is?'),
        (None, "add", "car", 'Not marked: "car". Is it missing?'),
    ],
)
def test_a_region_is_asked_about_with_what_is_suggested(
    label: str | None, action: str, proposed: str, asked: str
) -> None:
    """Another class, another place, a region less or a region more; where it is, a review task says."""
    given = replace(GIVEN, kind="boxes", region_id="a" if label else None, label=label)
    proposal = Proposal(action, {}, ((proposed, 0.91),))  # type: ignore[arg-type]
    assert question(replace(FINDING, given=given, proposal=proposal)) == asked
    if label:
        assert question(replace(FINDING, given=given)) == 'Marked "car". Is it right as it is?'


@pytest.mark.parametrize(
    ("type_", "drawn_by", "shape", "fired", "said"),
    [
        ("ellipselabels", (), Ellipse(0.5, 0.5, 0.1, 0.1), DUPLICATE, 'Another ellipse marks the same "cell" (80 %).'),
        (
            "labels",
            (("p", "keypoint"),),
            Point(0.5, 0.5),
            SPURIOUS,
            'Little of what the model sees speaks for this point of "cell" (80 %).',
        ),
        ("rectanglelabels", (), Box(0.5, 0.5, 0, 0), SPURIOUS, 'This box of "cell" has no extent, or none inside.'),
    ],
)
def test_regions_are_called_by_what_draws_them(
    type_: str, drawn_by: tuple[tuple[str, str], ...], shape: Shape, fired: str, said: str
) -> None:
    """And nobody is told that a model sees nothing where there is no place at all."""
    control = Control("what", "boxes", "image", "image", "image", ("cell",), type=type_, drawn_by=drawn_by)
    item = Item((Region("a", "cell", shape),), Believed(()))
    assert region_reason(Doubt(0, 0.8, {fired: 0.8}, "remove"), item, control) == said
