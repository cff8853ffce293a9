"""The review project's tabs in Label Studio's data manager."""

from __future__ import annotations

from typing import Any

from errata.labelstudio.client import LabelStudio
from errata.labelstudio.review_config import HIDDEN_COLUMNS, Columns
from errata.labelstudio.review_tasks import LOOK_AGAIN

TO_REVIEW = "To review: most likely error first"
FIXED = "Fixed"
CANNOT_TELL = "Can't tell"
CONTRADICTORY = "Contradictory: look again"

_HIDDEN_FIELDS = (
    "inner_id",
    "completed_at",
    "total_annotations",
    "cancelled_annotations",
    "total_predictions",
    "annotations_results",
    "annotations_ids",
    "predictions_score",
    "predictions_model_versions",
    "predictions_results",
    "file_upload",
    "storage_filename",
    "created_at",
    "updated_at",
    "updated_by",
    "avg_lead_time",
    "draft_exists",
)


def add_tabs(client: LabelStudio, project_id: int, columns: Columns) -> None:
    """Add the tabs that are missing; those that are there stay as people have made them."""
    there = {view.get("data", {}).get("title") for view in client.get("api/dm/views/", {"project": project_id})}
    for title, filters in _tabs(columns):
        if title not in there:
            client.post("api/dm/views/", {"project": project_id, "data": _view(title, filters, columns)})


def _tabs(columns: Columns) -> list[tuple[str, dict[str, Any]]]:
    undecided = {
        "filter": "filter:tasks:total_annotations",
        "operator": "equal",
        "type": "Number",
        "value": 0,
    }
    again = {
        "filter": f"filter:tasks:data.{columns('look_again')}",
        "operator": "equal",
        "type": "String",
        "value": LOOK_AGAIN,
    }
    return [
        (TO_REVIEW, _all_of(undecided)),
        (FIXED, _any_of(_decided("take_proposal"), _decided("fix"))),
        (CANNOT_TELL, _any_of(_decided("unclear"))),
        (CONTRADICTORY, _all_of(again)),
    ]


def _decided(value: str) -> dict[str, Any]:
    # Label Studio searches the result's JSON as text; SQLite and PostgreSQL both write it like this.
    return {
        "filter": "filter:tasks:annotations_results",
        "operator": "contains",
        "type": "String",
        "value": f'"choices": ["{value}"]',
    }


def _all_of(*items: dict[str, Any]) -> dict[str, Any]:
    return {"conjunction": "and", "items": list(items)}


def _any_of(*items: dict[str, Any]) -> dict[str, Any]:
    return {"conjunction": "or", "items": list(items)}


def _view(title: str, filters: dict[str, Any], columns: Columns) -> dict[str, Any]:
    disagreement = f"tasks:data.{columns('disagreement')}"
    hidden = [f"tasks:{name}" for name in _HIDDEN_FIELDS]
    hidden += [f"tasks:data.{columns(name)}" for name in HIDDEN_COLUMNS]
    return {
        "title": title,
        "type": "list",
        "target": "tasks",
        "ordering": [f"-{disagreement}"],
        "columnsDisplayType": {disagreement: "Number"},  # PostgreSQL would sort it as text otherwise
        "columnsWidth": {
            "tasks:id": 90,
            **{f"tasks:data.{columns(name)}": 140 for name in ("disagreement", "given_label", "proposed_label")},
            f"tasks:data.{columns('why')}": 420,
        },
        "filters": filters,
        "hiddenColumns": {"explore": hidden, "labeling": hidden},
    }
