"""A review project's settings and form: as it is made, and as it follows the source's label config."""

from __future__ import annotations

from typing import Any

from errata.audit.snapshot import Snapshot
from errata.errors import ErrataError, UsageError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.review_config import Columns, choose_columns, review_config
from errata.labelstudio.review_instructions import instruction

_TITLE_MAX = 50


def marker(project_id: int) -> str:
    """Return what stands in a review project's description, by which it is found again."""
    return f"[errata review of project {project_id}]"


def find_columns(client: LabelStudio, source: Snapshot) -> Columns:
    """Return what the data columns of a new review project are called: as nothing in the source is."""
    summary = client.get(f"api/projects/{source.project_id}/summary/")
    keys = set(summary.get("all_data_columns") or ()) | {key for task in source.tasks for key in task.data}
    return choose_columns(source.label_config, keys)


def make_project(client: LabelStudio, source: Snapshot, columns: Columns, by_item: bool) -> dict[str, Any]:
    """Make a review project in Label Studio.

    Args:
        client: Label Studio.
        source: whose labels are reviewed.
        columns: how its data columns are called.
        by_item: its form takes a decision about each region.
    """
    made = client.post(
        "api/projects/",
        {
            "title": f"Review: {source.title}"[:_TITLE_MAX].rstrip(),
            "description": (
                f"Labels of the project {source.title!r} that are likely to be wrong, most likely first. Made by "
                f"errata; keep the next words, they are how it finds this project. {marker(source.project_id)}"
            ),
            "label_config": _config(source, columns, by_item),
            "expert_instruction": instruction(source.controls, by_item),
            "show_instruction": True,
            "show_skip_button": False,  # a skipped task never comes back to whoever skipped it
            "enable_empty_annotation": False,
            "show_collab_predictions": True,
            "sampling": "Sequential sampling",
        },
    )
    return dict(made)


def renew_form(client: LabelStudio, review_id: int, source: Snapshot, columns: Columns, by_item: bool) -> None:
    """Make a form what it is to be; decisions at regions that were made stay possible. Args as `make_project`.

    Raises:
        UsageError: reviewers used what the source's label config does not have any more.
    """
    wanted, there = _config(source, columns, by_item), client.get(f"api/projects/{review_id}/")
    if there["label_config"] == wanted:
        return
    changes = {"label_config": wanted}
    if there.get("expert_instruction") == instruction(source.controls, not by_item):
        changes["expert_instruction"] = instruction(source.controls, by_item)
    try:
        client.patch(f"api/projects/{review_id}/", changes)
    except ErrataError as error:
        if type(error) is not ErrataError:
            raise
        if not by_item and there["label_config"] == _config(source, columns, by_item=True):
            return
        raise UsageError(
            f"The label config of project {source.project_id} was changed, and its review project "
            f"{review_id} cannot follow because reviewers used what is gone. Put that back, or apply what is "
            f"decided, then delete the review project: the next audit makes a new one. ({error})"
        ) from error


def _config(source: Snapshot, columns: Columns, by_item: bool) -> str:
    config = read_label_config(source.label_config)
    return review_config(source.label_config, config.hotkeys, columns, controls=config.controls, by_item=by_item)
