"""What the pages show of one audit: a row for each label, given or missing, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from errata_model.records import Control, Finding
from errata_model.regions.shapes import Shape, Size

NONE = -1  # a label, a value or a place in the queue that a row does not have


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A key of the tasks' data that tells rows apart."""

    name: str
    values: tuple[str, ...]
    codes: NDArray[np.int32]  # (N,) into `values`, NONE where the task has none


@dataclass(frozen=True, slots=True, eq=False)
class BoardTable:
    """One audit's labels, N rows. A row's number holds within one version alone; its key holds over audits.

    Attributes:
        version: of this table: the same data, belief and layout have the same one. Addresses of pictures hold it.
        model_version: the belief that it rests on.
        project_id: the source project.
        title: of the source project.
        url: of Label Studio, ending in a slash; "" where there is none.
        controls: those that were audited.
        labels: what can be given or predicted, of all controls.
        annotators: who labelled, as Label Studio names them.
        detectors: the names of those that fired for any row.
        keys: (N,) S20, the findings' keys.
        tasks: (N,) int64.
        annotations: (N,) int64.
        control: (N,) int16 into `controls`.
        given: (N,) int32 into `labels`, NONE where a tag or a region is missing; of answers that are no labels where a
            control has more than a hundred different ones.
        predicted: (N,) int32 into `labels`, the belief's best answer; NONE where it would take the label away, or says
            nothing.
        disagreement: (N,) float32 in [0, 1], 1 worst.
        queue: (N,) int32, place in the queue of suspects from 0, most likely error first; NONE where none.
        fired: (N,) uint64, bit i says that `detectors[i]` fired.
        annotator: (N,) int32 into `annotators`.
        place: (N, 4) float32, left, top, width and height of the region in shares of the picture; NaN where the label
            is of the whole task, or the region is no part of a picture.
        leaf: (N,) int32, place in the similarity order of the row's control: like stands beside like.
        xy: (N, 2) float32 in [0, 1], where the projector puts it; NaN where nothing is known of what it looks like.
        apart: (N,) bool, its neighbours in the full space are labelled otherwise: far more of them have one and the
            same other label than its own.
        vectors: (N, D) float16, rows of length 1 whose products say how alike two rows are; zeros where not known.
        fields: what else tells rows apart.
        trustworthiness: control -> of the layout, k = 15, in [0, 1].
    """

    version: str
    model_version: str
    project_id: int
    title: str
    url: str
    controls: tuple[Control, ...]
    labels: tuple[str, ...]
    annotators: tuple[str, ...]
    detectors: tuple[str, ...]
    keys: NDArray[np.bytes_]
    tasks: NDArray[np.int64]
    annotations: NDArray[np.int64]
    control: NDArray[np.int16]
    given: NDArray[np.int32]
    predicted: NDArray[np.int32]
    disagreement: NDArray[np.float32]
    queue: NDArray[np.int32]
    fired: NDArray[np.uint64]
    annotator: NDArray[np.int32]
    place: NDArray[np.float32]
    leaf: NDArray[np.int32]
    xy: NDArray[np.float32]
    apart: NDArray[np.bool_]
    vectors: NDArray[np.float16]
    fields: tuple[Field, ...] = ()
    trustworthiness: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True, eq=False)
class RowDetail:
    """What a page shows of one row beside its columns.

    Attributes:
        finding: the label with its reason and proposal.
        shown: what the task's data hold under the control's key: a media address, or a text; a text is cut to what
            stands around the span, or to its beginning.
        starts_at: where `shown` begins in the whole text, in code points; 0 of anything else.
        data: the task's other data, key -> text, cut to a readable length.
        given: where the region is; None where the label is of the whole task, or the region is missing.
        proposed: where the belief has it; None where it has none, or proposes no other place.
        size: of the picture, in pixels, where it is known.
        answer: what was given where that is no label, in words; "" where it is one.
    """

    finding: Finding
    shown: str
    starts_at: int
    data: Mapping[str, str]
    given: Shape | None = None
    proposed: Shape | None = None
    size: Size | None = None
    answer: str = ""
