"""What is to become of a label, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errata.review.records import TagChange


def change_words(old: str | None, new: str | None) -> str:
    """Say what becomes of a label: '"cat" -> "dog"', or of a tag or a region: 'add "dog"', 'remove "cat"'.

    A region that keeps its label has another place: 'redraw "cat"'.
    """
    if old is None:
        return f'add "{new}"'
    if old == new:
        return f'redraw "{old}"'
    return f'remove "{old}"' if new is None else f'"{old}" -> "{new}"'


def tags_words(changes: Sequence[TagChange]) -> str:
    """Say which tags were changed: 'add "dog", remove "cat"'."""
    return ", ".join(sorted(change_words(change.old_label, change.new_label) for change in changes))
