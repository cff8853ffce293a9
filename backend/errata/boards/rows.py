"""The rows of a table: each label of an audit with where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import RegionBelief
from errata.audit.ports import Regions
from errata.audit.run import Examination
from errata.audit.snapshot import Drawn, Task
from errata_model.records import Control, Finding
from errata_model.regions.geometry import bounds_xyxy
from errata_model.regions.shapes import Shape, Size, Span

_ANY_SIZE: Size = (1000, 1000)  # where a picture's is not known: turned shapes are off by its aspect then


@dataclass(frozen=True, slots=True)
class Row:
    """One label.

    Attributes:
        finding: what the audit says of it.
        task: whose label it is.
        control: what it answers.
        shape: where the region is, and of a missing one where the belief has it; None where the label is of the whole
            task, or nobody knows.
        size: of the picture, in pixels, where it is known.
    """

    finding: Finding
    task: Task
    control: Control
    shape: Shape | None = None
    size: Size | None = None

    @property
    def is_missing(self) -> bool:
        """Say whether a region is missing there."""
        return self.control.has_regions and self.finding.given.region_id is None


def rows_of(examination: Examination, regions: Regions) -> list[Row]:
    """Return a row of each label of an audit, suspected or not, in the audit's order: most likely error first.

    What is missing is among them where a detector says so. Audits know of many more tags and regions that nobody gave
    and hardly anything speaks for: of 364 pictures with 4,893 boxes they were 15,980.
    """
    snapshot, artefact = examination.snapshot, examination.belief.artefact
    tasks = {task.id: task for task in snapshot.tasks}
    controls = {control.name: control for control in snapshot.controls}
    sizes = {about.control.name: _sizes(about) for about in artefact.region_beliefs}
    drawn = {
        (each.answer.annotation_id, each.answer.control): (_shapes(each), each.size)
        for task in snapshot.tasks
        for each in task.drawn
    }
    rows = []
    for finding in examination.findings.all:
        given = finding.given
        if given.label is None and not finding.detectors:
            continue
        task, control = tasks[given.task_id], controls[given.control]
        if not control.has_regions:
            rows.append(Row(finding, task, control))
            continue
        shapes, size = drawn[given.annotation_id, given.control]
        about = sizes.get(control.name, {})
        size = size or about.get(given.task_id) or about.get(-given.annotation_id)
        shape = proposed_shape(finding, task, control, regions) if given.region_id is None else shapes[given.region_id]
        rows.append(Row(finding, task, control, shape, size))
    return rows


def proposed_shape(finding: Finding, task: Task, control: Control, regions: Regions) -> Shape | None:
    """Return where the belief has a region; None where it has none, or would take the region away."""
    if not control.has_regions or not (results := finding.proposed_results):
        return None
    found, _, _ = regions.regions_in(results, control, task.data.get(control.data_key))
    return found[0].shape if found else None


def _shapes(drawn: Drawn) -> Mapping[str | None, Shape]:
    return {label.region_id: region.shape for label, region in zip(drawn.labels, drawn.regions, strict=True)}


def _sizes(belief: RegionBelief) -> Mapping[int, Size | None]:
    """Return the sizes of pictures by what `RegionBelief.row_of` names them by."""
    return {about: belief.sizes[row] for about, row in belief.row_of.items()}


def places_of(rows: Sequence[Row]) -> NDArray[np.float32]:
    """Return (N, 4) left, top, width and height of what each row shows of its picture, in shares, within it.

    Of a point it is a small square around it. NaN where the row is of no part of a picture.
    """
    places = np.full((len(rows), 4), np.nan, dtype=np.float32)
    for n, row in enumerate(rows):
        if row.control.modality != "image" or row.shape is None or isinstance(row.shape, Span):
            continue
        size = row.size or _ANY_SIZE
        corners = bounds_xyxy([row.shape], size)[0] / (*size, *size)
        left, top, right, bottom = np.clip(corners, 0.0, 1.0)
        if right > left and bottom > top:  # False where a coordinate is no number
            places[n] = left, top, right - left, bottom - top
    return places
