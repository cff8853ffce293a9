"""The review project's label config: the source's, with a question above it and a decision below."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from errata.errors import ConfigNotServed
from errata.labelstudio.region_marks import MARK_STYLE, RegionMarks
from errata.labelstudio.review_instructions import KEEP, KEEP_TAGS
from errata.labelstudio.review_sizes import fit
from errata.review.records import Decision
from errata_model.records import Control

VERDICT = "errata_verdict"
REGION_VERDICT = "errata_region_verdict"
NOTE = "errata_note"
# What stands in a review task's data beside the source task's own: what tabs show, and what they hide.
SHOWN_COLUMNS = ("disagreement", "given_label", "proposed_label", "why", "source_url")
HIDDEN_COLUMNS = (
    "question",
    "finding",
    "source_task",
    "source_annotation",
    "control",
    "region",
    "stream",
    "fingerprint",
    "look_again",
    "given_tags",
    "given_regions",
    "findings",
)
_PREFIXES = ("", "errata_", "errata2_", "errata3_")
_DECISIONS: tuple[tuple[str, Decision, str], ...] = (
    (KEEP, "keep", "q"),
    ("Use the suggestion", "take_proposal", "w"),
    ("I corrected it above", "fix", "r"),
    ("Wrong, but I do not know what it is", "wrong", "x"),
    ("Cannot be used", "unusable", "e"),
    ("Can't tell", "unclear", "n"),
)
# Small enough for a line each beside the task list, where a click on a row opens a task.
_QUESTION_STYLE = "margin: 0; font-size: 20px; line-height: 1.4"
_WHY_STYLE = "margin: 0 0 8px; font-size: 16px; line-height: 1.4; font-weight: normal"
# A line each finding of an item, and their reasons.
_LIST_STYLE = "margin: 0; font-size: 15px; line-height: 1.4; white-space: pre-line; max-height: 110px; overflow-y: auto"
_REASONS_STYLE = (
    "margin: 0 0 8px; font-size: 13px; line-height: 1.4; font-weight: normal; max-height: 40px; overflow-y: auto"
)
# Stays in sight below a picture that is higher than the window.
_BAR_STYLE = (
    "position: sticky; bottom: 0; z-index: 5; margin-top: 8px; padding: 8px 0; "
    "background: var(--color-neutral-background, Canvas); border-top: 1px solid var(--color-neutral-border, GrayText)"
)
_SPARE_KEYS = "sdfgzcvbyiopjklmta"
_VARIABLE = re.compile(r"\$([A-Za-z_][\w.\-]*)")


@dataclass(frozen=True, slots=True)
class Columns:
    """How errata's columns are called in one review project: with a prefix where the source has such keys itself."""

    prefix: str = ""

    def __call__(self, name: str) -> str:
        """Return the key of a column in a review task's data."""
        return self.prefix + name

    def all(self) -> list[str]:
        """Return the keys of all columns."""
        return [self(name) for name in SHOWN_COLUMNS + HIDDEN_COLUMNS]


def choose_columns(source_xml: str, data_keys: Iterable[str]) -> Columns:
    """Return names that collide with no key of the source's tasks and no variable of its label config."""
    taken = set(data_keys) | _variables(source_xml)
    for prefix in _PREFIXES:
        columns = Columns(prefix)
        if not taken.intersection(columns.all()):
            return columns
    raise ConfigNotServed(
        f"The tasks' data have keys that begin with {_PREFIXES[-1]} already. "
        "Is this a review project, or a copy of one? Audit the project that the labels come from."
    )


def read_columns(review_xml: str) -> Columns:
    """Return the names that a review project was made with."""
    for header in ET.fromstring(review_xml).iter("Header"):
        value = header.get("value", "")
        if value.startswith("$") and value.endswith("question") and value[1:-8] in _PREFIXES:
            return Columns(value[1:-8])
    return Columns()


def verdict_control(source_xml: str) -> str:
    """Return the name of the decision's control beside this source config."""
    return _free(VERDICT, _names(ET.fromstring(source_xml)))


def note_control(source_xml: str) -> str:
    """Return the name of the note's control beside this source config."""
    return _free(NOTE, _names(ET.fromstring(source_xml)))


def region_verdict_controls(source_xml: str, controls: Sequence[Control]) -> dict[str, str]:
    """Return the names of the decisions about regions beside this source config -> what the regions are drawn on."""
    taken = _names(ET.fromstring(source_xml))
    found: dict[str, str] = {}
    for to_name in dict.fromkeys(control.to_name for control in controls if control.has_regions):
        found[_free(REGION_VERDICT, taken | found.keys())] = to_name
    return found


