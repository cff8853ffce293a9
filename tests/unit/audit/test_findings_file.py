"""The files of an offline audit."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from errata.audit.findings_file import to_json, write_findings, write_tasks
from errata.errors import UsageError
from errata_model.records import Finding, GivenLabel, Proposal

GIVEN = GivenLabel(3, 8, "5", "animal", None, "choices", "cat", "hash")
PROPOSAL = Proposal("replace", {"type": "choices", "value": {"choices": ["dog"]}}, (("dog", 0.9), ("cat", 0.1)))
FINDING = Finding("key", GIVEN, {"low_self_confidence": 0.9}, 0.9, None, "Why.", PROPOSAL, "suspect", "errata-1")


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def of_task(task_id: int, disagreement: float) -> Finding:
    return replace(FINDING, given=replace(GIVEN, task_id=task_id), disagreement=disagreement)


def test_a_line_is_the_contract(tmp_path: Path) -> None:
    """One finding a line, with exactly these fields, in the order they were given."""
    write_findings(tmp_path / "findings.jsonl", [FINDING, replace(FINDING, key="second", proposal=None, detectors={})])
    first, second = lines(tmp_path / "findings.jsonl")
    assert first == {
        "finding": "key",
        "task": 3,
        "annotation": 8,
        "annotator": "5",
        "control": "animal",
        "region": None,
        "kind": "choices",
        "label": "cat",
        "detectors": {"low_self_confidence": 0.9},
        "disagreement": 0.9,
        "p_wrong": None,
        "reason": "Why.",
        "proposal": {
            "action": "replace",
            "value": {"type": "choices", "value": {"choices": ["dog"]}},
            "top": [["dog", 0.9], ["cat", 0.1]],
        },
        "stream": "suspect",
        "model_version": "errata-1",
    }
    assert (second["finding"], second["proposal"], second["detectors"]) == ("second", None, {})
    assert to_json(FINDING)["proposal"]["top"] == [["dog", 0.9], ["cat", 0.1]]


def test_all_results_of_a_proposal_are_told() -> None:
    """A region whose label and place are two results, and an answer of several, are whole."""
    assert FINDING.proposal is not None
    of_two = replace(FINDING, proposal=replace(FINDING.proposal, beside=({"type": "rectangle"},)))
    assert to_json(of_two)["proposal"]["beside"] == [{"type": "rectangle"}]
    assert "beside" not in to_json(FINDING)["proposal"]


def test_task_is_the_noisy_or_of_its_findings(tmp_path: Path) -> None:
    """Two labels doubted by half each make three quarters; likeliest wrong first, without a label last."""
    several = [of_task(1, 0.7), of_task(2, 0.5), of_task(2, 0.5), of_task(3, 0.0)]
    write_tasks(tmp_path / "tasks.jsonl", [1, 2, 3, 4], several)
    assert lines(tmp_path / "tasks.jsonl") == [
        {"task": 2, "disagreement": 0.75},
        {"task": 1, "disagreement": 0.7},
        {"task": 3, "disagreement": 0.0},
        {"task": 4, "disagreement": 0.0},
    ]


def test_noisy_or_of_any_findings(tmp_path: Path) -> None:
    """The definition, 1 - prod(1 - d), is the oracle; a certain finding stays finite."""
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    of = {task_id: [rng.choice((0.0, rng.random(), 1.0)) for _ in range(rng.randint(1, 5))] for task_id in range(50)}
    write_tasks(tmp_path / "tasks.jsonl", of, [of_task(t, d) for t, each in of.items() for d in each])
    said = {line["task"]: line["disagreement"] for line in lines(tmp_path / "tasks.jsonl")}
    assert said == {t: pytest.approx(1 - math.prod(1 - d for d in each), abs=1e-6) for t, each in of.items()}
    assert list(said.values()) == sorted(said.values(), reverse=True)


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    """Writing that fails leaves the file of the run before, and nothing beside it."""
    path = tmp_path / "findings.jsonl"
    write_findings(path, [FINDING])
    before = path.read_bytes()

    def dies() -> Any:
        yield FINDING
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_findings(path, dies())
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["findings.jsonl"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """What the system says of it is no mistake in errata."""
    with pytest.raises(UsageError, match=r"nowhere/f\.jsonl cannot be written: no such file or directory"):
        write_findings(tmp_path / "nowhere" / "f.jsonl", [FINDING])


def test_no_findings_make_an_empty_file(tmp_path: Path) -> None:
    """A clean project is a file of no lines, not a missing one."""
    write_findings(tmp_path / "findings.jsonl", [])
    write_tasks(tmp_path / "tasks.jsonl", [], [])
    assert (tmp_path / "findings.jsonl").read_bytes() == (tmp_path / "tasks.jsonl").read_bytes() == b""


def test_words_of_any_script_stay_as_they_are(tmp_path: Path) -> None:
    """Labels are written in UTF-8, and never break a line."""
    odd = replace(FINDING, given=replace(GIVEN, label="猫\n\u2028"), reason="Ça va ?")
    write_findings(tmp_path / "findings.jsonl", [odd])
    (line,) = (tmp_path / "findings.jsonl").read_bytes().splitlines()
    assert json.loads(line)["label"] == "猫\n\u2028"
