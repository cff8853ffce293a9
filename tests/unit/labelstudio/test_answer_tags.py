"""What <Choices> and <Taxonomy> may be answered with."""

from __future__ import annotations

import pytest

from errata.labelstudio.label_config import read_label_config
from errata_model.records import Control

IMAGE = '<Image name="image" value="$picture"/>'
TWO = '<Choice value="cat"/><Choice value="dog"/>'
TREE = (
    '<Choice value="Animal"><Choice value="Cat" alias="c"><Choice value="Manx"/></Choice><Choice value="Dog"/></Choice>'
    '<Choice value="Plant"/>'
)


def control(tag: str, attributes: str = "", choices: str = TWO) -> Control:
    config = read_label_config(f'<View>{IMAGE}<{tag} name="l" toName="image" {attributes}>{choices}</{tag}></View>')
    assert config.refused == ()
    return config.controls[0]


def why_refused(tag: str, attributes: str = "", choices: str = TWO) -> str:
    config = read_label_config(f'<View>{IMAGE}<{tag} name="l" toName="image" {attributes}>{choices}</{tag}></View>')
    assert config.controls == ()
    return config.refused[0]


@pytest.mark.parametrize(
    ("tag", "attributes", "kind", "type_"),
    [
        ("Choices", "", "choices", "choices"),
        ("Choices", 'choice="single-radio"', "choices", "choices"),
        ("Choices", 'choice="multiple"', "tags", "choices"),
        ("Taxonomy", "", "tags", "taxonomy"),
        ("Taxonomy", 'maxUsages="3"', "tags", "taxonomy"),
        ("Taxonomy", 'maxUsages="1"', "taxonomy", "taxonomy"),
        ("Taxonomy", 'maxusages="1"', "taxonomy", "taxonomy"),
    ],
)
def test_how_many_labels_a_tag_takes_makes_its_kind(tag: str, attributes: str, kind: str, type_: str) -> None:
    made = control(tag, attributes)
    assert (made.kind, made.type, made.labels) == (kind, type_, ("cat", "dog"))


@pytest.mark.parametrize(
    ("tag", "attributes", "most"),
    [
        ("Taxonomy", 'maxUsages="3"', 3),
        ("Taxonomy", 'maxusages="3"', 3),
        ("Taxonomy", "", None),
        ("Taxonomy", 'maxUsages="many"', None),
        ("Choices", 'choice="multiple" maxUsages="3"', None),
    ],
)
def test_how_many_labels_a_tag_takes(tag: str, attributes: str, most: int | None) -> None:
    """A taxonomy's maxUsages; <Choices> have no such attribute."""
    assert control(tag, attributes).most == most


def test_the_labels_of_a_taxonomy_are_paths_of_aliases() -> None:
    assert control("Taxonomy", "", TREE).labels == (
        "Animal",
        "Animal > c",
        "Animal > c > Manx",
        "Animal > Dog",
        "Plant",
    )


def test_where_leaves_alone_can_be_chosen_they_alone_are_labels() -> None:
    assert control("Taxonomy", 'leafsOnly="true"', TREE).labels == ("Animal > c > Manx", "Animal > Dog", "Plant")


def test_one_name_on_two_branches_is_two_labels() -> None:
    twice = '<Choice value="a"><Choice value="x"/></Choice><Choice value="b"><Choice value="x"/></Choice>'
    assert control("Taxonomy", "", twice).labels == ("a", "a > x", "b", "b > x")


@pytest.mark.parametrize(
    ("attributes", "choices", "missing"),
    [
        ("", '<Choice value="a > b"/><Choice value="c"/>', '"a > b" holds " > "'),
        ("", '<Choice value="a"><Choice value="b"/><Choice value="b"/></Choice>', '"a > b" twice'),
        ("", '<Choice value="a"/><Choice/>', "no value"),
        ('leafsOnly="true"', '<Choice value="a"><Choice value="b"/></Choice>', "number of its choices is 1"),
        ('apiUrl="http://x"', "", "come with the tasks"),
        ('value="$tree"', "", "come with the tasks"),
        ('labeling="true"', TWO, "labels regions"),
        ('perRegion="true"', TWO, "perRegion"),
    ],
)
def test_what_a_taxonomy_lacks_is_said(attributes: str, choices: str, missing: str) -> None:
    assert missing in why_refused("Taxonomy", attributes, choices)


@pytest.mark.parametrize(
    ("tag", "attributes", "takes_none"),
    [
        ("Choices", 'choice="multiple"', True),
        ("Choices", 'choice="multiple" required="true"', False),
        ("Choices", 'choice="multiple" whenTagName="other"', False),
        ("Choices", "", False),
        ("Taxonomy", "", True),
        ("Taxonomy", 'required="True"', False),
        ("Taxonomy", 'maxUsages="1"', False),
    ],
)
def test_no_answer_says_that_no_tag_applies_where_the_form_could_have_had_one(
    tag: str, attributes: str, takes_none: bool
) -> None:
    assert control(tag, attributes).takes_none is takes_none


def test_tags_in_a_part_of_the_form_that_was_not_always_shown_need_an_answer() -> None:
    hidden = (
        f'<View visibleWhen="choice-selected"><Choices name="l" toName="image" choice="multiple">{TWO}</Choices></View>'
    )
    shown = f'<Choices name="m" toName="image" choice="multiple">{TWO}</Choices>'
    config = read_label_config(f"<View>{IMAGE}{hidden}{shown}</View>")
    assert [(each.name, each.takes_none) for each in config.controls] == [("l", False), ("m", True)]
