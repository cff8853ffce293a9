"""How Label Studio writes each kind of label down: one module a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from errata.labelstudio.codecs import choices
from errata_model.records import Control, Proposal

Region = Mapping[str, Any]


class Codecs:
    """Reads, writes and replaces labels in Label Studio's form, whatever their kind."""

    def decode(self, result: Sequence[Region], control: Control) -> tuple[str | None, str | None, str | None]:
        """Return (label, region id, problem in words) of a control; see `choices.decode`."""
        return choices.decode(result, control)

    def region(self, control: Control, label: str, score: float | None = None) -> dict[str, Any]:
        """Return a Label Studio region that says `label`."""
        return choices.region(control, label, score)

    def proposal(self, control: Control, top: Sequence[tuple[str, float]]) -> Proposal:
        """Return the proposal to replace a label of the control by the first of `top`."""
        label, probability = top[0]
        return Proposal("replace", choices.region(control, label, probability), tuple(top))

    def probabilities(self, result: Sequence[Region], score: object, control: Control) -> dict[str, float] | None:
        """Return label -> probability as a stored prediction says it, None where it says nothing usable."""
        return choices.probabilities(result, score, control)

    def origin(self, result: Sequence[Region], control: str, region_id: str | None) -> str | None:
        """Return where Label Studio's page says the label came from; see `choices.origin`."""
        return choices.origin(result, control) if region_id is None else None

    def has_region_of(self, result: Sequence[Region], other: Sequence[Region], control: str) -> bool:
        """Say whether both results hold the control's label in a region of the same id: one was copied."""
        copied = choices.region_id(result, control)
        return copied is not None and copied == choices.region_id(other, control)

    def value_hash(self, result: Sequence[Region], control: str, region_id: str | None) -> str | None:
        """Return the canonical hash of the value there, None where there is none."""
        return choices.value_hash(result, control) if region_id is None else None

    def replaced(
        self, result: Sequence[Region], control: str, region_id: str | None, label: str
    ) -> list[dict[str, Any]]:
        """Return a copy of `result` with the label replaced and every other region, id and field as it was.

        Raises:
            ValueError: there is no such label.
        """
        if region_id is not None:
            raise ValueError(f"`region_id` must be None for a label of the whole task, got {region_id!r}")
        return choices.replaced(result, control, label)

    def label(self, result: Sequence[Region], control: str, region_id: str | None) -> str | None:
        """Return the label there, None where there is none."""
        return choices.label(result, control) if region_id is None else None
