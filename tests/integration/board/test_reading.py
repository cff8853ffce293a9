"""The pages' JSON as a browser gets it: errata as a process, a table in its data folder, a real Label Studio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from errata.audit.snapshot import Snapshot
from errata.boards.table import NONE, BoardTable, Field, RowDetail
from errata.store.audits import AuditStore
from errata.store.boards import BoardFolder
from errata.store.database import open_database
from errata_model.records import Control, Finding, GivenLabel, Proposal, finding_key

GONE = 987_654  # a project that Label Studio does not have
CONTROL = Control("label", "choices", "image", "image", "image", ("car", "truck"))


def board_of(project: Any, url: str, version: str) -> tuple[BoardTable, list[RowDetail]]:
    """Return a table in which every second label is a suspect, the last the likeliest error."""
    n, classes = len(project.task_ids), CONTROL.labels
    given = np.array([classes.index(label) for label in project.labels], np.int32)
    is_suspect = np.arange(n) % 2 == 1
    places = zip(project.task_ids, project.annotation_ids, project.labels, strict=True)
    labels = [GivenLabel(task, made, "ann", "label", None, "choices", label, "h") for task, made, label in places]
    keys = [finding_key(url, project.id, label) for label in labels]
    queue = np.full(n, NONE, np.int32)
    queue[is_suspect] = np.arange(is_suspect.sum())[::-1]
    table = BoardTable(
        version=version, model_version="m1", project_id=project.id, title=project.title, url=url, controls=(CONTROL,),
        labels=classes, annotators=("ann",), detectors=("low_self_confidence",), keys=np.array(keys, "S20"),
        tasks=np.array(project.task_ids), annotations=np.array(project.annotation_ids),
        control=np.zeros(n, np.int16), given=given, predicted=np.where(is_suspect, 1 - given, given).astype(np.int32),
        disagreement=np.linspace(0, 1, n, dtype=np.float32), queue=queue, fired=is_suspect.astype(np.uint64),
        annotator=np.zeros(n, np.int32), place=np.full((n, 4), np.nan, np.float32), leaf=np.arange(n, dtype=np.int32),
        xy=np.full((n, 2), 0.5, np.float32), apart=is_suspect, vectors=np.ones((n, 1), np.float16),
        fields=(Field("camera", ("north",), np.zeros(n, np.int32)),), trustworthiness={"label": 0.9},
    )  # fmt: skip
    details = []
    for row, (key, label) in enumerate(zip(keys, labels, strict=True)):
        best = classes[table.predicted[row]]
        proposal = Proposal("replace", {"value": {"choices": [best]}}, ((best, 0.9),))
        fired = {"low_self_confidence": 0.9} if is_suspect[row] else {}
        said = Finding(key, label, fired, float(table.disagreement[row]), None, "why", proposal, "suspect", "m1")
        details.append(RowDetail(said, f"/data/upload/{row}.png", 0, {"camera": "north"}))
    return table, details


def test_a_person_reads_an_audit_and_decides(
    label_studio: Any, project: Callable[..., Any], service_on: Any, tmp_path: Path
) -> None:
    """Only what Label Studio shows them, from the project to its groups, tiles and details.

    What they decide is counted. A later audit is shown at once, and what was decided stays with its labels.
    """
    source, data = project(["car", "truck"] * 20), tmp_path / "data"
    said = {"expert_instruction": "<h1>Cars</h1><p>Mark <b>every</b> car &amp; truck.</p>"}
    label_studio.client.patch(f"api/projects/{source.id}/", said)
    engine = open_database(f"sqlite:///{data / 'errata.db'}")
    audits, boards = AuditStore(engine, data), BoardFolder(data)
    for project_id in (source.id, GONE):
        snapshot = Snapshot(label_studio.url, project_id, "Cars", "<View/>", (), (), ())
        audits.finish(audits.begin(snapshot), "m1", {"tasks": 40})
    table, details = board_of(source, label_studio.url, "v1")
    boards.save(table, details)
    boards.save(replace(table, project_id=GONE), details)

    with httpx.Client(
        base_url=f"{service_on(data).start()}/board/api/", headers={"X-Errata": "board"}, timeout=120
    ) as browser:
        assert browser.get("projects").status_code == 401
        assert browser.post("session", json={"token": label_studio.pat}).status_code == 200

        def get(path: str, **query: Any) -> Any:
            answer = browser.get(path, params=query)
            assert answer.status_code == 200, answer.text
            return answer.json()

        (listed,) = get("projects")["projects"]
        assert listed["id"] == source.id
        assert (listed["title"], listed["rows"], listed["suspects"], listed["decided"]) == (source.title, 40, 20, 0)
        assert listed["audited_at"].endswith("+00:00")
        about = get(f"projects/{source.id}")
        assert get(f"projects/{source.id}/instructions") == {"instructions": "Cars\nMark every car & truck."}
        assert about["project_url"] == f"{label_studio.url}projects/{source.id}/data"
        assert (about["rows"], about["suspects"], about["fields"], about["has_map"]) == (40, 20, ["camera"], True)
        assert about["controls"] == [
            {
                "name": "label", "kind": "choices", "modality": "image", "labels": ["car", "truck"], "rows": 40,
                "suspects": 20, "trustworthiness": 0.9,
            }
        ]  # fmt: skip
        assert browser.get(f"projects/{GONE}").status_code == 404

        here = f"projects/{source.id}"
        page = get(f"{here}/tiles", control="label", by="given", value="truck", limit=5)
        assert [tile["row"] for tile in page["tiles"]] == [1, 3, 5, 7, 9]  # one block: like beside like
        assert page["total"] == 20
        chosen = page["tiles"][0]
        mark = {"key": chosen["key"], "decision": "wrong", "label": None, "reason": None, "strength": "verdict"}
        action = {"id": "a1", "kind": "decide", "at": "2026-01-02T03:04:05Z", "seconds": 1.5, "marks": [mark]}
        taken = browser.post(f"{here}/actions", json={"actions": [action]})
        assert taken.json()["accepted"] == ["a1"], taken.text
        assert [tile["row"] for tile in get(f"{here}/tiles", by="given", value="truck", limit=5)["tiles"]] == [
            1,
            3,
            5,
            7,
            9,
        ]
        assert get(f"{here}/rows/{chosen['key']}")["standing"]["mine"]["decision"] == "wrong"
        truck = next(group for group in get(f"{here}/groups", by="given")["groups"] if group["value"] == "truck")
        assert (truck["suspects"], truck["decided"], truck["wrong"]) == (20, 1, 1)
        assert get(f"{here}/confusion", show="suspects")["cells"] == [[1, 0, 20, 20, 1, 0, 1]]
        assert get("projects")["projects"][0]["decided"] == 1

        newer, details = board_of(source, label_studio.url, "v2")
        boards.save(newer, details)
        again = get(f"{here}/tiles", at=chosen["key"], limit=5)
        assert again["version"] == "v2"
        assert next(tile for tile in again["tiles"] if tile["key"] == chosen["key"])["standing"]["mine"]
        assert browser.post(f"{here}/tiles", json={"rows": [1], "version": "v1"}).status_code == 409
    engine.dispose()
