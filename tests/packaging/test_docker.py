"""The Dockerfile's own steps, run without a container; its health check against a real `errata serve`."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from docker.utils import exclude_paths
from packaging.specifiers import SpecifierSet
from typer.main import get_command

from errata.cli.app import app
from errata.demo.label_studio import free_port
from errata.settings import Settings

ROOT = Path(__file__).parents[2]
SETTINGS = {f"ERRATA_{name.upper()}" for name in Settings.model_fields}
PLACES = ("/opt/errata", "/src", "/wheels", "/data")


def in_context() -> set[str]:
    """Return the files that .dockerignore lets into the build."""
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    found: set[str] = exclude_paths(str(ROOT), [line for line in patterns if line and not line.startswith("#")])
    return {path for path in found if (ROOT / path).is_file()}


def values(dockerfile: list[dict[str, Any]], instruction: str) -> list[str]:
    return [each["value"] for each in dockerfile if each["instruction"] == instruction]


def variables(value: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in shlex.split(value))


def final(dockerfile: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the instructions of the last stage."""
    start = max(n for n, each in enumerate(dockerfile) if each["instruction"] == "FROM")
    return dockerfile[start:]


@dataclass
class Image:
    """A folder in place of a container's root, in which instructions are carried out."""

    root: Path
    environment: dict[str, str]
    workdir: str = "/"
    ran: list[str] = field(default_factory=list)

    def inside(self, text: str) -> str:
        """Return a command or path with the image's places turned into those below the folder."""
        return re.sub(rf"(?<![\w/])({'|'.join(PLACES)})(?![\w-])", rf"{self.root}\1", text)

    def carry_out(self, instruction: str, value: str) -> None:
        if instruction in ("ARG", "ENV"):
            for name, given in variables(value).items():
                known = {**self.environment, "PATH": self.environment["PATH"]}
                self.environment[name] = self.inside(given.replace("$PATH", known["PATH"]))
        elif instruction == "WORKDIR":
            self.workdir = self.inside(value)
            Path(self.workdir).mkdir(parents=True, exist_ok=True)
        elif instruction == "COPY":
            self._copy(*value.split())
        elif instruction == "RUN":
            self._run(value)

    def _copy(self, *words: str) -> None:
        *sources, target = words
        there = Path(self.inside(target)) if target.startswith("/") else Path(self.workdir) / target
        for path in sorted(in_context()):
            for source in sources:
                if path == source:
                    is_folder = target.endswith("/")
                    to = there / Path(path).name if is_folder else there
                elif path.startswith(source + "/"):
                    to = there / Path(path).relative_to(source)
                else:
                    continue
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / path, to)

    def _run(self, value: str) -> None:
        command = self.inside(re.sub(r"--mount=\S+\s+", "", value))
        done = subprocess.run(
            ["sh", "-ec", command],
            cwd=self.workdir,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        self.ran.append(done.stdout)


@pytest.fixture(scope="module")
def built(dockerfile: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Carry out the Dockerfile but for the layers below it and the user that it makes.

    The dependencies are there already: the environment that the tests run in is visible in the image's, without
    errata itself, so that pip finds each requirement satisfied instead of downloading gigabytes.
    """
    if sys.version_info < (3, 11):
        pytest.skip("the image's Python is newer: its steps read TOML by the standard library")
    root = tmp_path_factory.mktemp("image")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ERRATA_", "PYTHON"))}
    image = Image(root, {**inherited, "PATH": path}, str(root))
    stage = dockerfile[: dockerfile.index(final(dockerfile)[0])]
    for each in stage:
        image.carry_out(each["instruction"], each["value"])
        if "-m venv" in each["value"]:
            show_dependencies(root / "opt" / "errata")
    image.environment.pop("TORCH")
    for each in final(dockerfile):
        if each["instruction"] in ("ENV", "WORKDIR") or (
            each["instruction"] == "COPY" and not each["value"].startswith("--from")
        ):
            image.carry_out(each["instruction"], each["value"])
    return image


def show_dependencies(environment: Path) -> None:
    (site,) = environment.glob("lib/python3*/site-packages")
    for part in site.glob("setuptools*"):  # from Python 3.12 on, as in the image, an environment has none
        shutil.rmtree(part)
    shown = environment.parent / "dependencies"
    shown.mkdir()
    for part in Path(sysconfig.get_path("purelib")).iterdir():
        if not re.match(r"(__editable__|_?errata|pip\b|pip-)", part.name):
            (shown / part.name).symlink_to(part)
    (site / "dependencies.pth").write_text(f"{shown}\n")


def test_the_steps_build_and_install_the_wheel(built: Image) -> None:
    """The image's `errata` runs from the wheel that its own steps built of what .dockerignore lets through."""
    torch, requirements, wheel = built.ran[1:]
    assert "Requirement already satisfied: torch" in torch
    assert "Requirement already satisfied: fastapi" in requirements
    assert "Successfully installed errata-" in wheel
    errata = built.root / "opt" / "errata" / "bin" / "errata"
    done = subprocess.run([errata, "--help"], env=built.environment, capture_output=True, text=True, check=True)
    assert "serve" in done.stdout
    where = "import errata, errata_model; print(errata.__file__, errata_model.__file__)"
    command = [errata.with_name("python"), "-c", where]
    found = subprocess.run(command, env=built.environment, capture_output=True, text=True, check=True).stdout.split()
    assert all(each.startswith(str(built.root / "opt" / "errata" / "lib")) for each in found)


@pytest.fixture
def serving(built: Image, dockerfile: list[dict[str, Any]]) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """Run what the image runs: ENTRYPOINT and CMD under its ENV, and what compose.yaml has to be told."""
    (entrypoint,), (command,) = values(dockerfile, "ENTRYPOINT"), values(dockerfile, "CMD")
    environment = {
        **built.environment,
        "ERRATA_PORT": str(free_port()),
        "ERRATA_BACKEND_PASSWORD": "päss:word",
        "ERRATA_LABEL_STUDIO_URL": "http://127.0.0.1:1",
        "ERRATA_LABEL_STUDIO_TOKEN": "0123456789abcdef",
        "HTTP_PROXY": "http://127.0.0.1:1",  # nobody: loopback is not to go through it
    }
    with subprocess.Popen(
        [*json.loads(entrypoint), *json.loads(command)],
        env=environment,
        cwd=built.workdir,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        executable=built.root / "opt" / "errata" / "bin" / "errata",
    ) as process:
        yield process, environment
        process.kill()


def check_health(built: Image, dockerfile: list[dict[str, Any]], environment: dict[str, str]) -> int:
    (said,) = values(dockerfile, "HEALTHCHECK")
    program, *arguments = json.loads(built.inside(said.partition("CMD ")[2]))
    assert program == "python"
    command = [built.root / "opt" / "errata" / "bin" / "python", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=300).returncode


def test_the_health_check_tells_a_running_errata_from_a_stopped_one(
    built: Image, serving: Any, dockerfile: list[dict[str, Any]]
) -> None:
    """Healthy while it serves; not with another password; not when SIGTERM, as `docker stop` sends it, ended it."""
    process, environment = serving
    deadline = time.monotonic() + 600
    while check_health(built, dockerfile, environment):
        assert process.poll() is None, "errata serve ended"
        assert time.monotonic() < deadline, "errata serve never became healthy"
    assert check_health(built, dockerfile, environment | {"ERRATA_BACKEND_PASSWORD": "other"}) == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=300) == 0
    assert check_health(built, dockerfile, environment) == 1
    assert (built.root / "data" / "errata.db").exists(), "errata keeps its data in the volume"


def test_the_image_does_not_start_without_a_password(built: Image) -> None:
    """It listens on all addresses, so that somebody has to choose one; the message names the variable."""
    errata = built.root / "opt" / "errata" / "bin" / "errata"
    done = subprocess.run(
        [errata, "serve"], env=built.environment, cwd=built.workdir, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "ERRATA_BACKEND_PASSWORD" in done.stderr


def test_what_is_copied_exists_and_is_not_ignored(dockerfile: list[dict[str, Any]]) -> None:
    """Every source of a COPY is in the build context, and nothing is in it that no COPY takes."""
    context = in_context()
    copied: set[str] = set()
    for value in values(dockerfile, "COPY"):
        words = value.split()
        if words[0].startswith("--from="):
            assert f" AS {words[0].removeprefix('--from=')}" in " ".join(values(dockerfile, "FROM"))
            continue
        for source in words[:-1]:
            of_source = {path for path in context if path == source or path.startswith(source + "/")}
            assert of_source, f"{source} is missing or ignored"
            copied |= of_source
    assert {path for path in context - copied if not path.startswith(".dockerignore")} == set()
    assert not [path for path in context if "__pycache__" in path or ".env" in path]


def test_dependencies_come_before_the_source(dockerfile: list[dict[str, Any]]) -> None:
    """A change of the source leaves the layers with torch and the other dependencies as they are."""
    order = [f"{each['instruction']} {each['value']}" for each in dockerfile]
    source = min(n for n, line in enumerate(order) if line.startswith(("COPY backend", "COPY model", "COPY README")))
    assert all(n < source for n, line in enumerate(order) if "download.pytorch.org" in line or "requirements" in line)


def test_the_running_image_is_what_the_code_expects(dockerfile: list[dict[str, Any]]) -> None:
    """Python, settings, port, command, data folder and user agree with errata's own."""
    stage = final(dockerfile)
    environment = {name: v for value in values(stage, "ENV") for name, v in variables(value).items()}
    assert {name for name in environment if name.startswith("ERRATA_")} <= SETTINGS
    assert not [name for name in environment if re.search("TOKEN|PASSWORD|SECRET", name)]
    (port,) = values(stage, "EXPOSE")
    assert port == environment["ERRATA_PORT"] == str(Settings.model_fields["port"].default)
    (volume,) = values(stage, "VOLUME")
    assert volume == environment["ERRATA_DATA_DIR"]
    assert json.loads(values(stage, "CMD")[0])[0] in get_command(app).commands  # type: ignore[attr-defined]
    assert json.loads(values(stage, "ENTRYPOINT")[0]) == ["errata"]
    (user,) = values(stage, "USER")
    uid, gid = (int(part) for part in user.split(":"))
    assert uid
    (making,) = values(stage, "RUN")
    assert f"groupadd --gid {gid} " in making
    assert f"useradd --uid {uid} " in making
    assert re.search(rf"install -d -o (\w+) -g \1 -m 700 {volume}$", making)
    subprocess.run(["sh", "-n", "-c", making], check=True)
    (python,) = [variables(v)["PYTHON"] for v in values(dockerfile, "ARG") if v.startswith("PYTHON=")]
    wanted = re.search(r'requires-python = "(.+)"', (ROOT / "pyproject.toml").read_text())
    assert wanted
    assert python in SpecifierSet(wanted[1])
