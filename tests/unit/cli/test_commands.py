"""What people type, without any server: exit codes, texts, and the files of an offline audit."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from errata.cli.app import main

CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="animal" toName="image"><Choice value="cat"/><Choice value="dog"/></Choices></View>"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def errata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("LABEL_STUDIO_URL", "LABEL_STUDIO_TOKEN", "REDIS_URL", "WEIGHTS"):
        monkeypatch.delenv(f"ERRATA_{name}", raising=False)
    monkeypatch.setenv("ERRATA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ERRATA_ENCODER", "pixels")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["errata", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code or 0
        assert isinstance(code, int)
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Write an export of 24 animals: cats are red, dogs are blue; the first is labelled wrong, the last is broken."""
    tasks = []
    (tmp_path / "media").mkdir()
    for n in range(24):
        colour = (200 + n, 0, 0) if n % 2 else (0, 0, 200 + n)
        file = io.BytesIO()
        Image.effect_noise((32, 32), 20 + n).convert("RGB").point(lambda v: v // 8).save(file, "PNG")
        image = Image.blend(Image.open(file), Image.new("RGB", (32, 32), colour), 0.8)
        image.save(tmp_path / "media" / f"{n}.png")
        label = "cat" if n % 2 or n == 0 else "dog"
        result = [{"from_name": "animal", "to_name": "image", "type": "choices", "value": {"choices": [label]}}]
        tasks.append({"id": n + 1, "data": {"image": f"{n}.png"}, "annotations": [{"id": n + 100, "result": result}]})
    (tmp_path / "media" / "23.png").write_bytes(b"")
    (tmp_path / "config.xml").write_text(CONFIG)
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    return path


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_offline_audit_without_a_server(errata: Run, export: Path, tmp_path: Path) -> None:
    """The label that is wrong is found, what cannot be used is counted, and the same again gives the same bytes."""
    command = ("audit", str(export), "--config", "config.xml", "--media", "media", "--out", "out.jsonl")
    code, said, told = errata(*command, "--tasks-out", "tasks.jsonl")
    assert code == 0
    assert said.startswith("23 labels on 24 tasks")
    assert "  left out: 1 x media: the file is empty\n" in said
    assert "1 suspects, model errata-" in said
    assert "Encoding images: 24 to do" in told
    (finding,) = lines(tmp_path / "out.jsonl")
    assert (finding["task"], finding["label"], finding["annotation"]) == (1, "cat", 100)
    assert lines(tmp_path / "tasks.jsonl")[0]["task"] == 1
    assert len(lines(tmp_path / "tasks.jsonl")) == 24
    before = (tmp_path / "out.jsonl").read_bytes()
    assert errata(*command)[0] == 0
    assert (tmp_path / "out.jsonl").read_bytes() == before


def test_all_labels_and_json(errata: Run, export: Path, tmp_path: Path) -> None:
    """`--all` writes every label, most likely error first; `--json` prints one object on stdout and nothing else."""
    code, said, told = errata(
        "audit", str(export), "--config", "config.xml", "--media", "media", "--out", "out.jsonl", "--all", "--json"
    )
    assert (code, told) == (0, "")
    summary = json.loads(said)
    assert (summary["labels"], summary["suspects"], summary["skipped"]) == (23, 1, {"media: the file is empty": 1})
    found = [line["disagreement"] for line in lines(tmp_path / "out.jsonl")]
    assert len(found) == 23
    assert found == sorted(found, reverse=True)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("audit", "export.json"), "--out findings.jsonl"),
        (("audit", "export.json", "--out", "f.jsonl"), "--config config.xml"),
        (("audit", "nowhere.json", "--config", "config.xml", "--out", "f.jsonl"), "nowhere.json"),
        (("audit", "export.json", "--config", "nowhere.xml", "--out", "f.jsonl"), "nowhere.xml"),
        (("audit", "7", "--media", "media"), "a project brings its own"),
        (("audit", "export.json", "--config", "config.xml", "--out", "no/f.jsonl"), "no/f.jsonl is in no folder"),
        (("audit", "export.json", "--config", "config.xml", "--tasks-out", "media"), "--tasks-out: media is a folder"),
        (("audit", "export.json", "--out", "f.jsonl", "--tasks-out", "./f.jsonl"), "--tasks-out name the same"),
        (("audit", "export.json", "--media", "no", "--out", "f.jsonl"), "--media: there is no folder no"),
        (("audit", "7"), "ERRATA_LABEL_STUDIO_URL is not set"),
        (("audit",), "a project's id, an export, or --all"),
        (("audit", "--all"), "No project is connected yet"),
        (("audit", "--all", "--out", "f.jsonl"), "for one project or export; name it"),
        (("connect", "7", "--yes", "--encoder", "resnet500"), "--encoder is wrong because 'resnet500'"),
        (("send", "7"), "--tab ID for those of a tab, or --ids FILE"),
        (("send", "7", "--ids", "nowhere.txt"), "nowhere.txt cannot be read as text"),
        (("send", "7", "--tab", "1"), "ERRATA_LABEL_STUDIO_URL is not set"),
        (("status",), "ERRATA_LABEL_STUDIO_URL is not set"),
        (("status", "7"), "ERRATA_LABEL_STUDIO_URL is not set"),
        (("undo",), "errata undo --all PROJECT"),
        (("undo", "1", "--all", "7"), "errata undo --all PROJECT"),
        (("worker",), "ERRATA_REDIS_URL is not set"),
        (("job", "dance", "7"), 'no job "dance"'),
        (("demo", "--token", "1234"), "--label-studio and --token belong together"),
        (
            ("audit", "export.json", "--config", "config.xml", "--out", "f.jsonl", "--weights", "nowhere.pth",
             "--encoder", "resnet18"),
            "nowhere.pth",
        ),
        (
            ("audit", "export.json", "--config", "config.xml", "--out", "f.jsonl", "--belief", "nowhere.csv"),
            "There is no file nowhere.csv. --belief takes own, stored",
        ),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line_and_exit_2(errata: Run, export: Path, arguments: tuple[str, ...], words: str) -> None:
    """The text names what is wrong and the remedy; there is no traceback, and nothing on stdout."""
    code, said, told = errata(*arguments)
    assert (code, said) == (2, "")
    assert words in told
    assert told.splitlines()[-1].startswith("errata: ")
    assert "Traceback" not in told


