"""Answers that are no labels, as Label Studio's page writes them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from label_studio_sdk.label_interface.interface import LabelInterface

from errata.labelstudio.codecs import Codecs, value_edits, values
from errata_model.records import Control

CONFIG = """<View><Text name="text" value="$text"/><Text name="text2" value="$text2"/>
<List name="items" value="$items"/>
<Video name="video" value="$video"/><Rating name="rating" toName="text"/><Number name="number" toName="text"/>
<DateTime name="datetime" toName="text"/><TextArea name="textarea" toName="text"/>
<Pairwise name="pairwise" toName="text,text2"/><Ranker name="ranker" toName="items"/>
<VideoRectangle name="videorectangle" toName="video"/>
<Labels name="objects" toName="video"><Label value="car"/></Labels>
<TimelineLabels name="timelinelabels" toName="video"><Label value="run"/></TimelineLabels>
<Choices name="choices" toName="video" choice="multiple"><Choice value="a"/><Choice value="b"/></Choices>
<Taxonomy name="taxonomy" toName="video"><Choice value="a"><Choice value="b"/></Choice></Taxonomy></View>"""
KEY = {"frame": 1, "time": 0.04, "x": 1.5, "y": 2, "width": 10, "height": 20, "rotation": 0, "enabled": True}
TRACK = {
    "framesCount": 50,
    "duration": 2.0,
    "sequence": [KEY, {**KEY, "frame": 9, "enabled": False}],
    "labels": ["car"],
}
STRETCH = {"ranges": [{"start": 3, "end": 7}], "timelinelabels": ["run"]}
# What the page of 1.23.2 stored of each control, and the answer in words.
STORED: dict[str, tuple[dict[str, Any], str]] = {
    "rating": ({"rating": 4}, "4"),
    "number": ({"number": 3.5}, "3.5"),
    "datetime": ({"datetime": "2020-02-03T10:20"}, "2020-02-03T10:20"),
    "textarea": ({"text": ["first line\nsecond", "another"]}, "first line\nsecond\nanother"),
    "pairwise": ({"selected": "left"}, "left"),
    "ranker": ({"ranker": {"ranker": ["a", "b"]}}, "a, b"),
    "choices": ({"choices": ["a", "b"]}, "a, b"),
    "taxonomy": ({"taxonomy": [["a", "b"], ["a"]]}, "a > b, a"),
    "videorectangle": (TRACK, "car (frames 1 to 9)"),
    "timelinelabels": (STRETCH, "run (frames 3 to 7)"),
}


VIDEO = dict.fromkeys(("videorectangle", "timelinelabels", "choices", "taxonomy"), "video") | {"ranker": "items"}


def control(type_: str, name: str | None = None) -> Control:
    to_name = VIDEO.get(type_, "text")
    return Control(name or type_, "values", "other", to_name, "text", (), type=type_)


def result(type_: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    to_name = control(type_).to_name if type_ != "pairwise" else type_
    return {"id": "a1", "from_name": type_, "to_name": to_name, "type": type_, "value": value, **more}


@pytest.mark.parametrize("type_", STORED)
def test_an_answer_is_read_and_written_as_the_page_stores_it(type_: str) -> None:
    """Decoding and writing again gives the same value; the same answer gets the same id, and words that say it."""
    value, words = STORED[type_]
    answer, problem = values.decode([result(type_, value)], control(type_))
    assert problem is None
    assert Codecs().in_words(answer, control(type_)) == words
    written = values.write(control(type_), answer)
    assert [{**each, "id": "a1"} for each in written] == [{**result(type_, value), "to_name": control(type_).to_name}]
    assert written == values.write(control(type_), answer)


@pytest.mark.parametrize("type_", STORED)
def test_what_is_written_is_a_prediction_that_label_studio_takes(type_: str) -> None:
    """Label Studio's own check finds nothing wrong with a prediction of the answer."""
    answer, _ = values.decode([result(type_, STORED[type_][0])], control(type_))
    said = {"result": values.write(control(type_), answer, 0.5), "score": 0.5}
    assert LabelInterface(CONFIG).validate_prediction(said, return_errors=True) == []


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("rating", {"rating": "4"}),
        ("rating", {"rating": True}),
        ("number", {"number": float("nan")}),
        ("number", {}),
        ("datetime", {"datetime": ""}),
        ("textarea", {"text": [1]}),
        ("textarea", {"text": []}),
        ("choices", {"choices": []}),
        ("taxonomy", {"taxonomy": ["a"]}),
        ("pairwise", {"selected": "middle"}),
        ("ranker", {"ranker": ["a"]}),
        ("videorectangle", {"sequence": [{"frame": 1}]}),
        ("videorectangle", {"sequence": []}),
        ("timelinelabels", {"ranges": [{"start": 1}]}),
        ("timelinelabels", {}),
    ],
)
def test_an_answer_that_cannot_be_read_is_named(type_: str, value: dict[str, Any]) -> None:
    """What is none of the forms is a problem in words that name the control, and no answer."""
    answer, problem = values.decode([result(type_, value)], control(type_))
    assert answer is None
    assert problem is not None
    assert f'"{type_}"' in problem


