"""What is said about regions."""

from __future__ import annotations

from errata.audit.wording import per_cent
from errata_model.records import Control
from errata_model.regions.geometry import is_nowhere
from errata_model.regions.records import (
    BOUNDARY,
    DUPLICATE,
    MERGED,
    MISSING,
    SPLIT,
    SPURIOUS,
    WRONG_CLASS,
    Doubt,
    Item,
)

_DRAWN = {"ellipse": "ellipse", "keypoint": "point", "polygon": "polygon"}  # by what control
_SINGULARS = {"boxes": "box"}  # of kinds whose plural is not the singular with an s


def region_reason(doubt: Doubt, item: Item, control: Control, *, is_of_people: bool = False) -> str:
    """Say in a sentence what speaks against a region, or for one that is missing; "" where nothing does.

    Args:
        doubt: about the region.
        item: that it is of.
        control: whose region it is.
        is_of_people: the belief is what other annotators marked.
    """
    if not doubt.detectors:
        return ""
    detector = max(doubt.detectors, key=lambda name: doubt.detectors[name])
    drawn_by = control.drawn_by[0][1] if len(control.drawn_by) == 1 else control.type.removesuffix("labels")
    what = _DRAWN.get(drawn_by) or _SINGULARS.get(control.kind, control.kind.removesuffix("s"))
    share = per_cent(doubt.disagreement)
    label = doubt.proposal.label if doubt.proposal else ""
    region = item.given[doubt.given] if doubt.given is not None else None
    given = region.label if region else ""
    if region and is_nowhere(region.shape):
        return f'This {what} of "{given}" has no extent, or none inside.'
    is_span = control.kind == "spans"
    drew, draws, elsewhere = ("let", "lets", "begin or end elsewhere") if is_span else ("drew", "draws", "elsewhere")
    people = {
        MISSING: f'This annotator did not mark the "{label}" that others marked here ({share}).',
        SPURIOUS: f'No other annotator marked the {what} that is "{given}" here ({share}).',
        WRONG_CLASS: f'Other annotators marked this {what} "{label}", this one "{given}" ({share}).',
        BOUNDARY: f'Other annotators {drew} this {what} of "{given}" {elsewhere} ({share}).',
    }
    sentences = {
        MISSING: f'Nobody marked the "{label}" that the model sees here ({share}).',
        SPURIOUS: f'Little of what the model sees speaks for this {what} of "{given}" ({share}).',
        WRONG_CLASS: f'The model takes this {what}, marked "{given}", for "{label}" ({share}).',
        BOUNDARY: f'The model {draws} this {what} of "{given}" {elsewhere} ({share}).',
        MERGED: f'This {what} of "{given}" covers several that the model tells apart ({share}).',
        SPLIT: f'This {what} of "{given}" and others share one that the model does not divide ({share}).',
        DUPLICATE: f'Another {what} marks the same "{given}" ({share}).',
    }
    if is_of_people:
        sentences |= people
    return sentences.get(detector, f"{detector.replace('_', ' ').capitalize()} ({share}).")
