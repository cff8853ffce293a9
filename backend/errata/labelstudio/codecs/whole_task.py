"""The one region in which a control of choices or a taxonomy is answered for the whole task.

Label Studio's page writes all labels of such a control into one region; of several it shows the last one's labels
alone. Without a label it stores no region.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from errata.labelstudio.codecs import taxonomy
from errata_model.records import Control

Region = Mapping[str, Any]
CHOICES = "choices"


def find(result: Sequence[Region], control_name: str) -> int | None:
    """Return where the control's only answer with a label stands, None where there is none, or several."""
    found = [
        index
        for index, each in enumerate(result)
        if isinstance(each, Mapping) and each.get("from_name") == control_name and labels_in(each)
    ]
    return found[0] if len(found) == 1 else None


def labels_in(region: Region) -> list[str] | None:
    """Return the labels that a region says, None where it cannot be read as choices or a taxonomy."""
    value = region.get("value")
    if not isinstance(value, Mapping):
        return None
    if region.get("type") == taxonomy.TYPE:
        return taxonomy.read(value.get(taxonomy.TYPE))
    said = value.get(CHOICES) if region.get("type") == CHOICES else None
    return said if isinstance(said, list) and all(isinstance(label, str) for label in said) else None


def region(control: Control, labels: Sequence[str], score: float | None = None) -> dict[str, Any]:
    """Return a region that says these labels; the same labels always get the same id."""
    said = "\x1f".join((control.name, control.to_name, *labels))
    made: dict[str, Any] = {
        "id": hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:10],
        "from_name": control.name,
        "to_name": control.to_name,
        "type": control.type,
        "value": {control.type: _stored(control.type, labels)},
    }
    if score is not None:
        made["score"] = score
    return made


def with_labels(result: Sequence[Region], index: int, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return a copy of a result whose region at `index` says these labels, all else as it was; no labels, no region.

    An answer that was accepted from a prediction is one that was changed afterwards, which is noted as Label Studio's
    page does.
    """
    copied = [copy.deepcopy(dict(each)) for each in result]
    if not labels:
        return copied[:index] + copied[index + 1 :]
    changed = copied[index]
    changed["value"][changed["type"]] = _stored(changed["type"], labels)
    if changed.get("origin") == "prediction":
        changed["origin"] = "prediction-changed"
    return copied


def origin(result: Sequence[Region], control_name: str) -> str | None:
    """Return where Label Studio's page says the answer came from, None where it says nothing.

    "prediction": accepted as it was; "prediction-changed": changed, even if changed back; "manual": chosen anew.
    """
    return _field(result, control_name, "origin")


def region_id(result: Sequence[Region], control_name: str) -> str | None:
    """Return the id of the region that holds the answer, None where there is none."""
    return _field(result, control_name, "id")


def _field(result: Sequence[Region], control_name: str, field: str) -> str | None:
    found = find(result, control_name)
    said = None if found is None else result[found].get(field)
    return said if isinstance(said, str) else None


def _stored(type_: str, labels: Sequence[str]) -> list[Any]:
    return taxonomy.write(labels) if type_ == taxonomy.TYPE else list(labels)
