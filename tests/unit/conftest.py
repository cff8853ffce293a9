"""What tests of several rooms need."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

NUMBER = itertools.count()  # Python keeps modules by name


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Write a module, given the beginning of its name and its code, into the working directory; return its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(about: str, code: str) -> str:
        name = f"{about}_{next(NUMBER)}"
        (tmp_path / f"{name}.py").write_text(code)
        return name

    return write
