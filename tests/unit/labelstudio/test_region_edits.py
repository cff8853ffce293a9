"""Regions inside a result: found, hashed, changed, added, removed and put back."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errata.labelstudio.codecs import region_edits, region_results
from errata.labelstudio.codecs.region_places import overlap

PLACE = {"x": 10.0, "y": 20, "width": 30.5, "height": 40.25, "rotation": 0}
SIZE = {"original_width": 640, "original_height": 480, "image_rotation": 0}
MOVED = {"x": 11.0, "y": 22.0, "width": 30.0, "height": 40.0, "rotation": 0}


def part(region_id, name, type_, value, **more):
    return {"id": region_id, "from_name": name, "to_name": "image", "type": type_, "value": value, **SIZE, **more}


def box(region_id, label, place=PLACE, **more):
    return part(region_id, "box", "rectanglelabels", {**place, "rectanglelabels": [label]}, **more)


def split(region_id, label, place=PLACE):
    drawn = part(region_id, "rect", "rectangle", dict(place))
    return [drawn, part(region_id, "what", "labels", {**place, "labels": [label]})]


def relation(a, b):
    return {"type": "relation", "from_id": a, "to_id": b, "direction": "right", "labels": ["on"]}


@pytest.fixture
def result():
    """Two boxes with an answer about the first one, a region in two results, a relation, and an answer for the task."""
    return [
        part("t", "view", "choices", {"choices": ["front"]}),
        box("a", "car", meta={"text": ["a note"]}, origin="manual"),
        part("a", "hidden", "choices", {**PLACE, "choices": ["half"]}),
        part("a", "plate", "textarea", {**PLACE, "text": ["AB 1"]}),
        *split("s", "cat"),
        box("b", "bus", {**PLACE, "x": 60}, score=0.5),
        relation("a", "b"),
        relation("s", "b"),
    ]


@pytest.mark.parametrize(("control", "region_id", "label"), [("box", "a", "car"), ("what", "s", "cat")])
def test_a_region_is_found_by_its_id(result, control, region_id, label):
    """Its label stands with its control, whether one result says it or two."""
    assert region_edits.label(result, control, region_id) == label
    assert region_edits.value_hash(result, control, region_id)
    assert region_edits.label(result, control, "nowhere") is None
    assert region_edits.value_hash(result, "rect", region_id) is None


def test_the_hash_is_of_what_people_see(result):
    """What Label Studio's page changes on saving is no change: order, numbers' form, a rotation of 0, origin, notes."""
    saved = [copy.deepcopy(each) for each in reversed(result)]
    for each in saved:
        each |= {"origin": "prediction", "meta": {"text": ["another"]}}
        if each["type"] != "relation":
            each["value"].pop("rotation", None)
            each["value"] |= {key: float(said) for key, said in each["value"].items() if isinstance(said, int)}
    for control, region_id in (("box", "a"), ("box", "b"), ("what", "s")):
        assert region_edits.value_hash(saved, control, region_id) == region_edits.value_hash(result, control, region_id)


@pytest.mark.parametrize(
    "changed", [box("a", "bus"), box("a", "car", MOVED), box("a", "car", {**PLACE, "rotation": 0.01})]
)
def test_label_and_place_change_the_hash(changed):
    """Another label, another place, a small turn: each is another value."""
    assert region_edits.value_hash([changed], "box", "a") != region_edits.value_hash([box("a", "car")], "box", "a")


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"start": 3, "end": 9, "text": "Lee, A"}, {"start": 3.0, "end": 9}),
        (
            {"globalOffsets": {"start": 3, "end": 9}, "start": "", "end": "", "startOffset": 0, "endOffset": 0},
            {
                "globalOffsets": {"start": 3, "end": 9},
                "start": "/p[1]",
                "end": "/p[2]",
                "startOffset": 3,
                "endOffset": 1,
            },
        ),
    ],
)
def test_the_hash_of_a_span_is_its_place(given, same):
    """The page writes the span's text, and the paths into markup, by itself."""
    one, other = (part("a", "ner", "labels", {**value, "labels": ["PER"]}) for value in (given, same))
    assert region_edits.value_hash([one], "ner", "a") == region_edits.value_hash([other], "ner", "a")


