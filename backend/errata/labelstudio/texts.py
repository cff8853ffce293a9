"""What Label Studio holds under a task's data key of a text object, as the text that its page shows.

Looked up in the page's own source, 1.23.2: <Text> shows the string as it is, <HyperText> as HTML, <Paragraphs> a list
of turns, <Table> an object, a list of objects or CSV, <List> the title, body and HTML of each item.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from errata.labelstudio.markup import visible_text

TAGS = ("Text", "HyperText", "Paragraphs", "Table", "List")

_SEPARATORS = (",", "\t", "|", ";")


def text_of(value: object, tag: str, attributes: Mapping[str, str]) -> str:
    """Return the text that an annotator reads, lines of it separated by line feeds.

    Data that the page could not show, numbers where a list of turns is wanted say, are read as well as they can be
    and never fail.

    Args:
        value: what the task holds under the data key, or a file's content where it holds the file's address.
        tag: of the label config's object, one of `TAGS`.
        attributes: of that object; names in any case, as Label Studio takes them.

    Returns:
        "" where there is nothing to read.

    Raises:
        ValueError: the tag is none of `TAGS`.
    """
    named = {name.lower(): given for name, given in attributes.items()}
    if tag == "Text":
        return _lines(value).strip()
    if tag == "HyperText":
        return visible_text(_lines(value))
    if tag == "Paragraphs":
        keys = named.get("namekey") or "author", named.get("textkey") or "text"
        return _join(_turn(turn, *keys) for turn in _items(_from_json(value)))
    if tag == "Table":
        return _join(_table(value, named.get("valuetype") or "json"))
    if tag == "List":
        return _join(map(_listed, _items(_from_json(value))))
    raise ValueError(f"`tag` must be one of {', '.join(TAGS)}, got {tag!r}")


def is_address(tag: str, attributes: Mapping[str, str]) -> bool:
    """Return whether the data key holds the address of a file with the text: `valueType` is url, of a table csv|url."""
    value_type = {name.lower(): given for name, given in attributes.items()}.get("valuetype") or ""
    return "url" in _options(value_type) if tag == "Table" else value_type == "url"


def _turn(turn: object, name_key: str, text_key: str) -> str:
    if not isinstance(turn, Mapping):
        return _lines(turn)
    speaker, said = _cell(turn.get(name_key)), _lines(turn.get(text_key))
    return f"{speaker}: {said}" if speaker and said else said


def _listed(item: object) -> str:
    if not isinstance(item, Mapping):
        return _lines(item)
    parts = (_lines(item.get("title")), _lines(item.get("body")), visible_text(_lines(item.get("html"))))
    return _join(parts) or _lines(item.get("id"))


def _table(value: object, value_type: str) -> Iterable[str]:
    if value_type.startswith("csv") and isinstance(value, str):
        return map(_row, _csv_rows(value, _options(value_type)))
    table = _from_json(value)
    if isinstance(table, list) and table and isinstance(table[0], Mapping):
        rows = [row for row in table if isinstance(row, Mapping)]
        columns = list(dict.fromkeys(key for row in rows for key in row))
        return map(_row, (columns, *([row.get(column) for column in columns] for row in rows)))
    if isinstance(table, Mapping):
        return (f"{key}: {_cell(held)}" for key, held in sorted(table.items(), key=lambda item: str(item[0]).lower()))
    return map(_cell, _items(table))


def _csv_rows(content: str, options: Mapping[str, str]) -> list[list[str]]:
    first = content.partition("\n")[0]
    separator = options.get("separator") or max(_SEPARATORS, key=first.count)
    try:
        return list(csv.reader(io.StringIO(content, newline=""), delimiter=separator[:1]))
    except (csv.Error, ValueError, TypeError):
        return [re.split(f"[{re.escape(separator[:1])}]", line) for line in content.splitlines()]


def _options(value_type: str) -> dict[str, str]:
    """Return what follows the type, `separator=;` and `url` of `csv|separator=;|url`; any character may divide."""
    found = re.match(r"\w+(\W)", value_type)
    pairs = value_type.split(found[1])[1:] if found else []
    return {name: given for name, _, given in (pair.partition("=") for pair in pairs)}


def _row(cells: Iterable[object]) -> str:
    return " | ".join(map(_cell, cells)).strip(" |")


def _cell(value: object) -> str:
    return " ".join(_lines(value).split())


def _lines(value: object) -> str:
    """Return a value of any type as text: of a list a line an item, of an object what JSON writes."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list):
        return _join(map(_lines, value)) if not any(isinstance(item, list | dict) for item in value) else _json(value)
    return _json(value)


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return ""


def _from_json(value: object) -> Any:
    """Return what JSON text holds, and anything else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _join(lines: Iterable[str]) -> str:
    return "\n".join(stripped for line in lines if (stripped := line.strip()))
