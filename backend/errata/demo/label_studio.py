"""A Label Studio of errata's own: installed into the user's cache, started on a free loopback port.

The demo shows errata on it and the tests run against it. It never shares an environment with errata, whose
dependencies differ, and it sends nothing to anybody: analytics, error reports and version checks are off.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import httpx
from filelock import FileLock
from platformdirs import user_cache_path

from errata.errors import LabelStudioUnreachable, UsageError

VERSION = "1.23.2"
_MARKER = "errata-installed"
_QUIET = {
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
}
# Both were switched on in Label Studio 1.23.1 and refuse what the demo is made of: services on this machine.
_LOOPBACK_ALLOWED = {"ML_BLOCK_LOCAL_IP": "false", "SSRF_PROTECTION_ENABLED": "false"}
# Label Studio is one process. It ends itself when its standard input does, that is, when whoever started it is
# gone for whatever reason: a killed parent cannot clean up, and this works on Linux and macOS alike.
_START = """
import os, signal, sys, threading
def end_with_parent():
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=end_with_parent, daemon=True).start()
from label_studio.server import main
sys.exit(main())
"""


def cache_dir(version: str = VERSION) -> Path:
    """Return the folder that keeps a version's environment and prepared data between runs."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return user_cache_path("errata") / f"label-studio-{version}-py{python}"


