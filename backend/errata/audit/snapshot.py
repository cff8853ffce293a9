"""A source project as an audit reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from errata_model.kinds.values.records import Answered, Opinion
from errata_model.records import Control, GivenLabel
from errata_model.regions.records import Region
from errata_model.regions.shapes import Size


@dataclass(frozen=True, slots=True)
class StoredPrediction:
    """A prediction that the source holds about one control.

    Attributes:
        probabilities: of the control's labels; empty where it marks regions, or is answered otherwise.
        regions: those that it marks; None where the control labels the whole task.
        size: of the image, in pixels, where it says so.
        opinion: its answer, where the control asks for no labels.
    """

    model_version: str
    control: str
    probabilities: Mapping[str, float]
    regions: tuple[Region, ...] | None = None
    size: Size | None = None
    opinion: Opinion | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one annotation marked for one control, which may be nothing.

    Attributes:
        answer: of the whole annotation: its label None and its value's hash "".
        labels: of each region.
        regions: the regions, in the same order.
        size: of the image, in pixels; None where it is not known, or no image is labelled.
    """

    answer: GivenLabel
    labels: tuple[GivenLabel, ...]
    regions: tuple[Region, ...]
    size: Size | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A source task with its labels decoded."""

    id: int
    data: Mapping[str, Any]
    labels: tuple[GivenLabel, ...]  # of annotations that were submitted, in annotation order
    is_labeled: bool  # as many annotators as the project asks for are done
    predictions: tuple[StoredPrediction, ...] = ()
    prediction_versions: tuple[str, ...] = ()  # of every prediction, also of those that could not be decoded
    # One for each annotation that answered a control of tags, its label None and its value's hash "": what a tag that
    # is missing becomes a finding of, and where no tag was given, what says that none applies.
    answers: tuple[GivenLabel, ...] = ()
    drawn: tuple[Drawn, ...] = ()  # of controls that mark regions, in annotation order; `labels` has their labels too
    answered: tuple[Answered, ...] = ()  # to controls that ask for no labels; `labels` has these answers in words


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A source project as it was read."""

    url: str  # Label Studio's URL, ending in a slash; "" for an export
    project_id: int
    title: str
    label_config: str
    controls: tuple[Control, ...]  # those that errata can audit
    refused: tuple[str, ...]  # the other controls, each with what is missing, in words
    tasks: tuple[Task, ...]
    skipped: Counter[str] = field(default_factory=Counter)  # what was left out and why, in words -> count
    newest_change: str | None = None  # the latest `updated_at` of tasks and labels, by Label Studio's clock
