"""Spans, between Label Studio's JSON and regions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_studio_sdk.label_interface.interface import LabelInterface

from errata.labelstudio.codecs import spans
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.span_texts import span_text
from errata_model.records import Control, TextForm, ValueForm
from errata_model.regions.records import Region
from errata_model.regions.shapes import Box, Span

LABELS = ("PER", "ORG")
TEXT = Control("l", "spans", "text", "t", "v", LABELS, TextForm("Text"), "labels")
MARKUP = Control("l", "spans", "text", "t", "v", LABELS, TextForm("HyperText", inline="true"), "hypertextlabels")
TURNS = Control("l", "spans", "text", "t", "v", LABELS, TextForm("Paragraphs"), "paragraphlabels")
AUDIO = Control("l", "spans", "audio", "t", "v", LABELS, None, "labels")
STEPS = Control("l", "spans", "timeseries", "t", "v", LABELS, None, "timeserieslabels")
DATES = replace(STEPS, value=ValueForm(date_format="%Y-%m-%d %H:%M:%S.%L"))

# What the page of Label Studio 1.23.2 stored where "ab", "xyz" and all between them were marked.
EMOJI = "😀 ab\r\ncd <b>é</b> 😀xyz"
HTML = "<div>\n <p>😀 ab &amp; <b>cd</b>  ef<br>gh</p>\n\n<p>😀xyz</p></div>"
SAID = [{"author": "P", "text": "😀 ab cd"}, {"author": "Q", "text": "😀 xyz uv"}]

characters = st.characters(exclude_characters="\r<>&", exclude_categories=())  # with surrogates that stand alone


def result(control: Control, **value: Any) -> dict[str, Any]:
    value.setdefault(control.type, ["PER"])
    return {"id": "a", "from_name": "l", "to_name": "t", "type": control.type, "value": value, "origin": "manual"}


def only(control: Control, data: Any, **value: Any) -> tuple[float, float]:
    regions, problems, _ = spans.decode([result(control, **value)], control, data)
    assert problems == []
    shape = regions[0].shape
    assert isinstance(shape, Span)
    return shape.start, shape.end


def problem(control: Control, data: Any, **value: Any) -> str:
    regions, problems, _ = spans.decode([result(control, **value)], control, data)
    assert regions == []
    return problems[0]


@pytest.mark.parametrize(
    ("start", "end", "text"), [(2, 4, "ab"), (19, 22, "xyz"), (2, 22, "ab\\n\\ncd <b>é</b> 😀xyz")]
)
def test_what_the_page_stored_on_text_is_read_in_code_points(start: int, end: int, text: str) -> None:
    """Label Studio counts code points of <Text>, line breaks one each, and writes a line break as two characters."""
    assert only(TEXT, EMOJI, start=start, end=end, text=text) == (start, end)


def test_spans_counted_in_utf16_are_read_where_their_text_tells() -> None:
    """Tools that count UTF-16 code units are understood, since the text that they store fits no other place."""
    assert only(TEXT, EMOJI, start=3, end=5, text="ab") == (2, 4)
    assert only(TEXT, EMOJI, start=3, end=5) == (3, 5)


@pytest.mark.parametrize(
    ("start", "end", "text", "seen"),
    [(4, 6, "ab", "ab"), (21, 24, "xyz", "xyz"), (4, 24, "ab & cd ef\\ngh\\n\\n😀xyz", "ab & cd  ef\ngh\n\n😀xyz")],
)
def test_what_the_page_stored_on_markup_is_read_by_its_global_offsets(
    start: int, end: int, text: str, seen: str
) -> None:
    """globalOffsets count the code points of the markup's text nodes, with all their spaces and a <br> as one."""
    place = only(MARKUP, HTML, globalOffsets={"start": start, "end": end}, text=text)
    assert span_text(MARKUP.text, HTML)[slice(*map(int, place))] == seen  # type: ignore[arg-type]


def test_what_the_page_stored_on_paragraphs_is_read_in_utf16() -> None:
    """Offsets on <Paragraphs> are UTF-16 code units of a turn; the span is one of all turns' text."""
    assert only(TURNS, SAID, start="0", end="0", startOffset=3, endOffset=5, text="ab") == (2, 4)
    assert only(TURNS, SAID, start="1", end="1", startOffset=3, endOffset=6, text="xyz") == (10, 13)
    over_both = "ab cd\n00:00:00 - 00:00:00\n😀 xyz"
    assert only(TURNS, SAID, start="0", end="1", startOffset=3, endOffset=6, text=over_both) == (2, 13)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("a span past the end of what is labelled", {"start": 3, "end": 99}),
        ("an empty span", {"start": 3, "end": 3}),
        ("a span that ends before it begins", {"start": 5, "end": 3}),
        ("a span whose text is not what stands in its place", {"start": 0, "end": 3, "text": "nothing like it"}),
        ("a span without a place", {"start": None, "end": 3}),
        ("a span without a place", {"start": -2, "end": 3}),
        ("a span without a place", {"start": 0.5, "end": 3}),
        ("a span without a place", {"start": float("nan"), "end": 3}),
        ("a span without a place", {}),
        ("a span without a label", {"start": 0, "end": 3, "labels": []}),
        ("a span without a label", {"start": 0, "end": 3, "labels": ["PER", None]}),
    ],
)
def test_spans_that_cannot_be_used_are_named_and_the_rest_is_kept(said: str, value: dict[str, Any]) -> None:
    """One bad span is told in words, and costs no other."""
    good = result(TEXT, start=0, end=5, text="Alice")
    regions, problems, _ = spans.decode([result(TEXT, **value), good], TEXT, "Alice met Bob")
    assert problems == [said]
    assert [(region.label, region.shape) for region in regions] == [("PER", Span(0, 5))]


