"""Boards of projects that a real Label Studio holds."""

from __future__ import annotations

import io
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr

from errata import board
from errata.audit.progress import LineProgress
from errata.errors import LabelStudioRefused, UsageError
from errata.settings import Settings
from errata.wiring import BeliefOptions, Wiring

LABELS = ["car", "truck"] * 12


def picture(seed: int, label: str) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 40, (24, 24, 3))
    colour = np.array((200, 60, 60) if label == "car" else (60, 60, 200))
    file = io.BytesIO()
    Image.fromarray((noise + colour).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_a_project_is_decided_in_a_notebook_as_on_the_service(
    label_studio: Any, project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the person whose token errata has, and no other project; the review task is closed, the plan has the fix."""
    monkeypatch.chdir(tmp_path)
    for name, value in (
        ("LABEL_STUDIO_URL", label_studio.url), ("LABEL_STUDIO_TOKEN", label_studio.token),
        ("DATA_DIR", str(tmp_path / "data")), ("ENCODER", "pixels"), ("POLL_S", "1"),
    ):  # fmt: skip
        monkeypatch.setenv(f"ERRATA_{name}", value)
    source = project(["truck", *LABELS[1:]], images=[picture(n, label) for n, label in enumerate(LABELS)])
    token = SecretStr(label_studio.token)
    settings = Settings(
        label_studio_url=label_studio.url, label_studio_token=token, data_dir=tmp_path / "data", encoder="pixels"
    )
    with closing(Wiring(settings)) as errata:
        with pytest.raises(UsageError, match=rf"Project {source.id} has no audit .*errata audit {source.id}"):
            board(project=source.id)
        errata.audit(source.id, BeliefOptions(), LineProgress(lambda _: None))
        me = label_studio.client.get("api/current-user/whoami")
        with closing(board(project=source.id)) as shown:
            api = f"{shown.url.split('scan.html')[0]}api/"
            with httpx.Client(base_url=api, headers={"X-Errata": "board"}, trust_env=False, timeout=120) as http:
                session = http.get("session").json()
                assert (session["user"]["id"], session["label_studio"]) == (me["id"], label_studio.url)
                assert label_studio.token not in http.get("session").text + shown.url + shown._repr_html_()
                assert http.get("projects/987654").status_code == 404
                first = http.get(f"projects/{source.id}/tiles?control=label&show=suspects&limit=5").json()["tiles"][0]
                assert first["task"] == source.task_ids[0]
                assert http.get(f"projects/{source.id}/{first['content']['src']}").is_success
                mark = {"key": first["key"], "decision": "take_proposal", "label": first["predicted"]}
                action = {"id": str(uuid.uuid4()), "kind": "decide", "at": "2026-01-01T00:00:00Z", "seconds": 2}
                said = http.post(f"projects/{source.id}/actions", json={"actions": [{**action, "marks": [mark]}]})
                assert said.json()["refused"] == []
            found = shown.verdicts
            assert found[["task", "given", "decision", "label", "reviewer", "seconds"]].to_numpy().tolist() == [
                [source.task_ids[0], "truck", "take_proposal", "car", me["email"], 2.0]
            ]
            (review,) = (made.ref for made in errata.footprint.of_project(source.id) if made.kind == "review_project")
            deadline = time.monotonic() + 120
            while not label_studio.client.get(f"api/projects/{review}/")["num_tasks_with_annotations"]:
                assert time.monotonic() < deadline, "the review task is still open"
                time.sleep(0.2)
        assert [change.new_label for change in errata.plan(source.id).changes] == ["car"]
    with pytest.raises(UsageError, match="no project 987654"):
        board(project=987654)
    monkeypatch.setenv("ERRATA_LABEL_STUDIO_TOKEN", "0" * 40)
    with pytest.raises(LabelStudioRefused):
        board(project=source.id)
