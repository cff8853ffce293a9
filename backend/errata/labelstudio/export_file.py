"""A Label Studio JSON export as a source of labels, without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from errata.audit.ports import Progress
from errata.audit.snapshot import Snapshot
from errata.errors import ConfigNotServed, ExportError, UsageError
from errata.labelstudio.label_config import LabelConfig, serveable
from errata.labelstudio.tasks import TaskReader

_AGAIN = "Export the project again from Label Studio as JSON"


class ExportSource:
    """An export file with the label config that belongs to it.

    Args:
        export: what Label Studio writes for "Export > JSON".
        config: the label config, as Settings > Labeling Interface > Code shows it.
    """

    def __init__(self, export: Path, config: Path) -> None:
        self._export = export
        self._config = config

    def read(self, progress: Progress) -> Snapshot:
        """Read every task with its labels.

        Raises:
            ExportError: a file cannot be read or is no such export; names file, position and remedy.
            ConfigNotServed: no control can be audited; names the tags.
        """
        xml, config = self._read_config()
        raws = read_export(self._export)
        reader = TaskReader(config.controls, config.names)
        progress.stage("Reading tasks", len(raws))
        tasks = []
        for raw in raws:
            tasks.append(reader.read(raw))
            progress.advance()
        return Snapshot(
            url="",
            project_id=_project_id(raws),
            title=self._export.stem,
            label_config=xml,
            controls=config.controls,
            refused=config.refused,
            tasks=tuple(tasks),
            skipped=reader.skipped(),
        )

    def _read_config(self) -> tuple[str, LabelConfig]:
        where = "Copy it from Label Studio: Settings > Labeling Interface > Code."
        try:
            xml = self._config.read_text(encoding="utf-8-sig")
            return xml, serveable(xml)
        except (OSError, UnicodeDecodeError) as error:
            raise ExportError(f"The label config {self._config} cannot be read: {_why(error)}. {where}") from error
        except ConfigNotServed:
            raise
        except UsageError as error:
            raise ExportError(f"{self._config}: {error} {where}") from error


def read_export(path: Path) -> list[dict[str, Any]]:
    """Read the tasks of an export.

    Raises:
        ExportError: it cannot be read or is no such export; names file, position and remedy.
    """
    try:
        raws = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ExportError(
            f"{path} is not JSON (line {error.lineno}, column {error.colno}: {error.msg}). {_AGAIN}."
        ) from error
    except (OSError, ValueError, RecursionError) as error:  # not UTF-8, or a number of thousands of digits
        raise ExportError(f"{path} cannot be read: {_why(error)}. {_AGAIN}.") from error
    if not isinstance(raws, list):
        raise ExportError(f"{path} is not a list of tasks. {_AGAIN}, not as COCO, YOLO or CSV.")
    seen: set[int] = set()
    for position, raw in enumerate(raws, start=1):
        if (problem := _problem(raw, seen)) is not None:
            raise ExportError(f"{path}, task {position} of {len(raws)}: {problem}")
        seen.add(raw["id"])
    return raws


def _problem(raw: object, seen: set[int]) -> str | None:
    """Say what keeps an entry from being a task of an export, and what to do; None where nothing does."""
    problem = None
    if not isinstance(raw, Mapping):
        problem = f"it is not an object. {_AGAIN}."
    elif not isinstance(raw.get("data"), Mapping):
        is_minimal = "annotation_id" in raw or "annotator" in raw
        form = "this is the form JSON-MIN, which lacks annotations. " if is_minimal else ""
        problem = f'it has no "data"; {form}{_AGAIN}, not JSON-MIN.'
    elif not _is_id(raw.get("id")):
        problem = f'it has no whole number as "id". {_AGAIN}; files for import lack ids.'
    elif raw["id"] in seen:
        problem = f"the id {raw['id']} occurs twice. Audit one export at a time."
    elif not isinstance(annotations := raw.get("annotations"), list):
        problem = f'it has no list of "annotations". {_AGAIN}.'
    elif not all(isinstance(each, Mapping) and _is_id(each.get("id")) for each in annotations):
        problem = f'an annotation has no whole number as "id". {_AGAIN}.'
    return problem


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _project_id(raws: list[dict[str, Any]]) -> int:
    named = raws[0].get("project") if raws else None
    return named if isinstance(named, int) else 0


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or "the system refused it").lower()
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "it has a number of too many digits"
