"""Reads label configs: which controls errata can audit, and what the others lack."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from errata.errors import ConfigNotServed, UsageError
from errata.labelstudio.answer_tags import (
    attribute,
    hidden_controls,
    is_required,
    kind_of,
    labels_of,
    most_of,
    takes_none,
    wrong_labels,
)
from errata.labelstudio.region_tags import (
    MODALITIES,
    TAGS,
    draws_for,
    region_labels,
    region_tag,
    wrong_region_tag,
)
from errata.labelstudio.value_tags import (
    OBJECTS,
    asked_about,
    is_compared,
    is_part_of_tracks,
    objects_of,
    value_form,
    wrong_value_tag,
)
from errata_model.records import Control, TextForm, ValueForm

_SERVED = (
    "Served are choices and taxonomies on an image or a text, labels of their regions, and ratings, numbers, dates, "
    "texts, preferences, orders and videos where predictions or several people answer the same tasks, such as "
    '<Image name="image" value="$image"/> with <Choices name="label" toName="image"><Choice value="cat"/>'
    '<Choice value="dog"/></Choices> or <RectangleLabels name="box" toName="image"><Label value="cat"/>'
    "</RectangleLabels>."
)
_TEXTS = ("Text", "HyperText", "Paragraphs", "Table", "List")
_ANSWERED = ("Choices", "Taxonomy")
_WITHOUT_OBJECT = ("Chat", "ReactCode")  # asked about themselves
_MODALITIES = {**MODALITIES, "Video": "video"}
_MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """A label config, as far as errata reads it."""

    controls: tuple[Control, ...]  # those that can be audited, in the config's order
    refused: tuple[str, ...]  # the other controls, each with what is missing, in words
    hotkeys: frozenset[str]  # given explicitly, anywhere
    names: frozenset[str]  # of all tags; none where a <Repeater> makes more of them


def read_label_config(xml: str) -> LabelConfig:
    """Read a label config.

    Raises:
        UsageError: it is not well-formed XML, or declares entities.
    """
    root = _parse(xml)
    elements, hidden = list(root.iter()), hidden_controls(root)
    names = Counter(element.get("name") for element in elements if element.get("name"))
    objects = {e.get("name", ""): e for e in elements if e.get("name") and e.get("toName") is None}
    controls: list[Control] = []
    refused: list[str] = []
    for element in elements:
        if element.get("toName") is None and element.tag not in (*_ANSWERED, *TAGS, *OBJECTS, *_WITHOUT_OBJECT):
            continue
        if draws_for(element, elements) is not None or is_part_of_tracks(element, elements):
            continue
        reason = _why_refused(element, objects, names, elements) or _otherwise(element, objects, elements, controls)
        if reason is None:
            controls.append(_to_control(element, objects, elements, hidden))
        else:
            refused.append(f'<{element.tag} name="{element.get("name", "")}"> is not audited because {reason}.')
    hotkeys = frozenset(key for e in elements if (key := e.get("hotkey")))
    known = [name for name in names if name]
    is_whole = not any("{{" in name for name in known)
    return LabelConfig(tuple(controls), tuple(refused), hotkeys, frozenset(known if is_whole else ()))


def serveable(xml: str) -> LabelConfig:
    """Read a label config that has a control to audit.

    Raises:
        ConfigNotServed: it has none; names the tags, and one that would do.
        UsageError: it is not well-formed XML, or declares entities.
    """
    config = read_label_config(xml)
    if not config.controls:
        found = " ".join(config.refused) or "It has no control at all."
        raise ConfigNotServed(f"Nothing in the label config can be audited. {found} {_SERVED}")
    return config


def _why_refused(
    element: Element, objects: dict[str, Element], names: Counter[str | None], elements: list[Element]
) -> str | None:
    """Say in words what keeps a control from being audited; None where nothing does."""
    if element.tag in TAGS:
        return next(_wrong_regions(element, objects, names, elements), None)
    if is_compared(element, objects):
        return next(_wrong_values(element, objects, names), None)
    if element.tag not in _ANSWERED:
        return f"errata audits no <{element.tag}>"
    wrong_object = _wrong_object(element, objects, ("Image", *_TEXTS))
    return next(chain(_wrong_place(element, objects, names), wrong_object, wrong_labels(element)), None)


def _wrong_regions(
    element: Element, objects: dict[str, Element], names: Counter[str | None], elements: list[Element]
) -> Iterator[str]:
    yield from _wrong_place(element, objects, names)
    labelled = objects[element.get("toName", "")]
    asked = region_tag(element, labelled.tag, elements)
    yield from _wrong_object(element, objects, asked.objects)
    if attribute(labelled, "valueList"):
        yield "its <Image> shows several images a task (valueList), where one is needed"
    yield from wrong_region_tag(element, asked)


def _wrong_values(element: Element, objects: dict[str, Element], names: Counter[str | None]) -> Iterator[str]:
    yield from wrong_value_tag(element) if element.tag in OBJECTS else wrong_labels(element)
    for to_name in asked_about(element) or ("",):
        yield from _wrong_place(element, objects, names, to_name)
        yield from _wrong_object(element, objects, objects_of(element.tag), to_name)


def _wrong_place(
    element: Element, objects: dict[str, Element], names: Counter[str | None], to_name: str | None = None
) -> Iterator[str]:
    name, to_name = element.get("name", ""), element.get("toName", "") if to_name is None else to_name
    if not name:
        yield "it has no name"
    if names[name] > 1:
        yield "another tag has the same name"
    if "{{" in name:
        yield "it is repeated (<Repeater>), where one answer a task is needed"
    if not to_name:
        yield "it has no toName"
    if "," in to_name:
        yield f'toName="{to_name}" names several objects, where one is needed'
    if to_name not in objects:
        yield f'toName="{to_name}" names no object of the config'
    elif names[to_name] > 1:
        yield f'toName="{to_name}" is the name of several tags'


def _wrong_object(
    element: Element, objects: dict[str, Element], served: tuple[str, ...], to_name: str | None = None
) -> Iterator[str]:
    labelled = objects[element.get("toName", "") if to_name is None else to_name]
    if labelled.tag not in served:
        tags = ", ".join(f"<{tag}>" for tag in served)
        needed = f"one of {tags}" if len(served) > 1 else tags
        yield f"it labels a <{labelled.tag}>, where {needed} is needed"
    elif not re.fullmatch(r"\$[^$]+", value := labelled.get("value", "")):
        yield f'the <{labelled.tag}> has value="{value}", where value="$key" with a key of the task\'s data is needed'
    elif attribute(labelled, "encoding", "none") != "none":
        yield f'the <{labelled.tag}> has encoding="{attribute(labelled, "encoding", "")}", where none is needed'


def _otherwise(
    element: Element, objects: dict[str, Element], elements: list[Element], served: Sequence[Control]
) -> str | None:
    """Say that another control labels the same key of the data as something else; None where none does."""
    control = _to_control(element, objects, elements, set())
    for other in served if not control.has_values else ():
        if (
            not other.has_values
            and other.data_key == control.data_key
            and (other.modality, other.text) != (control.modality, control.text)
        ):
            tags = [objects[each.to_name].tag for each in (control, other)]
            return f'it shows the key "{control.data_key}" as <{tags[0]}>, where "{other.name}" has it as <{tags[1]}>'
    return None


def _to_control(element: Element, objects: dict[str, Element], elements: list[Element], hidden: set[str]) -> Control:
    if is_compared(element, objects):
        return _to_value_control(element, objects)
    to_name = element.get("toName", "")
    labelled = objects[to_name]
    text = _text_form(labelled)
    control = Control(
        name=element.get("name", ""),
        kind="",
        modality="text" if text else MODALITIES[labelled.tag],
        to_name=to_name,
        data_key=labelled.get("value", "")[1:],
        labels=(),
        text=text,
        type=element.tag.lower(),
    )
    if element.tag in TAGS:
        asked = region_tag(element, labelled.tag, elements)
        is_asked = control.name not in hidden and not is_required(element)
        labels = tuple(region_labels(element))
        form = attribute(labelled, "timeFormat") if labelled.tag == "TimeSeries" else ""
        control = replace(control, value=ValueForm(date_format=form) if form else None)
        return replace(control, kind=asked.kind or "", labels=labels, drawn_by=asked.drawn_by, takes_none=is_asked)
    is_none = takes_none(element, hidden)
    labels = tuple(labels_of(element))
    return replace(control, kind=kind_of(element), labels=labels, most=most_of(element), takes_none=is_none)


def _to_value_control(element: Element, objects: dict[str, Element]) -> Control:
    to_name = asked_about(element)[0]
    labelled = objects[to_name]
    return Control(
        name=element.get("name", ""),
        kind="values",
        modality=_MODALITIES.get(labelled.tag, "text" if labelled.tag in _TEXTS else "other"),
        to_name=to_name,
        data_key=labelled.get("value", "")[1:],
        labels=() if element.tag in OBJECTS else tuple(labels_of(element)),
        type=element.tag.lower(),
        takes_none=not is_required(element),
        value=value_form(element),
    )


def _text_form(element: Element) -> TextForm | None:
    if element.tag not in _TEXTS:
        return None
    names = "valueType", "nameKey", "textKey", "inline"
    return TextForm(element.tag, *(attribute(element, name, "") for name in names))


def _parse(xml: str) -> Element:
    """Parse without entities: expat loads no external ones by itself, and those declared inside are refused."""
    builder = TreeBuilder()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise UsageError(f"The label config is wrong because its tags are nested over {_MAX_DEPTH} deep.")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse_entity(name: str, *_: object) -> None:
        raise UsageError(f'The label config is wrong because it declares the entity "{name}"; write it out.')

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = refuse_entity
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, UnicodeEncodeError) as error:
        raise UsageError(f"The label config is not well-formed XML ({error}); mend it.") from error
    return builder.close()
