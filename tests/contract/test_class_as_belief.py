"""A class written for label-studio-ml 1.0.9, believed by an audit of a real Label Studio."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

VEHICLES = '''
from label_studio_ml.model import LabelStudioMLBase
from PIL import Image


class Colour(LabelStudioMLBase):
    """Cars are red, trucks are blue."""

    def predict(self, tasks, **kwargs):
        print("asked about", len(tasks))
        return [self.one(Image.open(self.get_local_path(task["data"]["image"]))) for task in tasks]

    def one(self, image):
        red, _, blue = image.convert("RGB").resize((1, 1)).getpixel((0, 0))
        said = {"from_name": "label", "to_name": "image", "type": "choices"}
        return {"result": [{**said, "value": {"choices": ["car" if red > blue else "truck"]}}], "score": 0.95}
'''


def test_an_audit_believes_a_class_that_fetches_media_itself(
    label_studio: Any,
    project: Callable[..., Any],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    """The class lies in the working directory and reads images with the token it is given; the error is found."""
    if sys.version_info >= (3, 14):
        pytest.skip("label-studio-ml 1.0.9 does not run on Python 3.14 and newer")
    red, blue = image("red"), image("blue")
    made = project(["car", "truck"] * 5, images=[red, blue, red, red, *[red, blue] * 3])  # the fourth is a red "truck"
    (tmp_path / "vehicles.py").write_text(VEHICLES)
    settings = {
        "ERRATA_LABEL_STUDIO_URL": label_studio.url,
        "ERRATA_LABEL_STUDIO_TOKEN": label_studio.token,
        "ERRATA_DATA_DIR": str(tmp_path / "data"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_DATA_HOME": str(tmp_path / "share"),
    }
    done = subprocess.run(
        ["errata", "audit", str(made.id), "--belief", "vehicles:Colour", "--dry-run", "--json"],
        cwd=tmp_path,
        env={**environment, **settings},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)  # and nothing else: what the class prints goes elsewhere
    assert "asked about 10" in done.stderr
    assert "in-sample" in said["caution"]
    (found,) = said["examples"]
    assert (found["task"], found["label"]) == (made.task_ids[3], "truck")
    assert found["proposal"]["value"]["value"] == {"choices": ["car"]}
    assert label_studio.token not in done.stderr + done.stdout


def image(colour: str) -> bytes:
    """Return a picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(file, "PNG")
    return file.getvalue()
