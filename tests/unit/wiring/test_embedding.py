"""Which encoders an audit works with, where some of them cannot be had."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from errata.errors import SettingError
from errata.settings import Settings
from errata.wiring import Wiring


class Told:
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def stage(self, name: str, total: int | None = None) -> None: ...
    def advance(self, n: int = 1) -> None: ...

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    """Open errata where nothing was downloaded and nothing can be."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        nowhere = f"http://127.0.0.1:{server.getsockname()[1]}"
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, nowhere)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    wiring = Wiring(Settings(data_dir=tmp_path / "data", _env_file=None))
    yield wiring
    wiring.close()


@pytest.mark.parametrize(
    ("asked", "had"),
    [("pixels", ["pixels"]), ("squeezenet1_1", ["pixels"]), ("resnet18,pixels,squeezenet1_1", ["pixels"])],
)
def test_without_weights_an_audit_goes_on_with_what_it_has(offline: Wiring, asked: str, had: list[str]) -> None:
    """Each encoder that is missing is named with its remedy, and what stands in for it."""
    told = Told()
    assert list(offline.image_encoders(asked, None, told)) == had
    missing = [name for name in asked.split(",") if name != "pixels"]
    assert len(told.said) == len(missing)
    for name, said in zip(missing, told.said, strict=True):
        assert said.startswith(f"{name}-")
        assert "ERRATA_WEIGHTS" in said
        assert "Working on pixels instead: findings are fewer" in said


@pytest.mark.parametrize(
    ("name", "weights", "problem"),
    [
        ("pixels,squeezenet1_1", Path(), r"has no squeezenet1_1\.pth"),
        ("resnet5O", None, "ERRATA_ENCODER is wrong because 'resnet5O' .*resnet50"),
        ("pixels,resnet5O", None, "ERRATA_ENCODER is wrong because 'resnet5O'"),
        ("pixels,", None, "ERRATA_ENCODER is wrong because 'pixels,' names no encoder"),
    ],
)
def test_what_was_asked_for_wrongly_ends_the_audit(
    offline: Wiring, tmp_path: Path, name: str, weights: Path | None, problem: str
) -> None:
    """Weights that were named must be there, and encoders must exist."""
    with pytest.raises(SettingError, match=problem):
        offline.image_encoders(name, weights and tmp_path, Told())


def test_counts_and_embeddings_of_texts_do_not_mix(offline: Wiring) -> None:
    """The error names what would do."""
    with pytest.raises(SettingError, match=r"ERRATA_TEXT_ENCODER is wrong because .* use either `words,characters`"):
        offline.text_encoder("words,org/model")
