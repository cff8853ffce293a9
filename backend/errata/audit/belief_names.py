"""What may stand after --belief."""

from __future__ import annotations

from errata.errors import UsageError

TAKEN = (
    "own, stored, stored:VERSION, annotators, a CSV or parquet file, an ML backend's http:// address, or "
    "package.module:Class"
)


def is_address(belief: str) -> bool:
    """Say whether what stands after --belief is an ML backend's address.

    Raises:
        UsageError: it is an address of another sort. It is not repeated: a password may be in it.
    """
    if "://" in belief and not belief.lower().startswith(("http://", "https://")):
        raise UsageError(f"--belief takes {TAKEN}; an address begins with http:// or https://.")
    return "://" in belief
