"""Findings and tasks as JSON lines: the offline contract."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from errata.errors import UsageError
from errata_model.records import Finding, Proposal


def to_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as one line of the findings file holds it."""
    given = finding.given
    return {
        "finding": finding.key,
        "task": given.task_id,
        "annotation": given.annotation_id,
        "annotator": given.annotator,
        "control": given.control,
        "region": given.region_id,
        "kind": given.kind,
        "label": given.label,
        "detectors": dict(finding.detectors),
        "disagreement": finding.disagreement,
        "p_wrong": finding.p_wrong,
        "reason": finding.reason,
        "proposal": _proposal(finding.proposal),
        "stream": finding.stream,
        "model_version": finding.model_version,
    }


def _proposal(proposal: Proposal | None) -> dict[str, Any] | None:
    if proposal is None:
        return None
    said = {"action": proposal.action, "value": proposal.value, "top": [list(pair) for pair in proposal.top]}
    return {**said, "beside": list(proposal.beside)} if proposal.beside else said


def write_findings(path: Path, findings: Iterable[Finding]) -> None:
    """Write one finding a line."""
    _write_lines(path, (to_json(finding) for finding in findings))


def write_tasks(path: Path, task_ids: Iterable[int], findings: Iterable[Finding]) -> None:
    """Write each task's disagreement, the noisy-or of its findings', most likely wrong first; 0 where it has none."""
    log_right = dict.fromkeys(task_ids, 0.0)
    for finding in findings:
        right = math.log(max(1.0 - finding.disagreement, 1e-12))
        log_right[finding.given.task_id] = log_right.get(finding.given.task_id, 0.0) + right
    ranked = sorted(log_right.items(), key=lambda item: (item[1], item[0]))
    _write_lines(path, ({"task": task_id, "disagreement": round(-math.expm1(right), 6)} for task_id, right in ranked))


def _encode(line: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError:  # half a character, as broken tools leave it, or a number of hundreds of digits
        return json.dumps(line, default=lambda each: each.tolist(), separators=(",", ":")).encode()


def _write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Write a whole file or none of it.

    Raises:
        UsageError: the system refuses it.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            for line in lines:
                file.write(_encode(line) + b"\n")
        os.replace(part, path)
    except OSError as error:
        why = (error.strerror or "the system refuses it").lower()
        raise UsageError(f"{path} cannot be written: {why}. Name a file in a folder of yours.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
