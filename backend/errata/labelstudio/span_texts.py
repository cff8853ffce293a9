"""The texts in which spans are counted, and how Label Studio counts.

Looked up in the page's own source and tried on the page, 1.23.2. Spans on <Text> and <HyperText> are counted in code
points: of the string as it is, and of the text nodes of the markup, a <br> being one. Spans on <Paragraphs> are counted
in UTF-16 code units of what is said in a turn, which the turn's index comes with.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from errata.labelstudio.markup import node_text
from errata.labelstudio.texts import is_address
from errata_model.records import TextForm

_LEFT_OUT = re.compile(r"\\n|\s+")


def span_text(form: TextForm, held: object) -> str:
    """Return the text whose code points spans are of.

    Nothing of it is trimmed. Of <Paragraphs> it is what is said in each turn, without who says it, joined by line
    feeds.

    Args:
        form: how the data hold the text.
        held: what a task holds under the data key, or the content of the file that it names.
    """
    if form.tag == "HyperText":
        return node_text(_as_string(held), is_page=form.inline.lower() != "true")
    if form.tag == "Paragraphs":
        return "\n".join(turns(form, held))
    return _as_string(held)


def is_far(form: TextForm) -> bool:
    """Say whether the data hold the address of a file with the text, so that `span_text` needs its content."""
    return is_address(form.tag, {"valueType": form.value_type})


def turns(form: TextForm, held: object) -> list[str]:
    """Return what is said in each turn of a <Paragraphs>; none where there is no list of them."""
    key = form.text_key or "text"
    found = _from_json(held) if isinstance(held, str) else held
    if not isinstance(found, list):
        return []
    return [_as_string(turn.get(key)) if isinstance(turn, Mapping) else "" for turn in found]


def utf16_length(text: str) -> int:
    """Return how many UTF-16 code units a text has; a surrogate that stands alone is one."""
    return len(text) + sum(character > "\uffff" for character in text)


def code_points(text: str, n_units: int) -> int | None:
    """Return how many code points the first `n_units` UTF-16 code units of a text are, None where it has fewer.

    An offset inside of a code point counts as one after it.
    """
    if not text[:n_units] or max(text[:n_units]) <= "\uffff":
        return n_units if n_units <= len(text) else None
    counted = accumulate((1 + (character > "\uffff") for character in text), initial=0)
    return next((index for index, units in enumerate(counted) if units >= n_units), None)


def is_same_text(one: str, other: str) -> bool:
    """Say whether two texts are the same but for spaces, which Label Studio's page may leave out."""
    return _LEFT_OUT.sub("", one) == _LEFT_OUT.sub("", other)


def as_the_page_writes(text: str) -> str:
    r"""Return a span's text as Label Studio's page stores it beside the place: line breaks are written \n."""
    return re.sub(r"[\n\r]", r"\\n", text)


def starts_of(said: Sequence[str]) -> list[int]:
    """Return where each turn begins in the text of them all, in code points."""
    return list(accumulate((len(each) + 1 for each in said[:-1]), initial=0)) if said else []


def turn_at(starts: Sequence[int], position: int) -> int:
    """Return the index of the turn in which a position of the text lies."""
    return bisect_right(starts, position) - 1


def _as_string(held: object) -> str:
    if held is None:
        return ""
    return held if isinstance(held, str) else str(held)


def _from_json(held: str) -> Any:
    try:
        return json.loads(held)
    except (ValueError, RecursionError):
        return None
