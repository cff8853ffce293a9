"""What <Choices> and <Taxonomy> of a label config may be answered with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from errata.labelstudio.codecs.taxonomy import LEVELS


def attribute(element: Element, name: str, default: str = "") -> str:
    """Return an attribute; Label Studio's page takes names in any case."""
    return next((value for key, value in element.items() if key.lower() == name.lower()), default)


def kind_of(element: Element) -> str:
    """Return the kind of labelling that a tag asks for; see `Control.kind`."""
    if element.tag == "Taxonomy":
        return "taxonomy" if attribute(element, "maxUsages") == "1" else "tags"
    return "tags" if attribute(element, "choice") == "multiple" else "choices"


def most_of(element: Element) -> int | None:
    """Return how many labels can be given together, None where any number can.

    Label Studio's page does not save a taxonomy with more than `maxUsages`; <Choices> have no such limit.
    """
    said = attribute(element, "maxUsages")
    return int(said) if element.tag == "Taxonomy" and said.isdecimal() and int(said) > 0 else None


def labels_of(element: Element) -> list[str]:
    """Return the labels in the config's order, as results hold them; a taxonomy's are paths."""
    if element.tag == "Choices":
        return [_name(choice) for choice in element.iter("Choice")]
    leaves_only = _is_set(element, "leafsOnly")
    return [
        LEVELS.join(path)
        for path, node in _paths(element)
        if not leaves_only or next(node.iterfind("Choice"), None) is None
    ]


def wrong_labels(element: Element) -> Iterator[str]:
    """Yield what keeps a tag's labels from being audited, in words."""
    choice = attribute(element, "choice", "single")
    if element.tag == "Choices" and choice not in ("single", "single-radio", "multiple"):
        yield f'it has choice="{choice}", where "single" or "multiple" is needed'
    if _is_set(element, "labeling"):
        yield "it labels regions (labeling), where one answer a task is needed"
    for name, what in (("perRegion", "regions"), ("perItem", "items")):
        if _is_set(element, name):
            yield f"it is asked of {what} ({name}), where one answer a task is needed"
    if attribute(element, "value") or attribute(element, "apiUrl"):
        yield "its choices come with the tasks, where choices in the config are needed"
    labels = labels_of(element)
    if len(labels) < 2:
        yield f"the number of its choices is {len(labels)}, where two are needed"
    names = [_name(choice) for choice in element.iter("Choice")]
    if "" in names:
        yield "a <Choice> has no value"
    if element.tag == "Taxonomy":
        yield from (
            f'its choice "{name}" holds "{LEVELS}", which stands between levels' for name in names if LEVELS in name
        )
    yield from (f'it has the choice "{label}" twice' for label, n in Counter(labels).items() if n > 1)


def takes_none(element: Element, hidden: set[str]) -> bool:
    """Say whether an annotation without an answer says that no label applies.

    Args:
        element: the control's tag.
        hidden: names of controls that the page does not always show.
    """
    is_asked = attribute(element, "name") not in hidden
    return kind_of(element) == "tags" and is_asked and not is_required(element)


def is_required(element: Element) -> bool:
    """Say whether the page saves no annotation without an answer."""
    return _is_set(element, "required")


def hidden_controls(root: Element) -> set[str]:
    """Return the names of the tags that the page shows under a condition only."""
    found: set[str] = set()
    for element in root.iter():
        if any(key.lower().startswith(("visiblewhen", "when")) for key in element.attrib):
            found.update(name for each in element.iter() if (name := attribute(each, "name")))
    return found


def _paths(element: Element, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Element]]:
    for choice in element.iterfind("Choice"):
        path = (*above, _name(choice))
        yield path, choice
        yield from _paths(choice, path)


def _name(choice: Element) -> str:
    return attribute(choice, "alias") or attribute(choice, "value")


def _is_set(element: Element, name: str) -> bool:
    return attribute(element, name, "false").lower() == "true"
