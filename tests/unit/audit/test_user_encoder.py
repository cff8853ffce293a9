"""Encoders of the user's own, written into the working directory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from errata.audit.user_encoder import UserImageEncoder, UserTextEncoder, user_image_encoder, user_text_encoder
from errata.errors import UsageError
from errata_model.encoders.images import UnusableImage

IMAGES = """
import numpy as np

class Mean:
    identity = "mean:1"
    width = 3

    def prepare(self, image):
        return np.asarray(image, dtype=np.float64).mean(axis=(0, 1))

    def encode(self, prepared):
        print("encoding", len(prepared))
        return np.stack(prepared)
"""
TEXTS = """
class Lengths:
    identity = "lengths:1"
    width = 2

    def encode(self, texts):
        return [[len(text), text.count(" ")] for text in texts]
"""
RED = Image.new("RGB", (4, 4), (255, 0, 0))

Written = Callable[[str], str]


@pytest.fixture
def written(write_module: Callable[[str, str], str]) -> Written:
    """Write a module into the working directory; return its name."""
    return lambda code: write_module("encoders", code)


def test_a_class_encodes_images(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    """As float32 rows under a name that no other encoder has; what it prints is no result."""
    name = f"{written(IMAGES)}:Mean"
    encoder = UserImageEncoder(name)
    assert (encoder.identity, encoder.width, encoder.least_side) == (f"{name}:mean:1", 3, None)
    rows = encoder.encode([encoder.prepare(RED), encoder.prepare(Image.new("RGB", (2, 2)))])
    assert (rows.dtype, rows.tolist()) == (np.float32, [[255, 0, 0], [0, 0, 0]])
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "encoding 2\n")


def test_a_class_encodes_texts(written: Written) -> None:
    """In one block; lists of numbers do; of no text it is not asked."""
    encoder = UserTextEncoder(f"{written(TEXTS)}:Lengths")
    assert encoder.encode(["a b", ""]).tolist() == [[3, 1], [0, 0]]
    assert (encoder.blocks, encoder.encode([]).shape) == ((2,), (0, 2))


@pytest.mark.parametrize("name", ["resnet50", "pixels", "words", "C:\\models", "org/model"])
def test_other_names_are_no_classes(name: str) -> None:
    """They are left to who knows them."""
    assert user_image_encoder(name) is None
    assert user_text_encoder(name) is None


@pytest.mark.skipif(sys.platform == "win32", reason="no colon in names of files")
def test_a_folder_is_no_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model may be kept in one whose name looks like a class's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model:v2").mkdir()
    assert user_text_encoder("model:v2") is None


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("class Mean:", "class Other:", "there is no class Mean in .*py; name one that is"),
        ("import numpy as np", "import nowhere", "needs the module nowhere, which is not installed"),
        ("import numpy as np", "this is no Python", "cannot be imported: SyntaxError at .*, line 2; mend it"),
        ("def prepare", "def ready", r"has no `prepare`; an encoder has `identity`, .* see docs/reference\.md"),
        ("def encode", "def embed", "has no `encode`"),
        ('identity = "mean:1"', "", "has no `identity`"),
        ('identity = "mean:1"', "identity = 3", "has no text as its `identity`"),
        ("width = 3", "width = 0", "has no whole number from 1 as its `width`"),
        ("width = 3", "width = True", "has no whole number from 1 as its `width`"),
        ("width = 3", "width = property(lambda _: 1 / 0)", "cannot say its .* width: ZeroDivisionError at .*, line 6"),
        ("width = 3", "width = 3\n    def __init__(self, path): ...", "is made without arguments .*path.* defaults"),
        ("width = 3", "width = 3\n    def __init__(self): open('secret')", "cannot be made: FileNotFoundError at"),
    ],
)
def test_what_is_no_encoder_is_named(written: Written, before: str, after: str, problem: str) -> None:
    """When it is loaded, with the remedy, and without the text of its own error, which may hold anything."""
    assert before in IMAGES
    name = f"{written(IMAGES.replace(before, after, 1))}:Mean"
    with pytest.raises(UsageError, match=f"^{name}.*{problem}") as error:
        UserImageEncoder(name)
    assert "secret" not in str(error.value)


def test_an_abstract_class_says_what_is_missing(written: Written) -> None:
    """It cannot be made."""
    name = written(
        "from abc import ABC, abstractmethod\nclass Mean(ABC):\n    @abstractmethod\n    def encode(self): ..."
    )
    with pytest.raises(UsageError, match="is abstract: it has no encode"):
        UserImageEncoder(f"{name}:Mean")


def test_a_module_that_is_not_there(written: Written, tmp_path: Path) -> None:
    """The error says where it was looked for."""
    with pytest.raises(UsageError, match=f"there is no module nowhere_at_all in {tmp_path} or in the environment"):
        UserImageEncoder("nowhere_at_all:Mean")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("np.stack(prepared)[:1]", r"gave an array \(1, 3\) for 2 items and a width of 3; it must give \(2, 3\)"),
        ("np.stack(prepared).T", r"gave an array \(3, 2\) for 2 items"),
        ("np.stack(prepared) * [np.nan, 1, 1]", "gave NaN or infinite numbers for 2 of 2 items"),
        ("np.stack(prepared) + [1e39, 0, 0]", "gave NaN or infinite numbers for 2 of 2 items"),
        ("None", r"gave an array \(\) for 2 items"),
        ("['a', 'b']", "gave no array: ValueError"),
        ("1 / 0", r"failed to encode: ZeroDivisionError at .*encoders_\d+.py, line 13; mend it"),
    ],
)
def test_rows_that_cannot_be_used(written: Written, given: str, problem: str) -> None:
    """Are refused before anything is learned from them or kept."""
    encoder = UserImageEncoder(f"{written(IMAGES.replace('np.stack(prepared)', given))}:Mean")
    with pytest.raises(UsageError, match=problem):
        encoder.encode([encoder.prepare(RED)] * 2)


def test_an_image_that_the_class_cannot_use(written: Written) -> None:
    """Is one unusable image where the class says so, and the class's mistake where it fails."""
    says = "raise __import__('errata_model.encoders.images').encoders.images.UnusableImage('too dark')"
    with pytest.raises(UnusableImage, match="too dark"):
        UserImageEncoder(f"{written(IMAGES.replace('return', says + '; return', 1))}:Mean").prepare(RED)
    name = f"{written(IMAGES.replace('return', 'return {}[0] or', 1))}:Mean"
    with pytest.raises(UsageError, match=f"{name} failed to prepare an image: KeyError at .*, line 9; mend it"):
        UserImageEncoder(name).prepare(RED)
