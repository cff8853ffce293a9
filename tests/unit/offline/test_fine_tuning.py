"""`errata audit --fine-tune` where there is nothing to tune; what there is to tune is tested with the audit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., Any]
HUES = ("red", "green")


@pytest.fixture
def pictures(export: Make, picture: Make, saved: Make) -> Any:
    made = export("image", HUES)
    for n in range(16):
        made.add(saved(picture(HUES[n % 2])), HUES[n % 2])
    return made


def test_pixels_have_nothing_to_tune(pictures: Any, audit: Make) -> None:
    """Said, and the audit is that without."""
    frozen, tuned = audit(pictures, "--all"), audit(pictures, "--all", "--fine-tune")
    assert 'Not fine-tuned: control "label": only a torchvision backbone with weights can be' in tuned.told
    assert [each["disagreement"] for each in tuned.findings] == [each["disagreement"] for each in frozen.findings]


def test_texts_have_nothing_to_tune(export: Make, audit: Make, sentence: Make) -> None:
    """Likewise; what is believed then has the version that it has without asking."""
    made = export()
    for n in range(20):
        made.add(sentence(("sport", "money")[n % 2]), ("sport", "money")[n % 2])
    tuned = audit(made, "--all", "--json", "--fine-tune")
    assert "Not fine-tuned" in tuned.told
    assert tuned.summary["model_version"] == audit(made).summary["model_version"]


@pytest.mark.parametrize("other", [("--belief", "stored"), ("--embeddings", "mine.npz")])
def test_there_must_be_an_encoder_to_tune(other: tuple[str, str], pictures: Any, audit: Make) -> None:
    """Beliefs and embeddings from elsewhere have none: wrong use."""
    assert "leave out --belief and --embeddings" in audit(pictures, "--fine-tune", *other, code=2).told
