"""An offline audit of tasks that three people labelled, as it is run, without any server."""

from __future__ import annotations

import io
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from errata.cli.app import main

CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="colour" toName="image"><Choice value="red"/><Choice value="green"/><Choice value="blue"/></Choices>
</View>"""
COLOURS = ("red", "green", "blue")
CAREFUL, USUAL, HASTY = 11, 12, 13  # Label Studio's ids of the three
N = 90
Audit = Callable[..., str]


@pytest.fixture
def slips(tmp_path: Path) -> set[int]:
    """Write the export: one annotator is always right, one slips four times, one on every third task.

    Returns:
        The annotations that are wrong.
    """
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    wrong_by = {CAREFUL: set(), USUAL: set(rng.sample(range(N), 4)), HASTY: set(rng.sample(range(N), N // 3))}
    (tmp_path / "media").mkdir()
    tasks, wrong = [], set()
    for n in range(N):
        colour = [rng.randrange(60), rng.randrange(60), rng.randrange(60)]
        colour[n % 3] += 150
        file = io.BytesIO()
        noise = Image.effect_noise((32, 32), 40).convert("RGB")
        Image.blend(noise, Image.new("RGB", (32, 32), tuple(colour)), 0.8).save(file, "PNG")
        (tmp_path / "media" / f"{n}.png").write_bytes(file.getvalue())
        annotations = []
        for who, slipped in wrong_by.items():
            label = COLOURS[(n + rng.randint(1, 2) * (n in slipped)) % 3]
            id_ = 1000 * who + n
            wrong |= {id_} if n in slipped else set()
            annotations.append({"id": id_, "completed_by": who, "result": _result(label)})
        tasks.append({"id": n + 1, "data": {"image": f"{n}.png"}, "annotations": annotations})
    (tmp_path / "config.xml").write_text(CONFIG)
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    return wrong


def _result(label: str) -> list[dict[str, Any]]:
    return [{"from_name": "colour", "to_name": "image", "type": "choices", "value": {"choices": [label]}}]


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Audit:
    """Audit the export; return what was printed."""
    monkeypatch.chdir(tmp_path)
    for name in ("LABEL_STUDIO_URL", "LABEL_STUDIO_TOKEN", "REDIS_URL", "WEIGHTS"):
        monkeypatch.delenv(f"ERRATA_{name}", raising=False)
    monkeypatch.setenv("ERRATA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ERRATA_ENCODER", "pixels")

    def run(*more: str) -> str:
        arguments = ["audit", "export.json", "--config", "config.xml", "--media", "media", "--out", "found.jsonl"]
        monkeypatch.setattr(sys, "argv", ["errata", *arguments, *more])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert not ended.value.code, printed.err
        print(printed.out)  # the seed, too, where the test fails
        return printed.out

    return run


def test_three_annotators(audit: Audit, slips: set[int], tmp_path: Path) -> None:
    """Whoever contradicts the two others is found and told so; each one's labels are worth what they are.

    The queue holds the slips, hardly anything else, and nobody's right label before them; a reviewer reads what the
    others said; the figures tell the three apart by their ids; people read one line about it.
    """
    told = json.loads(audit("--json").splitlines()[-1])
    findings = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    found = [finding["annotation"] for finding in findings]
    assert len(slips & set(found)) >= 0.9 * len(slips)
    assert len(set(found) - slips) <= 3
    assert set(found[: len(slips) // 2]) <= slips

    contested = [finding for finding in findings if "annotator_conflict" in finding["detectors"]]
    assert len(contested) >= 0.9 * len(slips)
    for finding in contested:
        proposed = finding["proposal"]["top"][0][0]
        assert f"of 3 annotators said {proposed}; this one said {finding['label']}." in finding["reason"]

    (figures,) = told["annotators"]
    assert (figures["control"], figures["shared_tasks"]) == ("colour", N)
    by_id = {each["annotator"]: each for each in figures["annotators"]}
    assert [by_id[str(who)]["labels"] for who in (CAREFUL, USUAL, HASTY)] == [N, N, N]
    quality = {who: by_id[str(who)]["quality"] for who in (CAREFUL, USUAL, HASTY)}
    assert quality[CAREFUL] > quality[USUAL] > quality[HASTY]
    assert quality[HASTY] == pytest.approx(2 / 3, abs=0.1)

    (line,) = [line for line in audit().splitlines() if "several people" in line]
    assert line.startswith(f'{N} tasks have an answer for "colour" by several people; on average 8')
