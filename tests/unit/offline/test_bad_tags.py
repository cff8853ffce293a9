"""Multiple choice with data that is in the way: each is said clearly, and the rest is ranked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

Make = Callable[..., Any]
N = 90
TOPICS = ("sport", "money", "space")


@pytest.fixture
def good(export: Make, sentence: Make, rng: Any) -> Make:
    """Begin an export of N texts about one topic or two; the first lost a tag, and the second has one too many."""

    def make(labels: Sequence[str] = TOPICS, n: int = N, **options: Any) -> Any:
        made = export(labels=labels, kind='choice="multiple"', **options)
        for number in range(n):
            about = rng.sample(TOPICS, 1 + number % 2)
            given = {0: ["money"], 1: ["money", "space"]}.get(number, about)
            right = {0: ["money", "space"], 1: ["money"]}.get(number, about)
            made.add(" ".join(sentence(topic) for topic in right), *given)
        return made

    return make


def doubted(heard: Any) -> set[tuple[int, str, str]]:
    """Return (task, action, tag) of the findings that are likelier wrong than right."""
    return {
        (each["task"], each["proposal"]["action"], each["proposal"]["top"][0][0])
        for each in heard.findings
        if each["proposal"] and each["disagreement"] > 0.5
    }


def assert_the_rest_is_ranked(heard: Any, *odd: int) -> None:
    """Of what is usual the two wrong tags come first, and every given one has its place."""
    usual = [each for each in heard.findings if each["task"] not in odd]
    first = [(each["task"], each["proposal"] and each["proposal"]["action"]) for each in usual[:4]]
    assert {(1, "add"), (2, "remove")} <= set(first), first
    assert {each["task"] for each in usual if each["label"]} == set(range(1, N + 1))
    found = [each["disagreement"] for each in heard.findings]
    assert found == sorted(found, reverse=True)
    assert all(0 <= each <= 1 for each in found)


def test_a_tag_that_was_given_once(good: Make, audit: Make) -> None:
    """Nothing can support it: it is in doubt, and no obstacle; it is proposed for nothing."""
    made = good((*TOPICS, "unicorn"))
    odd = made.add("a unicorn in the garden", "unicorn")
    heard = audit(made)
    (remark,) = heard.summary["remarks"]
    assert '"unicorn" (1)' in remark
    (given,) = (each for each in heard.findings if each["task"] == odd and each["label"] == "unicorn")
    assert given["disagreement"] > 0.5
    assert ("add", "unicorn") not in {each[1:] for each in doubted(heard)}
    assert_the_rest_is_ranked(heard, odd)


def test_a_tag_that_one_annotator_alone_uses(good: Make, audit: Make) -> None:
    """Of three annotators one gives a tag of his own: each is in doubt, and the reason says who gave it."""
    made = good((*TOPICS, "mine"))
    for task in range(1, N + 1):
        made.answer_again(task, 2, *made.given(task))
        made.answer_again(task, 3, *made.given(task), *(["mine"] if task % 6 == 0 else []))
    heard = audit(made)
    own = [each for each in heard.findings if each["label"] == "mine"]
    assert {each["annotator"] for each in own} == {"3"}
    assert len(own) == N // 6
    assert min(each["disagreement"] for each in own) > 0.5
    assert all("2 of 3 annotators did not give the tag mine; this one did." in each["reason"] for each in own)
    assert ("add", "mine") not in {each[1:] for each in doubted(heard)}
    (figures,) = heard.summary["annotators"]
    assert [each["annotator"] for each in figures["annotators"]] == ["1", "2", "3"]


def test_more_tags_than_items(good: Make, audit: Make) -> None:
    """Two hundred tags of the config that nobody gave take nothing from the others, and are proposed for nothing."""
    heard = audit(good((*TOPICS, *(f"never {n}" for n in range(200)))))
    assert {each["proposal"]["top"][0][0] for each in heard.findings if each["proposal"]} <= set(TOPICS)
    assert_the_rest_is_ranked(heard)


def test_a_tag_for_every_item(export: Make, audit: Make, sentence: Make) -> None:
    """Where each text has tags that no other has, they are all in doubt alike, and that is said."""
    names = [f"tag {n}" for n in range(40)]
    made = export(labels=names, kind='choice="multiple"')
    for n in range(0, 40, 2):
        made.add(sentence("sport"), names[n], names[n + 1])
    heard = audit(made)
    assert len([each for each in heard.findings if each["label"]]) == 40
    assert any("Nothing can support" in remark for remark in heard.summary["remarks"])


def test_tags_that_the_config_does_not_have(good: Make, audit: Make) -> None:
    """One is counted with its annotation, and the annotation's other tags are audited."""
    made = good()
    made.tasks[10]["annotations"][0]["result"][0]["value"]["choices"].append("retired")
    heard = audit(made)
    assert any(
        'a label that the config does not have: "retired" (annotation 1011)' in what
        for what in heard.summary["skipped"]
    )
    assert_the_rest_is_ranked(heard)


