"""What learns regions itself, by the kind of the control."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from PIL import Image

from errata.audit.beliefs import UsedEncoder
from errata.audit.believe_pictures import PictureLearner
from errata.audit.believe_regions import Lesson, RegionLearner
from errata.audit.believe_texts import TextLearner
from errata.audit.ports import Media
from errata.labelstudio.task_texts import SpanTexts
from errata_model.encoders.images import ImageEncoder, TorchvisionEncoder
from errata_model.kinds.boxes.learner import fit_boxes
from errata_model.kinds.masks.learner import fit_masks
from errata_model.records import Control
from errata_model.regions.records import FittedRegions


def has_learner(control: Control) -> bool:
    """Say whether errata can learn what a control marks."""
    return control.kind in ("boxes", "masks") or (control.kind == "spans" and control.text is not None)


def region_learner_of(
    control: Control, encoders: Callable[[], Mapping[str, ImageEncoder]], media: Media, max_pixels: int
) -> RegionLearner:
    """Return what learns a control's regions.

    Args:
        control: what is to be learned.
        encoders: returns the encoders that can be had; the first of torchvision's is what learning begins with.
        media: fetches files.
        max_pixels: largest picture.

    Raises:
        ValueError: nothing learns them; see `has_learner`.
    """
    if control.kind in ("boxes", "masks"):
        backbone = next((each for each in encoders().values() if isinstance(each, TorchvisionEncoder)), None)
        fit, made = (fit_boxes, "boxes 1") if control.kind == "boxes" else (fit_masks, "masks 2")
        return PictureLearner(partial(_fit, fit, backbone), media, max_pixels, _used(backbone), made)
    if control.kind == "spans" and control.text is not None:
        return TextLearner(SpanTexts(control.text, media))
    raise ValueError(f'`control` must be one that errata has a learner for, got "{control.name}" ({control.kind})')


def _used(backbone: TorchvisionEncoder | None) -> UsedEncoder | None:
    if backbone is None:
        return None
    weights = None if backbone.weights is None else str(backbone.weights.resolve())
    return UsedEncoder(backbone.identity, backbone.name, weights)


def _fit(
    fit: Callable[..., FittedRegions],
    backbone: TorchvisionEncoder | None,
    pictures: Iterable[Image.Image | None],
    lesson: Lesson,
    told: Callable[[int, int], None],
) -> FittedRegions:
    return fit(
        pictures,
        lesson.given,
        lesson.control.labels,
        lesson.groups,
        is_labelled=lesson.is_labelled,
        backbone=None if backbone is None else backbone.name,
        weights=None if backbone is None else backbone.weights,
        trust=None if backbone is None else backbone.trust,
        seed=lesson.seed,
        minutes=lesson.minutes,
        told=told,
    )
