from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from errata.doctor.model import check_audit, check_encoder, check_served, check_text_encoder, check_version
from errata.review.records import AuditRecord
from errata.settings import Settings

WHEN = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
STORED = "api/projects/12/model-versions/"
Make = Callable[..., Any]


def audit(**changes: Any) -> AuditRecord:
    told: dict[str, Any] = {"finished_at": WHEN, "version": "errata-a", "summary": {"labels": 20}, "problem": None}
    return AuditRecord(1, 12, WHEN, **(told | changes))


@pytest.mark.parametrize(
    ("last", "is_running", "state", "seen"),
    [
        (None, False, "look", "there was none yet"),
        (audit(), False, "ok", "2026-03-01 12:00 UTC, 20 labels, errata-a"),
        (audit(problem="Too few labels."), False, "wrong", "failed: Too few labels"),
        (audit(finished_at=None), False, "wrong", "its process ended before it did"),
        (audit(finished_at=None), True, "ok", "under way"),
    ],
    ids=["none", "fine", "failed", "died", "running"],
)
def test_the_last_audit(last: AuditRecord | None, is_running: bool, state: str, seen: str) -> None:
    """How it went, and the command that audits again."""
    check = check_audit(12, last, is_running)
    assert (check.state, seen in check.seen) == (state, True)
    assert check.remedy == (None if state == "ok" else "errata audit 12")


@pytest.mark.parametrize(
    ("served", "state"), [("errata-a", "ok"), ("errata-old", "look"), (None, "ok")], ids=["same", "other", "not loaded"]
)
def test_what_is_served_is_what_was_audited(served: str | None, state: str) -> None:
    """Another version means another data folder."""
    projects = [{"project": 12, "model_version": served}] if served else []
    check = check_served(12, "errata-a", {"projects": [{"project": 1, "model_version": "x"}, *projects]})
    assert check.state == state
    assert state == "ok" or "ERRATA_DATA_DIR" in (check.remedy or "")
    assert check_served(12, "errata-a", None).state == "not asked"


@pytest.mark.parametrize(
    ("shown", "stored", "mode", "state", "seen"),
    [
        ("errata-a", {"errata-a": 20}, None, "ok", "20 predictions of errata-a, shown"),
        ("", {"errata-a": 20}, None, "ok", "none shown"),
        ("yolo", {"errata-a": 20, "yolo": 3}, None, "ok", 'the project shows "yolo"'),
        ("errata", {"errata-a": 20}, None, "look", "score column is empty"),
        ("errata-old", {"errata-a": 20}, None, "look", "score column is empty"),
        ("", {"errata-old": 20}, "labelled", "look", "no prediction of errata-a"),
        ("", {}, "none", "ok", "0 predictions of errata-a"),
    ],
)
def test_stored_predictions_are_of_the_version_that_is_shown(
    api: Make, shown: str, stored: dict[str, int], mode: Any, state: str, seen: str
) -> None:
    """Label Studio's score column and sampling compare the two by their names."""
    project = {"id": 12, "model_version": shown}
    (check,) = check_version(api({STORED: stored}), project, "errata-a", Settings(predictions=mode))
    assert (check.state, seen in check.seen) == (state, True)


def test_without_a_model_there_is_nothing_to_compare(api: Make) -> None:
    """Before the first audit."""
    (check,) = check_version(api(), {"id": 12}, None, Settings())
    assert check.state == "not asked"


def test_pixels_need_no_weights() -> None:
    """And no torch."""
    assert check_encoder("pixels", None).state == "ok"


def test_weights_that_are_not_there_are_wrong(tmp_path: Path) -> None:
    """Neither is a file that holds no weights; both name what to do."""
    missing = check_encoder("resnet18", tmp_path)
    assert (missing.state, "has no resnet18.pth" in missing.seen) == ("wrong", True)
    (tmp_path / "resnet18.pth").write_bytes(b"no weights")
    broken = check_encoder("resnet18", tmp_path)
    assert (broken.state, "no file of weights" in broken.seen) == ("wrong", True)
    assert broken.remedy


def test_an_encoder_that_does_not_exist_is_wrong() -> None:
    """Near names are said."""
    check = check_encoder("resnet5O", None)
    assert (check.state, "resnet50" in (check.remedy or "")) == ("wrong", True)


def test_weights_that_load_are_ok(tmp_path: Path) -> None:
    """They are really loaded."""
    import torch  # noqa: PLC0415
    import torchvision  # noqa: PLC0415

    torch.save(torchvision.models.get_model("squeezenet1_1", weights=None).state_dict(), tmp_path / "squeezenet1_1.pth")
    check = check_encoder("squeezenet1_1", tmp_path)
    assert (check.state, "numbers an image" in check.seen) == ("ok", True)


def test_what_reads_texts_needs_nothing_or_says_what() -> None:
    """Nothing is downloaded or loaded to find out."""
    assert check_text_encoder("words,characters").state == "ok"
    mixed = check_text_encoder("words,some/model")
    assert (mixed.state, "ERRATA_TEXT_ENCODER" in f"{mixed.seen} {mixed.remedy}") == ("wrong", True)
