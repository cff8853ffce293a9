"""Tags and taxonomies, between Label Studio's JSON and labels."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_studio_sdk.label_interface.interface import LabelInterface

from errata.labelstudio.codecs import Codecs, Decoded
from errata_model.records import Control

TAGS = Control("tags", "tags", "image", "image", "image", ("cat", "dog", "a/ü", "new > old"))
PATHS = Control(
    "tree", "tags", "image", "image", "image", ("Animal", "Animal > Cat", "Animal > Dog", "Plant"), type="taxonomy"
)
PATH = Control("path", "taxonomy", "image", "image", "image", PATHS.labels, type="taxonomy")
CODECS = Codecs()
CONTROLS = pytest.mark.parametrize("control", [TAGS, PATHS], ids=lambda control: str(control.type))


def answer(control: Control, *labels: str, **fields: Any) -> dict[str, Any]:
    stored = [label.split(" > ") for label in labels] if control.type == "taxonomy" else list(labels)
    said = {"from_name": control.name, "to_name": "image", "type": control.type, "value": {control.type: stored}}
    return {"id": "aB3", **said, **fields}


def subsets(control: Control) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(control.labels), unique=True)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_others = st.lists(st.fixed_dictionaries({"from_name": st.sampled_from(["note", "box"]), "value": _json}), max_size=3)


@CONTROLS
@given(data=st.data(), before=_others, after=_others, meta=_json)
def test_one_tag_changes_and_nothing_else(
    control: Control, data: st.DataObject, before: list[Any], after: list[Any], meta: Any
) -> None:
    """Every other tag, region, id and field stays; back again, the result is as it was, but for the tags' order."""
    tags, tag = data.draw(subsets(control)), data.draw(st.sampled_from(control.labels))
    region = answer(control, *tags, meta=meta, origin="manual")
    result = [*before, *([region] if tags else []), *after]
    untouched = copy.deepcopy(result)
    wanted = None if tag in tags else tag

    changed = CODECS.replaced(
        result, control.name, None, wanted, tag, form=CODECS.form([answer(control, tag)], control.name)
    )

    assert result == untouched
    assert CODECS.tags(changed, control.name) == frozenset(tags) ^ {tag}
    assert CODECS.label(changed, control.name, None, tag) == wanted
    assert [each for each in changed if each["from_name"] != control.name] == before + after
    left = [each for each in changed if each["from_name"] == control.name]
    assert len(left) == bool(frozenset(tags) ^ {tag})
    if tags and left:
        left[0]["value"] = region["value"]
        assert left[0] == region

    form = CODECS.form(result, control.name) or CODECS.form(changed, control.name)
    back = CODECS.replaced(changed, control.name, None, None if wanted else tag, tag, form=form)
    assert CODECS.tags(back, control.name) == frozenset(tags)
    assert CODECS.value_hash(back, control.name, None, tag) == CODECS.value_hash(result, control.name, None, tag)


@CONTROLS
@given(data=st.data())
def test_a_prediction_says_its_tags_in_one_region(control: Control, data: st.DataObject) -> None:
    """Label Studio's page shows the last of several alone; its own check finds nothing wrong."""
    scored = [(tag, round(data.draw(st.floats(0.5, 1)), 4)) for tag in data.draw(subsets(control))]
    regions = CODECS.regions(control, scored)
    assert CODECS.decode(regions, control) == Decoded(tuple(tag for tag, _ in scored), bool(scored), None)
    assert (
        [region["score"] for region in regions] == [min(score for _, score in scored)][: len(scored)]
        if scored
        else True
    )
    assert _reference_label_studio_problems(control, regions) == []


@given(label=st.sampled_from(PATH.labels), other=st.sampled_from(PATH.labels))
def test_one_path_of_a_taxonomy_is_one_label(label: str, other: str) -> None:
    region = answer(PATH, label, meta={"text": ["sure"]})
    assert CODECS.decode([region], PATH) == Decoded((label,), True, None)
    replaced = CODECS.replaced([region], "path", None, other)
    assert replaced == [answer(PATH, other, meta={"text": ["sure"]})]
    assert CODECS.label(replaced, "path", None) == other
    assert (CODECS.value_hash(replaced, "path", None) == CODECS.value_hash([region], "path", None)) == (label == other)
    assert _reference_label_studio_problems(PATH, [CODECS.region(PATH, label, 0.5)]) == []


@CONTROLS
def test_the_hash_of_a_tag_is_about_that_tag_alone(control: Control) -> None:
    a, b = control.labels[:2]
    with_a = CODECS.value_hash([answer(control, a)], control.name, None, a)
    assert with_a is not None
    assert CODECS.value_hash([answer(control, b, a, id="other", score=0.1)], control.name, None, a) == with_a
    without = CODECS.value_hash([answer(control, b)], control.name, None, a)
    assert without == CODECS.value_hash([], control.name, None, a) == CODECS.absent_hash(control, a)
    assert len({with_a, without, CODECS.value_hash([], control.name, None, b)}) == 3


