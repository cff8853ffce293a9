"""The files that containers are made of, as the tools that are made for them read them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def dockerfile() -> list[dict[str, Any]]:
    """The instructions of the Dockerfile, in order: {"instruction", "value", ...} each."""
    parser = DockerfileParser(str(ROOT / "docker" / "Dockerfile"), env_replace=False)
    return [each for each in parser.structure if each["instruction"] != "COMMENT"]


@pytest.fixture
def compose(tmp_path: Path) -> Callable[..., dict[str, Any] | str]:
    """Read compose.yaml as podman-compose does, interpolation included; return it, or what it says is wrong.

    The tool asks for podman's version, and for nothing else here: no container engine is needed.
    """
    podman = tmp_path / "podman"
    podman.write_text("#!/bin/sh\necho podman version 5.0.0\n")
    podman.chmod(0o755)

    def read(*options: str, **variables: str) -> dict[str, Any] | str:
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        command = [sys.executable, "-m", "podman_compose", "-f", str(ROOT / "docker" / "compose.yaml"), *options]
        done = subprocess.run(
            [*command, "config"], env={"PATH": path, **variables}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return done.stderr.strip().splitlines()[-1]
        read: dict[str, Any] = yaml.safe_load(done.stdout)
        return read

    return read
