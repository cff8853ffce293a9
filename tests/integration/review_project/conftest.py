"""Answers as Label Studio's page submits them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def decide(label_studio) -> Callable[..., int]:
    """Answer a review task as Label Studio's page would submit it; return the annotation's id."""

    def submit(task_id: int, choice: str, label: str | None = None, note: str = "", **fields: Any) -> int:
        result = [_said("errata_verdict", "choices", choice)]
        if label:
            result.append(_said("label", "choices", label))
        if note:
            result.append(_said("errata_note", "text", note, type_="textarea"))
        body = {"result": result, "lead_time": 4.5, **fields}
        return label_studio.client.post(f"api/tasks/{task_id}/annotations/", body)["id"]

    return submit


def _said(control: str, key: str, value: str, type_: str = "choices") -> dict[str, Any]:
    return {
        "id": f"r-{control}",
        "from_name": control,
        "to_name": "image",
        "type": type_,
        "value": {key: [value]},
    }
