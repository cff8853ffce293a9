import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errata.labelstudio.markup import visible_text
from errata.labelstudio.texts import TAGS, is_address, text_of

TURNS = [{"author": "Ann", "text": "Hello,\nyou"}, {"author": "Bob", "text": "Hi <b>"}]
PAGE = """<!DOCTYPE html><html><head><title>Not shown</title><style>p { color: red }</style></head><body>
<!-- <p>nor this</p> --><h1>Opening&nbsp;hours</h1><p>Mon<b>day</b>
to Fri&shy;day<br>9 &lt; 12 &amp;amp;</p><script>var a = "</p>not this";</script>
<ul><li>one<li>two</ul><table><tr><td>a</td><td title="x>y">b</td></tr></table><noscript>no</noscript></body></html>"""


def test_html_is_read_as_it_is_seen():
    """A line a block, entities resolved once, spaces as a browser has them; no head, script, style or comment."""
    assert text_of(PAGE, "HyperText", {}).split("\n") == [
        "Opening hours",
        "Monday to Fri\u00adday",
        "9 < 12 &amp;",
        "one",
        "two",
        "a b",
    ]


@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        ("a < b and c > d, 1<2", "a < b and c > d, 1<2"),
        ("<p>one<p>two", "one\ntwo"),
        ("</b></p>text<b><i>bold</b></i>", "textbold"),
        ('<a href="x>text</a> more', "text more"),
        ("<p title=\"a > b\" class='c>d'>in</p>", "in"),
        ("before<script>never closed", "before"),
        ("<SCRIPT>x</Script >after", "after"),
        ("<script src='x'/>after", "after"),
        ("<style>a</styled></style>b", "b"),
        ("<!-- never closed <p>x", ""),
        ("<![CDATA[x]]>y<?php echo 1 ?>z", "yz"),
        ("&lt;script&gt;shown&lt;/script&gt;", "<script>shown</script>"),
        ("<<b>>", "<>"),
        ("shown<b", "shown"),
        ("a<!-->b<!--->c<!---->d", "abcd"),
        ("</>a</ b>c<1>d", "ac<1>d"),
        ("<x-mark>c</x-mark>d", "cd"),
        ("", ""),
    ],
)
def test_broken_html_is_read_as_browsers_do(markup, seen):
    """What is never closed, closed twice, crossed or quoted by halves loses no text that a reader sees."""
    found = visible_text(markup)
    assert found.replace("\n", " ").split() == seen.replace("\n", " ").split()


@pytest.mark.parametrize(
    "part", ["<a ", "<!--", '<a b="', "<a b='x\" ", "</", "<![CDATA[", "<div>", "<script>", "&#x", "\n "]
)
def test_hostile_html_takes_linear_time(part):
    """A megabyte of what holds a backtracking parser for hours is read while a test may wait."""
    assert isinstance(visible_text(part * (1_000_000 // len(part))), str)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["<", ">", "/", "a", "p", "script", " ", '"', "'", "=", "!--", "-->", "&lt;", "x y"])))
def test_any_markup_is_read(parts):
    """Nothing fails, and where there is no mark at all the text is as it was."""
    markup = "".join(parts)
    found = visible_text(markup)
    if not set(markup) & set("<&"):
        assert found.split() == markup.split()


def test_text_is_read_as_it_is():
    """A <Text> is no HTML; what is no string is read as JSON writes it, and a list by lines."""
    assert text_of(" 1 <b>&amp;\n2 ", "Text", {}) == "1 <b>&amp;\n2"
    assert [text_of(value, "Text", {}) for value in (3, 2.5, True, None, ["a", 1, None], {"a": "é"})] == [
        "3",
        "2.5",
        "true",
        "",
        "a\n1",
        '{"a": "é"}',
    ]


def test_dialogues_are_turns_with_their_speakers():
    """By the keys that the config names, in any case of its attributes."""
    assert text_of(TURNS, "Paragraphs", {}) == "Ann: Hello,\nyou\nBob: Hi <b>"
    turns = [{"who": "A", "says": "x", "text": "no"}, {"says": "y"}, {"who": "B"}]
    assert text_of(turns, "Paragraphs", {"namekey": "who", "textKey": "says"}) == "A: x\ny"


def test_a_dialogue_may_be_json_text():
    """The content of a file that an address leads to."""
    assert text_of(json.dumps(TURNS), "Paragraphs", {"valueType": "url"}) == text_of(TURNS, "Paragraphs", {})


def test_tables_are_their_cells():
    """An object is names and values by name, a list of objects a head and rows, other lists a line an item."""
    assert text_of({"b": 1, "A": None, "c": {"x": [1]}}, "Table", {}) == 'A:\nb: 1\nc: {"x": [1]}'
    assert text_of([{"a": 1, "b": "x  y"}, {"b": 2, "c": "z"}, 7], "Table", {}) == "a | b | c\n1 | x y\n2 | z"
    assert text_of([1, "a", [2]], "Table", {}) == "1\na\n2"
    assert text_of('{"a": 1}', "Table", {"valueType": "json"}) == "a: 1"


def test_tables_may_be_csv():
    """With the separator that the config names, or the one that the first line has most of."""
    content = 'name;said\nAnn;"Hello; you"\n'
    assert text_of(content, "Table", {"valueType": "csv|separator=;|url"}) == "name | said\nAnn | Hello; you"
    assert text_of("a,b\n1,2", "Table", {"valuetype": "csv"}) == "a | b\n1 | 2"
    assert text_of("a\tb,c\td\n1\t2\t3", "Table", {"valueType": "csv"}) == "a | b,c | d\n1 | 2 | 3"
    assert text_of('a,"b\nnever closed', "Table", {"valueType": "csv"}).startswith("a | b")


def test_lists_are_the_text_of_their_items():
    """Title, body and HTML; the id only where there is nothing else."""
    items = [{"id": 1, "title": "T", "body": "B <i>", "html": "<p>H<script>x</script>"}, {"id": "only"}, "s", None]
    assert text_of(items, "List", {"title": "shown by the page, of no task"}) == "T\nB <i>\nH\nonly\ns"


def test_what_is_an_address_is_told():
    """By the value type, which a table writes with others."""
    assert [is_address("Text", {"valueType": kind}) for kind in ("url", "text", "")] == [True, False, False]
    assert is_address("Paragraphs", {"valuetype": "url"})
    assert not is_address("HyperText", {})
    kinds = ("csv|url", "json,url", "csv|separator=;|url", "csv|separator=;", "json", "url")
    assert [is_address("Table", {"valueType": kind}) for kind in kinds] == [True, True, True, False, False, False]


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("[1, {"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(
    HOSTILE,
    st.sampled_from(TAGS),
    st.dictionaries(st.sampled_from(["valueType", "nameKey"]), st.sampled_from(["csv", "csv|separator=", "json", ""])),
)
def test_any_data_are_read(value, tag, attributes):
    """Whatever a task holds, there is a text and never an error."""
    assert isinstance(text_of(value, tag, attributes), str)


def test_data_nested_without_end_are_read():
    """A thousand levels, as data and as JSON text, neither fail nor crash."""
    value: list = []
    for _ in range(100_000):
        value = [value]
    for tag in TAGS:
        assert isinstance(text_of(value, tag, {}), str)
        assert isinstance(text_of("[" * 100_000, tag, {}), str)
        assert isinstance(text_of('{"a":' * 100_000, tag, {}), str)


def test_another_tag_is_an_error():
    """A <Video> has no text."""
    with pytest.raises(ValueError, match="Video"):
        text_of("x", "Video", {})
