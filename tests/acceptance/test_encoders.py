"""Encoders that a project was connected with, in the processes that errata starts by itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

MINE = """
import numpy as np

class Colours:
    identity = "colours:1"
    width = 3

    def prepare(self, image):
        return np.asarray(image, dtype=np.float32).mean(axis=(0, 1)) / 255

    def encode(self, prepared):
        return np.stack(prepared)
"""


@pytest.fixture
def source(project: Any) -> Any:
    return project(["car", "truck"] * 10)


def with_class(errata: Any) -> Any:
    """Write the class into the folder that this errata's commands run in."""
    (errata.data_dir.parent / "mine.py").write_text(MINE)
    return errata


def new_picture() -> str:
    file = io.BytesIO()
    Image.effect_noise((40, 40), 90).convert("RGB").save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def test_a_class_of_the_user_s_own_beside_pixels_in_a_worker(
    make_errata: Callable[..., Any], redis_url: str, source: Any, wait: Any
) -> None:
    """What `connect` was told holds in the worker that audits, and in the service that predicts new pictures."""
    errata = with_class(make_errata(ERRATA_REDIS_URL=redis_url, ERRATA_ENCODER="resnet50"))
    errata.serve()
    worker = replace(errata, process=None)
    worker.serve("worker")
    try:
        errata.run("connect", str(source.id), "--encoder", "pixels,mine:Colours", "--yes")
        assert "Connected with: predictions labelled, encoder pixels,mine:Colours" in errata.run(
            "status", str(source.id)
        )
        assert errata.post("webhook", {"action": "START_TRAINING", "project": {"id": source.id}}).is_success

        def is_over() -> bool:
            audit = errata.last_audit(source.id)
            return bool(audit and audit.finished_at)

        wait(is_over, "the audit by the worker")
    finally:
        worker.stop()
    audit = errata.last_audit(source.id)
    assert (audit.problem, audit.summary["labels"], audit.summary["unusable"]) == (None, 20, {})
    task = {"id": 10**6, "data": {"image": new_picture()}, "is_labeled": True}
    body = {"tasks": [task], "project": f"{source.id}.1", "params": {}}

    def predicted() -> Any:
        (result,) = errata.post("predict", body).json()["results"]
        return result["model_version"] == audit.version and result["result"]

    (region,) = wait(predicted, "a prediction about a new picture")
    assert region["value"]["choices"][0] in ("car", "truck")


def test_embeddings_of_the_user_s_own_in_a_job(make_errata: Callable[..., Any], source: Any) -> None:
    """A job learns from the file that `connect` was given; an encoder on a later command line wins over it."""
    errata = with_class(make_errata())
    rows = np.random.default_rng(0).normal(size=(16, 4)) + np.arange(16)[:, None] % 2 * 5
    np.savez(errata.data_dir.parent / "mine.npz", task=source.task_ids[:16], embeddings=rows)
    errata.run("connect", str(source.id), "--embeddings", "mine.npz", "--no-backend", "--yes")
    said = errata.ask("status", str(source.id))["connected_with"]
    assert (said["belief"], said["embeddings"]) == ("own", str(errata.data_dir.parent / "mine.npz"))
    errata.run("job", "audit", str(source.id))
    left_out = errata.last_audit(source.id).summary["unusable"]
    assert left_out == {str(id_): "not in mine.npz" for id_ in source.task_ids[16:]}
    again = errata.ask("audit", str(source.id), "--dry-run", "--encoder", "mine:Colours")
    assert (again["labels"], again["unusable"]) == (20, {})
    wrong = errata.run("audit", str(source.id), "--dry-run", "--encoder", "mine:Colors", code=2)
    assert f"mine:Colors: there is no class Colors in {errata.data_dir.parent / 'mine.py'}" in wrong
