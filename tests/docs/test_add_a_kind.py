"""docs/howto/add-a-kind.md, done line for line in a copy of errata: its kind is audited there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HOWTO = (ROOT / "docs" / "howto" / "add-a-kind.md").read_text()
CONFIG = """<View><Image name="image" value="$image"/><VectorLabels name="line" toName="image">
<Label value="crack"/><Label value="wire"/></VectorLabels></View>"""
N_TASKS = 24


def line(region_id: str, label: str, *points: tuple[float, float], **more: Any) -> dict[str, Any]:
    value = {"vertices": [{"x": x, "y": y} for x, y in points], "closed": False, "vectorlabels": [label]}
    about = {"id": region_id, "from_name": "line", "to_name": "image", "type": "vectorlabels", "value": value}
    return {**about, "original_width": 640, "original_height": 480, **more}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Do what the page says in a copy of the packages; return the copy's folder."""
    for package in ("backend/errata", "model/errata_model"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    blocks = re.findall(r"\*\*`([^`]+)`\*\*\n\n```(python|diff)\n(.*?)```", HOWTO, re.DOTALL)
    assert len(blocks) == 6
    for name, form, text in blocks:
        path = tmp_path / name
        if form == "python":
            assert not path.exists(), f"errata has {name} by now: let the page add another kind"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        else:
            path.write_text(changed(path.read_text(), text))
    return tmp_path


def changed(content: str, diff: str) -> str:
    """Replace each run of lines with a minus by the lines with a plus that follow it."""
    for old, new in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", diff, re.MULTILINE):
        before, after = (re.sub(r"^[-+]", "", each, flags=re.MULTILINE) for each in (old, new))
        assert content.count(before) == 1, f"not there once: {before}"
        content = content.replace(before, after)
    return content


def test_the_kind_of_the_page_is_audited(copied: Path) -> None:
    """A line that is missing and one of the wrong class come first, each with a line to put in its place."""
    first, second = ((10, 10), (50, 30), (90, 35)), ((20, 90), (70, 60))
    tasks = []
    for n in range(N_TASKS):
        given = [line("a", "crack", *first), line("b", "wire", *second)]
        if n == 5:
            given = given[:1]
        if n == 9:
            given = [line("a", "wire", *first), given[1]]
        if n == 11:
            given.append(line("c", "wire", (1, 1)))
        predicted = [line("p", "crack", *first, score=0.95), line("q", "wire", *second, score=0.9)]
        annotation = {"id": 100 + n, "completed_by": 1, "result": given}
        prediction = {"model_version": "theirs", "result": predicted}
        tasks.append({"id": n, "data": {"image": f"{n}.png"}, "annotations": [annotation], "predictions": [prediction]})
    (copied / "export.json").write_text(json.dumps(tasks))
    (copied / "config.xml").write_text(CONFIG)
    roots = os.pathsep.join(str(copied / each) for each in ("backend", "model"))
    options = ("--config", "config.xml", "--belief", "stored", "--out", "found.jsonl", "--json")
    said = subprocess.run(
        [sys.executable, "-m", "errata", "audit", "export.json", *options],
        cwd=copied,
        env={**os.environ, "PYTHONPATH": roots, "ERRATA_DATA_DIR": str(copied / "data"), "ERRATA_ENCODER": "pixels"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert any("without two points" in what for what in json.loads(said.stdout.splitlines()[-1])["skipped"])
    found = [json.loads(each) for each in (copied / "found.jsonl").read_text().splitlines()]
    assert {(each["task"], each["label"], each["kind"]) for each in found[:2]} == {
        (5, None, "lines"),
        (9, "wire", "lines"),
    }
    proposed = {each["task"]: each["proposal"]["value"]["value"] for each in found[:2]}
    assert [label for value in proposed.values() for label in value["vectorlabels"]].count("crack") == 1
    assert proposed[5] == {
        "vertices": [{"x": 20, "y": 90}, {"x": 70, "y": 60}],
        "closed": False,
        "vectorlabels": ["wire"],
    }
    wrong = next(each for each in found if each["task"] == 9)
    assert wrong["reason"].startswith('The model takes this line, marked "wire", for "crack"')
