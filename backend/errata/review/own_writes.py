"""What errata itself wrote to annotations: the journal tells its writes from edits by others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from errata.review.changes import Place, Result, hash_at, is_move, place_of, with_change
from errata.review.ports import Edits
from errata.review.records import Change, JournalEntry


@dataclass(frozen=True, slots=True)
class LastWrite:
    """What errata wrote last to one place, and was not undone."""

    changeset_id: int
    value_hash: str | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """A region that errata drew elsewhere: its results in `before` and `after`, and for which change."""

    before: Result
    after: Result
    change: Change
    changeset_id: int
    stands: bool  # was not undone


class OwnWrites:
    """What errata wrote to a project's annotations.

    A region that two controls label is drawn once: where errata moves it for the one, what a reviewer saw of the other
    is not there any more, though nobody else has touched it.

    Args:
        entries: the journal's, oldest first.
        edits: finds, hashes and replaces labels.
    """

    def __init__(self, entries: Iterable[JournalEntry], edits: Edits) -> None:
        self._edits = edits
        self._last: dict[Place, LastWrite] = {}
        self._moves: defaultdict[tuple[int, str], list[Move]] = defaultdict(list)
        for entry in entries:
            stands = entry.state in ("written", "undoing")
            for change in entry.changes if stands or entry.state == "undone" else ():
                before, after, by = entry.before["result"], entry.after_result, entry.changeset_id
                if stands:
                    self._last[place_of(change)] = LastWrite(by, hash_at(after, change, edits), change.decided_at)
                if change.region_id is not None and was_moved(before, after, change, edits):
                    place = change.annotation_id, change.region_id
                    self._moves[place].append(Move(before, after, change, by, stands))

    def last(self, change: Change) -> LastWrite | None:
        """Return what was written last to the place of a change."""
        return self._last.get(place_of(change))

    def newer_move(self, change: Change) -> Move | None:
        """Return a move of the change's region, made for another control by a verdict that is not older."""
        moves = (move for move in self._for_others(change) if move.stands)
        return next((move for move in moves if move.change.decided_at >= change.decided_at), None)

    def as_expected(self, change: Change, result: Result, expected: Collection[str | None] | None = None) -> Result:
        """Return a result with a region back where a change expects it, if errata has moved it for another control.

        Args:
            change: what is about the region.
            result: the annotation's.
            expected: hashes; by default those of what the reviewer saw, and of what was written last.

        Returns:
            `result` itself where it is as expected, or not by errata's moves alone that it is not.
        """
        now, last = hash_at(result, change, self._edits), self.last(change)
        hashes = {change.old_hash, *([last.value_hash] if last else [])} if expected is None else expected
        if now is None or now in hashes:
            return result
        elsewhere = list(self._elsewhere(change, result))
        found = [hash_at(each, change, self._edits) for each in elsewhere]
        if now not in found:  # somebody else put it where it is
            return result
        return next((each for each, said in zip(elsewhere, found, strict=True) if said in hashes), result)

    def with_change(self, result: Result, change: Change) -> list[dict[str, Any]]:
        """Return a copy of the result in which the change is made, and a region it does not move stays."""
        was = self.as_expected(change, result)
        made = with_change(was, change, self._edits)
        if was is result or change.region_id is None or is_move(was, change, self._edits):
            return made
        return self._edits.drawn_as(made, result, change.region_id)

    def moves_last(self, changes: Iterable[Change], result: Result) -> list[Change]:
        """Return the changes to one annotation in the order to make them in.

        A region that two controls label has its place once: what gives it another label for the one says where it
        was, and would take back where the other has put it.
        """
        return sorted(changes, key=lambda change: is_move(self.as_expected(change, result), change, self._edits))

    def _for_others(self, change: Change) -> Iterator[Move]:
        moves = self._moves[change.annotation_id, change.region_id] if change.region_id is not None else ()
        return (move for move in moves if move.change.control != change.control)

    def _elsewhere(self, change: Change, result: Result) -> Iterator[Result]:
        """Yield the result with the region wherever errata's moves for other controls took it from, and to."""
        for move in self._for_others(change):
            for drawn in (move.before, move.after):
                yield self._edits.drawn_as(result, drawn, str(change.region_id))


def was_moved(before: Result, after: Result, change: Change, edits: Edits) -> bool:
    """Say whether a write drew the region of a change elsewhere, and for this change."""
    region_id = str(change.region_id)
    drawn = edits.regions_of(after, change.control).get(region_id, ())
    return is_move(before, change, edits) and edits.moves(before, change.control, region_id, drawn)
