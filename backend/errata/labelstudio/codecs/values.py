"""Answers for the whole task that are no labels: a rating, a number, a date, texts, a preference, an order, a video's.

What Label Studio's page stores, 1.23.2:

    rating          {"rating": 4}                 nothing where no star is given
    number          {"number": 3.5}               the tag's defaultValue where it was left alone
    datetime        {"datetime": "2026-01-02"}    in the tag's `format`; by default ISO, to the day or to the minute
    textarea        {"text": ["a", "b"]}          every text that was entered, all in one result
    pairwise        {"selected": "left"}          `to_name` is the control's own name, which no prediction may say; the
                                                  first object's is taken from predictions, and kept
    ranker          {"ranker": {"best": ["a"]}}   items by bucket; without buckets under the control's own name
    videorectangle  {"sequence": [...], ...}      a result an object: its keyframes, in per cent of the picture
    timelinelabels  {"ranges": [...], ...}        a result a stretch: frames, from 1, both ends included

Choices and taxonomies stand here where they label what errata cannot learn: sounds, videos, time series.
Of a video any number of results make the answer, and none says that there is nothing to mark.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from errata.labelstudio.codecs import taxonomy
from errata.labelstudio.codecs.scores import finite, is_score
from errata.labelstudio.codecs.whole_task import Region, labels_in
from errata_model.records import Control

LABELS = ("choices", taxonomy.TYPE)  # of what errata cannot learn labels of
OF_VIDEOS = ("videorectangle", "timelinelabels")
_KEYS = {"textarea": "text", "pairwise": "selected"}  # of all else the type is the key
TYPES = ("rating", "number", "datetime", "textarea", "pairwise", "ranker", *OF_VIDEOS)
_MOST_FRAMES = 10**7  # of a video; days
_SIDES = ("x", "y", "width", "height")


def decode(result: Sequence[Region], control: Control) -> tuple[Any, str | None]:
    """Read what an annotation's or a prediction's result says for a control.

    Returns:
        (answer, problem): the answer as `errata_model.kinds.values.similarity` takes it; what is wrong, in words. Both
        None where the control was left unanswered; of a video that is an answer, without anything in it.
    """
    return _decode(of_control(result, control.name), control.name, control.type)


def _decode(mine: Sequence[Region], name: str, type_: str) -> tuple[Any, str | None]:
    if any(each.get("type") != type_ or not isinstance(each.get("value"), Mapping) for each in mine):
        return None, f'an answer for "{name}" that is no {type_}'
    if type_ in OF_VIDEOS:
        return _of_video(mine, name, type_)
    if not mine:
        return None, None
    if len(mine) > 1:
        return None, f'several answers for "{name}", where Label Studio takes one'
    said = mine[0]["value"].get(_KEYS.get(type_, type_))
    answer = (labels_in(mine[0]) or None) if type_ in LABELS else _READ[type_](said)
    return answer, None if answer is not None else f'an answer for "{name}" that cannot be read'


def certainty(result: Sequence[Region], score: object, control: Control) -> float:
    """Return how sure a prediction is of its answer, in [0, 1]: that of its least sure result.

    Args:
        result: the prediction's.
        score: the prediction's own; counts for results that have none.
        control: what is predicted.

    Returns:
        1 where it says nothing of it.
    """
    scores = [each.get("score", score) for each in of_control(result, control.name)] or [score]
    return min((float(each) for each in scores if is_score(each)), default=1.0)


def label(result: Sequence[Region], control_name: str) -> str | None:
    """Return a result's answer in words; None where there is none, or it cannot be read."""
    mine = of_control(result, control_name)
    type_ = str(mine[0].get("type")) if mine else ""
    answer, _ = _decode(mine, control_name, type_) if type_ in TYPES else (None, None)
    return None if answer is None else words(answer, control_name, type_)


def words(answer: Any, control_name: str, type_: str) -> str:
    """Return an answer in words, all of it."""
    if type_ in ("rating", "number"):
        return repr(answer)
    if type_ in LABELS:
        return ", ".join(answer)
    if type_ == "textarea":
        return "\n".join(answer)
    if type_ == "ranker":
        buckets = {bucket: ", ".join(items) for bucket, items in answer.items() if items}
        return next(iter(buckets.values())) if [*buckets] == [control_name] else _joined(buckets)
    if type_ in OF_VIDEOS:
        return ", ".join(map(_words, answer)) or "nothing"
    return str(answer)


def write(control: Control, answer: Any, score: float | None = None) -> list[dict[str, Any]]:
    """Return Label Studio's results of an answer; the same answer always gets the same ids."""
    said = {"score": score} if score is not None else {}
    return [
        {
            "id": _digest(control.name, str(n), _canonical(value))[:10],
            "from_name": control.name,
            "to_name": control.to_name,
            "type": control.type,
            "value": value,
            **said,
        }
        for n, value in enumerate(_values(control, answer))
    ]


def is_in(result: Sequence[Region], control_name: str) -> bool:
    """Say whether a result answers the control with something that is no label."""
    return any(each.get("type") in TYPES for each in of_control(result, control_name))


def origin(result: Sequence[Region], control_name: str) -> str | None:
    """Return where Label Studio's page says the answer came from; see `whole_task.origin`.

    Of a video "prediction" only where every region did.
    """
    said = {each.get("origin") for each in of_control(result, control_name)}
    found = said.pop() if len(said) == 1 else "prediction-changed" if "prediction" in said else None
    return found if isinstance(found, str) else None


