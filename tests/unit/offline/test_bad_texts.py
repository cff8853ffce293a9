"""Texts that are empty, huge, equal or no text at all: each is said clearly, and the rest is ranked."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., Any]
TOPICS = ("sport", "money", "space")
N = 60


@pytest.fixture
def good(export: Make, sentence: Make) -> Any:
    """An export of N texts about three topics in turn; the first is labelled wrong."""
    made = export()
    for n in range(N):
        made.add(sentence(TOPICS[n % 3]), "space" if n == 0 else TOPICS[n % 3])
    return made


def first_of(heard: Any, *odd: int) -> list[int]:
    """Return the tasks in the order of their findings, without the odd ones."""
    return [each["task"] for each in heard.findings if each["task"] not in odd]


def test_texts_with_nothing_to_read(good: Any, audit: Make) -> None:
    """Nothing, blanks and what has no width are not believed about; each is named with the reason."""
    nothing = [good.add(text, "sport") for text in ("", None)]
    blank = [good.add(text, "sport") for text in ("  \n\t ", "\u200b\ufeff")]
    heard = audit(good)
    assert heard.summary["unusable"] == {str(task): "the text is empty" for task in blank}
    assert heard.summary["skipped"] == {
        f'tasks without anything under "text" (task {nothing[0]}, {nothing[1]})': 2,
        "texts: the text is empty": 2,
    }
    assert first_of(heard)[0] == 1
    assert sorted(first_of(heard)) == list(range(1, N + 1))


def test_what_is_no_text(good: Any, audit: Make) -> None:
    """Numbers, lists and objects are read as the page shows them; punctuation alone has no words to judge it by."""
    odd = [good.add(value, "sport") for value in ("... !?", {"a": 1}, ["x"], 7, float("nan"))]
    heard = audit(good)
    assert heard.summary["unusable"] == {}
    assert first_of(heard, *odd)[0] == 1
    assert sorted(first_of(heard)) == list(range(1, N + len(odd) + 1))


def test_a_text_of_two_hundred_pages(good: Any, audit: Make, sentence: Make) -> None:
    """It is read to its end, takes seconds, and is judged by what it says."""
    long = " ".join(sentence("money", 300) for _ in range(200))
    assert len(long.split()) > 100_000
    right, wrong = good.add(long, "money"), good.add(long + " end", "sport")
    began = time.monotonic()
    heard = audit(good)
    assert time.monotonic() - began < 120
    assert first_of(heard)[:2] in ([1, wrong], [wrong, 1])
    assert heard.of(right)["proposal"] is None
    assert len(heard.of(wrong)["reason"]) < 500


def test_two_tasks_with_the_same_text(good: Any, audit: Make, sentence: Make) -> None:
    """Labelled differently each is doubted with the other one named; alike they do not vouch for one another."""
    shared = sentence("money")
    one, other = good.add(shared, "money"), good.add(shared, "sport")
    heard = audit(good, "--json")  # the suspects
    suspects = {each["task"]: each for each in heard.findings}
    assert other in suspects
    assert "near_duplicate" in suspects[other]["detectors"]
    assert f"Nearly the same text is labelled money in task {one}." in suspects[other]["reason"]
    assert one not in suspects or suspects[one]["disagreement"] < suspects[other]["disagreement"]


def test_texts_that_nearly_agree(export: Make, audit: Make, sentence: Make, rng: random.Random) -> None:
    """One word more does not make another text: the other task is named."""
    made = export()

    def article(topic: str) -> str:
        names = ("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(40))
        return f"{sentence(topic)} {' '.join(names)}"

    for n in range(N):
        made.add(article(TOPICS[n % 3]), TOPICS[n % 3])
    shared = article("space")
    one, other = made.add(shared, "space"), made.add(f"{shared} indeed", "sport")
    finding = audit(made).of(other)
    assert f"Nearly the same text is labelled space in task {one}." in finding["reason"]


def test_all_texts_equal(export: Make, audit: Make) -> None:
    """Nothing is left to judge any by: exit 2."""
    made = export()
    for n in range(12):
        made.add("the same", TOPICS[n % 2])
    heard = audit(made, code=2)
    assert "cannot be audited yet: 12 labels on 12 tasks" in heard.told
    assert "every labelled task belongs to one group" in heard.told


@pytest.mark.parametrize(
    "hostile",
    [
        "\x00\x01\x02 null \ud800",
        "<script>alert(1)</script>" * 200,
        "\U0001f3f3\ufe0f\u200d\U0001f308" * 500,
        "a" * 200_000,
        "{{7*7}} ${jndi:ldap://x} '; DROP TABLE tasks; --",
        "\u202e right to left \u200f\u0645\u0631\u062d\u0628\u0627",
    ],
    ids=["control", "markup", "emoji", "one word", "injection", "bidirectional"],
)
def test_any_characters(good: Any, audit: Make, hostile: str) -> None:
    """Whatever a text is made of, the audit goes on."""
    odd = good.add(hostile, "sport")
    heard = audit(good)
    assert first_of(heard, odd)[0] == 1
    assert sorted(first_of(heard, odd)) == list(range(1, N + 1))
