"""Progress as plain lines."""

from __future__ import annotations

import re

from errata.audit.progress import LineProgress


class Clock:
    """A time that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_stage_tells_when_it_begins_and_ends() -> None:
    """How much there is to do first, how much was done last; the next stage ends the one before."""
    lines: list[str] = []
    progress = LineProgress(lines.append)
    progress.stage("Encoding images", 2)
    progress.advance(2)
    progress.stage("Looking for suspects")
    progress.end()
    assert lines[0] == "Encoding images: 2 to do"
    assert re.fullmatch(r"Encoding images: 2 done in \d+\.\d s", lines[1])
    assert lines[2:] == ["Looking for suspects"]


def test_stages_with_nothing_to_do_are_silent() -> None:
    """A re-audit with warm caches does not list what it need not do."""
    lines: list[str] = []
    progress = LineProgress(lines.append)
    progress.stage("Encoding images", 0)
    progress.end()
    progress.end()
    assert lines == []


def test_long_stages_tell_rate_and_remaining_time() -> None:
    """A line every 15 seconds, however many steps there are between."""
    lines: list[str] = []
    clock = Clock()
    progress = LineProgress(lines.append, clock)
    progress.stage("Encoding images", 100)
    for _ in range(40):
        clock.now += 1
        progress.advance()
    assert lines[1:] == [
        "Encoding images: 15 of 100, 1.0 a second, about 85 s left",
        "Encoding images: 30 of 100, 1.0 a second, about 70 s left",
    ]


def test_stages_of_unknown_length_tell_the_rate() -> None:
    """Where the end is not known no remaining time is made up."""
    lines: list[str] = []
    clock = Clock()
    progress = LineProgress(lines.append, clock)
    progress.stage("Reading tasks")
    clock.now += 20
    progress.advance(500)
    assert lines == ["Reading tasks", "Reading tasks: 500 of ?, 25.0 a second"]


def test_remarks_are_told_as_they_are() -> None:
    """What is said goes out between the lines of a stage."""
    lines: list[str] = []
    LineProgress(lines.append).say('Left alone: control "mood"')
    assert lines == ['Left alone: control "mood"']
