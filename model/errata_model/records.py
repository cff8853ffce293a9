"""The frozen records that both halves of errata share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

REGION_KINDS = ("boxes", "masks", "spans")
Action = Literal["replace", "add", "remove"]
Stream = Literal["suspect", "selected", "sample", "seed"]


@dataclass(frozen=True, slots=True)
class TextForm:
    """How a task's data hold a text."""

    tag: str  # of the label config's object: "Text", "HyperText", "Paragraphs", "Table" or "List"
    value_type: str = ""  # its valueType: "url" where the data hold the address of a file that holds the text
    name_key: str = ""  # of <Paragraphs>: the keys of who says something and of what is said, where they are named
    text_key: str = ""
    inline: str = ""  # of <HyperText>: "true" where it stands in the page itself, and is no page of its own


@dataclass(frozen=True, slots=True)
class ValueForm:
    """What a label config says of an answer that is no label.

    Attributes:
        low: the least number or rating; of a date, in seconds as `kinds.values.dates.moment` has it. None: no end.
        high: the greatest, likewise.
        date_format: how a date or time is written, as strftime has it; "" of anything else.
    """

    low: float | None = None
    high: float | None = None
    date_format: str = ""


@dataclass(frozen=True, slots=True)
class Control:
    """One thing that a label config asks for, and what it may be answered with."""

    name: str
    # "choices" (one label), "tags" (any number) or "taxonomy" (one path; its labels joined by " > ") of the whole task;
    # "boxes", "masks" or "spans" of regions; "values" (anything else that is answered for the whole task)
    kind: str
    modality: str  # "image", "text", "audio", "timeseries", "video" or "other"
    to_name: str
    data_key: str  # the key of a task's data that holds what is labelled
    labels: tuple[str, ...]  # as stored in results, in the config's order
    text: TextForm | None = None  # where the modality is text
    type: str = "choices"  # of its results in Label Studio: "choices", "taxonomy", "rectanglelabels", "rating", ...
    # Of tags: an annotation without an answer says that no tag applies. Of regions: that there is none. Of values: the
    # form takes an annotation without an answer.
    takes_none: bool = False
    most: int | None = None  # of tags: so many at most can be given together; None where any number can
    # Of regions whose labels and shapes have controls of their own (<Labels> beside <Rectangle>): (name, type) of those
    # that draw.
    drawn_by: tuple[tuple[str, str], ...] = ()
    value: ValueForm | None = None  # where the kind is values, or spans of a time series in dates

    @property
    def has_regions(self) -> bool:
        """Say whether the labels are of regions, of which a task can have any number, and none."""
        return self.kind in REGION_KINDS

    @property
    def has_values(self) -> bool:
        """Say whether it is answered with something else than labels: a number or a text, say."""
        return self.kind == "values"


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """A label that a person gave: one control of one annotation, or one region of it.

    Attributes:
        region_id: None where the label is of the whole task.
        label: None where a tag is missing: the person did not give it.
        value_hash: canonical hash of the given value: changes when the label does. Of tags: that this one is given, or
            that it is not.
        suggested_by: the model version of the prediction that the label was accepted from unchanged; None where the
            person gave it on their own, or changed it. Such a label is no independent evidence.
        started_from: the model version of the prediction about this label that the person had before them when they
            began, whether they accepted or changed it; None where there was none.
    """

    task_id: int
    annotation_id: int
    annotator: str
    control: str
    region_id: str | None
    kind: str
    label: str | None
    value_hash: str
    suggested_by: str | None = None
    started_from: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the belief would have in place of a given label.

    Attributes:
        action: "replace" the label by the first of `top`, "add" that one, or "remove" it.
        value: a Label Studio region that says the first of `top`.
        top: the likeliest labels with their probabilities, best first; of a tag to remove, that tag with its own.
        beside: further results of the same region, where its label and its shape have results of their own.
    """

    action: Action
    value: Mapping[str, Any]
    top: tuple[tuple[str, float], ...]
    beside: tuple[Mapping[str, Any], ...] = ()

    @property
    def label(self) -> str | None:
        """The label that would stand there; None where it would be removed, or the proposal names none."""
        return self.top[0][0] if self.top and self.action != "remove" else None

    @property
    def results(self) -> tuple[Mapping[str, Any], ...]:
        """Label Studio's results of what would stand there; none where it would be removed, or cannot be written."""
        return (self.value, *self.beside) if self.action != "remove" and self.value else ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One suspected label of one annotation.

    Attributes:
        key: who this finding is; see `finding_key`. Stays the same over audits until the label changes.
        given: the label that is suspected.
        detectors: what fired, each with its score in [0, 1], 1 worst.
        disagreement: how likely wrong, in [0, 1], 1 worst; comparable over audits.
        p_wrong: calibrated probability that the label is wrong; None until verdicts calibrate it.
        reason: the evidence, in words that a reviewer can check.
        proposal: what would be right, if the belief has an answer.
        stream: why the finding is in front of a reviewer.
        model_version: the belief that it rests on.
    """

    key: str
    given: GivenLabel
    detectors: Mapping[str, float]
    disagreement: float
    p_wrong: float | None
    reason: str
    proposal: Proposal | None
    stream: Stream
    model_version: str

    @property
    def tag(self) -> str | None:
        """The tag that the finding is about, given or missing; None where the label is the only one there."""
        if self.given.kind != "tags":
            return None
        return self.given.label or (self.proposal.label if self.proposal else None)

    @property
    def proposed_results(self) -> tuple[Mapping[str, Any], ...]:
        """The proposal's results; none where nothing is proposed, or that it is taken away."""
        return self.proposal.results if self.proposal else ()


def finding_key(source_url: str, project_id: int, given: GivenLabel) -> str:
    """Identify a finding: 20 hex digits over Label Studio's URL, the place of the label and its value.

    Detectors are no part of it: the same suspicion by another detector is the same finding.
    """
    place = (
        source_url.rstrip("/"),
        project_id,
        given.task_id,
        given.annotation_id,
        given.control,
        given.region_id or "",
        given.value_hash,
    )
    return hashlib.sha256("\x1f".join(map(str, place)).encode()).hexdigest()[:20]
