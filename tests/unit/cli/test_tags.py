"""An offline audit of multiple choice, on images and on texts, as it is run, without any server."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from errata.cli.app import main

TAGS = ("red", "green", "blue", "none of these")
OBJECTS = {"image": '<Image name="shown" value="$shown"/>', "text": '<Text name="shown" value="$shown"/>'}
WORDS = {
    "red": ["rose", "blood", "cherry", "brick", "ruby", "tomato", "poppy", "rust"],
    "green": ["grass", "leaf", "emerald", "moss", "olive", "fern", "lime", "jade"],
    "blue": ["sky", "ocean", "sapphire", "denim", "cobalt", "iris", "azure", "navy"],
}
FILLERS = [
    "the",
    "a",
    "near",
    "under",
    "with",
    "some",
    "other",
    "old",
    "new",
    "small",
    "large",
    "seen",
    "today",
    "very",
]
N, N_PLANTED = 150, 8
Audit = Callable[..., str]


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Audit:
    """Audit the export with further arguments; return what was printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ERRATA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ERRATA_ENCODER", "pixels")

    def run(*arguments: str) -> str:
        command = ["errata", "audit", "export.json", "--config", "config.xml", "--out", "out.jsonl", *arguments]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    return run


def draw(rng: random.Random, right: set[str]) -> Image.Image:
    """Paint a patch of each colour, in a corner of its own, on noise."""
    image = Image.effect_noise((48, 48), 60).convert("RGB")
    for corner, name in enumerate(WORDS):
        if name in right:
            colour = tuple(180 + rng.randrange(60) if name == each else rng.randrange(50) for each in WORDS)
            image.paste(Image.new("RGB", (22, 22), colour), (2 + 24 * (corner % 2), 2 + 24 * (corner // 2)))
    return image


def write(rng: random.Random, right: set[str]) -> str:
    """Name two things of each colour among words that say nothing."""
    said = rng.choices(FILLERS, k=10) + [word for name in sorted(right) for word in rng.sample(WORDS[name], 3)]
    rng.shuffle(said)
    return " ".join(said)


def export(folder: Path, modality: str, rng: random.Random) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    """Write an export; return (task, tag) of the tags that were taken away, and of those that were put there."""
    (folder / "media").mkdir()
    lost = {(n, "") for n in rng.sample(range(N), N_PLANTED)}
    spurious = {(n, "") for n in rng.sample(sorted(set(range(N)) - {n for n, _ in lost}), N_PLANTED)}
    planted: tuple[set[tuple[int, str]], set[tuple[int, str]]] = set(), set()
    tasks = []
    for n in range(N):
        right = {name for name in WORDS if rng.random() < 0.45}
        if (n, "") in lost:
            right |= {rng.choice(sorted(WORDS))}
        if (n, "") in spurious:
            right -= {rng.choice(sorted(WORDS))}
        given = set(right)
        if (n, "") in lost:
            given -= {tag := rng.choice(sorted(right))}
            planted[0].add((n + 1, tag))
        if (n, "") in spurious:
            given |= {tag := rng.choice(sorted(set(WORDS) - right))}
            planted[1].add((n + 1, tag))
        if modality == "image":
            draw(rng, right).save(folder / "media" / f"{n}.png")
        shown = f"{n}.png" if modality == "image" else write(rng, right)
        answer = {"from_name": "seen", "to_name": "shown", "type": "choices", "value": {"choices": sorted(given)}}
        annotation = {"id": n + 1000, "result": [answer] if given else []}
        tasks.append({"id": n + 1, "data": {"shown": shown}, "annotations": [annotation]})
    choices = "".join(f'<Choice value="{tag}"/>' for tag in TAGS)
    control = f'<Choices name="seen" toName="shown" choice="multiple">{choices}</Choices>'
    (folder / "config.xml").write_text(f"<View>{OBJECTS[modality]}{control}</View>")
    (folder / "export.json").write_text(json.dumps(tasks))
    return planted


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("modality", ["image", "text"])
def test_planted_errors_come_first(audit: Audit, tmp_path: Path, modality: str) -> None:
    """A tag that was taken away is to be added, one that was put there to be removed; each says so on a line."""
    seed = random.randrange(2**32)
    print("seed", seed)
    lost, spurious = export(tmp_path, modality, random.Random(seed))
    said = audit("--media", "media", "--tasks-out", "tasks.jsonl")
    n_given = sum(
        len(region["value"]["choices"])
        for task in json.loads((tmp_path / "export.json").read_text())
        for region in task["annotations"][0]["result"]
    )
    assert f"{n_given} labels on {N} tasks" in said
    found = lines(tmp_path / "out.jsonl")
    first = found[: 2 * N_PLANTED]
    added = {(f["task"], f["proposal"]["top"][0][0]) for f in first if f["label"] is None}
    removed = {(f["task"], f["label"]) for f in first if f["label"] is not None}
    assert len(added & lost) >= N_PLANTED - 2, found[:20]
    assert len(removed & spurious) >= N_PLANTED - 2, found[:20]
    for each in found:
        is_missing = each["label"] is None
        assert each["kind"] == "tags"
        assert each["region"] is None
        assert each["annotation"] == each["task"] + 999
        assert each["proposal"]["action"] == ("add" if is_missing else "remove")
        assert list(each["detectors"]) == (["missing_tag"] if is_missing else ["low_self_confidence"])
        ((tag, probability),) = each["proposal"]["top"]
        assert each["proposal"]["value"]["value"] == {"choices": [tag]}
        assert probability == pytest.approx(each["disagreement"] if is_missing else 1 - each["disagreement"], abs=1e-4)
        assert each["disagreement"] > 0.5
    disagreements = [each["disagreement"] for each in found]
    assert disagreements == sorted(disagreements, reverse=True)
    tasks = [line["task"] for line in lines(tmp_path / "tasks.jsonl")]
    assert len(tasks) == N
    worst = set(tasks[: 2 * N_PLANTED])
    assert len(worst & {task for task, _ in lost | spurious}) >= 2 * N_PLANTED - 4
    if modality == "image":
        assert "most similar images ha" in first[0]["reason"]


def test_all_lists_every_given_tag_once(audit: Audit, tmp_path: Path) -> None:
    """And of the missing ones those alone that the belief would give with a tenth at least."""
    export(tmp_path, "text", random.Random(1))
    audit("--all")
    found = lines(tmp_path / "out.jsonl")
    given = [(each["task"], each["label"]) for each in found if each["label"] is not None]
    wanted = [
        (task["id"], tag)
        for task in json.loads((tmp_path / "export.json").read_text())
        for region in task["annotations"][0]["result"]
        for tag in region["value"]["choices"]
    ]
    assert sorted(given) == sorted(wanted)
    missing = [each for each in found if each["label"] is None]
    assert missing
    assert all(each["disagreement"] >= 0.1 and each["proposal"]["action"] == "add" for each in missing)
    assert len({each["finding"] for each in found}) == len(found)
    assert len(found) < 3 * len(given)