@CONTROLS
def test_what_is_so_already_stays_so(control: Control) -> None:
    a, b = control.labels[:2]
    result = [answer(control, a, origin="prediction")]
    assert CODECS.replaced(result, control.name, None, a, a) == result
    assert CODECS.replaced(result, control.name, None, None, b) == result
    assert CODECS.replaced([], control.name, None, None, b) == []


@CONTROLS
def test_an_answer_that_was_accepted_from_a_prediction_was_changed_afterwards(control: Control) -> None:
    """Label Studio's page notes it so."""
    a, b = control.labels[:2]
    changed = CODECS.replaced([answer(control, a, origin="prediction")], control.name, None, b, b)
    assert changed == [answer(control, a, b, origin="prediction-changed")]


@CONTROLS
def test_a_tag_in_its_first_place_needs_a_form(control: Control) -> None:
    tag = control.labels[0]
    with pytest.raises(ValueError, match="form"):
        CODECS.replaced([], control.name, None, tag, tag)
    form = CODECS.form([answer(control, control.labels[1], score=0.3, meta={})], control.name)
    assert CODECS.replaced([], control.name, None, tag, tag, form) == [answer(control, tag)]


@CONTROLS
def test_proposals_add_and_remove_one_tag(control: Control) -> None:
    a, b = control.labels[:2]
    addition = CODECS.addition(control, [(a, 0.9), (b, 0.2)])
    assert (addition.action, addition.label, CODECS.tags([addition.value], control.name)) == ("add", a, {a})
    removal = CODECS.removal(control, a, 0.03)
    assert (removal.action, removal.label, removal.top) == ("remove", None, ((a, 0.03),))


@CONTROLS
@pytest.mark.parametrize("how", ["unknown", "twice", "type", "value", "list"])
def test_what_cannot_be_decoded_says_why(control: Control, how: str) -> None:
    a = control.labels[0]
    stored: dict[str, list[Any]] = {
        "unknown": [answer(control, a, "fox", a)],
        "twice": [answer(control, a), answer(control, a)],
        "type": [answer(control, a, type="labels")],
        "value": [answer(control, a, value=None)],
        "list": [answer(control, a, value={control.type: a})],
    }
    decoded = CODECS.decode(stored[how], control)
    if how == "unknown":
        assert decoded == Decoded((a,), True, 'a label that the config does not have: "fox"')
        assert CODECS.label(stored[how], control.name, None, a) == a
    else:
        assert (decoded.labels, decoded.is_answered) == ((), False)
        assert "not a list of choices" in str(decoded.problem)
        assert CODECS.value_hash(stored[how], control.name, None, a) is None
        with pytest.raises(ValueError, match="one answer"):
            CODECS.replaced(stored[how], control.name, None, None, a)


@pytest.mark.parametrize("paths", ["Animal", [["Animal"], "Plant"], [[]], [["Animal", 3]], [[["Animal"]]], None])
def test_nonsense_is_no_taxonomy(paths: Any) -> None:
    assert not CODECS.decode([answer(PATHS, value={"taxonomy": paths})], PATHS).is_answered


@CONTROLS
def test_no_region_is_no_answer_and_an_empty_one_is(control: Control) -> None:
    assert CODECS.decode([], control) == Decoded((), False, None)
    assert CODECS.decode([answer(control)], control) == Decoded((), True, None)


@CONTROLS
def test_a_stored_prediction_becomes_probabilities_of_each_tag_on_its_own(control: Control) -> None:
    a, b, c, d = control.labels
    assert CODECS.probabilities([answer(control, a, b)], 0.9, control) == pytest.approx(
        {a: 0.9, b: 0.9, c: 0.1, d: 0.1}
    )
    several = [answer(control, a, score=0.9), answer(control, b, score=0.6)]
    assert CODECS.probabilities(several, None, control) == pytest.approx({a: 0.9, b: 0.6, c: 0.4, d: 0.4})
    listed = [answer(control, a, score=0.9), answer(control, b, score=0.02)]
    assert CODECS.probabilities(listed, None, control) == pytest.approx({a: 0.9, b: 0.02, c: 0.02, d: 0.02})


@CONTROLS
def test_a_stored_prediction_without_a_usable_score_says_nothing(control: Control) -> None:
    a = control.labels[0]
    for result, score in [
        ([], 0.5),
        ([answer(control, a)], None),
        ([answer(control, "fox")], 0.5),
        ([answer(control)], 0.5),
    ]:
        assert CODECS.probabilities(result, score, control) is None


def _reference_label_studio_problems(control: Control, regions: list[dict[str, Any]]) -> list[str]:
    """Say what Label Studio's own code finds wrong with a prediction."""
    nested = '<Choice value="Animal"><Choice value="Cat"/><Choice value="Dog"/></Choice><Choice value="Plant"/>'
    flat = "".join(f'<Choice value="{label.replace(">", "&gt;")}"/>' for label in control.labels)
    tag, choices = ("Taxonomy", nested) if control.type == "taxonomy" else ("Choices", flat)
    attributes = f'name="{control.name}" toName="image" choice="multiple"'
    xml = f'<View><Image name="image" value="$image"/><{tag} {attributes}>{choices}</{tag}></View>'
    problems: list[str] = LabelInterface(xml).validate_prediction({"result": regions}, return_errors=True)
    return problems
