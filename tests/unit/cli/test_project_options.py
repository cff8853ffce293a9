"""What `errata connect` makes of what it is told about a project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from errata.cli.project_options import project_settings
from errata.errors import UsageError
from errata.settings import ProjectSettings

OWN = """
class Own:
    identity, width = "own:1", 3
    def prepare(self, image): ...
    def encode(self, prepared): ...
"""


def said(**options: Any) -> ProjectSettings:
    nothing = dict.fromkeys(
        ("predictions", "belief", "encoder", "text_encoder", "weights", "embeddings", "apply", "shows_version")
    )
    return project_settings(**{**nothing, **options})


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with weights, embeddings and a class."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "resnet18.pth").write_bytes(b"")
    (tmp_path / "mine.npz").write_bytes(b"")
    (tmp_path / "told.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_paths_are_kept_so_that_a_service_elsewhere_finds_them(files: Path) -> None:
    """Relative ones become absolute."""
    now = said(encoder="resnet18,pixels,told:Own", weights=Path("weights"), text_encoder="words")
    assert now.weights == files / "weights"
    assert (now.encoder, now.text_encoder) == ("resnet18,pixels,told:Own", "words")
    assert said(embeddings=Path("mine.npz")).embeddings == files / "mine.npz"


def test_what_is_said_anew_takes_back_what_it_contradicts(files: Path) -> None:
    """Embeddings and an encoder, weights of another encoder, embeddings and a belief from elsewhere."""
    first = said(encoder="resnet18", weights=Path("weights"))
    second = first.changed(said(embeddings=Path("mine.npz")))
    assert (second.belief, second.encoder, second.embeddings) == ("own", "resnet18", files / "mine.npz")
    third = second.changed(said(belief="stored"))
    assert (third.belief, third.encoder, third.weights, third.embeddings) == (
        "stored",
        "resnet18",
        files / "weights",
        None,
    )
    assert second.changed(said(belief="stored:v1")).belief == "stored:v1"
    assert second.changed(said(encoder="pixels")) == ProjectSettings(encoder="pixels", belief="own")
    assert second.changed(said(shows_version=True)) == second.model_copy(update={"shows_version": True})


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"encoder": "resnet5O"}, "--encoder is wrong because 'resnet5O' is not .*resnet50"),
        ({"encoder": "pixels,pixels"}, "--encoder is wrong because .* or one twice"),
        ({"encoder": "nowhere_at_all:Own"}, "nowhere_at_all:Own: there is no module"),
        ({"encoder": "resnet50", "weights": Path("weights")}, r"--weights is wrong: weights has no resnet50\.pth"),
        ({"weights": Path("nothing")}, "--weights: there is no nothing"),
        ({"embeddings": Path("nothing.npz")}, r"--embeddings: there is no nothing\.npz"),
        ({"embeddings": Path("mine.npz"), "belief": "stored"}, "leave out --belief"),
        ({"embeddings": Path("mine.npz"), "encoder": "pixels"}, "take the place of an encoder's: leave out --encoder"),
        ({"text_encoder": "words,org/model"}, "--text-encoder is wrong because .* mixes counts"),
        ({"text_encoder": "told:Nobody"}, "told:Nobody: there is no class Nobody"),
        ({"predictions": "some"}, "--predictions takes one of all, labelled, none, not 'some'"),
        ({"belief": "stored:errata-0123456789ab"}, "errata's own, which is no second opinion"),
        ({"belief": "htp://user:hush@host"}, r"^(?!.*hush).*an address begins with http:// or https://"),
        ({"belief": "nothing.csv"}, r"nothing\.csv is no file; --belief takes own"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_asked(files: Path, options: dict[str, Any], problem: str) -> None:
    """With the option that it was said by."""
    with pytest.raises(UsageError, match=problem):
        said(**options)


@pytest.mark.parametrize("scheme", ["http", "https", "HTTP"])
def test_what_is_shown_holds_no_password(files: Path, scheme: str) -> None:
    """However the address begins."""
    assert said(belief=f"{scheme}://user:hush@host:9091/").shown() == {"belief": f"{scheme}://host:9091/"}
