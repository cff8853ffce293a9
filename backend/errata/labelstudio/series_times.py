"""The times of a <TimeSeries> whose time column holds dates, as its timeFormat writes them.

Label Studio's page stores the ends of a region so. Numbers are read by it as milliseconds since 1970.
"""

from __future__ import annotations

from typing import Any

from errata_model.kinds.values.dates import moment


def seconds_of(said: Any, form: str) -> float | None:
    """Return a time in seconds since 1970 without regard to time zones; None where it cannot be read.

    Args:
        said: an end of a region.
        form: the tag's timeFormat.
    """
    if isinstance(said, str):
        return moment(said, form)
    return said / 1000 if isinstance(said, int | float) and not isinstance(said, bool) else None
