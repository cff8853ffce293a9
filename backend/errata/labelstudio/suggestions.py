"""Which labels a model suggested: what Label Studio keeps of the prediction that an annotator began with.

- `parent_prediction` is the prediction's id; None once that prediction is deleted, and in what was imported.
- `prediction` is a copy of the project's chosen prediction at the time, which outlives it. Exports have it, lists
  do not; it is there whether or not the annotator used it.
- `origin` is what the page notes of each region: see `codecs.whole_task.origin`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from errata.audit.evidence import UNKNOWN_VERSION
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.codecs.region_edits import Marked
from errata_model.records import GivenLabel

_FROM_PREDICTION = ("prediction", "prediction-changed")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The prediction that an annotation began with.

    Attributes:
        prediction: as Label Studio writes it; None where nothing is known of it but what regions say themselves.
        is_parent: Label Studio says that the annotation was made from it, not only that it was there.
    """

    prediction: Mapping[str, Any] | None
    is_parent: bool

    def of(self, given: GivenLabel, result: Sequence[Any], codecs: Codecs) -> tuple[str | None, str | None]:
        """Return (suggested by, started from) of a label; see `GivenLabel`."""
        origin = codecs.origin(result, given.control, given.region_id)
        if self.prediction is None:
            accepted, began = origin == "prediction", origin in ("prediction", "prediction-changed")
            return UNKNOWN_VERSION if accepted else None, UNKNOWN_VERSION if began else None
        said: list[Any] = self.prediction["result"]
        if not _says_something(given, said, codecs):
            return None, None  # about this control: an empty form is nobody's opinion
        version = str(self.prediction.get("model_version") or "") or UNKNOWN_VERSION
        if origin is None or origin == codecs.origin(said, given.control, given.region_id):
            was_taken = self.is_parent or codecs.has_region_of(result, said, given.control)
        else:
            was_taken = origin == "prediction" or (given.kind == "tags" and origin == "prediction-changed")
        return version if was_taken and _is_as_suggested(given, result, said, codecs) else None, version

    def of_regions(
        self, marked: Mapping[str, Marked], control: str, codecs: Codecs
    ) -> dict[str, tuple[str | None, str | None]]:
        """Return region id -> (suggested by, started from), of those that came from a prediction; see `GivenLabel`.

        Regions keep their ids when a prediction is accepted; one with another id was drawn by the annotator.
        """
        if self.prediction is None:
            began = {key: each.origin for key, each in marked.items() if each.origin in _FROM_PREDICTION}
            return {
                key: (UNKNOWN_VERSION if origin == "prediction" else None, UNKNOWN_VERSION)
                for key, origin in began.items()
            }
        said = codecs.marked(self.prediction["result"], control)
        version = str(self.prediction.get("model_version") or "") or UNKNOWN_VERSION
        return {
            key: (version if said[key].value_hash == marked[key].value_hash else None, version)
            for key in marked.keys() & said.keys()
        }


def _says_something(given: GivenLabel, said: Sequence[Any], codecs: Codecs) -> bool:
    if given.kind == "tags":
        return bool(codecs.tags(said, given.control))
    return codecs.label(said, given.control, given.region_id) is not None


def _is_as_suggested(given: GivenLabel, result: Sequence[Any], said: Sequence[Any], codecs: Codecs) -> bool:
    """Say whether the prediction had this label too; of the missing tags of an annotation, whether it had just them."""
    if given.kind != "tags":
        return codecs.label(said, given.control, given.region_id) == given.label
    if given.label is None:
        return codecs.tags(said, given.control) == codecs.tags(result, given.control)
    return codecs.label(said, given.control, given.region_id, given.label) is not None


def suggestion_of(annotation: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]]) -> Suggestion:
    """Find the prediction that an annotation began with.

    Args:
        annotation: as Label Studio's list or an export writes it.
        predictions: of its task, those that are written out.
    """
    parent, copy = annotation.get("parent_prediction"), annotation.get("prediction")
    known = [each for each in (copy, *predictions) if _is_prediction(each)]
    if parent is None:
        return Suggestion(copy if _is_prediction(copy) else None, is_parent=False)
    found = [each for each in known if each.get("id") == parent]
    return Suggestion(found[0] if found else None, is_parent=True)


def _is_prediction(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and isinstance(value.get("result"), list)
