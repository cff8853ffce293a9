"""What a terminal shows, without any server."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from rich.console import Console
from rich.progress import Progress as RichProgress

from errata.cli.console import BarProgress
from errata.cli.questions import ask_yes
from errata.cli.status import trace_words
from errata.errors import UsageError


@dataclass(frozen=True)
class Added:
    kind: str
    ref: str


@pytest.mark.parametrize(
    ("added", "words"),
    [
        (Added("review_project", "3"), "review project 3: http://ls.example/projects/3/"),
        (Added("model_version", "project"), "the project's model version"),
        (Added("ml_backend", "5"), "ml backend 5"),
    ],
)
def test_what_errata_added_is_named_so_that_it_is_found(added: Added, words: str) -> None:
    assert trace_words(added, "http://ls.example/") == words


def test_a_stage_of_unknown_length_ends_with_a_full_bar() -> None:
    """The bar of a stage that is over stands still: when the next one begins, and at the end."""
    with RichProgress(console=Console(file=io.StringIO()), auto_refresh=False) as bars:
        shown = BarProgress(bars)
        shown.stage("Looking")
        shown.stage("Counting")
        shown.advance(7)
        shown.end()
        assert [(bar.description, bar.completed, bar.total) for bar in bars.tasks] == [
            ("Looking", 1, 1),
            ("Counting", 7, 7),
        ]


def test_a_question_that_nobody_answers_has_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is said next does not hang on it."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(UsageError, match="use --yes"):
        ask_yes("Add this?")
    assert capsys.readouterr().err.endswith("[y/N]:\n")
