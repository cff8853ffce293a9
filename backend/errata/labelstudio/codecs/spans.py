"""Stretches of a text, of audio or of a time series, each with its label.

A region's `Span` of a text counts code points of `span_text`; of audio, seconds; of a time series, what its time column
holds, and where that is dates, seconds.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from errata.labelstudio.codecs.region_results import SEVERAL
from errata.labelstudio.codecs.scores import is_score
from errata.labelstudio.series_times import seconds_of
from errata.labelstudio.span_texts import (
    as_the_page_writes,
    code_points,
    is_far,
    is_same_text,
    span_text,
    starts_of,
    turn_at,
    turns,
    utf16_length,
)
from errata_model.kinds.values.dates import written_time
from errata_model.records import Control, TextForm, ValueForm
from errata_model.regions.records import Region
from errata_model.regions.shapes import Size, Span

_Place = tuple[int, int] | None

_FARTHEST = 1e100  # nothing is as long; differences of larger numbers are infinite
_NO_PLACE = "a span without a place"
_PAST_THE_END = "a span past the end of what is labelled"
_OTHER_TEXT = "a span whose text is not what stands in its place"


class _Unusable(Exception):
    """Says in words why a region cannot be used."""


def decode(
    result: Sequence[Mapping[str, Any]], control: Control, value: object
) -> tuple[list[Region], list[str], Size | None]:
    """Read the spans of a control.

    Where a span's own `text` tells that its offsets were counted otherwise than Label Studio's page does, in UTF-16
    code units of a <Text> say, as some tools do, they are read so.

    Args:
        result: of an annotation or a prediction.
        control: one of spans.
        value: what the task's data hold under the control's key. Of a text in a file nothing can be checked but its
            address is there: spans past its end are then found by who reads the file.

    Returns:
        (regions, problems, None): those that can be used, and for each other one what is wrong, in words. One with
        several labels has them joined by `SEVERAL`: a class that matches none of the config's.
    """
    place = _reader(control, value)
    regions: list[Region] = []
    problems, ids = [], set()
    for each in result:
        if not isinstance(each, Mapping) or each.get("from_name") != control.name:
            continue
        try:
            region = _region(each, control, place)
        except _Unusable as unusable:
            problems.append(str(unusable))
            continue
        if region.id and region.id in ids:  # of those with one id the first counts, as on Label Studio's page
            problems.append("a span with an id that another one has")
            continue
        ids.add(region.id)
        regions.append(region)
    return regions, problems, None


def write(control: Control, region: Region, size: Size | None, value: object) -> list[dict[str, Any]]:
    """Return the one result that says a region; one without an id gets one that its content decides.

    Args:
        control: one of spans.
        region: its shape is a `Span`.
        size: of no use here.
        value: see `decode`.

    Raises:
        ValueError: the region is no span, or is past the end of its text.
    """
    span = region.shape
    if not isinstance(span, Span):
        raise ValueError(f"`region` must be a span, got {region.shape!r}")
    labels = [region.label] if region.label in control.labels else region.label.split(SEVERAL)
    made: dict[str, Any] = {
        "id": region.id or _id_of(control, region.label, span),
        "from_name": control.name,
        "to_name": control.to_name,
        "type": control.type,
        "value": {**_place_of(span, control, value), control.type: labels},
    }
    if region.score is not None:
        made["score"] = region.score
    return [made]


def _region(result: Mapping[str, Any], control: Control, place: _Reader) -> Region:
    value = result.get("value")
    if not isinstance(value, Mapping) or result.get("type") != control.type:
        raise _Unusable(f'an answer for "{control.name}" that is no span')
    labels = value.get(control.type)
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise _Unusable("a span without a label")
    score, id_ = result.get("score"), result.get("id")
    return Region(
        id_ if isinstance(id_, str) else "",
        SEVERAL.join(labels),
        place.span(value),
        float(score) if is_score(score) else None,
    )


class _Reader:
    """Reads places in seconds of audio, or in steps of a time series."""

    def span(self, value: Mapping[str, Any]) -> Span:
        start, end = (self._when(value.get(side)) for side in ("start", "end"))
        channel = value.get("channel")
        if end < start or (end == start and value.get("instant") is not True):
            raise _Unusable(_wrong_order(start, end))
        return Span(start, end, channel if isinstance(channel, int) and not isinstance(channel, bool) else None)

    def _when(self, said: object) -> float:
        return _number(said)


class _DatesReader(_Reader):
    """Reads places in a time series whose time column holds dates."""

    def __init__(self, form: str) -> None:
        self._form = form

    def _when(self, said: object) -> float:
        return _number(seconds_of(said, self._form))


class _TextReader(_Reader):
    """Reads places in a <Text> or a <HyperText>; `text` is None where it is in a file."""

    def __init__(self, form: TextForm, text: str | None) -> None:
        self._is_markup = form.tag == "HyperText"
        self._text = text

    def span(self, value: Mapping[str, Any]) -> Span:
        offsets = value.get("globalOffsets") if self._is_markup else value
        if not isinstance(offsets, Mapping):
            raise _Unusable("a span of markup without globalOffsets")
        start, end = _whole(offsets.get("start")), _whole(offsets.get("end"))
        if end <= start:
            raise _Unusable(_wrong_order(start, end))
        if self._text is None:
            return Span(start, end)
        text = self._text
        return _checked(text, (start, end), lambda: _in_utf16(text, start, end), value.get("text"))


class _TurnsReader(_Reader):
    """Reads places in <Paragraphs>."""

    def __init__(self, said: Sequence[str] | None) -> None:
        self._said = said
        self._starts = starts_of(said or ())

    def span(self, value: Mapping[str, Any]) -> Span:
        if self._said is None:
            raise _Unusable("a span of paragraphs that a file holds")
        first, last = _whole(value.get("start")), _whole(value.get("end"))
        start, end = _whole(value.get("startOffset")), _whole(value.get("endOffset"))
        if (last, end) <= (first, start):
            raise _Unusable(_wrong_order((first, start), (last, end)))
        if last >= len(self._said):
            raise _Unusable(_PAST_THE_END)
        begins = self._starts[first], self._starts[last]
        before, until = code_points(self._said[first], start), code_points(self._said[last], end)
        place = None if before is None or until is None else (begins[0] + before, begins[1] + until)
        # What the page stores as the text of a span over several turns has their names and times in it.
        written = value.get("text") if first == last else None
        return _checked("\n".join(self._said), place, lambda: (begins[0] + start, begins[1] + end), written)


def _reader(control: Control, value: object) -> _Reader:
    form = control.text
    if form is None:
        return _DatesReader(control.value.date_format) if control.value else _Reader()
    if form.tag == "Paragraphs":
        return _TurnsReader(None if is_far(form) else turns(form, value))
    return _TextReader(form, None if is_far(form) else span_text(form, value))


def _checked(text: str, place: _Place, otherwise: Callable[[], _Place], written: object) -> Span:
    """Return the place as Label Studio counts it, or as counted otherwise where that alone fits what is written there.

    Args:
        text: all of it.
        place: start and end in code points; None where they are past the end.
        otherwise: returns the same as counted otherwise.
        written: the text of the span as its result has it, if it is a string.
    """
    if place is not None and _fits(text, place, written):
        return Span(*place)
    other = otherwise() if isinstance(written, str) else None
    if other is not None and _fits(text, other, written):
        return Span(*other)
    raise _Unusable(_OTHER_TEXT if place is not None and place[1] <= len(text) else _PAST_THE_END)


def _fits(text: str, place: tuple[int, int], written: object) -> bool:
    if not place[0] < place[1] <= len(text):
        return False
    return not isinstance(written, str) or is_same_text(text[slice(*place)], written)


def _in_utf16(text: str, start: int, end: int) -> tuple[int, int] | None:
    before, until = code_points(text, start), code_points(text, end)
    return None if before is None or until is None else (before, until)


def _place_of(span: Span, control: Control, value: object) -> dict[str, Any]:
    form = control.text
    if form is None:
        if control.modality == "timeseries":
            return {**_in_series(span, control.value), "instant": span.start == span.end}
        channel = {} if span.channel is None else {"channel": span.channel}
        return {"start": span.start, "end": span.end, **channel}
    start, end = int(span.start), int(span.end)
    text = None if is_far(form) else span_text(form, value)
    if text is not None and not 0 <= start < end <= len(text):
        raise ValueError(f"`region` must be inside of its text of {len(text)} code points, got {span!r}")
    written = {} if text is None else {"text": as_the_page_writes(text[start:end])}
    if form.tag == "Paragraphs":
        return {**_in_turns(start, end, turns(form, value)), **written}
    if form.tag == "HyperText":
        # Without a path to its nodes the page goes by the offsets, and fills the paths in.
        paths = {"start": "", "end": "", "startOffset": 0, "endOffset": 0}
        return {**paths, "globalOffsets": {"start": start, "end": end}, **written}
    return {"start": start, "end": end, **written}


def _in_series(span: Span, form: ValueForm | None) -> dict[str, float | str]:
    if form is None:
        return {"start": span.start, "end": span.end}
    return {"start": written_time(span.start, form.date_format), "end": written_time(span.end, form.date_format)}


def _in_turns(start: int, end: int, said: Sequence[str]) -> dict[str, Any]:
    starts = starts_of(said)
    first, last = turn_at(starts, start), turn_at(starts, end - 1)
    before, until = said[first][: start - starts[first]], said[last][: end - starts[last]]
    offsets = {"startOffset": utf16_length(before), "endOffset": utf16_length(until)}
    return {"start": str(first), "end": str(last), **offsets}


def _number(value: object) -> float:
    """Return a number, also of one in a string, as some tools write them."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _Unusable(_NO_PLACE)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _Unusable(_NO_PLACE) from None
    if not math.isfinite(number) or abs(number) > _FARTHEST:
        raise _Unusable(_NO_PLACE)
    return number


def _whole(value: object) -> int:
    number = _number(value)
    if number < 0 or number != int(number):
        raise _Unusable(_NO_PLACE)
    return int(number)


def _wrong_order(start: object, end: object) -> str:
    return "an empty span" if start == end else "a span that ends before it begins"


def _id_of(control: Control, label: str, span: Span) -> str:
    said = "\x1f".join(map(str, (control.name, control.to_name, label, span.start, span.end, span.channel)))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:10]
