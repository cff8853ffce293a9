"""Taxonomies: `{"type": "taxonomy", "value": {"taxonomy": [["Animal", "Cat"]]}}`; a label is a path in one string.

Label Studio's page stores a node's alias where it has one, and the nodes above it whether or not they were chosen
themselves: choosing a node chooses nothing above or below it. Neither `leafsOnly` nor `showFullPath` nor `legacy`
changes what is stored.
"""

from __future__ import annotations

from collections.abc import Sequence

TYPE = "taxonomy"
LEVELS = " > "  # stands between the levels of a path


def read(stored: object) -> list[str] | None:
    """Return the labels of a stored list of paths, None where it is none."""
    if not isinstance(stored, list):
        return None
    labels = [_joined(path) for path in stored]
    return [label for label in labels if label is not None] if None not in labels else None


def write(labels: Sequence[str]) -> list[list[str]]:
    """Return the paths of labels as Label Studio stores them."""
    return [label.split(LEVELS) for label in labels]


def _joined(path: object) -> str | None:
    if not isinstance(path, list) or not path or not all(isinstance(node, str) for node in path):
        return None
    return LEVELS.join(path)