def test_setting_that_is_wrong_is_named(errata: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2, the variable and what it is for."""
    monkeypatch.setenv("ERRATA_PORT", "many")
    code, _, told = errata("status", "7")
    assert code == 2
    assert told.startswith("errata: ERRATA_PORT is wrong because")


def test_audit_that_cannot_learn(errata: Run, export: Path, tmp_path: Path) -> None:
    """Media that are not where they were said to be: exit 2, and the reason is counted."""
    (tmp_path / "empty").mkdir()
    code, _, told = errata("audit", str(export), "--config", "config.xml", "--media", "empty", "--out", "out.jsonl")
    assert code == 2
    assert "24 x media: it is not in the media folder" in told
    assert not (tmp_path / "out.jsonl").exists()


OWN = """
import numpy as np

class Own:
    identity, width = "own:1", 3
    def prepare(self, image):
        print("preparing")
        return np.asarray(image, dtype=np.float32).mean(axis=(0, 1))
    def encode(self, prepared):
        print("encoding")
        return np.stack(prepared) SPOILED
"""


def test_an_encoder_of_the_user_s_own_beside_errata_s(errata: Run, export: Path, tmp_path: Path) -> None:
    """Results alone are on stdout, whatever the class prints; the label that is wrong is found."""
    (tmp_path / "painter.py").write_text(OWN.replace("SPOILED", ""))
    command = ("audit", str(export), "--config", "config.xml", "--media", "media", "--out", "out.jsonl")
    code, said, told = errata(*command, "--encoder", "pixels,painter:Own", "--json")
    assert (code, json.loads(said)["suspects"]) == (0, 1)
    assert (told.count("preparing\n"), told.count("encoding\n")) == (23, 1)
    assert lines(tmp_path / "out.jsonl")[0]["task"] == 1
    again = errata(*command, "--encoder", "painter:Own,pixels")[2]
    assert "encoding" not in again


@pytest.mark.parametrize(
    ("encoder", "spoiled", "problem"),
    [
        ("painter:Own", "* np.nan", r"painter:Own.encode gave NaN or infinite numbers for 23 of 23 items"),
        ("painter:Own", "[:2]", r"painter:Own.encode gave an array (2, 3) for 23 items and a width of 3"),
        ("painter:Owl", "", "painter:Owl: there is no class Owl in"),
        ("pixels,pixels", "", "--encoder is wrong because 'pixels,pixels' names no encoder, or one twice"),
    ],
)
def test_an_encoder_that_cannot_be_used(
    errata: Run, export: Path, tmp_path: Path, encoder: str, spoiled: str, problem: str
) -> None:
    """Is wrong use, in a sentence, and nothing is kept of it."""
    name = f"painter_{abs(hash((encoder, spoiled)))}"
    (tmp_path / f"{name}.py").write_text(OWN.replace("SPOILED", spoiled))
    command = ("audit", str(export), "--config", "config.xml", "--media", "media", "--out", "out.jsonl")
    code, said, told = errata(*command, "--encoder", encoder.replace("painter", name))
    assert (code, said) == (2, "")
    assert problem.replace("painter", name) in told
