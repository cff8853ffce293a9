"""What the commands print: results to stdout, everything else to stderr."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
import typer

from errata.audit.progress import LineProgress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from errata.audit.ports import Progress

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # but for tabs and new lines


def print_json(value: Any) -> None:
    """Print one JSON object on one line of stdout."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode())


def echo(text: str) -> None:
    """Print a line to stdout."""
    typer.echo(_harmless(text))


def tell(text: str) -> None:
    """Print a line to stderr."""
    typer.echo(_harmless(text), err=True)


def _harmless(text: str) -> str:
    """Spell out what would steer a terminal: titles, labels and names are other people's."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


class BarProgress:
    """Progress as a bar a stage, with rate and remaining time."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._bar: Any = None

    def stage(self, name: str, total: int | None = None) -> None:
        """See `Progress.stage`."""
        self.end()
        self._bar = self._bars.add_task(name, total=total, rate="") if total != 0 else None

    def end(self) -> None:
        """Fill the bar of a stage of unknown length, which would move for ever."""
        if self._bar is not None and self._bars.tasks[self._bar].total is None:
            done = max(self._bars.tasks[self._bar].completed, 1)
            self._bars.update(self._bar, total=done, completed=done)

    def advance(self, n: int = 1) -> None:
        """See `Progress.advance`."""
        if self._bar is not None:
            self._bars.advance(self._bar, n)
            speed = self._bars.tasks[self._bar].speed
            self._bars.update(self._bar, rate=f"{speed:.0f}/s" if speed else "")

    def say(self, text: str) -> None:
        """See `Progress.say`."""
        self._bars.console.print(_harmless(text), markup=False, highlight=False)


@contextmanager
def progress(quiet: bool = False) -> Iterator[Progress]:
    """Show progress on stderr: bars on a terminal, plain lines elsewhere, nothing but remarks when `quiet`."""
    if not quiet and sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 (what draws bars is slow to import)
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as bars:
            shown = BarProgress(bars)
            yield shown
            shown.end()
    elif quiet:
        yield Remarks()
    else:
        lines = LineProgress(tell)
        yield lines
        lines.end()


class Remarks:
    """Progress that tells remarks only."""

    def stage(self, name: str, total: int | None = None) -> None:
        """See `Progress.stage`."""

    def advance(self, n: int = 1) -> None:
        """See `Progress.advance`."""

    def say(self, text: str) -> None:
        """See `Progress.say`."""
        tell(text)
