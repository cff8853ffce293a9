"""Dates and times as <DateTime> writes them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

DATE_AND_TIME, DATE, TIME = "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%H:%M"
DAY_S = 86_400.0

_EPOCH = datetime(1970, 1, 1)
_MILLISECONDS = "%L"  # of d3; not of C's strftime either
_PADDING = re.compile(r"%[-_0](?=\w)")  # how d3 pads; not of C's strftime


def moment(text: str, form: str = DATE_AND_TIME) -> float | None:
    """Return when a date or time is, in seconds since 1970 without regard to time zones; of a time, since midnight.

    Args:
        text: what was answered.
        form: how it is written, as the tag's `format` says it: strftime with d3's padding.

    Returns:
        None where it is written neither so nor as ISO 8601 has it.
    """
    found = _parsed(text.strip(), _PADDING.sub("%", form).replace(_MILLISECONDS, "%f"))
    if found is None:
        return None
    seconds = found.replace(tzinfo=timezone.utc).timestamp()
    return seconds % DAY_S if form == TIME else seconds


def written_time(seconds: float, form: str) -> str:
    """Return a time in seconds since 1970 as `form` has it; see `moment`.

    Raises:
        ValueError: no calendar has it.
    """
    try:
        when = _EPOCH + timedelta(seconds=round(seconds, 6))
    except OverflowError as error:
        raise ValueError(f"`seconds` must be within the years 1 to 9999, got {seconds!r}") from error
    return when.strftime(_PADDING.sub("%", form).replace(_MILLISECONDS, f"{when.microsecond // 1000:03d}"))


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except (ValueError, re.error):
        pass
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)
    except ValueError:
        return None
