"""What docs/agreement.md says of similarities and disagreements is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from errata.labelstudio.value_tags import TAGS
from errata_model.kinds.values.voices import hear

AGREEMENT = (Path(__file__).parents[2] / "docs" / "agreement.md").read_text()


def test_the_lines_on_similarity_say_what_comes_out() -> None:
    """The example, as it stands."""
    (lines,) = re.findall(r"```python\n(.*?)```", AGREEMENT, re.DOTALL)
    names: dict[str, list[float]] = {}
    exec(lines, names)  # what the page says
    assert names["alike"] == pytest.approx([0.75, 8 / 9])


def test_every_tag_has_a_row() -> None:
    """What the code compares, the page explains."""
    rows = [line for line in AGREEMENT.splitlines() if line.startswith("| `<")]
    named = {tag for row in rows for tag in re.findall(r"`<(\w+)>`", row.split("|")[1])}
    assert named == {*TAGS, "Choices", "Taxonomy"}


def test_the_shares_are_those_of_the_voices() -> None:
    """Two who differ, one against two, and a prediction that is sure to 90 % of an answer half alike."""
    pair, three = np.eye(2), np.array([[1, 0, 0], [0, 1, 1], [0, 1, 1]], dtype=float)
    assert hear(pair, np.ones(1)).disagreement == 0.5
    assert hear(three, np.ones(2)).disagreement == pytest.approx(2 / 3)
    half = np.array([[1, 0.5], [0.5, 1]])
    assert hear(half, np.array([0.9]), own=0.1).disagreement == pytest.approx(0.45)
