"""Learning spans of texts, over texts that are a dict."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from errata.audit.believe_regions import Lesson
from errata.audit.believe_texts import TextLearner
from errata.errors import MediaError
from errata_model.records import Control, TextForm
from errata_model.regions.records import Region
from errata_model.regions.shapes import Span

CONTROL = Control("who", "spans", "text", "text", "text", ("PER",), TextForm("Text"), "labels")
NAMES = ("Alice", "Bob", "Carol", "Dave")


@dataclass
class DictTexts:
    """Texts by the address that tasks hold; None of one that cannot be read."""

    held: Mapping[str, str | None]
    is_far: bool = True

    def read(self, value: Any, task_id: int) -> str:
        text = self.held[value]
        if text is None:
            raise MediaError("it is missing")
        return text


@dataclass
class Told:
    """Remembers what it is told, from any thread."""

    stages: list[tuple[str, int | None]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    n_steps: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stage(self, name: str, total: int | None = None) -> None:
        self.stages.append((name, total))

    def advance(self, n: int = 1) -> None:
        with self.lock:
            self.n_steps += n

    def say(self, text: str) -> None:
        self.said.append(text)


def lesson(n: int, **changed: Any) -> Lesson:
    given = tuple((Region("a", "PER", Span(4, 4 + len(NAMES[row % 4]))),) for row in range(n))
    values = tuple(f"text {row}" for row in range(n))
    made = {"given": given, "is_labelled": np.ones(n, dtype=bool), **changed}
    return Lesson(CONTROL, tuple(range(10, 10 + n)), values, groups=np.arange(n), **made)


def held(n: int) -> dict[str, str | None]:
    return {f"text {row}": f"and {NAMES[row % 4]} came home {row}" for row in range(n)}


def test_texts_are_read_as_spans_are_counted_and_learned_from() -> None:
    """What the model believes of new texts is what the texts' spans teach; steps are told."""
    told = Told()
    learned = TextLearner(DictTexts(held(40))).learn(lesson(40), told)
    assert len(learned.fitted.believed) == len(learned.sizes) == 40
    surest = max(learned.fitted.believed[0].regions, key=lambda region: region.score or 0)
    assert (surest.label, surest.shape) == ("PER", Span(4, 9))
    assert told.stages == [("Reading spans", 40), ('Learning "who"', 6)]
    assert told.n_steps == 46
    assert told.said == []


def test_a_text_that_cannot_be_read_is_named_and_teaches_nothing() -> None:
    """The others are learned from."""
    texts = held(20) | {"text 3": None}
    learned = TextLearner(DictTexts(texts, is_far=False)).learn(lesson(20), Told())
    assert learned.unusable == {13: "it is missing"}
    assert len(learned.fitted.believed[3].evidence["starts"]) == 0


def test_spans_that_are_not_learned_from_are_counted() -> None:
    """Of spans that overlap the shorter ones, and those past the end of their text."""
    given = list(lesson(20).given)
    given[0] = (*given[0], Region("b", "PER", Span(0, 14)), Region("c", "PER", Span(900, 905)))
    told = Told()
    TextLearner(DictTexts(held(20))).learn(lesson(20, given=tuple(given)), told)
    of_whom = 'Not learned from: 2 spans of "who" that longer ones overlap, that hold no word, '
    assert told.said == [of_whom + "or whose label is none of the config's"]
