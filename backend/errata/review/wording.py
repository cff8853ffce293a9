"""What is to become of a label, in words."""

from __future__ import annotations

from collections.abc import Sequence

from errata.review.records import RegionChange, TagChange


def change_words(old: str | None, new: str | None) -> str:
    """Say what becomes of a label: '"cat" -> "dog"', or of a tag: 'add "dog"', 'remove "cat"'."""
    if old is None:
        return f'add "{new}"'
    return f'remove "{old}"' if new is None else f'"{old}" -> "{new}"'


def tags_words(changes: Sequence[TagChange]) -> str:
    """Say which tags were changed: 'add "dog", remove "cat"'."""
    return ", ".join(sorted(change_words(change.old_label, change.new_label) for change in changes))


def region_words(change: RegionChange) -> str:
    """Say what becomes of a region: as a label's, or 'move "car"' where it keeps its label."""
    if change.old_label is not None and change.old_label == change.new_label:
        return f'move "{change.old_label}"'
    return change_words(change.old_label, change.new_label)
