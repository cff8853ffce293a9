"""How encoders are named: one, or several with commas between."""

from __future__ import annotations

from pathlib import Path


class UnknownEncoder(ValueError):
    """There is no such encoder; the text says which there are."""


def encoder_names(name: str, example: str = "resnet50") -> list[str]:
    """Return the single names, in order; a folder's name is one, whatever commas are in it.

    Args:
        name: what somebody gave.
        example: of a good one, for the error.

    Raises:
        UnknownEncoder: a name is empty, or there twice.
    """
    names = [name] if Path(name).is_dir() else [part.strip() for part in name.split(",")]
    if "" in names or len(set(names)) < len(names):
        raise UnknownEncoder(f"{name!r} names no encoder, or one twice; use one such as `{example}`.")
    return names
