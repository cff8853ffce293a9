"""Labels and classes that are in the way: each is said clearly, and the rest is ranked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

Make = Callable[..., Any]
N = 60


@pytest.fixture
def good(export: Make, sentence: Make) -> Make:
    """Begin an export of N texts about sport, money and space in turn; the first is labelled wrong."""

    def make(labels: Sequence[str] = ("sport", "money", "space"), **options: Any) -> Any:
        made = export(labels=labels, **options)
        for n in range(N):
            topic = labels[n % 3]
            made.add(sentence(topic), "space" if n == 0 else topic)
        return made

    return make


def assert_the_rest_is_ranked(heard: Any, *odd: int) -> None:
    """The text that is labelled wrong comes first of all that are usual, and every usual one has its place."""
    usual = [each["task"] for each in heard.findings if each["task"] not in odd]
    assert usual[0] == 1
    assert sorted(usual) == list(range(1, N + 1))
    found = [each["disagreement"] for each in heard.findings]
    assert found == sorted(found, reverse=True)
    assert all(0 <= each <= 1 for each in found)


def test_a_class_with_one_label(good: Make, audit: Make) -> None:
    """Nothing can support it: it is named, in doubt, and no obstacle."""
    made = good(("sport", "money", "space", "unicorn"))
    odd = made.add("a unicorn in the garden", "unicorn")
    heard = audit(made)
    (remark,) = heard.summary["remarks"]
    assert remark.startswith('Nothing can support the labels of "label" that occur in one task')
    assert remark.endswith('in doubt whether right or wrong: "unicorn" (1).')
    assert heard.of(odd)["disagreement"] > 0.5
    assert_the_rest_is_ranked(heard, odd)


def test_a_class_that_nobody_gave(good: Make, audit: Make) -> None:
    """A class of the config without any label takes nothing from the others, and is proposed for nothing."""
    heard = audit(good(("sport", "money", "space", "unicorn", "dragon")))
    assert heard.summary["remarks"] == []
    assert {each["proposal"]["top"][0][0] for each in heard.findings if each["proposal"]} <= {"sport", "money", "space"}
    assert_the_rest_is_ranked(heard)


def test_a_class_that_one_annotator_alone_uses(good: Make, audit: Make, sentence: Make) -> None:
    """Of three annotators one has a class for himself: labels are ranked against what all of them say."""
    made = good(("sport", "money", "space", "mine"))
    for task in range(1, N + 1):
        made.answer_again(task, 2, *made.given(task))
        made.answer_again(task, 3, *(["mine"] if task % 6 == 0 else made.given(task)))
    heard = audit(made)
    own = [each for each in heard.findings if each["label"] == "mine"]
    assert {each["annotator"] for each in own} == {"3"}
    assert len(own) == N // 6
    assert min(each["disagreement"] for each in own) > 0.5
    assert all("2 of 3 annotators said space; this one said mine." in each["reason"] for each in own)
    (figures,) = heard.summary["annotators"]
    quality = {each["annotator"]: each["quality"] for each in figures["annotators"]}
    assert quality["3"] < min(quality["1"], quality["2"])
    assert len(heard.findings) == 3 * N


def test_all_labels_equal(export: Make, audit: Make, sentence: Make) -> None:
    """Exit 2: what is missing and what to do."""
    made = export()
    for _ in range(20):
        made.add(sentence("sport"), "sport")
    heard = audit(made, code=2)
    assert '"export" cannot be audited yet: 20 labels on 20 tasks' in heard.told
    assert "every label is the same" in heard.told
    assert "Label a few tasks of at least two classes" in heard.told


def test_more_classes_than_items(export: Make, audit: Make, sentence: Make) -> None:
    """Forty classes, twelve texts of two of them: those two are told apart."""
    made = export(labels=("sport", "money", *(f"class {n}" for n in range(38))))
    for n in range(12):
        made.add(sentence(("sport", "money")[n % 2]), "money" if n == 0 else ("sport", "money")[n % 2])
    heard = audit(made)
    assert heard.summary["labels"] == 12
    assert heard.findings[0]["task"] == 1
    assert heard.findings[0]["proposal"]["top"][0][0] == "sport"


def test_every_item_has_a_class_of_its_own(export: Make, audit: Make, sentence: Make) -> None:
    """Nothing supports anything: all are in doubt, and the reason is said."""
    made = export(labels=[f"class {n}" for n in range(12)])
    for n in range(12):
        made.add(sentence("sport"), f"class {n}")
    heard = audit(made)
    (remark,) = heard.summary["remarks"]
    assert '"class 0" (1), "class 1" (1), "class 2" (1), "class 3" (1), "class 4" (1) and 7 more.' in remark
    assert len(heard.findings) == 12


def test_two_labels_of_one_class_each(export: Make, audit: Make, sentence: Make) -> None:
    """The least that there can be: folds cannot be made, nor strata, and nothing breaks."""
    made = export()
    made.add(sentence("sport"), "sport")
    made.add(sentence("money"), "money")
    assert len(audit(made).findings) == 2


def test_folds_that_cannot_be_stratified(good: Make, audit: Make, sentence: Make) -> None:
    """A class with two labels, one with three and many folds: their labels are not above those that are wrong."""
    made = good(("sport", "money", "space", "cooking", "music"))
    texts = {
        "cooking": ("stir the onion soup with butter", "onion and garlic in the pan with butter"),
        "music": ("a choir and a violin", "the opera has a violin and a band", "choir or band, melody or chord"),
    }
    rare = [made.add(text, label) for label, of_label in texts.items() for text in of_label]
    heard = audit(made)
    assert heard.summary["remarks"] == []
    assert_the_rest_is_ranked(heard, *rare)


def test_unknown_and_retired_labels(good: Make, audit: Make, sentence: Make) -> None:
    """Labels that the config does not have (any more) are counted with their annotations; spelling counts."""
    made = good()
    odd = [made.add(sentence("sport"), label) for label in ("football", "football", "Sport", "sport ", "")]
    heard = audit(made)
    assert heard.summary["skipped"] == {
        f'annotations with a label that the config does not have: "football" (annotation {odd[0] + 1000}, '
        f"{odd[1] + 1000})": 2,
        f'annotations with a label that the config does not have: "Sport" (annotation {odd[2] + 1000})': 1,
        f'annotations with a label that the config does not have: "sport " (annotation {odd[3] + 1000})': 1,
        f'annotations with a label that the config does not have: "" (annotation {odd[4] + 1000})': 1,
    }
    assert_the_rest_is_ranked(heard)


def test_a_label_given_twice_in_one_answer(good: Make, audit: Make, sentence: Make) -> None:
    """What is not one choice is counted with its annotations."""
    made = good()
    twice, two = made.add(sentence("sport"), "sport", "sport"), made.add(sentence("sport"), "sport", "money")
    again = made.add(sentence("sport"), "sport")
    made.tasks[again - 1]["annotations"][0]["result"] *= 2
    heard = audit(made)
    ids = f"{twice + 1000}, {two + 1000}, {again + 1000}"
    assert heard.summary["skipped"] == {
        f'annotations with an answer for "label" that is not one choice (annotation {ids})': 3
    }
    assert_the_rest_is_ranked(heard)


def test_a_config_that_has_a_label_twice(good: Make, audit: Make) -> None:
    """Which of the two was meant nobody knows: the control is left alone, and said; others are audited."""
    made = good()
    made.others = '<Choices name="mood" toName="item"><Choice value="glad"/><Choice value="glad"/></Choices>'
    heard = audit(made)
    (refused,) = heard.summary["refused_controls"]
    assert refused == '<Choices name="mood"> is not audited because it has the choice "glad" twice.'
    assert_the_rest_is_ranked(heard)
    made.labels = ("sport", "money", "space", "money")
    assert 'it has the choice "money" twice' in audit(made, code=2).told


def test_tasks_without_annotation_and_skipped_ones(good: Make, audit: Make, sentence: Make) -> None:
    """What is not labelled is no finding; what was skipped and what is empty is counted."""
    made = good()
    made.add(sentence("sport"))
    odd: tuple[dict[str, Any], ...] = ({"was_cancelled": True}, {"result": []}, {"result": None}, {"result": [None, 3]})
    for broken in odd:
        task = made.add(sentence("sport"), "sport")
        made.tasks[task - 1]["annotations"][0].update(broken)
    heard = audit(made)
    assert sum(heard.summary["skipped"].values()) == 5  # of the last, that it holds junk and that it has no answer
    assert_the_rest_is_ranked(heard)


def test_nothing_is_labelled(export: Make, audit: Make, sentence: Make) -> None:
    made = export()
    made.add(sentence("sport"))
    assert "0 labels on 1 tasks" in audit(made, code=2).told
    made.tasks.clear()
    assert "0 labels on 0 tasks" in audit(made, code=2).told
