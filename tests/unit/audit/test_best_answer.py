"""What the belief itself would answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from errata.audit.beliefs import ControlBelief
from errata.audit.best_answer import best_answer
from errata.audit.push import prediction
from errata.audit.snapshot import Task
from errata.labelstudio.codecs import Codecs
from errata_model.records import Control

TASK = Task(1, {}, (), is_labeled=True)

LABELS = ("cat", "dog", "fox")
ONE = Control("label", "choices", "image", "image", "image", LABELS)
TAGS = Control("tags", "tags", "image", "image", "image", LABELS)


def row(*probabilities: float) -> np.ndarray:
    return np.array(probabilities, dtype=np.float32)


def test_of_labels_the_likeliest_and_of_tags_all_that_are_likely() -> None:
    """The score is that of the least sure tag, given or not."""
    one, tags = best_answer(ONE, row(0.2, 0.7, 0.1)), best_answer(TAGS, row(0.9, 0.5, 0.3))
    assert one is not None
    assert tags is not None
    assert (one.labels, one.score) == ([("dog", 0.7)], 0.7)
    assert (tags.labels, tags.score) == ([("cat", 0.9), ("dog", 0.5)], 0.5)


def test_a_form_that_takes_two_tags_is_given_the_likeliest_two() -> None:
    """In the config's order, as ever."""
    best = best_answer(replace(TAGS, most=2), row(0.7, 0.6, 0.9))
    assert best is not None
    assert best.labels == [("cat", 0.7), ("fox", 0.9)]


def test_no_tag_may_be_the_best_answer() -> None:
    best = best_answer(TAGS, row(0.1, 0.02, 0.3))
    assert best is not None
    assert (best.labels, best.score) == ([], 0.7)


@pytest.mark.parametrize("control", [ONE, TAGS])
def test_labels_that_the_config_lost_are_no_answer(control: Control) -> None:
    best = best_answer(control, row(0.9, 0.6, 0.1), lost={"cat"})
    assert best is not None
    assert best.labels == [("dog", 0.6)]
    assert best_answer(control, row(0.9, 0.6, 0.1), lost=set(LABELS)) is None


@pytest.mark.parametrize("control", [ONE, TAGS])
def test_nothing_believed_is_no_answer(control: Control) -> None:
    assert best_answer(control, row(np.nan, np.nan, np.nan)) is None


def test_a_prediction_says_all_tags_in_one_region_and_none_in_no_region() -> None:
    beliefs = [
        ControlBelief(control, np.array([1]), ("",), np.zeros((1, 3), np.float32), None) for control in (ONE, TAGS)
    ]
    said = prediction(TASK, zip(beliefs, [row(0.2, 0.7, 0.1), row(0.9, 0.6, 0.3)], strict=True), (), Codecs())
    assert [region["value"] for region in said.result] == [{"choices": ["dog"]}, {"choices": ["cat", "dog"]}]
    assert ([region["score"] for region in said.result], said.score) == ([0.7, 0.6], 0.6)
    none = prediction(TASK, [(beliefs[1], row(0.1, 0.2, 0.3))], (), Codecs())
    assert (none.result, none.score) == ((), 0.7)
