"""`errata demo`: the main job on a Label Studio of its own, to look at or to check itself."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from errata.audit.ports import Progress
from errata.audit.run import Examination
from errata.demo.digits import Digits, load_digits
from errata.demo.label_studio import LabelStudioServer, cache_dir, free_port, install, prepare
from errata.demo.reviewer import answer_findings, label_of, source_state, without_labels, without_times
from errata.demo.source_project import make_source_project
from errata.errors import CheckFailed, ServiceError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.review_project import find_review_project
from errata.settings import ProjectSettings, Settings
from errata.wiring import BeliefOptions, Wiring

START_TIMEOUT_S = 60
VERDICTS_TIMEOUT_S = 120
FOUND_AT_LEAST = 85  # planted errors among the first 90 findings: fewer means that the model is blind


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo as it stands: both servers up, the project audited, the review project filled."""

    wiring: Wiring
    client: LabelStudio
    project_id: int
    review_project_id: int
    digits: Digits
    task_ids: list[int]
    examination: Examination
    account: tuple[str, str] | None  # email and password, where the Label Studio is the demo's own
    env_file: Path  # the demo's settings, for a shell

    def found_in_first(self, n: int) -> int:
        """Count the planted errors among the first `n` findings."""
        planted = {self.task_ids[position] for position in self.digits.planted}
        return sum(finding.given.task_id in planted for finding in self.examination.findings.suspects[:n])

    @property
    def token_words(self) -> str:
        """What to sign in with on the pages."""
        return f"the token {self.wiring.login[1]}" if self.account else "your Label Studio token"

    @property
    def board(self) -> str:
        """The scan board's address."""
        return f"{self.wiring.public_url}/board/scan.html?project={self.project_id}"

    def links(self) -> list[str]:
        """Say what to open, and what was found."""
        url = self.client.url
        return [
            (
                f"Planted errors found: {self.found_in_first(50)} among the first 50 findings, "
                f"{self.found_in_first(90)} of all {len(self.digits.planted)} among the first 90."
            ),
            "The digits are so simple that their pixels were enough: no network looked at them.",
            f"Review the findings:  {url}projects/{self.review_project_id}/data",
            f"The source project:   {url}projects/{self.project_id}/data",
            *([f"Sign in with {self.account[0]} and {self.account[1]}."] if self.account else []),
            f"Or forty at a time:   {self.board}",
            f"Sign in there with {self.token_words}.",
            "Then, in another terminal:",
            f"  set -a; . {self.env_file}; set +a",
            *(f"  {sys.argv[0]} {name} {self.project_id}" for name in ("status", "plan", "apply", "undo --all")),
        ]


@contextmanager
def running_demo(
    label_studio: tuple[str, str] | None, say: Callable[[str], None], progress: Progress
) -> Iterator[Demo]:
    """Start what is needed, fill it, and end all of it afterwards.

    Args:
        label_studio: URL and token of a Label Studio to use; None installs and starts one.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="errata-demo-")))
        account = None
        if label_studio is None:
            python = install(cache_dir() / "venv", say)
            prepared = prepare(python, cache_dir() / "prepared", say)
            progress.stage("Starting Label Studio")
            server = stack.enter_context(LabelStudioServer(python, folder / "label-studio", prepared))
            label_studio, account = (server.url, server.token), (server.email, server.password)
        settings = _settings(folder / "errata", *label_studio)
        wiring = Wiring(settings)
        stack.callback(wiring.close)
        progress.stage("Starting errata")
        stack.enter_context(_service(settings, folder / "errata.log"))
        digits = load_digits()
        project_id, task_ids = make_source_project(wiring.client, digits, progress)
        if account is None:  # somebody's Label Studio is left as it was
            stack.callback(_delete_projects, wiring, project_id)
        for line in wiring.connect(project_id, ProjectSettings(predictions="all", shows_version=True)):
            say(line)
        examination, _, _ = wiring.audit(project_id, BeliefOptions(), progress)
        review_project_id = wiring.review_project_id(project_id)
        progress.stage("Ready", 0)
        env_file = folder / "demo.env"
        env_file.touch(mode=0o600)
        env_file.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in _said(settings).items()))
        yield Demo(
            wiring, wiring.client, project_id, review_project_id, digits, task_ids, examination, account, env_file
        )


def stay_up(say: Callable[[str], None]) -> None:
    """Wait for Ctrl-C or SIGTERM."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    say("Press Ctrl-C to end the demo.")
    try:
        while not ended.wait(1.0):
            pass
    except KeyboardInterrupt:
        say("Ending the demo.")