@pytest.mark.parametrize("labels", [["PER", "ORG"], ["DOG"], ["PER", "DOG"]])
def test_a_span_whose_labels_are_none_of_the_config_keeps_them(labels: list[str]) -> None:
    """It is one region of a class that matches none of the config's, as of boxes, and is written with all of them."""
    odd = result(TEXT, start=0, end=5, labels=labels)
    (region,), problems, _ = spans.decode([odd], TEXT, "Alice met Bob")
    assert (region.label, region.shape, problems) == (" + ".join(labels), Span(0, 5), [])
    assert spans.write(TEXT, region, None, "Alice met Bob")[0]["value"]["labels"] == labels


def test_spans_past_the_turns_are_named() -> None:
    """A turn that is not there, or shorter than the span."""
    past = "a span past the end of what is labelled"
    assert problem(TURNS, SAID, start="2", end="2", startOffset=0, endOffset=1) == past
    assert problem(TURNS, SAID, start="0", end="0", startOffset=0, endOffset=9) == past
    assert problem(TURNS, "no turns", start="0", end="0", startOffset=0, endOffset=9) == past
    assert problem(TURNS, SAID, start="1", end="0", startOffset=0, endOffset=1) == "a span that ends before it begins"


def test_a_text_in_a_file_is_not_looked_at() -> None:
    """Where the data hold an address, offsets are taken as they are; of paragraphs they mean nothing then."""
    far = Control("l", "spans", "text", "t", "v", LABELS, TextForm("Text", "url"), "labels")
    assert only(far, "http://x/y.txt", start=1000, end=1003) == (1000, 1003)
    assert spans.write(far, Region("a", "PER", Span(1000, 1003)), None, "http://x/y.txt")[0]["value"] == {
        "start": 1000,
        "end": 1003,
        "labels": ["PER"],
    }
    turns = Control("l", "spans", "text", "t", "v", LABELS, TextForm("Paragraphs", "url"), "paragraphlabels")
    assert problem(turns, "http://x", start="0", end="0", startOffset=0, endOffset=1) == (
        "a span of paragraphs that a file holds"
    )


def test_seconds_and_steps_are_read_as_they_are() -> None:
    """Audio has seconds and a channel, a time series the numbers of its time column and instants."""
    heard = result(AUDIO, start=1.25, end=3.5, channel=1)
    steps = result(STEPS, start=7, end=7, instant=True)
    assert spans.decode([heard], AUDIO, "a.wav")[0][0].shape == Span(1.25, 3.5, 1)
    assert spans.decode([steps], STEPS, "a.csv")[0][0].shape == Span(7.0, 7.0)
    assert problem(STEPS, "a.csv", start="2020-01-01", end="2020-01-02") == "a span without a place"


def test_dates_of_a_time_series_are_read_and_written_as_its_config_says() -> None:
    """In seconds; what the page would take for milliseconds is read so, and what is no date has no place."""
    said = {"start": "2024-02-29 23:59:59.250", "end": "2024-03-01 00:00:01.000", "instant": False}
    marked = result(DATES, **said)
    (region,), problems, _ = spans.decode([marked], DATES, "a.csv")
    assert problems == []
    assert isinstance(region.shape, Span)
    assert region.shape.end - region.shape.start == 1.75
    assert spans.write(DATES, region, None, "a.csv") == [{key: marked[key] for key in marked if key != "origin"}]
    assert only(DATES, "a.csv", start=1000, end=2500) == (1.0, 2.5)
    assert problem(DATES, "a.csv", start="soon", end="later") == "a span without a place"
    with pytest.raises(ValueError, match="years 1 to 9999"):
        spans.write(DATES, Region("a", "PER", Span(0, 1e20)), None, "a.csv")
    tags = '<TimeSeriesLabels name="l" toName="t"><Label value="PER"/><Label value="ORG"/></TimeSeriesLabels>'
    form = "%Y-%m-%d %H:%M:%S.%L"
    config = f'<View>{tags}<TimeSeries name="t" value="$v" timeformat="{form}"/></View>'
    assert read_label_config(config).controls == (replace(DATES, takes_none=True),)


