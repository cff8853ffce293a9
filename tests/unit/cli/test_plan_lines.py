"""What `errata plan` and `errata apply` say about a region."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from errata.cli.review import conflict_line
from errata.review.plans import Conflict
from errata.review.records import Change


def test_a_region_is_named_with_its_place() -> None:
    """Of several of one label in a task, one knows which; an answer about the whole task has no place."""
    value = {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}
    span = {"id": "a", "from_name": "ner", "to_name": "text", "type": "labels", "value": value}

    def line(region_id: str | None, old: str | None, new: str | None, *results: dict[str, Any]) -> str:
        when = datetime(2026, 1, 1, tzinfo=timezone.utc)
        change = Change(
            "f", 1, 5, 8, "ner", region_id, old, "h", new, "ann@example.com", when, "why", new_value=results
        )
        return conflict_line(Conflict(change, "it changed"))

    assert line("a", None, "PER", span) == 'left alone: task 5, add "PER" on "Ann": it changed'
    assert line("a", "LOC", "PER", span) == 'left alone: task 5, "LOC" -> "PER" on "Ann": it changed'
    assert line("a", "PER", None) == 'left alone: task 5, remove "PER": it changed'
    rating = {"type": "rating", "value": {"rating": 4}}
    assert line(None, "1", "4", rating) == 'left alone: task 5, "1" -> "4": it changed'
