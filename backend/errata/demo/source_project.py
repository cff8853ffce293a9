"""The demo's source project: digits uploaded to Label Studio, with labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from errata.audit.ports import Progress
from errata.demo.digits import LABELS, Digits
from errata.labelstudio.client import LabelStudio

CONTROL = "digit"
CONFIG = f"""<View>
  <Image name="image" value="$image"/>
  <Choices name="{CONTROL}" toName="image" choice="single" showInLine="true">
{chr(10).join(f'    <Choice value="{label}" hotkey="{label}"/>' for label in LABELS)}
  </Choices>
</View>"""
UPLOADED_AT_ONCE = 100  # Label Studio refuses more files in one request
IMPORTED_AT_ONCE = 600


def make_source_project(client: LabelStudio, digits: Digits, progress: Progress) -> tuple[int, list[int]]:
    """Make the project; return its id and the task ids, in the digits' order."""
    project_id = int(
        client.post(
            "api/projects/",
            {
                "title": "Handwritten digits",
                "description": "1,797 digits, 5 % of the labels planted wrong. Made by errata demo.",
                "label_config": CONFIG,
            },
        )["id"]
    )
    progress.stage("Uploading digits", len(digits.pngs))
    addresses: list[str] = []
    for start in range(0, len(digits.pngs), UPLOADED_AT_ONCE):
        part = digits.pngs[start : start + UPLOADED_AT_ONCE]
        addresses += _upload(client, project_id, start, part)
        progress.advance(len(part))
    progress.stage("Importing labels", len(addresses))
    task_ids: list[int] = []
    for start in range(0, len(addresses), IMPORTED_AT_ONCE):
        pairs = zip(addresses[start:], digits.given[start:], strict=True)
        tasks = [_task(address, label) for address, label in list(pairs)[:IMPORTED_AT_ONCE]]
        answer = client.post(f"api/projects/{project_id}/import", tasks, {"return_task_ids": "true"}, timeout_s=300)
        task_ids += answer["task_ids"]
        progress.advance(len(tasks))
    return project_id, task_ids


def _upload(client: LabelStudio, project_id: int, start: int, pngs: Sequence[bytes]) -> list[str]:
    """Upload images and return their addresses, in order."""
    files = [(f"digit-{start + n:04}.png", png) for n, png in enumerate(pngs)]
    ids = client.upload(f"api/projects/{project_id}/import", files, {"commit_to_project": "false"})["file_upload_ids"]
    uploads = client.get(f"api/projects/{project_id}/file-uploads", {"ids": json.dumps(ids)})
    addresses = {upload["id"]: f"/data/{upload['file']}" for upload in uploads}
    return [addresses[upload_id] for upload_id in ids]


def _task(address: str, label: str) -> dict[str, Any]:
    return {
        "data": {"image": address},
        "annotations": [{"result": [choice(CONTROL, label)], "ground_truth": False, "lead_time": 2.0}],
    }


def choice(control: str, label: str) -> dict[str, Any]:
    """Return a choice as an annotator's page would submit it."""
    return {"from_name": control, "to_name": "image", "type": "choices", "value": {"choices": [label]}}
