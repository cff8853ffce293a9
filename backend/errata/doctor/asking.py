"""Asks several questions side by side, within a bounded time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from errata.doctor.checks import Check, failed, not_asked, wrong
from errata.errors import ErrataError

AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class Question:
    """Something to look at that may take time.

    Attributes:
        name: of the check that stands for it where it gives no answer.
        ask: looks; returns its checks.
        remedy: what to do where there is no answer in time.
        project: the source project that it is about.
    """

    name: str
    ask: Callable[[], Iterable[Check]]
    remedy: str
    project: int | None = None


def ask_all(questions: Sequence[Question], limit_s: float) -> list[Check]:
    """Ask all questions, a few at once; return their checks in the order of the questions.

    What hangs is left behind in a thread that ends with the process: neither a name look-up nor a library's
    request can be interrupted.

    Args:
        questions: what to ask.
        limit_s: seconds for all of them together.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    ended: queue.SimpleQueue[int] = queue.SimpleQueue()
    asked = [_Asked(question) for question in questions]

    def work() -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            asked[number].answer()
            ended.put(number)

    for number in range(len(questions)):
        waiting.put(number)
    for _ in range(min(AT_ONCE, len(questions))):
        threading.Thread(target=work, name="errata-doctor", daemon=True).start()
    deadline = time.monotonic() + limit_s
    with suppress(queue.Empty):
        for _ in questions:
            ended.get(timeout=max(0.0, deadline - time.monotonic()))
    with suppress(queue.Empty):
        while True:  # what nobody has begun shall not be begun any more
            waiting.get_nowait()
    return [check for each in asked for check in each.checks(limit_s)]


class _Asked:
    """A question, and what it was answered so far."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._said: list[Check] = []
        self._is_begun = False
        self._is_over = False

    def answer(self) -> None:
        """Look, and keep each check as it comes."""
        name = self._question.name
        self._is_begun = True
        try:
            for check in self._question.ask():
                self._said.append(check)
        except ErrataError as error:
            self._said.append(failed(name, error))
        except Exception as error:  # noqa: BLE001  a thread's boundary; its text may hold what nobody may see
            self._said.append(wrong(name, f"unexpected {type(error).__name__}", "It is errata's mistake; report it."))
        self._is_over = True

    def checks(self, limit_s: float) -> list[Check]:
        """Return the checks so far, and that some are missing where they are."""
        question, found = self._question, list(self._said)
        if not self._is_begun:
            found.append(not_asked(question.name, f"{limit_s:.0f} s were over before it was its turn"))
        elif not self._is_over:
            found.append(wrong(question.name, f"no answer within {limit_s:.0f} s", question.remedy))
        return found if question.project is None else [check.of(question.project) for check in found]
