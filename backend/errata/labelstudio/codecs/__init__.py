"""How Label Studio writes each kind of label down: one module a kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from errata.labelstudio.codecs import (
    boxes,
    choices,
    masks,
    region_edits,
    region_places,
    spans,
    tags,
    value_edits,
    values,
    whole_task,
)
from errata_model.records import Control, Proposal
from errata_model.regions.records import Region as Drawn
from errata_model.regions.shapes import Size

Region = Mapping[str, Any]


class _RegionCodec(Protocol):
    """How one kind of regions is written down: a module of this package."""

    def decode(
        self, result: Sequence[Region], control: Control, value: object
    ) -> tuple[list[Drawn], list[str], Size | None]:
        """See `Codecs.regions_in`."""

    def write(self, control: Control, region: Drawn, size: Size | None, value: object) -> list[dict[str, Any]]:
        """See `Codecs.written`."""


_OF_REGIONS: Mapping[str, _RegionCodec] = {"boxes": boxes, "masks": masks, "spans": spans}


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an annotation's result says for a control.

    Attributes:
        labels: what was given and the config has.
        is_answered: the control was answered, be it with no label.
        problem: what is wrong, in words; None where nothing is. Without a label nothing of the answer can be used.
    """

    labels: tuple[str, ...]
    is_answered: bool
    problem: str | None