def install(venv_dir: Path, say: Callable[[str], None], version: str = VERSION) -> Path:
    """Install Label Studio into a virtual environment unless it is there already.

    An installation that was interrupted is begun anew; two at a time wait for each other.

    Args:
        venv_dir: the environment's folder; its parents are made.
        say: told a line now and then.
        version: of Label Studio.

    Returns:
        The environment's Python.

    Raises:
        UsageError: the environment could not be made or pip failed; names the log.
    """
    python = venv_dir / "bin" / "python"
    venv_dir.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{venv_dir}.lock"):
        if _is_installed(venv_dir, version):
            return python
        shutil.rmtree(venv_dir, ignore_errors=True)
        log = Path(f"{venv_dir}.log")
        say(f"Installing Label Studio {version} into {venv_dir} (once, about 700 MB, a few minutes) ...")
        with log.open("wb") as sink:
            _run([sys.executable, "-m", "venv", str(venv_dir)], sink, "make a virtual environment", log)
        pip = [str(python), "-I", "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
        _run_pip([*pip, f"label-studio=={version}"], log, say)
        (venv_dir / _MARKER).write_text(version)
    say("Label Studio is installed.")
    return python


def _is_installed(venv_dir: Path, version: str) -> bool:
    with suppress(OSError):
        # The interpreter that the environment was made of may be gone since.
        return (venv_dir / _MARKER).read_text() == version and (venv_dir / "bin" / "python").exists()
    return False


def _run(command: list[str], sink: object, what: str, log: Path, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sink,
        stderr=subprocess.STDOUT,
        env=env,
        check=False,  # type: ignore[call-overload]
    )
    if done.returncode:
        raise _failed(what, log)


def _failed(what: str, log: Path) -> UsageError:
    last = _last_line(log)
    return UsageError(
        f"Could not {what} for Label Studio ({last}). The log is {log}. Mend that, or use a Label Studio "
        "that runs already: errata demo --label-studio URL --token TOKEN."
    )


def _last_line(log: Path) -> str:
    with suppress(OSError):
        lines = deque((line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()), 50)
        errors = [line for line in lines if line.startswith("ERROR")]
        return (errors or lines or deque(["no output"]))[-1][:300]
    return "no output"


def _run_pip(command: list[str], log: Path, say: Callable[[str], None]) -> None:
    """Run pip, telling how far it is every ten seconds."""
    began = told = time.monotonic()
    n_packages = 0
    with (
        log.open("a") as sink,
        _ended(
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        ) as pip,
    ):
        for line in pip.stdout or ():
            sink.write(line)
            n_packages += line.startswith("Collecting ")
            is_last = line.startswith("Installing collected packages")
            if is_last or time.monotonic() - told > 10:
                told = time.monotonic()
                doing = "unpacking" if is_last else "downloading"
                say(f"  {doing}: {n_packages} packages so far, {told - began:.0f} s")
        sink.flush()
        if pip.wait():
            raise _failed("install the packages", log)


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        if process.stdout:
            process.stdout.close()


def prepare(
    python: Path, prepared_dir: Path, say: Callable[[str], None], environment: Mapping[str, str] | None = None
) -> Path:
    """Make a data folder whose database is migrated already, unless it is there.

    A start on a copy of it takes a quarter of the time of a start on nothing. It holds no user and no secret:
    those are made at the first start on a copy. `environment` is what may lead to another database.

    Raises:
        UsageError: Label Studio failed; names the log.
    """
    prepared_dir.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{prepared_dir}.lock"):
        if prepared_dir.is_dir():
            return prepared_dir
        say("Preparing Label Studio's database (once, about half a minute) ...")
        log = Path(f"{prepared_dir}.log")
        with tempfile.TemporaryDirectory(dir=prepared_dir.parent) as scratch, log.open("wb") as sink:
            data_dir = Path(scratch) / "data"
            data_dir.mkdir()
            command = [str(python), "-I", "-m", "label_studio.server", "version"]
            _run(command, sink, "prepare the database", log, env={**_environment(data_dir), **(environment or {})})
            (data_dir / ".env").unlink(missing_ok=True)  # the secret key: one for each copy
            os.replace(data_dir, prepared_dir)
    return prepared_dir


def _environment(data_dir: Path) -> dict[str, str]:
    """Return this process's environment without what would lead Label Studio elsewhere."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LABEL_STUDIO_", "HEARTEX_", "DJANGO_", "POSTGRE_", "PYTHON", "ERRATA_"))
    }
    return ours | _QUIET | _LOOPBACK_ALLOWED | {"LABEL_STUDIO_BASE_DATA_DIR": str(data_dir)}


@dataclass
class LabelStudioServer:
    """A running Label Studio; use as a context manager, which ends it and all that it started.

    Attributes:
        python: the Python of the environment that holds Label Studio; see `install`.
        data_dir: its database and files. A folder that does not exist is made of `prepared_dir`.
        prepared_dir: see `prepare`; None starts on nothing, which takes four times as long.
        port: where it listens on 127.0.0.1; 0 takes a free one.
        email: the user that is made at the first start on a data folder, as are `password` and the
            legacy `token`; none of the three changes later.
        environment: more variables for Label Studio, over those that it gets anyway.
    """

    python: Path
    data_dir: Path
    prepared_dir: Path | None = None
    port: int = 0
    email: str = "demo@example.com"
    password: str = field(default="errata-demo", repr=False)
    token: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    start_timeout_s: float = 180.0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def url(self) -> str:
        """Where it answers, ending in a slash."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.data_dir.with_name(self.data_dir.name + ".log")

    def __enter__(self) -> LabelStudioServer:
        """Start it and wait until it answers.

        Raises:
            LabelStudioUnreachable: it ended or did not answer in time; names the log.
        """
        if not self.data_dir.exists():
            if self.prepared_dir is None:
                self.data_dir.mkdir(parents=True)
            else:
                shutil.copytree(self.prepared_dir, self.data_dir)
        self.port = self.port or free_port()
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(
                [str(self.python), "-I", "-c", _START, "start", "--no-browser", "--internal-host", "127.0.0.1"],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                cwd=self.data_dir,
                start_new_session=True,  # Ctrl-C in the terminal is ours to handle, in the right order
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.stop()

    def stop(self, grace_s: float = 5.0) -> None:
        """End the process group: asked first, killed after `grace_s` seconds. Stopping twice is once."""
        process, self._process = self._process, None
        if process is None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, sign)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=grace_s)
                break
        if process.stdin:
            process.stdin.close()

    def _environment(self) -> dict[str, str]:
        # In the environment and not in the arguments, which every user of the machine can list.
        ours = {
            "LABEL_STUDIO_HOST": self.url.rstrip("/"),
            "LABEL_STUDIO_PORT": str(self.port),
            "LABEL_STUDIO_USERNAME": self.email,
            "LABEL_STUDIO_PASSWORD": self.password,
            "LABEL_STUDIO_USER_TOKEN": self.token,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",  # looked at when the organization is made, never again
        }
        return {**_environment(self.data_dir), **ours, **self.environment}

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise LabelStudioUnreachable(
                    f"Label Studio ended while starting ({_last_line(self.log)}). The log is {self.log}."
                )
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}health", timeout=5, trust_env=False).is_success:
                    return
            time.sleep(0.2)
        raise LabelStudioUnreachable(
            f"Label Studio did not answer within {self.start_timeout_s:.0f} seconds. The log is {self.log}."
        )


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
