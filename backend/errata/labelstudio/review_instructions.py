"""What reviewers are told before they begin."""

from __future__ import annotations

from collections.abc import Sequence

from errata_model.records import Control

KEEP, KEEP_TAGS = "The label is right", "Right as it is"  # a tag may be right where it is missing
INSTRUCTION = (
    "<p>Each task shows one label that is likely to be wrong, and why. The label as it is now is filled in.</p>"
    f"<ul><li><b>{KEEP}</b>: leave it as it is.</li>"
    "<li><b>Use the suggestion</b>: the label that the question names is right.</li>"
    "<li><b>I corrected it above</b>: correct the label first.</li>"
    "<li><b>Wrong, but I do not know what it is</b>, <b>Cannot be used</b>, <b>Can't tell</b>: as they say.</li></ul>"
    "<p>The keys q, w, r, x, e and n choose, Ctrl+Enter submits.</p>"
)
INSTRUCTION_TAGS = (
    "<p>Each task asks about one tag that is likely to be wrong, or missing, and says why. All tags as they are now "
    f"are filled in.</p><ul><li><b>{KEEP_TAGS}</b>: the tag that is asked about is right, or rightly missing. "
    "Leave all tags as they are.</li><li><b>Use the suggestion</b>: take the doubted tag away, or add the missing "
    "one. You need not do it above.</li><li><b>I corrected it above</b>: correct the tags first, as many as you "
    "like.</li><li><b>Wrong, but I do not know what it is</b>, <b>Cannot be used</b>, <b>Can't tell</b>: as they "
    "say.</li></ul><p>The keys q, w, r, x, e and n choose, Ctrl+Enter submits.</p>"
)
INSTRUCTION_REGIONS = (
    "<p>Each task asks about one region that is likely to be wrong, or missing, and says why. All that is marked now "
    "is filled in; the region in question has a red frame, or is red in a text, and a suggested place is turquoise.</p>"
    f"<ul><li><b>{KEEP_TAGS}</b>: the region that is asked about is right, or rightly missing.</li>"
    "<li><b>Use the suggestion</b>: as the question says. You need not do it above.</li>"
    "<li><b>I corrected it above</b>: give the region its label, its place, delete it, or draw the missing one. What "
    "you correct beside it is kept, and written only on request.</li>"
    "<li><b>Wrong, but I do not know what it is</b>, <b>Cannot be used</b>, <b>Can't tell</b>: as they say.</li></ul>"
    "<p>The keys q, w, r, x, e and n choose, Ctrl+Enter submits.</p>"
)
INSTRUCTION_ITEMS = (
    "<p>Each task asks about all regions of an image, or a text, that are likely to be wrong, or missing, and says "
    "why. All that is marked now is filled in; a region in question has a red frame, or is red in a text, and a "
    "suggested place is turquoise. <b>Select a region in question</b>, or the turquoise place of a missing one, and "
    "decide about it:</p>"
    f"<ul><li><b>{KEEP_TAGS}</b>: the region is right, or rightly missing.</li>"
    "<li><b>Use the suggestion</b>: as its line says. You need not do it above.</li>"
    "<li><b>I corrected it above</b>: give the region its label, its place, or draw the missing one. Who deletes a "
    "region in question need not say so.</li>"
    "<li><b>Wrong, but I do not know what it is</b>, <b>Cannot be used</b>, <b>Can't tell</b>: as they say.</li></ul>"
    "<p>The keys q, w, r, x, e and n choose for the selected region, Ctrl+Enter submits. What you decide "
    "about all others, while none is selected (Esc), holds for those without a decision of their own; what has neither "
    "stays open.</p>"
)


def instruction(controls: Sequence[Control], by_item: bool = False) -> str:
    """Return what reviewers are told before they begin."""
    if by_item and any(control.has_regions for control in controls):
        return INSTRUCTION_ITEMS
    if any(control.has_regions for control in controls):
        return INSTRUCTION_REGIONS
    return INSTRUCTION_TAGS if any(control.kind == "tags" for control in controls) else INSTRUCTION
