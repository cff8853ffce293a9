from __future__ import annotations

import threading
from collections.abc import Iterator

from errata.doctor.asking import AT_ONCE, Question, ask_all
from errata.doctor.checks import Check, ok, told
from errata.errors import LabelStudioUnreachable


def test_answers_come_in_the_order_of_the_questions() -> None:
    """Whichever ends first, and with the project that each is about."""
    first_may_end = threading.Event()

    def slow() -> Iterator[Check]:
        assert first_may_end.wait(120)
        yield ok("slow", "done")

    def fast() -> Iterator[Check]:
        yield ok("fast", "done")
        first_may_end.set()

    found = ask_all([Question("slow", slow, "", 12), Question("fast", fast, "")], 60)
    assert [(check.name, check.project) for check in found] == [("slow", 12), ("fast", None)]


def test_what_hangs_is_wrong_and_keeps_nobody_waiting() -> None:
    """What it said before stands, the others go on, and what never had its turn is not called wrong."""
    for_ever = threading.Event()
    asked: list[int] = []

    def hang() -> Iterator[Check]:
        yield ok("first", "done")
        for_ever.wait(120)

    def late() -> Iterator[Check]:
        asked.append(1)
        yield ok("late", "done")

    questions = [Question("hangs", hang, "Restart it.") for _ in range(AT_ONCE)]
    found = ask_all([*questions, Question("late", late, "")], 2)
    for_ever.set()
    assert [check.state for check in found] == ["ok", "wrong"] * AT_ONCE + ["not asked"]
    assert (found[1].name, found[1].seen, found[1].remedy) == ("hangs", "no answer within 2 s", "Restart it.")
    assert asked == []


def test_an_error_is_a_check_and_an_unexpected_one_shows_no_text() -> None:
    """errata's own errors are said with their remedy; others by their type alone."""

    def unreachable() -> Iterator[Check]:
        yield ok("before", "done")
        raise LabelStudioUnreachable("Label Studio is down. Start it.")

    def unexpected() -> Iterator[Check]:
        raise KeyError("hunter2")
        yield

    found = ask_all([Question("a", unreachable, ""), Question("b", unexpected, "")], 60)
    assert [(check.name, check.state, check.seen) for check in found] == [
        ("before", "ok", "done"),
        ("a", "wrong", "Label Studio is down"),
        ("b", "wrong", "unexpected KeyError"),
    ]
    assert found[1].remedy == "Start it."


def test_errata_s_texts_are_cut_into_what_was_seen_and_the_remedy() -> None:
    """At the end of the first sentence, or its semicolon, but not inside an address or a version."""
    for text, seen, remedy in (
        ("ERRATA_HOST is not set; set it to an address.", "ERRATA_HOST is not set", "Set it to an address."),
        ("No answer (401: Bad. Token). Copy it.", "No answer (401: Bad", "Token). Copy it."),
        ("http://ls:80/ is down (GET /api/). Does it run?", "http://ls:80/ is down (GET /api/)", "Does it run?"),
        ("a is not there, but b is: set X=b", "a is not there, but b is", "Set X=b"),
    ):
        check = told("name", text)
        assert (check.seen, check.remedy) == (seen, remedy)
    assert told("name", "Nothing to do here").remedy
