"""What a real Label Studio keeps of the prediction that a label was accepted from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from errata.audit.evidence import UNKNOWN_VERSION
from errata.audit.snapshot import Snapshot
from errata.labelstudio.export_file import ExportSource
from errata.labelstudio.predictions import delete_version
from errata.labelstudio.source import ProjectSource, export_project


class Silence:
    def stage(self, name: str, total: int | None = None) -> None: ...
    def advance(self, n: int = 1) -> None: ...
    def say(self, text: str) -> None: ...


def suggested(snapshot: Snapshot) -> list[str | None]:
    return [label.suggested_by for task in snapshot.tasks for label in task.labels]


def test_lists_and_exports_say_what_was_accepted(
    label_studio: Any, project: Any, footprint: Any, tmp_path: Path
) -> None:
    """Accepted as it was, changed, given beside it: one of three came from the prediction, also when that is gone."""
    client = label_studio.client
    source = project(["car", "car", "car"])
    for annotation_id in source.annotation_ids:
        client.delete(f"api/annotations/{annotation_id}/")
    said = {"id": "r", "from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["truck"]}}
    rows = [{"task": t, "result": [said], "score": 0.9, "model_version": "theirs"} for t in source.task_ids]
    client.post(f"api/projects/{source.id}/import/predictions", rows)
    client.patch(f"api/projects/{source.id}/", {"model_version": "theirs"})
    listed = client.paged("api/tasks/", {"project": source.id, "fields": "all"})
    parents = {task["id"]: task["predictions"][0]["id"] for task in listed}
    changed = {**said, "value": {"choices": ["car"]}, "origin": "prediction-changed"}
    own = {**said, "id": "other", "origin": "manual"}
    results = ({**said, "origin": "prediction"}, changed, own)
    for task_id, result in zip(source.task_ids, results, strict=True):
        parent = parents[task_id] if result is not own else None
        client.post(f"api/tasks/{task_id}/annotations/", {"result": [result], "parent_prediction": parent})

    def read() -> tuple[list[str | None], list[str | None]]:
        (tmp_path / "export.json").write_text(json.dumps(export_project(client, source.id)))
        (tmp_path / "config.xml").write_text(source.label_config)
        export = ExportSource(tmp_path / "export.json", tmp_path / "config.xml")
        return suggested(ProjectSource(client, source.id).read(Silence())), suggested(export.read(Silence()))

    assert read() == (["theirs", None, None], ["theirs", None, None])
    assert delete_version(client, source.id, "theirs", footprint) == 3
    assert read() == ([UNKNOWN_VERSION, None, None], ["theirs", None, None])
