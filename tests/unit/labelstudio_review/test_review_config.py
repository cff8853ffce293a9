"""The review project's label config."""

from xml.etree import ElementTree as ET

import pytest

from errata.errors import ConfigNotServed
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.review_config import (
    Columns,
    choose_columns,
    note_control,
    read_columns,
    review_config,
    verdict_control,
)
from errata.review.records import DECISIONS
from errata_model.records import Control

SOURCE = (
    '<View><Image name="image" value="$image"/><Choices name="label" toName="image" required="true" '
    'requiredMessage="Label it"><Choice value="car"/><Choice value="truck"/></Choices></View>'
)

TAGS = (Control("label", "tags", "image", "image", "image", ("car", "truck")),)


def verdict_of(xml: str, name: str = "errata_verdict") -> ET.Element:
    (found,) = [tag for tag in ET.fromstring(xml).iter("Choices") if tag.get("name") == name]
    return found


def test_every_decision_is_offered_once():
    """The stored values are the decisions, each with its text and key, and one is required."""
    verdict = verdict_of(review_config(SOURCE, ()))
    offered = {(c.get("alias"), c.get("value"), c.get("hotkey")) for c in verdict}
    assert offered == {
        ("keep", "The label is right", "q"),
        ("take_proposal", "Use the suggestion", "w"),
        ("fix", "I corrected it above", "r"),
        ("wrong", "Wrong, but I do not know what it is", "x"),
        ("unusable", "Cannot be used", "e"),
        ("unclear", "Can't tell", "n"),
    }
    assert [choice.get("alias") for choice in verdict] == list(DECISIONS)
    assert (verdict.get("required"), verdict.get("choice"), verdict.get("toName")) == ("true", "single", "image")


def test_a_tag_may_be_right_where_it_is_missing():
    """Of tags the first decision says so; what is stored is the same."""
    (first, *_) = verdict_of(review_config(SOURCE, (), controls=TAGS))
    assert (first.get("alias"), first.get("value"), first.get("hotkey")) == ("keep", "Right as it is", "q")


def test_nothing_of_the_source_is_required():
    """What has no right label can be judged all the same."""
    root = ET.fromstring(review_config(SOURCE, ()))
    (label,) = [tag for tag in root.iter("Choices") if tag.get("name") == "label"]
    assert "required" not in label.attrib
    assert "requiredMessage" not in label.attrib


def test_the_source_controls_are_served_as_before():
    """Names, labels and what they point to are those of the source."""
    served = read_label_config(review_config(SOURCE, ())).controls
    assert served[0] == read_label_config(SOURCE).controls[0]


@pytest.mark.parametrize("taken", [{"q"}, {"Q"}, {"ctrl+q", "q,1"}])
def test_the_sources_keys_stay_its_own(taken):
    """A key that the source gives is not given again; keys with modifiers are others."""
    keys = [choice.get("hotkey") for choice in verdict_of(review_config(SOURCE, taken))]
    assert "q" not in keys
    assert len(set(keys)) == len(keys) == 6


def test_keys_run_out():
    """Where the source takes every letter, the decisions have none rather than a double one."""
    letters = set("abcdefghijklmnopqrstuvwxyz")
    assert all(choice.get("hotkey") is None for choice in verdict_of(review_config(SOURCE, letters)))


def test_names_that_the_source_has_are_not_used_twice():
    """A source with a control of ours keeps it."""
    source = SOURCE.replace('name="label"', 'name="errata_verdict"')
    assert verdict_control(source) == "errata_verdict_2"
    assert note_control(source) == "errata_note"
    verdict_of(review_config(source, ()), "errata_verdict_2")


def test_a_size_and_a_layout_that_the_source_gives_stay():
    """Only what the source leaves open is made smaller."""
    source = SOURCE.replace("<Image ", '<Image maxHeight="9px" ').replace("<Choices ", '<Choices layout="vertical" ')
    root = ET.fromstring(review_config(source, ()))
    (image,) = root.iter("Image")
    assert image.get("maxHeight") == "9px"
    assert next(root.iter("Choices")).get("showInline") is None


@pytest.mark.parametrize(
    ("keys", "prefix"),
    [
        (["image"], ""),
        (["image", "why"], "errata_"),
        (["image", "why", "errata_finding"], "errata2_"),
    ],
)
def test_columns_collide_with_no_key_and_are_found_again(keys, prefix):
    """The prefix is only there on a clash, and stands in the config for the next process to read."""
    columns = choose_columns(SOURCE, keys)
    assert columns == Columns(prefix)
    assert read_columns(review_config(SOURCE, (), columns)) == columns


def test_a_variable_of_the_config_counts_as_a_key():
    """A source that shows $question has that key, also before its first task."""
    source = SOURCE.replace("<View>", '<View><Header value="Q: $question"/>')
    assert choose_columns(source, []) == Columns("errata_")


def test_a_copy_of_a_copy_is_refused():
    """Where every prefix is taken, the error says what to look at."""
    keys = ["why", "errata_why", "errata2_why", "errata3_why"]
    with pytest.raises(ConfigNotServed, match="Is this a review project"):
        choose_columns(SOURCE, keys)


