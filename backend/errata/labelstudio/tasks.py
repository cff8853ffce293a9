"""Decodes tasks, as Label Studio's list and its exports write them, and counts what cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from errata.audit.ports import StoredPrediction, Task
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.suggestions import Suggestion, suggestion_of
from errata_model.records import Control, GivenLabel

_NAMED = 5  # how many ids a line of the summary names
_UNDEFINED = "$undefined$"  # the key of media that were imported before there was a label config


class TaskReader:
    """Decodes one task after another.

    Args:
        controls: what to read from annotations and predictions.
    """

    def __init__(self, controls: Sequence[Control]) -> None:
        self._controls = controls
        self._codecs = Codecs()
        self._left_out: dict[tuple[str, str], list[int]] = {}  # (what, of what) -> ids

    def read(self, raw: Mapping[str, Any]) -> Task:
        """Decode a task. An annotation that cannot be decoded is left out and counted."""
        task_id = int(raw["id"])
        data = self._data(raw)
        for key in dict.fromkeys(control.data_key for control in self._controls):
            if not data.get(key):
                self._leave_out(f'tasks without anything under "{key}"', "task", task_id)
        annotations = [each for each in raw.get("annotations") or () if isinstance(each, Mapping)]
        predictions = [each for each in raw.get("predictions") or () if isinstance(each, Mapping)]
        given = [label for each in annotations for label in self._labels(each, task_id, predictions)]
        return Task(
            id=task_id,
            data=data,
            labels=tuple(label for label in given if label.label is not None),
            is_labeled=bool(raw.get("is_labeled", any(not each.get("was_cancelled") for each in annotations))),
            predictions=tuple(stored for each in predictions for stored in self._stored(each)),
            prediction_versions=tuple(str(each.get("model_version") or "") for each in predictions),
            answers=tuple(label for label in given if label.label is None),
        )

    def skipped(self) -> Counter[str]:
        """Return what was left out, in words -> how often."""
        return Counter({what + _naming(of_what, ids): len(ids) for (what, of_what), ids in self._left_out.items()})

    def _leave_out(self, what: str, of_what: str, an_id: int) -> None:
        self._left_out.setdefault((what, of_what), []).append(an_id)

    def _data(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        data = dict(raw.get("data") or {})
        keys = {control.data_key for control in self._controls}
        if _UNDEFINED in data and len(keys) == 1:
            data.setdefault(keys.pop(), data[_UNDEFINED])
        return data

    def _labels(
        self, annotation: Mapping[str, Any], task_id: int, predictions: Sequence[Mapping[str, Any]]
    ) -> Iterable[GivenLabel]:
        annotation_id = int(annotation["id"])
        if annotation.get("was_cancelled"):
            self._leave_out("annotations that their annotator skipped", "", annotation_id)
            return
        result = annotation.get("result")
        if not isinstance(result, list):
            self._leave_out("annotations whose result is not a list", "annotation", annotation_id)
            return
        if not result and not all(control.takes_none for control in self._controls):
            self._leave_out("annotations that are empty", "annotation", annotation_id)
            return
        suggestion = suggestion_of(annotation, predictions)
        for control in self._controls:
            decoded = self._codecs.decode(result, control)
            is_answered = decoded.is_answered or (control.takes_none and decoded.problem is None)
            if decoded.problem is not None:
                self._leave_out(f"annotations with {decoded.problem}", "annotation", annotation_id)
            elif not is_answered:
                self._leave_out(f'annotations without an answer for "{control.name}"', "annotation", annotation_id)
            if is_answered:
                for label in (*decoded.labels, *([None] if control.kind == "tags" else ())):
                    given = self._given(annotation, task_id, control, label)
                    yield self._with_origin(given, result, suggestion)

    def _given(self, annotation: Mapping[str, Any], task_id: int, control: Control, label: str | None) -> GivenLabel:
        tag = label if control.kind == "tags" else None
        is_value = control.kind != "tags" or tag is not None
        value_hash = self._codecs.value_hash(annotation["result"], control.name, None, tag) if is_value else None
        return GivenLabel(
            task_id=task_id,
            annotation_id=int(annotation["id"]),
            annotator=_annotator(annotation.get("completed_by")),
            control=control.name,
            region_id=None,
            kind=control.kind,
            label=label,
            value_hash=value_hash or "",
        )

    def _with_origin(self, given: GivenLabel, result: Sequence[Any], suggestion: Suggestion) -> GivenLabel:
        suggested_by, started_from = suggestion.of(given, result, self._codecs)
        return given if started_from is None else replace(given, suggested_by=suggested_by, started_from=started_from)

    def _stored(self, prediction: Mapping[str, Any]) -> Iterable[StoredPrediction]:
        result = prediction.get("result")
        if not isinstance(result, list):
            return
        for control in self._controls:
            probabilities = self._codecs.probabilities(result, prediction.get("score"), control)
            if probabilities is not None:
                yield StoredPrediction(str(prediction.get("model_version") or ""), control.name, probabilities)


def _annotator(completed_by: object) -> str:
    """Name who annotated by the user's id, which the list and every sort of export have; "" where nobody is named."""
    if isinstance(completed_by, Mapping):
        completed_by = completed_by.get("id", completed_by.get("email"))
    return "" if completed_by is None else str(completed_by)


def _naming(of_what: str, ids: Sequence[int]) -> str:
    if not of_what:
        return ""
    named = ", ".join(map(str, ids[:_NAMED])) + (", ..." if len(ids) > _NAMED else "")
    return f" ({of_what} {named})"