class Codecs:
    """Reads, writes and replaces labels in Label Studio's form, whatever their kind.

    A label's place is a control, a region (None: the label is of the whole task) and, of a control of tags, the tag:
    each tag has a place of its own, where it is given or is not.
    """

    def decode(self, result: Sequence[Region], control: Control) -> Decoded:
        """Return what a control was answered with."""
        if control.kind == "tags":
            given, problem = tags.decode(result, control)
            return Decoded(tuple(given or ()), given is not None, problem)
        label, problem = choices.decode(result, control)
        return Decoded(() if label is None else (label,), label is not None, problem)

    def regions_in(
        self, result: Sequence[Region], control: Control, value: object
    ) -> tuple[list[Drawn], list[str], Size | None]:
        """Return the regions of a control, what is wrong with others, in words, and the image's size in pixels.

        Args:
            result: of an annotation or a prediction.
            control: one that marks regions.
            value: what the task's data hold under the control's key.
        """
        return _OF_REGIONS[control.kind].decode(result, control, value)

    def written(self, control: Control, region: Drawn, size: Size | None, value: object) -> list[dict[str, Any]]:
        """Return Label Studio's results of one region, the one that holds the label first; see `Regions.written`."""
        return _OF_REGIONS[control.kind].write(control, region, size, value)

    def region_hash(self, results: Sequence[Region], control: Control) -> str:
        """Return the canonical hash of a region that is not there yet; see `Regions.region_hash`."""
        said = json.dumps([[each["from_name"], each["value"]] for each in results], sort_keys=True)
        return hashlib.sha256(f"{control.name} lacks {said}".encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def answer_in(self, result: Sequence[Region], control: Control) -> tuple[Any, str | None]:
        """Return the answer to a control that asks for no labels, and what is wrong with it; see `values.decode`."""
        return values.decode(result, control)

    def certainty(self, result: Sequence[Region], score: object, control: Control) -> float:
        """Return how sure a prediction is of its answer that is no label; see `values.certainty`."""
        return values.certainty(result, score, control)

    def in_words(self, answer: Any, control: Control) -> str:
        """Return an answer that is no label in words."""
        return values.words(answer, control.name, control.type)

    def answer(self, control: Control, answer: Any, probability: float) -> Proposal:
        """Return the proposal to replace an answer that is no label by another one; see `Regions.answer`."""
        results = values.write(control, answer, probability)
        said = ((self.in_words(answer, control), probability),)
        return Proposal("replace", results[0] if results else {}, said, tuple(results[1:]))

    def region(self, control: Control, label: str, score: float | None = None) -> dict[str, Any]:
        """Return a Label Studio region that says `label`."""
        return whole_task.region(control, [label], score)

    def regions(self, control: Control, scored: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
        """Return the regions of a prediction that says these labels, each with its probability; none for none.

        Label Studio's page takes all labels of a control from one region, whose score is that of the least sure one.
        """
        if not scored:
            return []
        return [whole_task.region(control, [label for label, _ in scored], min(score for _, score in scored))]

    def proposal(self, control: Control, top: Sequence[tuple[str, float]]) -> Proposal:
        """Return the proposal to replace a label of the control by the first of `top`."""
        label, probability = top[0]
        return Proposal("replace", self.region(control, label, probability), tuple(top))

    def addition(self, control: Control, top: Sequence[tuple[str, float]]) -> Proposal:
        """Return the proposal to add the first of `top`, a tag that is missing."""
        tag, probability = top[0]
        return Proposal("add", self.region(control, tag, probability), tuple(top))

    def removal(self, control: Control, tag: str, probability: float) -> Proposal:
        """Return the proposal to take away a tag that is right with this probability."""
        return Proposal("remove", self.region(control, tag, probability), ((tag, probability),))

    def absent_hash(self, control: Control, tag: str) -> str:
        """Return the canonical hash that says that a tag is not given."""
        return self.tag_hash(control.name, tag, is_given=False)

    def tag_hash(self, control: str, tag: str, is_given: bool) -> str:
        """Return the canonical hash that says that a tag is given, or that it is not."""
        return tags.slot_hash(control, tag, is_given=is_given)

    def probabilities(self, result: Sequence[Region], score: object, control: Control) -> dict[str, float] | None:
        """Return label -> probability as a stored prediction says it, None where it says nothing usable."""
        if control.kind == "tags":
            return tags.probabilities(result, score, control)
        return choices.probabilities(result, score, control)

    def origin(self, result: Sequence[Region], control: str, region_id: str | None) -> str | None:
        """Return where Label Studio's page says the label came from; see `whole_task.origin`."""
        if region_id is not None:
            return None
        return values.origin(result, control) if values.is_in(result, control) else whole_task.origin(result, control)

    def marked(self, result: Sequence[Region], control: str) -> dict[str, region_edits.Marked]:
        """Return region id -> hash and origin of every region that the control labels; see `region_edits.marked`."""
        return region_edits.marked([each for each in result if isinstance(each, Mapping)], control)

    def has_region_of(self, result: Sequence[Region], other: Sequence[Region], control: str) -> bool:
        """Say whether both results hold the control's label in a region of the same id: one was copied."""
        copied = whole_task.region_id(result, control)
        if values.is_in(result, control):
            return values.shares_region(result, other, control)
        return copied is not None and copied == whole_task.region_id(other, control)

    def tags(self, result: Sequence[Region], control: str) -> frozenset[str] | None:
        """Return the tags that are given, none where the control has no answer; None where it cannot be read."""
        given = tags.given(result, control)
        return None if given is None else frozenset(given)

    def form(self, result: Sequence[Region], control: str) -> dict[str, Any] | None:
        """Return the control's region without what it says, to say something else in; None where there is none."""
        found = whole_task.find(result, control)
        if found is None:
            return None
        return {key: result[found].get(key) for key in ("id", "from_name", "to_name", "type")}

    def value_hash(
        self, result: Sequence[Region], control: str, region_id: str | None, tag: str | None = None
    ) -> str | None:
        """Return the canonical hash of the value there, None where there is none. A tag that is missing has one."""
        if region_id is not None:
            return region_edits.value_hash(result, control, region_id)
        if values.is_in(result, control):
            return values.value_hash(result, control)
        return choices.value_hash(result, control) if tag is None else tags.value_hash(result, control, tag)

    def label(
        self, result: Sequence[Region], control: str, region_id: str | None, tag: str | None = None
    ) -> str | None:
        """Return the label there, None where there is none."""
        if region_id is not None:
            return region_edits.label(result, control, region_id)
        if values.is_in(result, control):
            return values.label(result, control)
        if tag is None:
            return choices.label(result, control)
        return tag if tag in (tags.given(result, control) or ()) else None

    def replaced(
        self,
        result: Sequence[Region],
        control: str,
        region_id: str | None,
        label: str | None,
        tag: str | None = None,
        form: Region | None = None,
    ) -> list[dict[str, Any]]:
        """Return a copy of `result` with `label` in its place and every other label, region, id and field as it was.

        Args:
            result: an annotation's.
            control: the place, with `region_id` and `tag`.
            region_id: see `control`.
            label: what is to stand there; None takes a tag away.
            tag: see `control`.
            form: of a tag that is added, the region to say it in where the result has none of the control.

        Raises:
            ValueError: there is no such place, or no label can be in it.
        """
        if region_id is not None:
            raise ValueError(f"`region_id` must be None for a label of the whole task, got {region_id!r}")
        if tag is not None:
            return tags.with_tag(result, control, tag, is_given=label is not None, form=form)
        if label is None:
            raise ValueError(f"`label` must be one of {control!r}, got None")
        return choices.replaced(result, control, label)

    def answer_hash(self, result: Sequence[Region], control: str) -> str:
        """Return the canonical hash of an answer that is no label; one that is not there has one, too."""
        return values.value_hash(result, control)

    def answer_of(self, result: Sequence[Region], control: str) -> list[Region]:
        """Return the results of a control's whole answer."""
        return values.of_control(result, control)

    def with_answer(self, result: Sequence[Region], control: str, value: Sequence[Region]) -> list[dict[str, Any]]:
        """Return a copy of `result` in which the control is answered as `value` says; see `value_edits.replaced`."""
        return value_edits.replaced(result, control, value)

    def restored_answer(self, result: Sequence[Region], before: Sequence[Region], control: str) -> list[dict[str, Any]]:
        """Return a copy of `result` in which the control is answered as `before`; see `value_edits.restored`."""
        return value_edits.restored(result, before, control)

    def regions_of(self, result: Sequence[Region], control: str) -> dict[str, list[Region]]:
        """Return region id -> its results, of every region that the control labels, in the result's order."""
        return region_edits.in_result(result, control)

    def with_region(
        self, result: Sequence[Region], control: str, region_id: str, value: Sequence[Region]
    ) -> list[dict[str, Any]]:
        """Return a copy of `result` in which a region is as `value` says; see `region_edits.with_region`."""
        return region_edits.with_region(result, control, region_id, value)

    def relabelled(self, region: Sequence[Region], control: str, label: str) -> list[dict[str, Any]]:
        """Return a copy of one region's results with another label; see `region_edits.relabelled`."""
        return region_edits.relabelled(region, control, label)

    def moves(self, result: Sequence[Region], control: str, region_id: str, value: Sequence[Region]) -> bool:
        """Say whether a region would be drawn elsewhere if it were as `value` says; see `region_edits.moves`."""
        return region_edits.moves(result, control, region_id, value)

    def drawn_as(self, result: Sequence[Region], other: Sequence[Region], region_id: str) -> list[dict[str, Any]]:
        """Return a copy of `result` in which a region is where it is in `other`; see `region_edits.drawn_as`."""
        return region_edits.drawn_as(result, other, region_id)

    def restored(
        self, result: Sequence[Region], before: Sequence[Region], control: str, region_id: str
    ) -> list[dict[str, Any]]:
        """Return a copy of `result` in which a region is as it was `before`; see `region_edits.restored`."""
        return region_edits.restored(result, before, control, region_id)

    def overlap(self, one: Sequence[Region], other: Sequence[Region]) -> float:
        """Return how much two regions, each as its results, overlap, in [0, 1], whatever their labels."""
        return region_places.overlap(one, other)