def review_config(
    source_xml: str,
    hotkeys: Collection[str],
    columns: Columns | None = None,
    *,
    controls: Sequence[Control] = (),
    by_item: bool = False,
) -> str:
    """Return the label config of the review project.

    Nothing of the source's is required here: a task that cannot be used has no right answer. Pictures and choices
    that the source gives no size and layout, and long texts, are kept small, so that all of it is in sight at once.
    Keys that the source gives to its labels stay theirs; those that Label Studio hands out by itself go round the ones
    given.

    Args:
        source_xml: the source's label config.
        hotkeys: the keys that the source's config gives explicitly.
        columns: how the data columns are called.
        controls: those that errata audits.
        by_item: all findings about regions are one review task, with a decision at each region.

    Raises:
        ConfigNotServed: the source's config has no control that labels an object.
    """
    columns = columns or Columns()
    source = ET.fromstring(source_xml)
    to_name = _first_object(source)
    names = _names(source)
    has_regions = any(control.has_regions for control in controls)
    for tag in source.iter():
        if tag.attrib.pop("required", None) is not None:
            tag.attrib.pop("requiredMessage", None)
    fit(source, has_regions=has_regions, by_item=by_item)
    root = ET.Element("View")
    at_regions = region_verdict_controls(source_xml, controls) if by_item else {}
    styles = (_LIST_STYLE, _REASONS_STYLE) if at_regions else (_QUESTION_STYLE, _WHY_STYLE)
    _element(root, "Header", value=f"${columns('question')}", size="4", style=styles[0])
    _element(root, "Header", value=f"${columns('why')}", size="6", style=styles[1])
    root.append(source)
    if any(control.kind == "spans" for control in controls):
        _element(root, "Style").text = MARK_STYLE
    if has_regions:
        _element(root, "View", style="display: none").extend(RegionMarks(controls, names).tags())
    decision_bar = _element(root, "View", style=_BAR_STYLE)
    keep = KEEP_TAGS if has_regions or any(control.kind == "tags" for control in controls) else KEEP
    keys = _free_keys(hotkeys)
    for name, drawn_on in at_regions.items():
        selected = _element(decision_bar, "View", visibleWhen="region-selected")
        _element(selected, "Header", value="Your decision about the selected region", size="5", style="margin: 0")
        _add_decisions(selected, name, drawn_on, keep, keys, perRegion="true")
        keys = [""] * len(keys)
    title = "Your decision about all others in question" if at_regions else "Your decision"
    required = {} if at_regions else {"required": "true", "requiredMessage": "Choose your decision first."}
    of_all = _element(decision_bar, "View", **({"visibleWhen": "no-region-selected"} if at_regions else {}))
    _element(of_all, "Header", value=title, size="5", style="margin: 0")
    _add_decisions(of_all, _free(VERDICT, names), to_name, keep, keys, **required)
    _element(
        decision_bar,
        "TextArea",
        name=_free(NOTE, names),
        toName=to_name,
        placeholder="A note, if there is something to say",
        rows="1",
        maxSubmissions="1",
        editable="true",
    )
    ET.indent(root)
    return ET.tostring(root, encoding="unicode")


def _add_decisions(bar: ET.Element, name: str, to_name: str, keep: str, keys: Sequence[str], **attributes: str) -> None:
    """Add the choice of a decision; `keep` is what the first one is called, "" as a key none."""
    choices = _element(bar, "Choices", name=name, toName=to_name, choice="single", showInline="true", **attributes)
    for (text, decision, _), key in zip(_DECISIONS, keys, strict=True):
        shown = keep if decision == "keep" else text
        _element(choices, "Choice", value=shown, alias=decision, **({"hotkey": key} if key else {}))


def region_marks(source_xml: str, controls: Sequence[Control]) -> RegionMarks:
    """Return the marks of regions as the review project's label config has them."""
    return RegionMarks(controls, _names(ET.fromstring(source_xml)))


def _element(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, tag, attributes)


def _names(root: ET.Element) -> set[str]:
    return {name for tag in root.iter() if (name := tag.get("name"))}


def _variables(xml: str) -> set[str]:
    return {
        name for tag in ET.fromstring(xml).iter() for value in tag.attrib.values() for name in _VARIABLE.findall(value)
    }


def _first_object(root: ET.Element) -> str:
    names = _names(root)
    for tag in root.iter():
        to_name = tag.get("toName", "").split(",")[0].strip()
        if to_name in names:
            return to_name
    raise ConfigNotServed(
        'The label config has no control with toName. One that works: <Choices name="label" toName="image">.'
    )


def _free(name: str, taken: Collection[str]) -> str:
    n = 1
    while (candidate := name if n == 1 else f"{name}_{n}") in taken:
        n += 1
    return candidate


def _free_keys(hotkeys: Collection[str]) -> list[str]:
    taken = {part.strip().lower() for key in hotkeys for part in key.split(",")}
    keys: list[str] = []
    spare = [key for key in _SPARE_KEYS if key not in taken]
    for _, _, key in _DECISIONS:
        chosen = spare.pop(0) if key in taken and spare else key
        keys.append("" if chosen in taken else chosen)
    return keys