def test_no_answer_several_and_another_type_are_told_apart() -> None:
    """Nothing is no answer, and of a video an answer; two ratings, or choices in a rating's place, are problems."""
    four = result("rating", {"rating": 4})
    assert values.decode([], control("rating")) == (None, None)
    assert values.decode([], control("videorectangle")) == ([], None)
    assert "several" in str(values.decode([four, four], control("rating"))[1])
    assert "no rating" in str(values.decode([{**four, "type": "choices"}], control("rating"))[1])
    assert Codecs().in_words([], control("videorectangle")) == "nothing"


def test_a_text_alone_and_a_whole_number_with_a_point_are_taken() -> None:
    """Predictions write a text without its list, and 4.0 stars: they say the same."""
    assert values.decode([result("textarea", {"text": "a"})], control("textarea")) == (["a"], None)
    answer, _ = values.decode([result("rating", {"rating": 4.0})], control("rating"))
    assert values.write(control("rating"), answer)[0]["value"] == {"rating": 4}
    assert Codecs().in_words(1234567.25, control("number")) == "1234567.25"


def test_a_predictions_certainty_is_that_of_its_least_sure_result() -> None:
    """Scores of results outrank the prediction's; without any it counts as sure, as one that cannot be read does."""
    track = result("videorectangle", TRACK)
    tracks = [{**track, "score": 0.9}, {**track, "score": 0.4}]
    assert values.certainty(tracks, 0.1, control("videorectangle")) == 0.4
    assert values.certainty([track], 0.7, control("videorectangle")) == 0.7
    assert values.certainty([], 0.7, control("videorectangle")) == 0.7
    assert values.certainty([track], None, control("videorectangle")) == 1
    assert values.certainty([{**track, "score": 7}], None, control("videorectangle")) == 1


def test_the_hash_is_of_what_was_said_alone() -> None:
    """Ids, scores, notes, a point in whole numbers and the order of objects do not matter; any other value does."""
    one, other = result("videorectangle", TRACK), result("videorectangle", {**TRACK, "labels": []})
    said = values.value_hash([one, other], "videorectangle")
    assert said == values.value_hash(
        [other, {**one, "id": "z", "score": 0.5, "meta": {"lead_time": 3}}], "videorectangle"
    )
    assert said != values.value_hash([one], "videorectangle")
    pointed = json.loads(json.dumps(one).replace(": 10,", ": 10.0,"))
    assert "10.0" in json.dumps(pointed)
    assert values.value_hash([pointed], "videorectangle") == values.value_hash([one], "videorectangle")
    assert values.value_hash([], "videorectangle") != values.value_hash([], "another")


def test_replacing_touches_the_answer_alone() -> None:
    """Everything else keeps its place and content; a single result keeps its id and notes, and says it was changed."""
    before = result("choices", {"choices": ["a"]})
    old = result("rating", {"rating": 1}, origin="prediction", meta={"lead_time": 2})
    after = {"type": "relation", "from_id": "a", "to_id": "b"}
    given = [before, old, after]
    untouched = copy.deepcopy(given)
    changed = value_edits.replaced(given, "rating", values.write(control("rating"), 4))
    assert changed == [before, {**old, "value": {"rating": 4}, "origin": "prediction-changed"}, after]
    assert given == untouched


def moving(id_: str, x: float, labels: tuple[str, ...] = ("car",), **more: Any) -> dict[str, Any]:
    keys = [{**KEY, "x": x}, {**KEY, "frame": 9, "x": x + 8}]
    return {**result("videorectangle", {**TRACK, "sequence": keys, "labels": [*labels]}), "id": id_, **more}


