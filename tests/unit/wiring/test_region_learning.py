"""Who learns which regions, and what with."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from errata.audit.believe_regions import Lesson
from errata.audit.progress import LineProgress
from errata.wiring.region_learning import region_learner_of
from errata_model.encoders.images import PixelEncoder, load_image_encoder
from errata_model.records import Control
from errata_model.regions.records import Region
from errata_model.regions.shapes import Box, Polygon

CARS = Control("car", "boxes", "image", "image", "image", ("car",), type="rectanglelabels")

CELLS = Control("cell", "masks", "image", "image", "image", ("cell",), type="brushlabels")


class OnePicture:
    """Behind every address is the same picture."""

    def read(self, uri: str, task_id: int) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (20, 10)).save(file, "PNG")
        return file.getvalue()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Return a file of weights as they were drawn."""
    file = tmp_path / "squeezenet1_1.pth"
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), file)
    return file


@pytest.mark.parametrize("control", [CARS, CELLS])
def test_learning_begins_with_the_first_backbone_that_there_is(weights: Path, control: Control) -> None:
    """Other weights, another belief; with pixels alone they begin from scratch."""
    backbone = load_image_encoder("squeezenet1_1", weights)
    with_backbone = region_learner_of(
        control, lambda: {"pixels": PixelEncoder(), "squeezenet1_1": backbone}, OnePicture(), 1000
    )
    from_scratch = region_learner_of(control, lambda: {"pixels": PixelEncoder()}, OnePicture(), 1000)
    assert backbone.identity in with_backbone.identity
    assert with_backbone.identity != from_scratch.identity


def test_boxes_are_learned_within_the_minutes_of_the_lesson(weights: Path) -> None:
    """Where these are not enough for one look at each picture, that is said."""
    learner = region_learner_of(
        CARS, lambda: {"squeezenet1_1": load_image_encoder("squeezenet1_1", weights)}, OnePicture(), 1000
    )
    given = ((Region("a", "car", Box(0.1, 0.1, 0.5, 0.5)),),) * 4
    lesson = Lesson(CARS, (1, 2, 3, 4), ("",) * 4, given, np.ones(4, dtype=bool), np.arange(4), seed=1, minutes=1e-6)
    with pytest.raises(ValueError, match="learning 4 pictures would take at least 1 min more"):
        learner.learn(lesson, LineProgress(lambda _: None))


def test_masks_begin_from_scratch_and_are_learned_within_the_minutes_of_the_lesson() -> None:
    """There is no backbone; where the minutes are not enough for one look at each picture, that is said."""
    learner = region_learner_of(CELLS, dict, OnePicture(), 1000)
    given = ((Region("a", "cell", Polygon(((0.1, 0.1), (0.6, 0.1), (0.6, 0.6)))),),) * 4
    lesson = Lesson(CELLS, (1, 2, 3, 4), ("",) * 4, given, np.ones(4, dtype=bool), np.arange(4), seed=1, minutes=1e-6)
    with pytest.raises(ValueError, match="learning 4 pictures would take at least 1 min more"):
        learner.learn(lesson, LineProgress(lambda _: None))
