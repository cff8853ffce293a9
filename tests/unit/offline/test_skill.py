"""A belief that knows nothing of the labels says so, instead of filling a queue without a word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Make = Callable[..., Any]
TOPICS = ("sport", "money", "space")
N = 150


@pytest.fixture
def made(export: Make, sentence: Make) -> Any:
    """An export of N texts about three topics in turn."""
    made = export()
    for n in range(N):
        made.add(sentence(TOPICS[n % 3]), TOPICS[n % 3])
    return made


def test_embeddings_that_say_nothing(made: Any, audit: Make, tmp_path: Path, rng: Any) -> None:
    """Noise: the audit names the control, how many labels agree, and what to try.

    One noise in some forty agrees with more labels than two standard errors allow: of five most are told.
    """
    said: list[str] = []
    for n in range(5):
        noise = np.random.default_rng(rng.randrange(2**32)).normal(size=(N, 16))
        np.savez(tmp_path / f"noise-{n}.npz", task=np.arange(1, N + 1), embeddings=noise)
        heard = audit(made, "--json", "--embeddings", str(tmp_path / f"noise-{n}.npz"))
        said += [each for each in heard.summary["remarks"] if each.startswith('What is believed of "label" agrees')]
    assert 3 <= len(said) <= 5
    assert all("It needs another encoder" in each for each in said)


def test_a_belief_that_tells_topics_apart(made: Any, audit: Make) -> None:
    """Nothing is said."""
    assert audit(made).summary["remarks"] == []


def test_a_rare_class_that_is_told_apart(export: Make, audit: Make, sentence: Make) -> None:
    """Nearly all labels are of one class, which is no feat to agree with; the others are believed in, too."""
    made = export()
    for n in range(N):
        topic = "sport" if n % 15 else TOPICS[1 + n // 15 % 2]
        made.add(sentence(topic), topic)
    assert not [each for each in audit(made).summary["remarks"] if each.startswith("What is believed")]
