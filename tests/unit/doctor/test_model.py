from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from errata.doctor.model import (
    check_audit,
    check_encoders,
    check_served,
    check_sources,
    check_text_encoder,
    check_version,
)
from errata.errors import UsageError
from errata.review.records import AuditRecord
from errata.settings import ProjectSettings, Settings

WHEN = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
STORED = "api/projects/12/model-versions/"
Make = Callable[..., Any]
OWN = """
class Own:
    identity, width = "own:1", 3
    def prepare(self, image): ...
    def encode(self, prepared): ...
"""


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


def test_a_file_that_a_project_was_connected_with(tmp_path: Path) -> None:
    """Audits fail once it is gone; nothing is said before, nor of what is no file."""
    path = tmp_path / "mine.npz"
    path.write_bytes(b"")
    embeddings = ProjectSettings(embeddings=path, belief="own")
    others = [ProjectSettings(belief=each) for each in (None, "stored", "http://127.0.0.1:1", "own_class:Own")]
    assert [list(check_sources(12, each)) for each in (embeddings, *others)] == [[]] * 5
    path.unlink()
    for said in (embeddings, ProjectSettings(belief=str(path))):
        (check,) = check_sources(12, said)
        assert check.state == "wrong"
        assert str(path) in check.seen
        assert "errata connect 12 --belief own" in str(check.remedy)


def test_pixels_need_no_weights() -> None:
    """And no torch."""
    (check,) = check_encoders("pixels", None)
    assert check.state == "ok"


def test_weights_that_are_not_there_are_wrong(tmp_path: Path) -> None:
    """Neither is a file that holds no weights; both name what to do."""
    (missing,) = check_encoders("resnet18", tmp_path)
    assert (missing.state, "has no resnet18.pth" in missing.seen) == ("wrong", True)
    (tmp_path / "resnet18.pth").write_bytes(b"no weights")
    (broken,) = check_encoders("resnet18", tmp_path)
    assert (broken.state, "no file of weights" in broken.seen) == ("wrong", True)
    assert broken.remedy


def test_an_encoder_that_does_not_exist_is_wrong() -> None:
    """Near names are said."""
    (check,) = check_encoders("resnet5O", None)
    assert (check.state, "resnet50" in (check.remedy or "")) == ("wrong", True)


def test_weights_that_load_are_ok(tmp_path: Path) -> None:
    """They are really loaded."""
    import torch  # noqa: PLC0415
    import torchvision  # noqa: PLC0415

    torch.save(torchvision.models.get_model("squeezenet1_1", weights=None).state_dict(), tmp_path / "squeezenet1_1.pth")
    pixels, check = check_encoders("pixels,squeezenet1_1", tmp_path)
    assert (check.state, "squeezenet1_1 loads" in check.seen, "numbers an image" in check.seen) == ("ok", True, True)
    assert (pixels.state, "pixels" in pixels.seen) == ("ok", True)


def test_encoders_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are loaded; one that is not there is an error that names it."""
    (tmp_path / "doctors_own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (check,) = check_encoders("doctors_own:Own", None)
    assert (check.state, check.seen) == ("ok", "doctors_own:Own loads, 3 numbers an image")
    assert check_text_encoder("doctors_own:Own").state == "ok"
    with pytest.raises(UsageError, match="nowhere_at_all:Own: there is no module"):
        list(check_encoders("nowhere_at_all:Own", None))


def test_what_reads_texts_needs_nothing_or_says_what() -> None:
    """Nothing is downloaded or loaded to find out."""
    assert check_text_encoder("words,characters").state == "ok"
    mixed = check_text_encoder("words,some/model")
    assert (mixed.state, "ERRATA_TEXT_ENCODER" in f"{mixed.seen} {mixed.remedy}") == ("wrong", True)