def test_a_config_without_a_control_is_refused():
    """There is nothing to ask about; the error shows a control that would do."""
    with pytest.raises(ConfigNotServed, match="toName"):
        review_config('<View><Image name="image" value="$image"/></View>', ())


def test_a_long_text_scrolls_by_itself() -> None:
    """The choices and the decision below stay in sight; a text that is shown twice is bounded twice."""
    source = (
        '<View><Text name="text" value="$text"/><View><HyperText name="page" value="$page"/></View>'
        '<Choices name="label" toName="text"><Choice value="a"/><Choice value="b"/></Choices></View>'
    )
    root = ET.fromstring(review_config(source, ()))
    views = {view[0].tag: view.get("style") or "" for view in root.iter("View") if len(view) == 1}
    assert all("overflow-y: auto" in views[tag] and "max-height" in views[tag] for tag in ("Text", "HyperText"))
    assert [tag.get("name") for tag in root.iter() if tag.tag in ("Text", "HyperText", "Choices")][:3] == [
        "text",
        "page",
        "label",
    ]


def test_what_is_labelled_shares_the_room() -> None:
    """A picture and a text of one task are lower than one of them alone, and their labels stay in sight."""
    text = '<Text name="text" value="$text"/>'
    alone = ET.fromstring(review_config(SOURCE, ()))
    both = ET.fromstring(review_config(SOURCE.replace("<Choices", f"{text}<Choices", 1), ()))
    (image_alone,), (image,) = alone.iter("Image"), both.iter("Image")
    assert "/ 1" in str(image_alone.get("maxHeight"))
    assert "/ 2" in str(image.get("maxHeight"))
    (around,) = (view for view in both.iter("View") if any(tag.tag == "Text" for tag in view))
    assert "/ 2" in str(around.get("style"))


def test_the_items_of_a_list_scroll_where_they_are_shown() -> None:
    """Label Studio shows them in the <Ranker>; without bounds the decision would lie over the labels."""
    source = (
        '<View><List name="items" value="$items"/><Ranker name="rank" toName="items"/>'
        '<Choices name="topic" toName="items"><Choice value="a"/><Choice value="b"/></Choices></View>'
    )
    root = ET.fromstring(review_config(source, ()))
    (around,) = (view for view in root.iter("View") if any(tag.tag == "Ranker" for tag in view))
    assert "overflow-y: auto" in around.get("style", "")


def test_a_taxonomy_shows_paths_as_the_question_writes_them() -> None:
    """Given labels read as in the question; what the source sets itself stays, in any case."""
    source = (
        '<View><Text name="text" value="$text"/><Taxonomy name="topic" toName="text" {}>'
        '<Choice value="a"><Choice value="b"/></Choice></Taxonomy></View>'
    )
    (taxonomy,) = ET.fromstring(review_config(source.format(""), ())).iter("Taxonomy")
    assert (taxonomy.get("showFullPath"), taxonomy.get("pathSeparator")) == ("true", " > ")
    own = 'showfullpath="false" minWidth="9px"'
    (taxonomy,) = ET.fromstring(review_config(source.format(own), ())).iter("Taxonomy")
    assert (taxonomy.get("showfullpath"), taxonomy.get("showFullPath"), taxonomy.get("minWidth")) == (
        "false",
        None,
        "9px",
    )


def test_all_of_a_time_series_and_the_timeline_of_a_video_are_in_sight() -> None:
    """A region beyond the first quarter would not be seen, nor what the decision lies over; the source's sizes stay."""
    labels = '<Label value="a"/>'
    source = (
        '<View><TimeSeries name="s" value="$s"><Channel column="x"/><Channel column="y" height="99"/></TimeSeries>'
        f'<TimeSeriesLabels name="l" toName="s">{labels}</TimeSeriesLabels><Video name="v" value="$v"/>'
        f'<Video name="w" value="$w" height="500"/><TimelineLabels name="t" toName="v">{labels}</TimelineLabels></View>'
    )
    root = ET.fromstring(review_config(source, ()))
    assert [(tag.tag, tag.get("height")) for tag in root.iter() if tag.get("height")] == [
        ("Channel", "120"),
        ("Channel", "99"),
        ("Video", "240"),
        ("Video", "500"),
    ]
    assert [tag.get("overviewWidth") for tag in root.iter("TimeSeries")] == ["100%"]


def test_a_picture_leaves_room_for_every_answer_beside_its_regions() -> None:
    """A row each, but for what is asked about a region that somebody has chosen."""

    def height(*more: str) -> str | None:
        boxes = '<RectangleLabels name="b" toName="i"><Label value="a"/></RectangleLabels>'
        xml = f'<View><Image name="i" value="$i"/>{boxes}{"".join(more)}</View>'
        root = ET.fromstring(review_config(xml, (), controls=read_label_config(xml).controls))
        return next(root.iter("Image")).get("maxHeight")

    asked = '<Rating name="r" toName="i"/>'
    assert "- 0px" in str(height())
    assert "- 96px" in str(height(asked, asked.replace('"r"', '"s"')))
    assert height(asked.replace("/>", ' perRegion="true"/>')) == height()
