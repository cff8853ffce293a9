"""Spans that are no such thing: each is named and counted, and the rest is ranked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Any]
LABELS = '<Label value="PER"/><Label value="ORG"/>'
TEXTS = f'<View><Text name="of" value="$text"/><Labels name="ner" toName="of">{LABELS}</Labels></View>'
SOUNDS = TEXTS.replace("<Text", "<Audio")
TURNS = f"""<View><Paragraphs name="of" value="$text" nameKey="who" textKey="said"/>
<ParagraphLabels name="ner" toName="of">{LABELS}</ParagraphLabels></View>"""
SAID = "Mr Smith works for Acme now."
N = 20
ENDLESS = 10**400  # JSON has it, and no float does


@dataclass
class Spans:
    """An export of annotations and predictions."""

    folder: Path
    config: str
    tasks: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "media").mkdir()

    def add(self, shown: Any, given: list[Any], predicted: list[Any] | None = None) -> int:
        """Add a task with an annotation; return its id."""
        task_id = len(self.tasks) + 1
        annotations = [{"id": 100 + task_id, "completed_by": 1, "result": given}]
        predictions = [] if predicted is None else [{"model_version": "m", "score": 0.9, "result": predicted}]
        task = {"id": task_id, "data": {"text": shown}, "annotations": annotations, "predictions": predictions}
        self.tasks.append(task)
        return task_id


def span(start: Any, end: Any, region_id: Any = "o", label: str = "PER", **value: Any) -> dict[str, Any]:
    about = {"id": region_id, "from_name": "ner", "to_name": "of", "type": "labels"}
    return {**about, "value": {"start": start, "end": end, "labels": [label], **value}}


def said(first: str, begin: int, last: str, end: int, region_id: str = "o", label: str = "PER") -> dict[str, Any]:
    value = {"start": first, "end": last, "startOffset": begin, "endOffset": end, "paragraphlabels": [label]}
    return {"id": region_id, "from_name": "ner", "to_name": "of", "type": "paragraphlabels", "value": value}


def usual() -> list[Any]:
    return [span(3, 8, "a"), span(19, 23, "b", "ORG")]


@pytest.fixture
def begun(tmp_path: Path) -> Make:
    """Begin an export with twenty tasks on which people and a model agree, and one in which the second is not found."""

    def begin(config: str, shown: Any = SAID, usually: Callable[[], list[Any]] = usual) -> Spans:
        made = Spans(tmp_path, config)
        for _ in range(N):
            made.add(shown, usually(), usually())
        made.add(shown, usually(), usually()[:1])
        return made

    return begin


def assert_the_rest_is_ranked(heard: Any) -> None:
    """Every usual span has its place, the doubtful one before the others, and every number is one."""
    places = [(each["task"], each["region"]) for each in heard.findings if each["task"] <= N + 1]
    assert sorted(places) == [(task, region) for task in range(1, N + 2) for region in "ab"]
    assert places[0] == (N + 1, "b")
    found = [each["disagreement"] for each in heard.findings]
    assert found == sorted(found, reverse=True)
    assert all(0 <= each <= 1 for each in found)
    assert "Warning" not in heard.told


ODD_TEXTS = {
    "annotations with a span past the end of what is labelled": [span(3, 500)],
    "annotations with a span that ends before it begins": [span(8, 3)],
    "annotations with an empty span": [span(3, 3)],
    "annotations with a span without a place": [
        span(at, 8) for at in (-1, 2.5, None, "x", math.nan, math.inf, ENDLESS, True, [1])
    ],
    "annotations with a span whose text is not what stands in its place": [span(3, 8, text="Jones")],
    "annotations with a span without a label": [span(3, 8, labels=each) for each in ([], None, "PER", [None])],
    "annotations with a span with an id that another one has": [span(3, 8, "a")],
    'annotations with an answer for "ner" that is no span': [
        *(span(3, 8) | {"value": each} for each in (None, [1])),
        span(3, 8) | {"type": "choices"},
    ],
    "regions without an id": [span(9, 14, each) for each in (None, "", 7)],
}


@pytest.mark.parametrize("what", ODD_TEXTS)
def test_what_is_no_span_is_named_and_the_others_of_its_annotation_are_ranked(
    begun: Make, audit: Make, what: str
) -> None:
    """Nothing is found about it, given or predicted; predicted alone it does not say that nothing is there."""
    made = begun(TEXTS)
    odd = [made.add(SAID, [*usual(), each], usual()) for each in ODD_TEXTS[what]]
    heard = audit(made, "--belief", "stored", "--json", "--all")
    told = {line: n for line, n in heard.summary["skipped"].items() if what in line}
    assert sum(told.values()) == len(odd)
    for task in odd:
        assert {each["region"] for each in heard.findings if each["task"] == task} == {"a", "b"}
    assert_the_rest_is_ranked(heard)


@pytest.mark.parametrize("labels", [["PER", "ORG"], ["LOC"]])
def test_a_span_whose_label_is_none_of_the_config_is_likely_wrong(begun: Make, audit: Make, labels: list[str]) -> None:
    """It is named, has its place in the queue, and nobody is told that what stands there is missing.

    Several labels, or one that was renamed in the config since. Predicted it says nothing.
    """
    made = begun(TEXTS)
    spoiled = [each | {"value": each["value"] | {"labels": labels}} for each in usual()[:1]]
    odd = made.add(SAID, [*spoiled, *usual()[1:]], usual())
    made.add(SAID, usual(), [*spoiled, *usual()[1:]])
    heard = audit(made, "--belief", "stored", "--json", "--all")
    found = [each for each in heard.findings if each["task"] == odd]
    assert {each["region"] for each in found} == {"a", "b"}
    said = " + ".join(labels)
    assert (found[0]["region"], found[0]["label"]) == ("a", said)
    assert max(found[0]["detectors"], key=found[0]["detectors"].get) == "wrong_class"
    assert found[0]["proposal"]["value"]["value"]["labels"] == usual()[0]["value"]["labels"]
    told = [line for line in heard.summary["skipped"] if f'that the config does not have: "{said}"' in line]
    assert [line.split(" that ")[0] for line in sorted(told)] == [
        "labels of regions",
        'predicted regions of "m" with a label',
    ]


@pytest.mark.parametrize("what", [what for what in ODD_TEXTS if what.startswith("annotations") and "id" not in what])
def test_a_prediction_of_no_span_does_not_say_that_nothing_is_there(begun: Make, audit: Make, what: str) -> None:
    """It is counted with its version."""
    made = begun(TEXTS)
    odd = [made.add(SAID, usual(), [each]) for each in ODD_TEXTS[what]]
    heard = audit(made, "--belief", "stored", "--json", "--all")
    assert heard.summary["skipped"][what.replace("annotations", 'predictions of "m"')] == len(odd)
    assert {each["task"] for each in heard.findings} == set(range(1, N + 2))
    assert_the_rest_is_ranked(heard)


@pytest.mark.parametrize(
    ("text", "start", "end", "written"),
    [
        ("👨‍👩‍👧 Anna 😀 went", 6, 10, "Anna"),
        ("👨‍👩‍👧 Anna 😀 went", 9, 13, "Anna"),  # counted in UTF-16 code units, as some tools do
        ("ذهبت آنا إلى أكمي اليوم", 5, 8, "آنا"),
        ("e\u0301a\u0301 Anna", 5, 9, "Anna"),
        ("ab\ud800cd Anna", 6, 10, "Anna"),
        ("a\0b Anna\r\nfoo", 4, 8, "Anna"),
        ("x" * 20_000, 0, 20_000, None),
    ],
)
@pytest.mark.parametrize("belief", ["stored", "own"])
def test_spans_of_any_text_are_ranked(
    begun: Make, audit: Make, belief: str, text: str, start: int, end: int, written: str | None
) -> None:
    """Emoji, right to left, joined characters, half a character, control characters, and one long word."""
    made = begun(TEXTS)
    for number in range(N):
        name = f"{'ABCDEFGH'[number % 8]}{'abcdefgh'[number // 8]}rta"
        made.add(f"Today {name} came by.", [span(6, 6 + len(name))], [])
    given = [span(start, end) if written is None else span(start, end, text=written)]
    odd = made.add(text, given, given)
    heard = audit(made, "--belief", belief, "--json", "--all")
    found = [each for each in heard.findings if each["task"] == odd and each["region"]]
    assert [each["label"] for each in found] == ["PER"]
    assert all(0 <= each["disagreement"] <= 1 for each in heard.findings)
    assert not heard.summary["skipped"]


def test_spans_that_overlap_are_all_ranked(begun: Make, audit: Make) -> None:
    """The same words twice, with another label, and inside of a longer one: each has its place."""
    made = begun(TEXTS)
    given = [*usual(), span(3, 8, "c"), span(3, 8, "d", "ORG"), span(0, 14, "e")]
    odd = made.add(SAID, given, usual())
    heard = audit(made, "--belief", "stored", "--json", "--all")
    found = {each["region"]: each["disagreement"] for each in heard.findings if each["task"] == odd}
    assert set(found) == set("abcde")
    assert min(found[each] for each in "cde") > max(found[each] for each in "ab")
    assert_the_rest_is_ranked(heard)


def test_spans_across_turns_and_past_them(begun: Make, audit: Make) -> None:
    """One from a turn into another is ranked; one past the last turn, or past a turn's end, is counted."""
    dialogue = [{"who": "Ann", "said": "Hello Anna 😀 here"}, {"who": "Bob", "said": "from Acme now"}]
    made = begun(TURNS, dialogue, lambda: [said("0", 6, "0", 10, "a"), said("1", 5, "1", 9, "b", "ORG")])
    across = made.add(dialogue, [said("0", 6, "1", 4)], [said("0", 6, "1", 4)])
    for given in (said("7", 0, "9", 3), said("0", 6, "0", 300), said("1", 0, "0", 3), said("-1", 0, "0", 3)):
        made.add(dialogue, [given], [])
    for shown in ("no turns", [{}], [None, 3], [{"who": "Ann", "said": None}], {"said": "x"}):
        made.add(shown, [said("0", 0, "0", 3)], [])
    heard = audit(made, "--belief", "stored", "--json", "--all")
    assert [each["region"] for each in heard.findings if each["task"] == across] == ["o"]
    assert {each["task"] for each in heard.findings} == set(range(1, across + 1))
    counted = {what.split(" (")[0]: n for what, n in heard.summary["skipped"].items()}
    assert counted["annotations with a span past the end of what is labelled"] == 7
    assert counted["annotations with a span that ends before it begins"] == 1
    assert counted["annotations with a span without a place"] == 1
    assert_the_rest_is_ranked(heard)


def test_stretches_of_sounds_of_any_length(begun: Make, audit: Make) -> None:
    """Before the beginning, of a picosecond, or longer than anything: no number leaves its range, nothing warns."""
    made = begun(SOUNDS, "a.wav")
    odd = [span(-5, -2), span(3, 3 + 1e-12), span(-1e99, 1e99), span(4, 5, channel="x"), span("9.5", "10")]
    tasks = [made.add("a.wav", [*usual(), each], [*usual(), each]) for each in odd]
    made.add("a.wav", [*usual(), span(-1e308, 1e308)], usual())
    heard = audit(made, "--belief", "stored", "--json", "--all")
    assert {each["task"] for each in heard.findings if each["region"] == "o"} == set(tasks)
    assert sum(heard.summary["skipped"].values()) == 1
    assert_the_rest_is_ranked(heard)
