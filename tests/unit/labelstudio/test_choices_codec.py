"""Single choice, between Label Studio's JSON and labels."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_studio_sdk.label_interface.interface import LabelInterface

from errata.labelstudio.codecs import Codecs, Decoded
from errata_model.records import Control

CONTROL = Control("label", "choices", "image", "image", "image", ("cat", "dog", "a/ü"))
CODECS = Codecs()

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_others = st.lists(
    st.fixed_dictionaries(
        {"from_name": st.sampled_from(["note", "box"]), "type": st.text(), "value": _json}, optional={"meta": _json}
    ),
    max_size=4,
)


def answer(label: str = "cat", **fields: Any) -> dict[str, Any]:
    return {
        "id": "aB3",
        "from_name": "label",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": [label]},
        **fields,
    }


@given(before=_others, after=_others, extra=_json, label=st.sampled_from(CONTROL.labels))
def test_a_replaced_label_is_read_back_and_nothing_else_changes(
    before: list[Any], after: list[Any], extra: Any, label: str
) -> None:
    given_answer = answer("cat", meta=extra, origin="manual")
    result = [*before, given_answer, *after]
    untouched = copy.deepcopy(result)

    replaced = CODECS.replaced(result, "label", None, label)

    assert CODECS.decode(replaced, CONTROL) == Decoded((label,), True, None)
    assert CODECS.label(replaced, "label", None) == label
    replaced[len(before)]["value"]["choices"] = ["cat"]
    assert replaced == untouched
    assert result == untouched


@given(label=st.sampled_from(CONTROL.labels))
def test_a_region_says_its_label_and_is_the_same_every_time(label: str) -> None:
    region = CODECS.region(CONTROL, label, 0.5)
    assert CODECS.decode([region], CONTROL) == Decoded((label,), True, None)
    assert CODECS.region(CONTROL, label, 0.5) == region
    assert _reference_label_studio_problems(region) == []
    json.dumps(region, allow_nan=False)


def test_the_hash_ignores_ids_and_key_order_but_not_the_label() -> None:
    first = CODECS.value_hash([answer("cat")], "label", None)
    shuffled = dict(reversed(list(answer("cat", id="other", origin="manual").items())))
    assert first is not None
    assert CODECS.value_hash([{"from_name": "note"}, shuffled], "label", None) == first
    assert CODECS.value_hash([answer("dog")], "label", None) != first
    assert CODECS.value_hash([], "label", None) is None


def test_a_region_id_never_names_a_label_of_the_whole_task() -> None:
    result = [answer()]
    assert CODECS.label(result, "label", "aB3") is None
    assert CODECS.value_hash(result, "label", "aB3") is None
    with pytest.raises(ValueError, match="region_id"):
        CODECS.replaced(result, "label", "aB3", "dog")


def test_a_label_that_is_not_there_is_not_replaced() -> None:
    for result in ([], [answer(), answer("dog")], [answer(value={"choices": []})]):
        with pytest.raises(ValueError, match="exactly one"):
            CODECS.replaced(result, "label", None, "dog")


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        ([answer("fox")], 'a label that the config does not have: "fox"'),
        ([answer(), answer("dog")], "not one choice"),
        ([answer(value={"choices": ["cat", "dog"]})], "not one choice"),
        ([answer(type="taxonomy")], "not one choice"),
        ([answer(value=None)], "not one choice"),
        ([answer(value={"choices": [3]})], "not one choice"),
        ([answer(value={"choices": "cat"})], "not one choice"),
    ],
)
def test_what_cannot_be_decoded_says_why(result: list[Any], problem: str) -> None:
    decoded = CODECS.decode(result, CONTROL)
    assert (decoded.labels, decoded.is_answered) == ((), False)
    assert problem in str(decoded.problem)


@pytest.mark.parametrize("result", [[], [{"from_name": "note"}], ["junk"], [answer(value={"choices": []})]])
def test_an_unanswered_control_is_no_problem(result: list[Any]) -> None:
    assert CODECS.decode(result, CONTROL) == Decoded((), False, None)


def _reference_label_studio_problems(region: dict[str, Any]) -> list[str]:
    """Say what Label Studio's own code finds wrong with a prediction."""
    choices = "".join(f'<Choice value="{label}"/>' for label in CONTROL.labels)
    xml = f'<View><Image name="image" value="$image"/><Choices name="label" toName="image">{choices}</Choices></View>'
    problems: list[str] = LabelInterface(xml).validate_prediction({"result": [region]}, return_errors=True)
    return problems


def test_a_proposal_replaces_by_the_likeliest() -> None:
    proposal = CODECS.proposal(CONTROL, [("dog", 0.9), ("cat", 0.1)])
    assert (proposal.action, proposal.label, proposal.value["score"]) == ("replace", "dog", 0.9)
    assert CODECS.decode([proposal.value], CONTROL).labels == ("dog",)


def test_a_stored_prediction_becomes_probabilities_of_every_label() -> None:
    assert CODECS.probabilities([answer(score=0.8)], 0.1, CONTROL) == pytest.approx(
        {"cat": 0.8, "dog": 0.1, "a/ü": 0.1}
    )
    assert CODECS.probabilities([answer()], 0.4, CONTROL) == pytest.approx({"cat": 0.4, "dog": 0.3, "a/ü": 0.3})


@pytest.mark.parametrize(
    ("result", "score"),
    [([], 0.5), ([answer()], None), ([answer()], math.nan), ([answer("fox")], 0.5), ([answer(score=2)], 0.5)],
)
def test_a_stored_prediction_without_a_usable_score_says_nothing(result: list[Any], score: object) -> None:
    assert CODECS.probabilities(result, score, CONTROL) is None


@pytest.mark.parametrize(
    ("origin", "expected"),
    [("prediction", "prediction-changed"), ("prediction-changed", "prediction-changed"), ("manual", "manual")],
)
def test_a_replaced_label_is_no_longer_the_prediction_it_was_accepted_from(origin: str, expected: str) -> None:
    """Label Studio's own page notes a change like this; where it notes nothing, nothing is added."""
    replaced = CODECS.replaced([answer(origin=origin)], "label", None, "dog")
    assert replaced == [answer("dog", origin=expected)]
    assert CODECS.origin(replaced, "label", None) == expected
    assert CODECS.replaced([answer()], "label", None, "dog") == [answer("dog")]
    assert CODECS.origin([answer()], "label", None) is None
