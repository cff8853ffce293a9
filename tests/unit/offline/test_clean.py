"""A project without wrong labels: hardly anything is in doubt, and the audit says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

Make = Callable[..., Any]
TOPICS = ("sport", "money", "space")
MOST = 0.01  # of the labels


def test_the_digits_as_they_are(export: Make, audit: Make, saved: Make) -> None:
    """1,797 handwritten digits, on pixels: at most one in a hundred is doubted."""
    made = export("image", [str(digit) for digit in range(10)])
    digits = load_digits()
    for picture, digit in zip(digits.images, digits.target, strict=True):
        made.add(saved(Image.fromarray((picture * 255 / 16).astype(np.uint8))), str(digit))
    heard = audit(made, "--encoder", "pixels")
    assert len(heard.findings) <= MOST * len(made.tasks)
    assert "Few labels are in doubt: 0." in heard.said


def test_texts_about_three_topics(export: Make, audit: Make, sentence: Make) -> None:
    """400 texts whose words tell the topic."""
    made = export()
    for n in range(400):
        made.add(sentence(TOPICS[n % 3]), TOPICS[n % 3])
    heard = audit(made, "--minutes", "1")
    assert len(heard.findings) <= MOST * len(made.tasks)
    assert "No label is in doubt." in heard.said or "Few labels are in doubt: 0." in heard.said


def test_a_project_with_wrong_labels_is_not_called_clean(export: Make, audit: Make, sentence: Make) -> None:
    """One in ten is wrong: nothing is said of few."""
    made = export()
    for n in range(200):
        made.add(sentence(TOPICS[n % 3]), TOPICS[(n + (n % 10 == 0)) % 3])
    heard = audit(made, "--minutes", "1")
    assert 15 <= len(heard.findings) <= 30
    assert "Few labels" not in heard.said