def test_what_the_page_adds_to_a_place_in_markup_is_no_edit():
    """Offsets beside paths; a region of offsets alone comes back without a place. Another path is another place."""
    path = {"start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "startOffset": 0, "endOffset": 6}
    offsets = {"globalOffsets": {"start": 21, "end": 27}}

    def span(**value):
        return [part("a", "hl", "hypertextlabels", {**value, "hypertextlabels": ["I"]})]

    by_path, by_offsets = (region_results.hash_of(span(**value), "hl") for value in (path, offsets))
    assert region_results.is_as_hashed(span(**path, **offsets), "hl", by_path)
    assert region_results.is_as_hashed(span(**path, **offsets), "hl", by_offsets)
    assert region_results.is_as_hashed(span(), "hl", by_offsets)
    assert not region_results.is_as_hashed(span(**{**path, "endOffset": 4}, **offsets), "hl", by_path)
    assert not region_results.is_as_hashed([box("a", "bus")], "box", region_results.hash_of([box("a", "car")], "box"))


def test_a_new_label_leaves_every_byte_beside_it(result):
    """The label alone is replaced: where the region is, what is answered about it, all others."""
    after = region_edits.with_region(result, "box", "a", [box("", "bus")])
    assert after[1] == {**result[1], "value": {**PLACE, "rectanglelabels": ["bus"]}}
    assert after[:1] + after[2:] == result[:1] + result[2:]


def test_a_new_place_is_written_wherever_it_is_repeated(result):
    """The answers about a region say where it is too; they keep what they answer."""
    after = region_edits.with_region(result, "box", "a", [box("", "car", MOVED)])
    assert after[1]["value"] == {**MOVED, "rectanglelabels": ["car"]}
    assert after[2]["value"] == {**MOVED, "choices": ["half"]}
    assert after[3]["value"] == {**MOVED, "text": ["AB 1"]}
    assert after[1]["meta"] == {"text": ["a note"]}
    assert after[:1] + after[4:] == result[:1] + result[4:]
    after = region_edits.with_region(result, "what", "s", split("", "dog", MOVED))
    assert [after[4]["value"], after[5]["value"]] == [MOVED, {**MOVED, "labels": ["dog"]}]


def test_another_shape_takes_the_place_of_the_first(result):
    """A rectangle that should have been an ellipse: the control that draws it changes with it."""
    round_ = {"x": 25.0, "y": 40.0, "radiusX": 15.0, "radiusY": 20.0, "rotation": 0}
    value = [part("", "what", "labels", {**round_, "labels": ["cat"]}), part("", "oval", "ellipse", round_)]
    after = region_edits.with_region(result, "what", "s", value)
    assert (after[4]["from_name"], after[4]["type"], after[4]["value"]) == ("oval", "ellipse", round_)
    assert after[5]["value"] == {**round_, "labels": ["cat"]}


def test_a_region_goes_with_what_hangs_on_it(result):
    """Answers about it and relations to it mean nothing without it."""
    after = region_edits.with_region(result, "box", "a", [])
    assert after == [result[0], *result[4:7], result[8]]
    after = region_edits.with_region(result, "what", "s", [])
    assert after == [*result[:4], *result[6:8]]


def test_two_controls_may_label_one_region(result):
    """Taking away what one says leaves the region to the other."""
    result.append(part("s", "colour", "labels", {**PLACE, "labels": ["red"]}))
    after = region_edits.with_region(result, "what", "s", [])
    assert region_edits.label(after, "what", "s") is None
    assert region_edits.label(after, "colour", "s") == "red"
    assert [each["type"] for each in region_edits.parts(after, "colour", "s")] == ["rectangle", "labels"]


def test_a_region_is_added_as_a_person_would_have_drawn_it(result):
    """The given id, no score, and the size of the image as the other regions have it."""
    value = [{**box("drawn", "car", MOVED, score=0.7, meta={"text": ["x"]})}]
    for key in SIZE:
        del value[0][key]
    after = region_edits.with_region(result, "box", "new", value)
    assert after[:-1] == result
    assert after[-1] == box("new", "car", MOVED, origin="manual")


@pytest.mark.parametrize(("control", "region_id"), [("box", "a"), ("box", "b"), ("what", "s")])
def test_what_was_removed_comes_back_exactly(result, control, region_id):
    """With its answers and relations, each where it stood; also beside what others did meanwhile."""
    gone = region_edits.with_region(result, control, region_id, [])
    assert region_edits.restored(gone, result, control, region_id) == result
    edited = [*copy.deepcopy(gone), box("z", "bus")]
    back = region_edits.restored(edited, result, control, region_id)
    assert sorted(back, key=str) == sorted([*result, box("z", "bus")], key=str)


def test_a_label_comes_back_beside_what_became_of_the_others(result):
    """A region that another control labels too stands once, as people changed it since."""
    two = [*result, part("s", "age", "labels", {**PLACE, "labels": ["old"]})]
    gone = region_edits.with_region(two, "what", "s", [])
    for each in gone:
        if each.get("from_name") == "age":
            each["value"]["labels"] = ["young"]
    back = region_edits.restored(gone, two, "what", "s")
    said = {each["from_name"]: each["value"].get("labels") for each in back if each.get("id") == "s"}
    assert said == {"rect": None, "what": ["cat"], "age": ["young"]}
    assert len(back) == len(two)


def test_what_was_added_or_changed_goes_back(result):
    """Restoring what was not there takes it away; a changed one gets its value again."""
    added = region_edits.with_region(result, "box", "new", [box("new", "car", MOVED)])
    assert region_edits.restored(added, result, "box", "new") == result
    changed = region_edits.with_region(result, "box", "a", [box("", "bus", MOVED)])
    assert region_edits.restored(changed, result, "box", "a") == result


def test_a_label_accepted_from_a_prediction_is_noted_as_changed():
    """As Label Studio's page notes it."""
    (after,) = region_edits.with_region([box("a", "car", origin="prediction")], "box", "a", [box("", "bus")])
    assert after["origin"] == "prediction-changed"


def test_nothing_given_is_changed(result):
    """Every function returns a copy."""
    before = copy.deepcopy(result)
    region_edits.with_region(result, "box", "a", [box("", "bus", MOVED)])
    region_edits.with_region(result, "box", "a", [])
    region_edits.restored([], result, "box", "a")
    assert result == before


def test_overlap_is_that_of_the_shapes():
    """Boxes in one result or two, spans in any text; what cannot be read overlaps nothing."""
    one, half = [box("a", "car", {**PLACE, "width": 20})], [box("b", "bus", {**PLACE, "width": 10})]
    assert overlap(one, half) == pytest.approx(0.5)
    assert overlap(split("s", "cat", {**PLACE, "width": 20}), half) == pytest.approx(0.5)
    spans = [[part("a", "ner", "labels", {"start": 0, "end": end, "labels": ["PER"]})] for end in (10, 5)]
    assert overlap(*spans) == pytest.approx(0.5)
    turns = [
        [part("a", "p", "paragraphlabels", {"start": turn, "end": turn, "startOffset": 0, "endOffset": 5})]
        for turn in ("0", "1")
    ]
    assert overlap(turns[0], turns[0]) == 1
    assert overlap(*turns) == 0
    assert overlap(one, [part("a", "box", "rectanglelabels", {"rectanglelabels": ["car"]})]) == 0
    assert overlap(one, []) == 0


@st.composite
def drawings(draw):
    """Draw regions of one result or two in any order, some with answers about them, and relations between them."""
    ids = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5, unique=True))
    results = []
    for region_id in ids:
        place = {**PLACE, "x": draw(st.floats(0, 90)), "rotation": draw(st.sampled_from([0, 30.5]))}
        drawn = split(region_id, "cat", place) if draw(st.booleans()) else [box(region_id, "car", place)]
        results += drawn
        if draw(st.booleans()):
            results.append(part(region_id, "plate", "textarea", {**place, "text": ["x"]}))
    ends = st.tuples(st.sampled_from(ids), st.sampled_from(ids))
    results += [relation(*pair) for pair in draw(st.lists(ends, max_size=4, unique=True))]
    return draw(st.permutations(results))


@given(result=drawings(), data=st.data())
def test_whatever_is_done_to_a_region_is_undone(result, data):
    """Removed, changed or added, and restored: the drawing is what it was; all other regions are, all the while."""
    control = data.draw(st.sampled_from(["box", "what"]))
    region_id = data.draw(st.sampled_from([*region_edits.in_result(result, control), "new"]))
    value = data.draw(st.sampled_from([[], [box("", "bus", MOVED)] if control == "box" else split("", "dog", MOVED)]))
    after = region_edits.with_region(result, control, region_id, value)
    others = [each for each in result if each.get("id") not in (None, region_id)]
    assert [each for each in after if each.get("id") not in (None, region_id)] == others
    assert region_edits.with_region(after, control, region_id, value) == after
    assert (region_edits.value_hash(after, control, region_id) is None) == (value == [])
    back = region_edits.restored(after, result, control, region_id)
    assert back == result
