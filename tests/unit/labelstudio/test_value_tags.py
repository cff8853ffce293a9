"""The scale on which the answers to a tag stand, as the label config says it."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import pytest

from errata.labelstudio.value_tags import TAGS, is_part_of_tracks, value_form, wrong_value_tag
from errata_model.kinds.values.dates import DATE, DATE_AND_TIME, TIME, moment
from errata_model.kinds.values.similarity import SERVED
from errata_model.records import ValueForm


@pytest.mark.parametrize(
    ("xml", "form"),
    [
        ('<Rating name="a"/>', ValueForm(1, 5)),
        ('<Rating name="a" maxRating="10"/>', ValueForm(1, 10)),
        ('<Rating name="a" maxrating="many"/>', ValueForm(1, 5)),
        ('<Number name="a" min="0" max="2.5"/>', ValueForm(0, 2.5)),
        ('<Number name="a" max="x"/>', ValueForm()),
        ('<DateTime name="a"/>', ValueForm(date_format=DATE_AND_TIME)),
        ('<DateTime name="a" only="date"/>', ValueForm(date_format=DATE)),
        ('<DateTime name="a" only="time" format="%H h"/>', ValueForm(date_format=TIME)),
        ('<DateTime name="a" only="date,time"/>', ValueForm(date_format=DATE_AND_TIME)),
        ('<DateTime name="a" only="month, year" format="%m/%Y"/>', ValueForm(date_format="%m/%Y")),
        (
            '<DateTime name="a" only="year" min="2000" max="2020-12-31"/>',
            ValueForm(moment("2000-01-01"), moment("2020-12-31"), DATE),
        ),
        ('<TextArea name="a"/>', ValueForm()),
    ],
)
def test_a_tag_says_on_what_scale_its_answers_stand(xml: str, form: ValueForm) -> None:
    """Ends and formats are those that Label Studio's page goes by; what cannot be read counts as not said."""
    assert value_form(fromstring(xml)) == form


def test_every_tag_has_a_similarity() -> None:
    """What a config can ask for is what two answers can be compared by."""
    assert sorted([*(tag.lower() for tag in TAGS), "choices", "taxonomy"]) == sorted(SERVED)


@pytest.mark.parametrize(
    ("xml", "named"),
    [
        ('<Rating name="a" toName="x" perRegion="true"/>', "perRegion"),
        ('<TextArea name="a" toName="x" peritem="True"/>', "perItem"),
        ('<Pairwise name="a" toName="x"/>', "two are needed"),
        ('<Number name="a" toName="x,y"/>', "several objects"),
    ],
)
def test_what_keeps_a_tag_from_being_audited_is_named(xml: str, named: str) -> None:
    """One answer a task is needed, about one object, or about two that are compared."""
    assert named in " ".join(wrong_value_tag(fromstring(xml)))


def test_tags_that_can_be_audited_have_nothing_against_them() -> None:
    """A rating of one object and a comparison of two are in order."""
    for xml in ('<Rating name="a" toName="x"/>', '<Pairwise name="a" toName="x, y"/>'):
        assert list(wrong_value_tag(fromstring(xml))) == []


def test_labels_of_tracked_objects_are_part_of_the_tracks() -> None:
    """<Labels> beside <VideoRectangle> hold nothing of their own; of another object they do."""
    tags = ('VideoRectangle name="box" toName="v"', 'Labels name="l" toName="v"', 'Labels name="m" toName="w"')
    elements = list(fromstring("<View>" + "".join(f"<{tag}/>" for tag in tags) + "</View>").iter())
    assert [is_part_of_tracks(each, elements) for each in elements if each.tag == "Labels"] == [True, False]
