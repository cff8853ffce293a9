"""Verdict records as a DataFrame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from errata.errors import UsageError
from errata.review.records import Verdict

PLACE = ("key", "task", "annotation", "control", "region")
SAID = ("given", "decision", "label", "reason", "strength", "seconds", "at", "reviewer")
_AS_WRITTEN: Mapping[str, Any] = MappingProxyType({})


def of_project(verdicts: Sequence[Verdict]) -> Any:
    """Return the records of a project, a row each, oldest first: `PLACE` and `SAID`."""
    rows = [
        (each.finding_key, each.task_id, each.annotation_id, each.control, each.region_id, *_said(each))
        for each in verdicts
    ]
    return _typed(_pandas().DataFrame(rows, columns=[*PLACE, *SAID]))


def of_frame(verdicts: Sequence[Verdict], index: Any, positions: Sequence[int], labels: Mapping[str, Any]) -> Any:
    """Return the records of a DataFrame's rows, oldest first: `SAID`, under their index.

    Args:
        verdicts: V of them.
        index: of the DataFrame.
        positions: V, where in it the row is that each is about.
        labels: in words -> as the DataFrame has them.
    """
    rows = [_said(each, labels) for each in verdicts]
    return _typed(_pandas().DataFrame(rows, columns=list(SAID), index=index.take(list(positions))))


def _said(verdict: Verdict, labels: Mapping[str, Any] = _AS_WRITTEN) -> tuple[Any, ...]:
    added = [change.tag for change in verdict.also if change.is_given]
    given, label = verdict.old_label, verdict.new_label or (added[0] if added else None)
    return (
        None if given is None else labels.get(given, given),
        verdict.decision,
        None if label is None else labels.get(label, label),
        verdict.reason,
        verdict.strength,
        verdict.seconds,
        verdict.decided_at,
        verdict.reviewer,
    )


def _typed(frame: Any) -> Any:
    frame["seconds"] = frame["seconds"].astype(float)
    frame["at"] = _pandas().to_datetime(frame["at"], utc=True)
    return frame


def _pandas() -> Any:
    try:
        import pandas  # noqa: PLC0415 (no dependency of errata's: whoever has a DataFrame has it)
    except ModuleNotFoundError as error:
        raise UsageError("`verdicts` is a DataFrame, which needs pandas: pip install pandas") from error
    return pandas
