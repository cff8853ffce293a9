"""Label Studio exports of texts and pictures, audited as `errata audit EXPORT.json` does, without any server."""

from __future__ import annotations

import io
import json
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from errata.cli.app import main

TAGS = {"image": "Image", "text": "Text"}
WORDS = {
    "sport": "match goal team coach league season player striker referee stadium penalty defender",
    "money": "market shares bank profit investor stocks bond dividend quarter earnings merger trader",
    "space": "orbit rocket planet telescope launch astronaut satellite comet lunar mission galaxy probe",
}
FILLERS = "the and with after before some another again about under long new old more while during"


@dataclass(frozen=True)
class Heard:
    """What an audit said.

    Attributes:
        code: the exit code.
        said: standard output.
        told: standard error.
        findings: the lines of the findings file.
    """

    code: int
    said: str
    told: str
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object that `--json` prints."""
        found: dict[str, Any] = json.loads(self.said.splitlines()[-1])
        return found

    def of(self, task: int) -> dict[str, Any]:
        """Return the only finding of a task."""
        (finding,) = (each for each in self.findings if each["task"] == task)
        return finding


def choice(label: str, name: str = "label", to: str = "item") -> dict[str, Any]:
    return {"from_name": name, "to_name": to, "type": "choices", "value": {"choices": [label]}}


@dataclass
class Export:
    """An export with one control, task by task: ids from 1, one annotation each."""

    folder: Path
    modality: str
    labels: Sequence[str]
    kind: str = ""  # further attributes of the control
    others: str = ""  # further controls
    tasks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def config(self) -> str:
        choices = "".join(f'<Choice value="{label}"/>' for label in self.labels)
        tag = TAGS[self.modality]
        return f"""<View><{tag} name="item" value="${self.modality}"/>
        <Choices name="label" toName="item" {self.kind}>{choices}</Choices>{self.others}</View>"""

    def add(self, shown: str | bytes, *labels: str, **more: Any) -> int:
        """Add a task with the text or picture that is shown, its labels (none: no annotation); return its id."""
        task_id = len(self.tasks) + 1
        if isinstance(shown, bytes):
            (self.folder / "media" / f"{task_id}").write_bytes(shown)
            shown = str(task_id)
        result = [{**choice(labels[0]), "value": {"choices": list(labels)}}] if labels else []
        annotations = [{"id": 1000 + task_id, "completed_by": 1, "result": result}] if labels else []
        task = {"id": task_id, "data": {self.modality: shown, **more}, "annotations": annotations}
        self.tasks.append(task)
        return task_id

    def answer_again(self, task_id: int, who: int, *labels: str) -> None:
        """Let somebody else annotate a task, too."""
        (first, *_) = self.tasks[task_id - 1]["annotations"]
        result = [{**first["result"][0], "value": {"choices": list(labels)}}]
        again = {**first, "id": first["id"] + 1000 * who, "completed_by": who, "result": result}
        self.tasks[task_id - 1]["annotations"].append(again)

    def given(self, task_id: int) -> list[str]:
        """Return the labels of a task's first annotation."""
        return list(self.tasks[task_id - 1]["annotations"][0]["result"][0]["value"]["choices"])

    def predict(self, task_id: int, version: str, **probabilities: float) -> None:
        """Store a prediction of the likeliest label with its probability."""
        label = max(probabilities, key=lambda each: probabilities[each])
        prediction = {"model_version": version, "score": probabilities[label], "result": [choice(label)]}
        self.tasks[task_id - 1].setdefault("predictions", []).append(prediction)


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Export]:
    """Begin an export; `audit` writes and audits it."""
    (tmp_path / "media").mkdir()

    def make(modality: str = "text", labels: Sequence[str] = tuple(WORDS), kind: str = "") -> Export:
        return Export(tmp_path, modality, labels, kind)

    return make


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Heard]:
    """Audit an export; options follow it, "--json" and "--all" among them where nothing else is said."""

    def run(export: Export, *options: str, code: int = 0) -> Heard:
        folder = export.folder
        monkeypatch.chdir(folder)
        for name in ("LABEL_STUDIO_URL", "LABEL_STUDIO_TOKEN", "REDIS_URL", "WEIGHTS"):
            monkeypatch.delenv(f"ERRATA_{name}", raising=False)
        monkeypatch.setenv("ERRATA_DATA_DIR", str(folder / "data"))
        monkeypatch.setenv("ERRATA_ENCODER", "pixels")
        (folder / "config.xml").write_text(export.config)
        (folder / "export.json").write_text(json.dumps(export.tasks))
        (folder / "found.jsonl").unlink(missing_ok=True)
        files = ("export.json", "--config", "config.xml", "--media", "media", "--out", "found.jsonl")
        monkeypatch.setattr(sys, "argv", ["errata", "audit", *files, *(options or ("--json", "--all"))])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        print(printed.out, printed.err)  # where the test fails
        assert (ended.value.code or 0) == code
        assert "Traceback" not in printed.err
        found = folder / "found.jsonl"
        lines = found.read_text().splitlines() if found.exists() else []
        return Heard(code, printed.out, printed.err, [json.loads(line) for line in lines])

    return run


@pytest.fixture
def rng() -> random.Random:
    """Return what draws; its seed is printed."""
    seed = random.randrange(2**32)
    print("seed", seed)
    return random.Random(seed)


@pytest.fixture
def sentence(rng: random.Random) -> Callable[..., str]:
    """Make a text about a topic, of so many words of its own and others."""

    def make(topic: str, n_words: int = 12) -> str:
        words = rng.choices(WORDS[topic].split(), k=n_words) + rng.choices(FILLERS.split(), k=n_words)
        rng.shuffle(words)
        return " ".join(words)

    return make


HUES: Mapping[str, tuple[int, int, int]] = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}


@pytest.fixture
def picture(rng: random.Random) -> Callable[..., Image.Image]:
    """Make a noisy picture with a slanted edge, of a hue."""

    def make(hue: str, size: tuple[int, int] = (48, 32)) -> Image.Image:
        noise = np.random.default_rng(rng.randrange(2**32)).normal(0, 12, (size[1], size[0], 3))
        values = np.array(HUES[hue], dtype=float) + noise
        start = rng.randrange(4, size[0] - 12)
        values[:, start : start + rng.randrange(4, 10)] += 60
        return Image.fromarray(values.clip(0, 255).astype(np.uint8))

    return make


@pytest.fixture
def saved() -> Callable[..., bytes]:
    """Save a picture as bytes of a format."""

    def save(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
        file = io.BytesIO()
        image.save(file, form, **options)
        return file.getvalue()

    return save