def shares_region(result: Sequence[Region], other: Sequence[Region], control_name: str) -> bool:
    """Say whether both results hold the control's answer in a region of the same id: one was copied."""
    one, two = ({region.get("id") for region in of_control(each, control_name)} for each in (result, other))
    return bool((one & two) - {None})


def of_control(result: Sequence[Region], control_name: str) -> list[Region]:
    """Return the control's results."""
    return [each for each in result if isinstance(each, Mapping) and each.get("from_name") == control_name]


def value_hash(result: Sequence[Region], control_name: str) -> str:
    """Return the canonical hash of the control's whole answer.

    Only what was said counts: not the results' order, ids, scores or notes of how long it took; nor of a video what
    Label Studio's page works out from the frames when it saves.
    """
    said = sorted(
        _canonical([each.get("type"), _as_saved(_essence(each.get("value")))])
        for each in of_control(result, control_name)
    )
    return _digest(control_name, *said)[:16]


def _essence(value: object) -> object:
    if not isinstance(value, Mapping) or not isinstance(value.get("sequence"), list):
        return value
    keys = [{k: v for k, v in key.items() if k != "time"} for key in value["sequence"] if isinstance(key, Mapping)]
    return {k: v for k, v in value.items() if k not in ("duration", "framesCount", "sequence")} | {"sequence": keys}


def _as_saved(said: object) -> object:
    """Return JSON as the page saves it, which writes 3.0 as 3."""
    if isinstance(said, Mapping):
        return {key: _as_saved(each) for key, each in said.items()}
    if isinstance(said, list):
        return [_as_saved(each) for each in said]
    return int(said) if isinstance(said, float) and said.is_integer() else said


def _number(said: object) -> float | int | None:
    number = finite(said)
    return int(number) if number is not None and number == int(number) else number


def _texts(said: object) -> list[str] | None:
    texts = [said] if isinstance(said, str) else said
    return list(texts) if isinstance(texts, list) and texts and all(isinstance(each, str) for each in texts) else None


def _written(said: object) -> str | None:
    return said if isinstance(said, str) and said else None


def _side(said: object) -> str | None:
    return said if isinstance(said, str) and said in ("left", "right") else None


def _ranking(said: object) -> dict[str, list[str]] | None:
    if not isinstance(said, Mapping) or not all(isinstance(items, list) for items in said.values()):
        return None
    return {str(bucket): [str(item) for item in items] for bucket, items in said.items()}


_READ: Mapping[str, Callable[[object], Any]] = {
    "rating": _number,
    "number": _number,
    "datetime": _written,
    "textarea": _texts,
    "pairwise": _side,
    "ranker": _ranking,
}


def _of_video(mine: Sequence[Region], name: str, type_: str) -> tuple[list[dict[str, Any]] | None, str | None]:
    read = _track if type_ == "videorectangle" else _stretch
    answer = [read(each["value"]) for each in mine]
    if None in answer:
        return None, f'regions of "{name}" that cannot be read'
    return [each for each in answer if each is not None], None


def _track(value: Mapping[str, Any]) -> dict[str, Any] | None:
    sequence = value.get("sequence")
    if not isinstance(sequence, list) or not sequence or not all(map(_is_keyframe, sequence)):
        return None
    frames = _number(value.get("framesCount"))
    if frames is not None and abs(frames) > _MOST_FRAMES:
        return None
    return {"labels": _labels(value, "labels"), "sequence": sequence, "frames": frames, "value": dict(value)}


def _is_keyframe(key: object) -> bool:
    if not isinstance(key, Mapping) or not isinstance(key.get("frame"), int) or abs(key["frame"]) > _MOST_FRAMES:
        return False
    return all(_number(key.get(side)) is not None for side in _SIDES)


def _stretch(value: Mapping[str, Any]) -> dict[str, Any] | None:
    ranges = value.get("ranges")
    if not isinstance(ranges, list) or not all(isinstance(each, Mapping) for each in ranges):
        return None
    ends = [[_number(each.get("start")), _number(each.get("end"))] for each in ranges]
    if any(end is None or abs(end) > _MOST_FRAMES for pair in ends for end in pair):
        return None
    return {"labels": _labels(value, "timelinelabels", "labels"), "ranges": ends, "value": dict(value)}


def _labels(value: Mapping[str, Any], *keys: str) -> list[str]:
    return next(([str(each) for each in value[key]] for key in keys if isinstance(value.get(key), list)), [])


def _values(control: Control, answer: Any) -> list[dict[str, Any]]:
    """Return what results of an answer hold as their value."""
    if control.type in OF_VIDEOS:
        return [dict(each["value"]) for each in answer]
    if control.type == taxonomy.TYPE:
        answer = taxonomy.write(answer)
    return [{_KEYS.get(control.type, control.type): answer}]


def _words(marked: Mapping[str, Any]) -> str:
    frames = [key["frame"] for key in marked.get("sequence", ())] or [end for pair in marked["ranges"] for end in pair]
    name = ", ".join(marked["labels"]) or "an object"
    return f"{name} (frames {min(frames):g} to {max(frames):g})" if frames else name


def _joined(buckets: Mapping[str, str]) -> str:
    return "; ".join(f"{bucket}: {items}" for bucket, items in buckets.items()) or "nothing"


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _digest(*said: str) -> str:
    return hashlib.sha256("\x1f".join(said).encode("utf-8", "surrogatepass")).hexdigest()
