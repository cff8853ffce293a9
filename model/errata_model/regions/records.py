"""What people drew on an item, what a belief has there, and what follows for each region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from errata_model.records import Action
from errata_model.regions.shapes import Shape, Size

# The ways to suspect a region; a finding's detectors are called so.
MISSING, SPURIOUS, WRONG_CLASS, BOUNDARY, DUPLICATE, MERGED, SPLIT = (
    "missing_region",
    "spurious_region",
    "wrong_class",
    "bad_boundary",
    "duplicate_region",
    "merged_regions",  # one mask over several things
    "split_regions",  # several masks over one thing
)
SUSPECT_FROM = 0.04  # how likely one sort of error is before anything is looked at: less is no suspicion


@dataclass(frozen=True, slots=True)
class Region:
    """One region of an item.

    Attributes:
        id: Label Studio's; "" where it is not known, as of a model's own.
        label: one of the control's labels; anything else is a class that matches none.
        shape: where it is.
        score: of a belief, how sure it is, in [0, 1]; None of a person's.
    """

    id: str
    label: str
    shape: Shape
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Believed:
    """What a belief has of one item, formed without the labels of that item.

    Attributes:
        regions: those that it would mark, each with its score, however small: no threshold is applied.
        evidence: what else the scoring of this kind can use, such as the class probabilities of each token.
    """

    regions: tuple[Region, ...]
    evidence: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """One annotation of one item beside what is believed about the item.

    Attributes:
        given: the regions that the person marked; there may be none.
        believed: the belief's.
        size: of the image, in pixels; None where it is not known, or the item is no image.
        key: equal for annotations of the same item: what is fitted on annotations is not used on those of the same
            fold, and folds are told by it.
    """

    given: Sequence[Region]
    believed: Believed
    size: Size | None = None
    key: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """How likely one region is wrong, or one that is not there is missing.

    Attributes:
        given: index of the region in `Item.given`; None of a missing one.
        disagreement: in [0, 1], 1 worst; comparable over audits, and the same whatever else is scored with it.
        detectors: those that fired, each with its score in [0, 1]; empty where the belief has nothing against it.
        action: what would put it right; None where nothing is to be done, or it is not known.
        proposal: the region that would stand there: its label, and its shape where that is doubted. None to remove.
        top: the likeliest labels with their probabilities, best first; empty where the belief knows of none.
    """

    given: int | None
    disagreement: float
    detectors: Mapping[str, float] = field(default_factory=dict)
    action: Action | None = None
    proposal: Region | None = None
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class FittedRegions:
    """What a learner of regions made of a project.

    Attributes:
        believed: of each item, by a model that was shown neither its labels nor those of its group.
        model: plain arrays of a model to believe about new items with.
    """

    believed: tuple[Believed, ...]
    model: Mapping[str, NDArray[Any]]
