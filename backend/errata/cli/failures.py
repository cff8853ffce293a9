"""What a command says of an error: at the command line's boundary, and where it goes on with the next project."""

from __future__ import annotations

from pathlib import Path
from traceback import extract_tb

from errata.errors import ErrataError


def failure(error: Exception) -> tuple[str, int]:
    """Return what to say of an error, and its exit code. Texts of others' errors may hold what nobody may see."""
    if isinstance(error, ErrataError):
        return str(error), error.exit_code
    return f"unexpected {type(error).__name__} {_place(error)}: a mistake in errata; report it", 1


def _place(error: Exception) -> str:
    """Return where in errata an error came up, and where it was raised."""
    frames = extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(Path(__file__).parents[1])]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*own[-1:], *frames[-1:])]
    return "at " + " in ".join(dict.fromkeys(reversed(places)))
