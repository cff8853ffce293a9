"""The projector's points as columns of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from errata.boards.table import NONE, BoardTable

NEIGHBOURS = 15  # what the layout's trustworthiness is measured by
COLUMNS = ("rows", "xy", "size", "apart")


@dataclass(frozen=True, slots=True, eq=False)
class Colour:
    """What points can be coloured by.

    Attributes:
        name: in addresses.
        title: for people.
        kind: how `data` is to be read.
        values: of a category, what its numbers stand for.
        low: of a number, the least.
        high: likewise, the greatest.
        data: (n,) int32 into `values`, NONE where there is none; or float32.
    """

    name: str
    title: str
    kind: Literal["category", "number"]
    values: tuple[str, ...]
    low: float
    high: float
    data: NDArray[np.int32] | NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The points of one control's map: n of its rows, those of which it is known what they look like.

    Attributes:
        control: its number.
        rows: (n,) int32 into the table.
        xy: (n, 2) float32 in [0, 1].
        size: (n,) float32, disagreement in [0, 1].
        apart: (n,) uint8, 1 where most neighbours in the full space are labelled otherwise.
        colours: what they can be coloured by.
    """

    control: int
    rows: NDArray[np.int32]
    xy: NDArray[np.float32]
    size: NDArray[np.float32]
    apart: NDArray[np.uint8]
    colours: tuple[Colour, ...]

    def column(self, name: str) -> bytes | None:
        """Return a column, little-endian; None where there is none of this name."""
        if name in COLUMNS:
            found = getattr(self, name)
        else:
            found = next((each.data for n, each in enumerate(self.colours) if name == f"colour-{n}"), None)
            if found is None:
                return None
        return bytes(np.ascontiguousarray(found, dtype=found.dtype.newbyteorder("<")).tobytes())

    def as_json(self, table: BoardTable) -> dict[str, Any]:
        """Return the map's description; see docs/board.md."""
        folder = f"map/{quote(table.version, safe='')}/{self.control}"
        trust = table.trustworthiness.get(table.controls[self.control].name)
        return {
            "version": table.version,
            "n": len(self.rows),
            **{name: f"{folder}/{name}.bin" for name in COLUMNS},
            "colours": [
                {
                    "name": each.name,
                    "title": each.title,
                    "kind": each.kind,
                    "values": list(each.values),
                    "low": each.low,
                    "high": each.high,
                    "data": f"{folder}/colour-{n}.bin",
                }
                for n, each in enumerate(self.colours)
            ],
            "trustworthiness": trust if trust is not None and np.isfinite(trust) else None,
            "k": NEIGHBOURS,
        }


def points_of(table: BoardTable, control: int) -> Points:
    """Return the points of a control's map."""
    rows = np.flatnonzero((table.control == control) & np.isfinite(table.xy).all(axis=1))
    disagreement = table.disagreement[rows].astype(np.float32)
    colours = (
        _category("given", "given label", table.labels, table.given[rows]),
        _category("predicted", "predicted label", table.labels, table.predicted[rows]),
        Colour("disagreement", "disagreement", "number", (), 0.0, 1.0, disagreement),
        _category("annotator", "annotator", table.annotators, table.annotator[rows]),
        *(_category(f"field:{each.name}", each.name, each.values, each.codes[rows]) for each in table.fields),
    )
    apart = table.apart[rows].astype(np.uint8)
    return Points(control, rows.astype(np.int32), table.xy[rows].astype(np.float32), disagreement, apart, colours)


def _category(name: str, title: str, values: Sequence[str], codes: NDArray[np.integer]) -> Colour:
    """Name the values that are there alone, in their order."""
    present = np.unique(codes)
    named = present[present != NONE]
    data = np.where(codes == NONE, NONE, np.searchsorted(named, codes)).astype(np.int32)
    return Colour(name, title, "category", tuple(values[code] for code in named.tolist()), 0.0, 0.0, data)
