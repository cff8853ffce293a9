"""Proposals of missing regions, written in Label Studio's form when somebody asks: most never reach the queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from errata.audit.ports import Regions
from errata_model.records import Control, Proposal
from errata_model.regions.records import Region
from errata_model.regions.shapes import Size


class LateProposal(Proposal):
    """The proposal to add a region, whose results are written anew each time that they are read.

    Written ones of all that a belief has on thousands of tasks would fill the memory.

    Args:
        region: that is missing, with its score.
        top: see `Proposal`.
        control: that draws it.
        regions: writes it.
        size: of the image, in pixels; None where it is not known, or the item is no image.
        data: what the task holds under the control's key.
    """

    __slots__ = ("_control", "_data", "_region", "_regions", "_size")

    def __init__(
        self,
        region: Region,
        top: tuple[tuple[str, float], ...],
        control: Control,
        regions: Regions,
        size: Size | None,
        data: Any,
    ) -> None:
        for name, value in (
            ("action", "add"),
            ("top", top),
            ("_region", region),
            ("_control", control),
            ("_regions", regions),
            ("_size", size),
            ("_data", data),
        ):
            object.__setattr__(self, name, value)

    @property
    def value(self) -> Mapping[str, Any]:
        """See `Proposal`."""
        return self.results[0]

    @property
    def beside(self) -> tuple[Mapping[str, Any], ...]:
        """See `Proposal`."""
        return self.results[1:]

    @property
    def results(self) -> tuple[Mapping[str, Any], ...]:
        """See `Proposal`."""
        return tuple(self._regions.written(self._control, self._region, self._size, self._data))  # type: ignore[attr-defined]
