"""Decodes tasks, as Label Studio's list and its exports write them, and counts what cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from errata.audit.snapshot import Drawn, StoredPrediction, Task
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.codecs.region_edits import RELATION
from errata.labelstudio.codecs.scores import is_score
from errata.labelstudio.suggestions import Suggestion, suggestion_of
from errata_model.kinds.values.records import Answered, Opinion
from errata_model.records import Control, GivenLabel

_NAMED = 5  # how many ids a line of the summary names
_NAMELESS = "without an id, which Label Studio gives them where these annotations are opened and saved"
_UNDEFINED = "$undefined$"  # the key of media that were imported before there was a label config


class TaskReader:
    """Decodes one task after another.

    Args:
        controls: what to read from annotations and predictions.
        names: of all tags of the label config: results of others are counted; none are where there are no names.
    """

    def __init__(self, controls: Sequence[Control], names: Collection[str] = ()) -> None:
        self._controls = controls
        self._names = names
        self._codecs = Codecs()
        self._left_out: dict[tuple[str, str], list[int]] = {}  # (what, of what) -> ids

    def read(self, raw: Mapping[str, Any]) -> Task:
        """Decode a task. An annotation that cannot be decoded is left out and counted."""
        task_id = int(raw["id"])
        data = self._data(raw)
        for key in dict.fromkeys(control.data_key for control in self._controls):
            if not data.get(key):
                self._leave_out(f'tasks without anything under "{key}"', "task", task_id)
        annotations, predictions = self._listed(raw, "annotations"), self._listed(raw, "predictions")
        submitted = [each for each in annotations if self._is_usable(each, int(each["id"]))]
        strange = {
            int(each["id"])
            for each in submitted
            if self._is_strange(each["result"], "annotations", "annotation", int(each["id"]))
        }
        given = [label for each in submitted for label in self._labels(each, task_id, predictions)]
        drawn = [one for each in submitted for one in self._drawn(each, task_id, data, predictions, strange)]
        answered = [one for each in submitted for one in self._answered(each, task_id, predictions)]
        return Task(
            id=task_id,
            data=data,
            labels=tuple(
                label
                for label in (*given, *(label for one in drawn for label in one.labels), *(o.given for o in answered))
                if label.label is not None and label.region_id != ""
            ),
            is_labeled=bool(raw.get("is_labeled", any(not each.get("was_cancelled") for each in annotations))),
            predictions=tuple(stored for each in predictions for stored in self._stored(each, data)),
            prediction_versions=tuple(str(each.get("model_version") or "") for each in predictions),
            answers=tuple(label for label in given if label.label is None),
            drawn=tuple(drawn),
            answered=tuple(answered),
        )

    def skipped(self) -> Counter[str]:
        """Return what was left out, in words -> how often."""
        return Counter({what + _naming(of_what, ids): len(ids) for (what, of_what), ids in self._left_out.items()})

    def _leave_out(self, what: str, of_what: str, an_id: int) -> None:
        shown = what.encode("utf-8", "replace").decode()  # half a character, as broken tools leave it, cannot be
        self._left_out.setdefault((shown, of_what), []).append(an_id)

    def _data(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        data = dict(raw.get("data") or {})
        keys = {control.data_key for control in self._controls}
        if _UNDEFINED in data and len(keys) == 1:
            data.setdefault(keys.pop(), data[_UNDEFINED])
        return data

    def _is_usable(self, annotation: Mapping[str, Any], annotation_id: int) -> bool:
        """Say whether an annotation was submitted with something that can be read."""
        result = annotation.get("result")
        if annotation.get("was_cancelled"):
            self._leave_out("annotations that their annotator skipped", "", annotation_id)
        elif not isinstance(result, list):
            self._leave_out("annotations whose result is not a list", "annotation", annotation_id)
        elif not result and not all(control.takes_none for control in self._controls):
            self._leave_out("annotations that are empty", "annotation", annotation_id)
        else:
            return True
        return False

    def _listed(self, raw: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        said = raw.get(key)
        if said is not None and not isinstance(said, list):
            self._leave_out(f"tasks whose {key} are not a list", "task", int(raw["id"]))
        return [each for each in said if isinstance(each, Mapping)] if isinstance(said, list) else []

    def _is_strange(self, result: Sequence[Any], whose: str, of_what: str, an_id: int) -> bool:
        """Say whether a part of a result is nothing that this label config asks for, and count it."""
        told = set()
        for each in result:
            if not isinstance(each, Mapping):
                told.add(f"{whose} with something in them that is no result")
            elif each.get("type") != RELATION and self._names and str(each.get("from_name")) not in self._names:
                told.add(f'{whose} with results of "{each.get("from_name")}", which the config does not have')
        for what in sorted(told):
            self._leave_out(what, of_what, an_id)
        return bool(told)

    def _labels(
        self, annotation: Mapping[str, Any], task_id: int, predictions: Sequence[Mapping[str, Any]]
    ) -> Iterable[GivenLabel]:
        annotation_id, result = int(annotation["id"]), annotation["result"]
        suggestion = suggestion_of(annotation, predictions)
        for control in self._controls:
            if control.has_regions or control.has_values:
                continue
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

    def _drawn(
        self,
        annotation: Mapping[str, Any],
        task_id: int,
        data: Mapping[str, Any],
        predictions: Sequence[Mapping[str, Any]],
        strange: Collection[int],
    ) -> Iterable[Drawn]:
        """Yield what is marked, control by control; not where it may be that nothing of it can be read."""
        annotation_id, result = int(annotation["id"]), annotation["result"]
        suggestion = suggestion_of(annotation, predictions)
        for control in self._controls:
            if not control.has_regions:
                continue
            regions, problems, size = self._codecs.regions_in(result, control, data.get(control.data_key))
            whose = "annotations with" if control.kind == "spans" else "regions"
            for problem in problems:
                self._leave_out(f"{whose} {problem}", "annotation", annotation_id)
            for _ in (region for region in regions if not region.id):
                self._leave_out(f"regions {_NAMELESS}", "annotation", annotation_id)
            for said in (region.label for region in regions if region.label not in control.labels):
                what = f'that the config does not have: "{said}"' if said else "that nobody gave"
                self._leave_out(f"labels of regions {what}", "annotation", annotation_id)
            if not regions and not control.takes_none:
                self._leave_out(f'annotations without an answer for "{control.name}"', "annotation", annotation_id)
            if not regions and (problems or annotation_id in strange or not control.takes_none):
                continue
            answer = self._given(annotation, task_id, control, None)
            marked = self._codecs.marked(result, control.name)
            suggested = suggestion.of_regions(marked, control.name, self._codecs)
            labels = []
            for region in regions:
                value_hash = marked[region.id].value_hash if region.id in marked else ""
                by, began = suggested.get(region.id, (None, None))
                label = replace(answer, region_id=region.id, label=region.label, value_hash=value_hash)
                labels.append(label if began is None else replace(label, suggested_by=by, started_from=began))
            yield Drawn(answer, tuple(labels), tuple(regions), size)

    def _answered(
        self, annotation: Mapping[str, Any], task_id: int, predictions: Sequence[Mapping[str, Any]]
    ) -> Iterable[Answered]:
        annotation_id, result = int(annotation["id"]), annotation["result"]
        suggestion = suggestion_of(annotation, predictions)
        for control in self._controls:
            if not control.has_values:
                continue
            answer, problem = self._codecs.answer_in(result, control)
            if problem is not None:
                self._leave_out(f"annotations with {problem}", "annotation", annotation_id)
            elif answer is not None:  # a note or a rating that nobody gave is nothing out of the ordinary
                given = self._given(annotation, task_id, control, self._codecs.in_words(answer, control))
                given = replace(given, value_hash=self._codecs.answer_hash(result, control.name))
                yield Answered(self._with_origin(given, result, suggestion), answer)

    def _given(self, annotation: Mapping[str, Any], task_id: int, control: Control, label: str | None) -> GivenLabel:
        tag = label if control.kind == "tags" else None
        is_value = label is not None
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

    def _stored(self, prediction: Mapping[str, Any], data: Mapping[str, Any]) -> Iterable[StoredPrediction]:
        result, score = prediction.get("result"), prediction.get("score")
        version = str(prediction.get("model_version") or "")
        whose = f'predictions of "{version}"'
        if not isinstance(result, list):
            self._leave_out(f"{whose} whose result is not a list", "", 0)
            return
        is_strange = self._is_strange(result, whose, "", 0)
        scores = [score, *(each.get("score") for each in result if isinstance(each, Mapping))]
        for _ in (each for each in scores if each is not None and not is_score(each)):
            self._leave_out(f'scores of "{version}" that are no numbers from 0 to 1', "", 0)
        for control in self._controls:
            if control.has_regions:
                yield from self._stored_regions(result, score, version, control, data, is_strange)
                continue
            if control.has_values:
                yield from self._stored_answer(result, score, version, control)
                continue
            probabilities = self._codecs.probabilities(result, score, control)
            if probabilities is not None:
                yield StoredPrediction(version, control.name, probabilities)

    def _stored_regions(
        self,
        result: list[Any],
        score: object,
        version: str,
        control: Control,
        data: Mapping[str, Any],
        is_strange: bool,
    ) -> Iterable[StoredPrediction]:
        """Yield what is predicted; nothing where nothing of it can be read: it may be that all is marked there."""
        regions, problems, size = self._codecs.regions_in(result, control, data.get(control.data_key))
        for problem in problems:
            whose = 'predictions of "{}" with' if control.kind == "spans" else 'predicted regions of "{}"'
            self._leave_out(f"{whose.format(version)} {problem}", "", 0)
        sure = float(score) if is_score(score) else None
        scored = [region if region.score is not None else replace(region, score=sure) for region in regions]
        known = [region for region in scored if region.label in control.labels]
        for region in scored:
            if region.label not in control.labels:
                what = f'with a label that the config does not have: "{region.label}"'
                self._leave_out(f'predicted regions of "{version}" {what}', "", 0)
        if known or not (regions or problems or is_strange):
            yield StoredPrediction(version, control.name, {}, tuple(known), size)

    def _stored_answer(
        self, result: list[Any], score: object, version: str, control: Control
    ) -> Iterable[StoredPrediction]:
        answer, problem = self._codecs.answer_in(result, control)
        if problem is not None:
            self._leave_out(f'predictions of "{version}" with {problem}', "", 0)
        elif answer is not None:
            opinion = Opinion(answer, self._codecs.certainty(result, score, control))
            yield StoredPrediction(version, control.name, {}, opinion=opinion)


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
