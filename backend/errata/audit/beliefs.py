"""What is believed about a project's labels, a record a control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.values.records import ValueBelief
from errata_model.records import Control
from errata_model.regions.records import Believed
from errata_model.regions.shapes import Size

OWN_VERSIONS = "errata-"  # what versions of errata's own begin with: they are no second opinion
NO_VERSION = f"{OWN_VERSIONS}none"  # what carries no belief: the version before the first audit


def own_version(digest: str) -> str:
    """Return the version of what errata believes; `digest` is of data and model, in hex digits."""
    return f"{OWN_VERSIONS}{digest[:12]}"


@dataclass(frozen=True, slots=True)
class UsedEncoder:
    """What the items of a control were encoded with."""

    identity: str  # name, weights and preprocessing: the same string, the same rows
    name: str  # as it was asked for
    weights: str | None = None  # the file or folder, where one was named
    parts: tuple[tuple[str, int], ...] = ()  # (identity, width) of each, where its rows are those of several


@dataclass(frozen=True, slots=True)
class ControlBelief:
    """The belief about one control.

    Attributes:
        control: what is believed about.
        task_ids: (N,) int64, the tasks that have one.
        content_keys: what each task shows: a sha256 in hex digits, or "" where not known.
        probabilities: (N, K) float32, rows sum to 1, columns in the order of `control.labels`. Every row is
            out-of-sample: it comes from labels of other media.
        model: opaque arrays of the learner to predict new media with; None where the belief came from elsewhere.
        encoder: makes of new media what the model takes; None where the belief came from elsewhere.
    """

    control: Control
    task_ids: NDArray[np.int64]
    content_keys: tuple[str, ...]
    probabilities: NDArray[np.float32]
    model: Mapping[str, NDArray[Any]] | None
    encoder: UsedEncoder | None = None


@dataclass(frozen=True, slots=True)
class RegionBelief:
    """The belief about a control that marks regions.

    Attributes:
        control: what is believed about.
        task_ids: (N,) int64, the tasks that have one.
        content_keys: what each task shows: a sha256 in hex digits, or "" where not known.
        believed: of each task, out-of-sample.
        calibration: what the scoring learned from the project; see `calibrate` of the kind.
        sizes: of each task's image, in pixels; None where it is not known.
        model: opaque arrays of the learner to predict new media with; None where the belief came from elsewhere.
        encoder: the network that the model begins with; None where there is none.
        annotation_ids: (N,) int64, the annotations that the rows are about, where they say what the other annotators
            of the same task marked; None where a row is about its task.
    """

    control: Control
    task_ids: NDArray[np.int64]
    content_keys: tuple[str, ...]
    believed: tuple[Believed, ...]
    calibration: Mapping[str, NDArray[Any]]
    sizes: tuple[Size | None, ...]
    model: Mapping[str, NDArray[Any]] | None = None
    encoder: UsedEncoder | None = None
    annotation_ids: NDArray[np.int64] | None = None

    @property
    def is_of_people(self) -> bool:
        """Say whether it is what people marked, which is no prediction."""
        return self.annotation_ids is not None

    @property
    def row_of(self) -> dict[int, int]:
        """Task id -> row; where rows are about annotations, their ids below zero."""
        about = self.task_ids if self.annotation_ids is None else -self.annotation_ids
        return {each: row for row, each in enumerate(about.tolist())}


@dataclass(frozen=True, slots=True)
class Artefact:
    """All that an audit believes about a project.

    Attributes:
        version: hash of data and model, no time in it.
        beliefs: about controls that label whole tasks.
        region_beliefs: about controls that mark regions.
        value_beliefs: about controls whose answers are no labels.
        parts: where several sources believe together, the version of each and the names of its controls.
    """

    version: str
    beliefs: tuple[ControlBelief, ...]
    region_beliefs: tuple[RegionBelief, ...] = ()
    value_beliefs: tuple[ValueBelief, ...] = ()
    parts: tuple[tuple[str, tuple[str, ...]], ...] = ()