def check(demo: Demo, progress: Progress) -> dict[str, Any]:
    """Review, apply, verify, undo and verify again.

    Returns:
        counts and findings as JSON; `ok` says whether all of it is as it should be.
    """
    right = dict(zip(demo.task_ids, demo.digits.right, strict=True))
    before = source_state(demo.client, demo.project_id)
    judged_wrong = answer_findings(demo.client, demo.review_project_id, right, progress)
    progress.stage("Waiting for the verdicts")
    n_reviewed = _wait_for_verdicts(demo, len(demo.examination.findings.suspects))
    progress.stage("Applying")
    applied = demo.wiring.apply(demo.project_id)
    after = source_state(demo.client, demo.project_id)
    progress.stage("Undoing")
    undone = demo.wiring.undo(demo.project_id, None)
    restored = source_state(demo.client, demo.project_id)
    is_fixed = all(label_of(after[task_id]) == label for task_id, label in judged_wrong.items())
    is_unchanged = without_labels(after) == without_labels(before) and all(
        after[task_id] == task for task_id, task in before.items() if task_id not in judged_wrong
    )
    outcome: dict[str, Any] = {
        "planted": len(demo.digits.planted),
        "suspects": len(demo.examination.findings.suspects),
        "found_in_first_50": demo.found_in_first(50),
        "found_in_first_90": demo.found_in_first(90),
        "reviewed": n_reviewed,
        "judged_wrong": len(judged_wrong),
        "applied": len(applied.written),
        "fixed": is_fixed and len(applied.written) == len(judged_wrong),
        "unchanged_elsewhere": is_unchanged,
        "undone": len(undone.restored),
        "restored": without_times(restored) == without_times(before) and len(undone.restored) == len(applied.written),
    }
    is_found = outcome["found_in_first_90"] >= FOUND_AT_LEAST
    outcome["ok"] = bool(is_found and outcome["fixed"] and outcome["unchanged_elsewhere"] and outcome["restored"])
    return outcome


def _settings(data_dir: Path, url: str, token: str) -> Settings:
    """Return the demo's settings, whatever the environment says."""
    port = free_port()
    return Settings.model_construct(
        **{
            **Settings.model_construct().model_dump(),
            "label_studio_url": url,
            "label_studio_token": SecretStr(token),
            "public_url": f"http://127.0.0.1:{port}",
            "port": port,
            "backend_password": SecretStr(secrets.token_urlsafe(12)),
            "data_dir": data_dir,
            "encoder": "pixels",
            "predictions": "all",
            "poll_s": 10.0,
        }
    )


def _delete_projects(wiring: Wiring, project_id: int) -> None:
    review = find_review_project(wiring.client, project_id)
    for each in (project_id, *([review["id"]] if review else [])):
        wiring.client.delete(f"api/projects/{each}/")


@contextmanager
def _service(settings: Settings, log: Path) -> Iterator[None]:
    """Run `errata serve` as a process of its own."""
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "errata", "serve"],
            env=_environment(settings),
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_healthy(settings, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment(settings: Settings) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")}
    return inherited | _said(settings)


def _said(settings: Settings) -> dict[str, str]:
    """Return the settings that are no defaults, as environment variables."""
    return {
        f"ERRATA_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings.model_dump(exclude_defaults=True).items()
    }


def _wait_until_healthy(settings: Settings, process: subprocess.Popen[bytes], log: Path) -> None:
    password = settings.backend_password.get_secret_value() if settings.backend_password else ""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            answer = httpx.get(f"{settings.public_url}/health", auth=(settings.backend_user, password), trust_env=False)
            if answer.is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    lines = log.read_text(errors="replace").strip().splitlines()
    raise ServiceError(f"errata serve did not start: {lines[-1] if lines else 'it said nothing'}")


def _wait_for_verdicts(demo: Demo, n_expected: int) -> int:
    deadline = time.monotonic() + VERDICTS_TIMEOUT_S
    while (n_reviewed := len(demo.wiring.verdicts.of_project(demo.project_id))) < n_expected:
        if time.monotonic() > deadline:
            raise CheckFailed(f"Only {n_reviewed} of {n_expected} verdicts came in within {VERDICTS_TIMEOUT_S} s.")
        time.sleep(0.2)
    return n_reviewed