def test_scores_of_predictions_are_kept() -> None:
    """A region's score is its own; one that is no probability is none."""
    good = result(AUDIO, start=0, end=1) | {"score": 0.25}
    bad = result(AUDIO, start=0, end=1) | {"score": 7, "id": "other"}
    assert [region.score for region in spans.decode([good, bad], AUDIO, "")[0]] == [0.25, None]


@given(st.text(characters, min_size=1), st.data())
def test_text_round_trips_in_any_script(text: str, data: st.DataObject) -> None:
    """What is written is read as the same, whatever the script, also where a surrogate stands alone."""
    start = data.draw(st.integers(0, len(text) - 1))
    region = Region("r", "ORG", Span(start, data.draw(st.integers(start + 1, len(text)))), 0.5)
    for control in (TEXT, MARKUP):
        assert spans.decode(spans.write(control, region, None, text), control, text) == ([region], [], None)


@given(st.lists(st.text(characters, min_size=1), min_size=1, max_size=4), st.data())
def test_paragraphs_round_trip_in_any_script(said: list[str], data: st.DataObject) -> None:
    """What is written is read as the same, also over several turns."""
    turns = [{"author": "A", "text": each} for each in said]
    inside = [n for n, each in enumerate("\n".join("x" * len(each) for each in said)) if each == "x"]
    start = data.draw(st.sampled_from(inside))
    end = data.draw(st.sampled_from([n + 1 for n in inside if n >= start]))
    region = Region("r", "PER", Span(start, end))
    assert spans.decode(spans.write(TURNS, region, None, turns), TURNS, turns) == ([region], [], None)


@pytest.mark.parametrize(
    ("control", "tag", "labelling", "data"),
    [
        (TEXT, "Text", "Labels", EMOJI),
        (MARKUP, "HyperText", "HyperTextLabels", HTML),
        (TURNS, "Paragraphs", "ParagraphLabels", SAID),
        (AUDIO, "Audio", "Labels", "a.wav"),
        (STEPS, "TimeSeries", "TimeSeriesLabels", "a.csv"),
        (DATES, "TimeSeries", "TimeSeriesLabels", "a.csv"),
    ],
)
def test_what_is_written_is_a_valid_prediction(control: Control, tag: str, labelling: str, data: Any) -> None:
    """Label Studio's own check of predictions takes every kind of span; the same span always gets the same id."""
    labels = "".join(f'<Label value="{label}"/>' for label in LABELS)
    config = LabelInterface(
        f'<View><{labelling} name="l" toName="t">{labels}</{labelling}><{tag} name="t" value="$v"/></View>'
    )
    region = Region("", "ORG", Span(2, 4), 0.5)
    written = spans.write(control, region, None, data)
    assert written == spans.write(control, region, None, data)
    assert not config.validate_prediction({"result": written, "score": 0.5}, return_errors=True)


def test_only_spans_inside_of_their_text_are_written() -> None:
    """A programmer's mistake is refused."""
    with pytest.raises(ValueError, match="inside of its text of 3"):
        spans.write(TEXT, Region("", "PER", Span(1, 9)), None, "abc")
    with pytest.raises(ValueError, match="must be a span"):
        spans.write(TEXT, Region("", "PER", Box(0, 0, 1, 1)), None, "abc")


@pytest.mark.parametrize(
    ("markup", "page", "inline"),
    [
        ("\n<html>\n<head><title>T</title></head>\n<body>\n<p>a</p></body>", "\na", "\n\nT\n\na"),
        ("  <style>p {}</style>\n <p>a</p>\n<p>b</p>", "a\nb", "  p {}\n a\nb"),
        ("<p>a<script>x()</script>b</p><!-- c --><p>&amp;&eacute;<br/>d</p>", "ab&é\nd", "ab&é\nd"),
        ("<pre>\nx\r\ny</pre><table>\n<tr><td>1</td> <td>2</td></tr></table>", "x\ny\n1 2", "x\ny\n1 2"),
        ("a < b <b", "a < b ", "a < b "),
        ("", "", ""),
    ],
)
def test_markup_is_counted_as_a_browser_has_its_nodes(markup: str, page: str, inline: str) -> None:
    """As on the page of Label Studio 1.23.2: in a frame of its own without the head, inline with all of it."""
    assert span_text(TextForm("HyperText"), markup) == page
    assert span_text(TextForm("HyperText", inline="true"), markup) == inline


@pytest.mark.parametrize(("written", "read"), [("", ""), (' inline="true"', "true")])
def test_a_config_tells_whether_markup_is_inline(written: str, read: str) -> None:
    """What decides how its spans are counted comes along with the control."""
    config = read_label_config(
        '<View><HyperTextLabels name="l" toName="t"><Label value="PER"/></HyperTextLabels>'
        f'<HyperText name="t" value="$v"{written}/></View>'
    )
    assert config.controls[0].kind == "spans"
    assert config.controls[0].text == TextForm("HyperText", inline=read)