def test_an_annotation_of_retired_tags_alone(good: Make, audit: Make) -> None:
    """What it says of the others is not known: nothing of it is scored, nor is anything missed in it."""
    made = good()
    odd = made.add("something else", "retired")
    heard = audit(made)
    assert any('"retired"' in what for what in heard.summary["skipped"])
    assert [each for each in heard.findings if each["task"] == odd] == []
    assert_the_rest_is_ranked(heard, odd)


def test_a_tag_that_is_given_twice_in_one_answer(good: Make, audit: Make) -> None:
    """It counts once."""
    made = good()
    answer = made.tasks[10]["annotations"][0]["result"][0]["value"]["choices"]
    answer.append(answer[0])
    heard = audit(made)
    given = [each["label"] for each in heard.findings if each["task"] == 11 and each["label"]]
    assert sorted(given) == sorted(set(answer))
    assert_the_rest_is_ranked(heard)


def test_a_tag_that_the_config_has_twice(good: Make, audit: Make) -> None:
    """The control is refused, and the message says why."""
    heard = audit(good((*TOPICS, "sport")), code=2)
    assert 'it has the choice "sport" twice' in heard.told


@pytest.mark.parametrize("tags", [("sport",), TOPICS])
def test_all_items_with_the_same_tags(export: Make, audit: Make, sentence: Make, tags: Any) -> None:
    """There is nothing to learn from, and it is said what is needed."""
    made = export(labels=TOPICS, kind='choice="multiple"')
    for n in range(30):
        made.add(sentence(TOPICS[n % 3]), *tags)
    heard = audit(made, code=2)
    assert "some have and others have not" in heard.told


def test_an_answer_that_says_that_no_tag_applies(good: Make, audit: Make, sentence: Make) -> None:
    """What is missing there is found."""
    made = good()
    odd = made.add(sentence("sport", 24))
    made.tasks[-1]["annotations"] = [{"id": 1000 + odd, "completed_by": 1, "result": []}]
    heard = audit(made)
    assert (odd, "add", "sport") in doubted(heard)
    assert_the_rest_is_ranked(heard, odd)


@pytest.mark.parametrize("empty", ["", "   ", "\n\t"])
def test_an_empty_text(good: Make, audit: Make, empty: str) -> None:
    """It is told, and not judged."""
    made = good()
    odd = made.add(empty, "sport")
    heard = audit(made)
    told = [*heard.summary["skipped"], *heard.summary["unusable"].values()]
    assert any("without anything" in what or "empty" in what for what in told), told
    assert [each for each in heard.findings if each["task"] == odd] == []
    assert_the_rest_is_ranked(heard, odd)


def test_a_text_of_two_hundred_pages(good: Make, audit: Make, sentence: Make) -> None:
    """It is read to its end and judged with the others."""
    made = good()
    odd = made.add(" ".join(sentence("sport", 400) for _ in range(200)), "sport")
    heard = audit(made)
    (given,) = (each for each in heard.findings if each["task"] == odd and each["label"])
    assert given["disagreement"] < 0.5
    assert_the_rest_is_ranked(heard, odd)


def test_copies_with_other_tags(good: Make, audit: Make, sentence: Make) -> None:
    """The same text with another tag elsewhere: what is likelier wrong is told with the other's task."""
    made = good()
    shown = sentence("sport", 30)
    first = made.add(shown, "sport")
    second = made.add(shown, "sport", "money")
    heard = audit(made)
    (finding,) = (each for each in heard.findings if "near_duplicate" in each["detectors"])
    assert (finding["task"], finding["label"]) == (second, "money")
    assert f"Nearly the same text does not have the tag money in task {first}." in finding["reason"]
    assert_the_rest_is_ranked(heard, first, second)


def test_probabilities_of_tags_from_a_file(good: Make, audit: Make, tmp_path: Any) -> None:
    """Rows that hold no numbers in [0, 1] are told with their lines; other columns speak against the tags given."""
    made = good()
    lines = ["task,sport,money,space,blur"]
    for task in made.tasks:
        given = task["annotations"][0]["result"][0]["value"]["choices"]
        row = [0.9 if tag in given else 0.1 for tag in TOPICS]
        if task["id"] == 1:
            row = [0.1, 0.9, 0.95]
        if task["id"] == 2:
            row = [0.1, 0.9, 0.02]
        said = [*map(str, row), "0.9" if task["id"] == 5 else "0.1"]
        lines.append(",".join([str(task["id"]), *(["nan", "0.1", "0.1", "0.1"] if task["id"] == 9 else said)]))
    (tmp_path / "tags.csv").write_text("\n".join(lines))
    heard = audit(made, "--json", "--all", "--belief", "tags.csv")
    assert any("tags.csv: 1 rows left out" in remark and "line 10" in remark for remark in heard.summary["remarks"])
    assert {(1, "add", "space"), (2, "remove", "space")} <= doubted(heard)
    blurred = [each for each in heard.findings if "metric:blur" in each["detectors"]]
    assert {each["task"] for each in blurred} == {5}
    assert all(each["label"] is not None for each in blurred)
    assert all("blur is 0.9, where 0.1 is usual." in each["reason"] for each in blurred)