def ran(id_: str, start: int, end: int) -> dict[str, Any]:
    return {**result("timelinelabels", {**STRETCH, "ranges": [{"start": start, "end": end}]}), "id": id_}


def named(one: str, other: str) -> dict[str, Any]:
    return {"type": "relation", "from_id": one, "to_id": other, "direction": "right"}


@pytest.mark.parametrize(
    ("old", "answer", "ids"),
    [
        ([moving("a", 0), moving("b", 50)], [moving("x", 51), moving("y", 1)], ["b", "a"]),
        ([moving("a", 0), moving("b", 50)], [moving("x", 50, ("bus",)), moving("y", 0)], ["b", "a"]),
        ([moving("a", 0), moving("b", 0, ("bus",))], [moving("x", 0, ("bus",)), moving("y", 0)], ["b", "a"]),
        ([moving("a", 0), moving("b", 4)], [moving("x", 5), moving("y", 3), moving("z", 80)], ["b", "a", "z"]),
        ([moving("a", 0), moving("b", 50)], [moving("x", 50)], ["b"]),
        ([moving("a", 0), moving("b", 50)], [moving("b", 0), moving("x", 50)], ["b", "x"]),
        ([moving("a", 0), moving("b", 50)], [moving("x", 80), moving("y", 90)], ["x", "y"]),
        ([moving("a", 0)], [moving("x", 80)], ["a"]),
        ([moving("a", 0), moving("b", 50)], [], []),
        ([ran("a", 1, 9), ran("b", 20, 30)], [ran("x", 22, 40), ran("y", 3, 9), ran("z", 50, 60)], ["b", "a", "z"]),
    ],
)
def test_what_is_marked_on_a_video_keeps_its_id(
    old: list[dict[str, Any]], answer: list[dict[str, Any]], ids: list[str]
) -> None:
    """Of another answer, what is where an old object or stretch was is that one, whatever its labels, as a whole the
    best fit; one that a reviewer has edited says so itself, and a single one in place of a single one is always it.
    Relations, and what was answered about an object alone, go with those that nothing corresponds to, and no others.
    """
    note, said = result("textarea", {"text": ["x"]}), {**result("rating", {"rating": 3}), "id": "b"}
    others = [named("a", "b"), named("b", "n"), named("a", "n"), said, {**note, "id": "n"}]
    given = [{**note, "id": "first"}, *old, *others]
    untouched = copy.deepcopy(given)
    name = old[0]["from_name"]
    made = value_edits.replaced(given, name, [{**each, "score": 0.5} for each in answer])
    assert [each["value"] for each in values.of_control(made, name)] == [each["value"] for each in answer]
    assert [each["id"] for each in values.of_control(made, name)] == ids
    gone = {each["id"] for each in old} - set(ids)
    kept = [each for each in others if not gone & {each.get("id"), each.get("from_id"), each.get("to_id")}]
    assert [each for each in made if each.get("from_name") != name] == [given[0], *kept]
    assert not any("score" in each for each in made)
    assert value_edits.restored(made, given, name) == given == untouched
    beside = {**note, "id": "since"}
    assert value_edits.restored([*made, beside], given, name) in ([*given, beside], [*given[:-1], beside, given[-1]])


def test_what_a_track_says_beside_its_place_stays() -> None:
    """Notes and sizes of an object that another answer has elsewhere; what was as it is does not become changed."""
    old = [moving(id_, x, meta={"text": [id_]}, origin="prediction") for id_, x in (("a", 0), ("b", 50))]
    made = value_edits.replaced(old, "videorectangle", [moving("x", 51), moving("y", 0)])
    assert made == [{**old[1], "value": moving("x", 51)["value"], "origin": "prediction-changed"}, old[0]]


def test_results_of_a_video_stand_where_the_first_stood() -> None:
    """Two objects become one, none or three, with what is beside them in its place."""
    note = result("textarea", {"text": ["a"]}, id="n")
    new = [moving("x", 0), moving("y", 50), moving("z", 90)]
    made = value_edits.replaced([note, moving("a", 0), note, moving("b", 50), note], "videorectangle", new)
    assert [each["id"] for each in made] == ["n", "a", "b", "z", "n", "n"]
    assert value_edits.replaced([moving("a", 0), note], "videorectangle", []) == [note]
    assert value_edits.replaced([note], "videorectangle", new) == [note, *new]
