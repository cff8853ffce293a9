"""Fine-tuning within an audit, over media that are a dict and a network that is tiny."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from errata.audit.believe import Belief, OwnBeliever
from errata.audit.snapshot import Snapshot
from errata.errors import MediaError
from errata_model.encoders.trunk import Trunk

N = 36
LABELS = ["cat" if n % 2 else "dog" for n in range(1, N + 1)]  # tasks are counted from 1, odd ones are red
MINUTES = 60.0  # never short, however slow the machine


@pytest.fixture
def trunk() -> Trunk:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    return Trunk(network, 8, Image.Resampling.BILINEAR, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


@pytest.fixture
def believe(studio: Any, png: Any, trunk: Trunk) -> Callable[..., Belief]:
    """Believe with an encoder that can be fine-tuned, unless told otherwise."""
    studio.media.content = {f"{n}.png": png(200 + n, 0, n) if n % 2 else png(n, 0, 200 + n) for n in range(1, N + 1)}
    studio.encoder.trunk = lambda: trunk

    def form(snapshot: Snapshot, **options: Any) -> Belief:
        chosen = {"fine_tunes": True, "minutes": MINUTES} | options
        return OwnBeliever(lambda _: studio.embedder, None, **chosen).believe(snapshot, studio.told)

    return form


def probabilities(belief: Belief) -> np.ndarray:
    return belief.artefact.beliefs[0].probabilities


def test_networks_have_a_say(believe: Any, project: Any, studio: Any) -> None:
    """The belief differs from that of the frozen encoder, under another version; rows sum to one."""
    frozen = believe(project(*LABELS), fine_tunes=False)
    found = believe(project(*LABELS))
    assert not np.allclose(probabilities(found), probabilities(frozen))
    np.testing.assert_allclose(probabilities(found).sum(axis=1), 1, atol=1e-5)
    assert (probabilities(found)[:, :2].argmax(axis=1) == np.array([label == "dog" for label in LABELS])).all()
    assert found.artefact.version != frozen.artefact.version
    (steps,) = (total for name, total in studio.told.stages if name == "Fine-tuning")
    assert steps > 0


def test_no_belief_has_seen_its_own_label(believe: Any, project: Any) -> None:
    """A label that changes moves beliefs about other tasks, not its own."""
    before = probabilities(believe(project(*LABELS)))
    after = probabilities(believe(project("dog", *LABELS[1:])))
    np.testing.assert_allclose(after[0], before[0], atol=1e-5)
    assert not np.allclose(after[1:], before[1:], atol=1e-5)


def test_new_tasks_are_predicted_by_the_frozen_encoders_learner(believe: Any, project: Any) -> None:
    """What an artefact keeps to predict with is what it keeps without fine-tuning."""
    frozen, found = (believe(project(*LABELS), fine_tunes=each).artefact.beliefs[0].model for each in (False, True))
    assert found.keys() == frozen.keys()
    for name in frozen:
        np.testing.assert_array_equal(found[name], frozen[name])


@pytest.mark.parametrize("content", [MediaError("it is gone"), b"no image", "another image"])
def test_an_image_that_is_gone_keeps_its_belief(
    content: Any, believe: Any, project: Any, studio: Any, png: Any
) -> None:
    """Its embedding is known, but it can no longer be read, or has changed under its address."""
    frozen = probabilities(believe(project(*LABELS), fine_tunes=False))
    studio.media.content["3.png"] = png(1, 2, 3) if content == "another image" else content
    found = probabilities(believe(project(*LABELS)))
    np.testing.assert_array_equal(found[2], frozen[2])
    assert not np.allclose(found[3], frozen[3])


def test_an_encoder_without_weights_is_left_as_it_is(believe: Any, project: Any, studio: Any) -> None:
    """And that is said."""
    del studio.encoder.trunk
    frozen = probabilities(believe(project(*LABELS), fine_tunes=False))
    np.testing.assert_array_equal(probabilities(believe(project(*LABELS))), frozen)
    assert any("Not fine-tuned" in line and "torchvision backbone" in line for line in studio.told.said)


def test_too_little_time_leaves_the_frozen_belief(believe: Any, project: Any, studio: Any) -> None:
    """And how much would be needed is said."""
    frozen = probabilities(believe(project(*LABELS), fine_tunes=False, minutes=0))
    np.testing.assert_array_equal(probabilities(believe(project(*LABELS), minutes=0)), frozen)
    assert any('control "animal"' in line and "at least 1 min" in line for line in studio.told.said)


def test_tags_are_learned_too(believe: Any, project: Any, control: Any) -> None:
    """Each tag by itself: rows need not sum to one."""
    tags = replace(control, kind="tags")
    given = [["cat", "cow"] if label == "cat" else ["dog"] for label in LABELS]
    snapshot = project(*given, controls=(tags,))
    answered = [replace(task, answers=(replace(task.labels[0], label=None, value_hash=""),)) for task in snapshot.tasks]
    snapshot = replace(snapshot, tasks=tuple(answered))
    frozen, found = (probabilities(believe(snapshot, fine_tunes=each)) for each in (False, True))
    assert found.shape == frozen.shape
    assert not np.allclose(found, frozen)
    assert ((found >= 0) & (found <= 1)).all()
