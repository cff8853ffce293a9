"""A web app over fakes: small enough to read, real codecs and a really fitted model inside."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from errata.audit.beliefs import Artefact, ControlBelief, UsedEncoder
from errata.audit.embed import Embedded
from errata.audit.ports import Embeddings, Progress, Texts
from errata.errors import MediaError
from errata.jobs.queue import JobName, JobState
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import serveable
from errata.labelstudio.task_texts import TaskTexts
from errata.web.app import create_app
from errata.web.beliefs import Beliefs
from errata.web.contents import Patience
from errata.web.media import MediaRoute
from errata.web.newcomers import Embedder, Newcomers
from errata.web.projects import KnownProjects, ProjectBook
from errata.web.region_newcomers import RegionNewcomers, Seen
from errata.web.security import Credentials
from errata_model.encoders.text import TextEncoder, load_text_encoder
from errata_model.kinds.choices.learner import fit_choices
from errata_model.records import Control, TextForm

CONFIG = (
    '<View><Image name="image" value="$image"/><Choices name="label" toName="image">'
    '<Choice value="car"/><Choice value="truck"/><Choice value="bus"/></Choices></View>'
)
CONTROL = Control("label", "choices", "image", "image", "image", ("car", "truck", "bus"))
ENCODER = UsedEncoder("pixels-1", "pixels")
WORDS = UsedEncoder("words-1", "words")


class Client:
    """Calls an app from a loop of its own, as a server would."""

    def __init__(self, app: Any, root: str = "http://localhost") -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url=root, timeout=300)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(self._http.request(method, path, **options), self._loop).result(60)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.call("POST", path, **options)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._loop.shutdown_default_executor(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class FakeArtefacts:
    """Keeps artefacts in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[int, dict[str, Artefact]] = {}
        self.problem: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def save(self, project_id: int, artefact: Artefact) -> None:
        kept = self.kept.setdefault(project_id, {})
        kept.pop(artefact.version, None)
        kept[artefact.version] = artefact

    def active(self, project_id: int) -> str | None:
        return next(reversed(self.kept.get(project_id, {})), None)

    def find(self, project_id: int, version: str) -> Artefact | None:
        return self.kept.get(project_id, {}).get(version)

    def parts(self, project_id: int, version: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ()

    def load(self, project_id: int, version: str) -> Artefact:
        self.gate.wait(120)
        if self.problem:
            raise self.problem
        return self.kept[project_id][version]


class FakeIndex:
    """Knows what lies behind addresses, and counts how often it is asked."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.asked: list[str] = []

    def known(self, uris: Sequence[str]) -> dict[str, str]:
        self.asked += uris
        return {uri: self.keys[uri] for uri in uris if uri in self.keys}

    def remember(self, found: Mapping[str, str]) -> None:
        self.keys.update(found)


class FakeEncoders:
    """Embeds "content-3" as what class 3 % 3 looks like; other content cannot be used."""

    def __init__(self) -> None:
        self.rows: dict[str, NDArray[np.float32]] = {}
        self.media: dict[str, str] = {}  # address -> content
        self.gate = threading.Event()
        self.gate.set()
        self.problem: Exception | None = None
        self.embedded: list[str] = []
        self.is_another = False

    def get(self, keys: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        rows = [self.rows.get(key, np.zeros(3, np.float32)) for key in keys]
        return np.array(rows).reshape(-1, 3), np.array([key in self.rows for key in keys], bool)

    def put(self, keys: Sequence[str], rows: NDArray[np.float32]) -> None:
        self.rows.update(zip(keys, rows, strict=True))

    def embeddings(self, encoder: UsedEncoder, width: int) -> Embeddings:
        assert (encoder, width) == (ENCODER, 3)
        return self

    def texts(self, form: TextForm) -> Texts:
        return TaskTexts(form, self)

    def read(self, uri: str, task_id: int) -> bytes:
        raise AssertionError(f"{uri} was fetched")

    def counter(self, encoder: UsedEncoder) -> TextEncoder | None:
        return load_text_encoder(encoder.name) if encoder == WORDS else None

    def embedder(self, encoder: UsedEncoder, text: TextForm | None) -> Embedder | None:
        assert encoder in (ENCODER, WORDS)
        return None if self.is_another else self

    def embed(self, values: Mapping[int, str], progress: Progress) -> Embedded:
        self.gate.wait(120)
        if self.problem:
            raise self.problem
        self.embedded += values.values()
        usable = {
            task_id: self.media[uri] for task_id, uri in values.items() if self.media.get(uri, "").startswith("co")
        }
        for content in usable.values():
            self.rows[content] = looks_like(int(content.removeprefix("content-")))
        return Embedded(
            np.array(list(usable), np.int64),
            tuple(usable.values()),
            np.zeros((len(usable), 3), np.float32),
            {task_id: "the file is broken" for task_id in values if task_id not in usable},
        )


class FakeItems:
    """Shows texts as they are; "broken" cannot be used. Remembers what was looked at."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def see(self, control: Control, value: Any, task_id: int) -> Seen:
        self.seen.append(value)
        if value == "broken":
            raise MediaError("the file is broken")
        return Seen(f"content-{value}", value, None)


class FakeQueue:
    """Remembers what was submitted."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, int, float]] = []
        self.listed: list[JobState] = []
        self.problem: Exception | None = None

    def submit(self, name: JobName, project_id: int, delay_s: float = 0.0) -> None:
        self.jobs.append((name, project_id, delay_s))

    def states(self) -> list[JobState]:
        if self.problem:
            raise self.problem
        return self.listed


class FakeProjects:
    """Project 1 is a source, project 2 its review project; project 3 was disconnected."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def read(self) -> KnownProjects:
        self.asked.set()
        return KnownProjects(frozenset({1}), {2: 1}, frozenset({3}))


def looks_like(number: int) -> NDArray[np.float32]:
    row = np.full(3, 0.05 * (number % 7), np.float32)
    row[number % 3] = 5
    return row


def make_artefact(version: str = "errata-aaa", n_tasks: int = 30, *, has_model: bool = True) -> Artefact:
    """Return a belief about tasks 1..n; task n shows "content-n", whose class is n % 3."""
    rows = np.stack([looks_like(number) for number in range(1, n_tasks + 1)])
    targets = np.eye(3, dtype=np.float32)[np.arange(1, n_tasks + 1) % 3]
    fitted = fit_choices(rows, targets, np.arange(n_tasks))
    belief = ControlBelief(
        CONTROL,
        np.arange(1, n_tasks + 1, dtype=np.int64),
        tuple(f"content-{n}" for n in range(1, n_tasks + 1)) if has_model else ("",) * n_tasks,
        fitted.probabilities,
        fitted.model.arrays() if has_model else None,
        ENCODER if has_model else None,
    )
    return Artefact(version, (belief,))


@dataclass
class World:
    """The app and the fakes around it."""

    client: Client
    artefacts: FakeArtefacts
    index: FakeIndex
    encoders: FakeEncoders
    queue: FakeQueue
    beliefs: Beliefs
    book: ProjectBook
    items: FakeItems
    extra: dict[str, Any] = field(default_factory=dict)

    def predict(self, *tasks: Mapping[str, Any], project: str = "1.1795219264", **more: Any) -> list[dict[str, Any]]:
        body = {"tasks": list(tasks), "project": project, "label_config": CONFIG, "params": {"context": None}, **more}
        answer = self.client.post("/predict", json=body)
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results


@pytest.fixture
def task() -> Callable[..., dict[str, Any]]:
    """Make a task as Label Studio sends it; task n shows /data/n.png unless told otherwise."""

    def make(number: int, uri: str | None = None, *, is_labeled: bool = False) -> dict[str, Any]:
        data = {"image": f"/data/{number}.png" if uri is None else uri}
        return {"id": number, "data": data, "meta": {}, "is_labeled": is_labeled, "project": 1, "annotations": []}

    return make


@pytest.fixture
def artefact() -> Callable[..., Artefact]:
    """Make artefacts."""
    return make_artefact


@pytest.fixture
def world() -> Iterator[Callable[..., World]]:
    """Make the app; its threads end with the test."""
    stops: list[Callable[[], None]] = []

    def make(
        *,
        mode: str = "all",
        credentials: Credentials = Credentials("errata", None, "s3cret"),  # noqa: B008  frozen
        root_path: str = "",
        is_audited: bool = True,
        max_projects: int = 16,
        patience: Patience = Patience(),  # noqa: B008  frozen
        media: MediaRoute | None = None,
    ) -> World:
        artefacts, index, encoders, queue, projects = (
            FakeArtefacts(),
            FakeIndex(),
            FakeEncoders(),
            FakeQueue(),
            FakeProjects(),
        )
        if is_audited:
            artefacts.save(1, make_artefact())
            index.keys = {f"/data/{n}.png": f"content-{n}" for n in range(1, 31)}
        beliefs = Beliefs(artefacts, poll_s=0.01, max_projects=max_projects)
        newcomers, book = Newcomers(encoders), ProjectBook(projects, refresh_s=0.01)
        items = FakeItems()
        region_newcomers = RegionNewcomers(items)
        app = create_app(
            beliefs=beliefs,
            newcomers=newcomers,
            region_newcomers=region_newcomers,
            projects=book,
            queue=queue,
            credentials=credentials,
            index=index,
            encoders=encoders,
            regions=Codecs(),
            read_controls=lambda xml: serveable(xml).controls,
            mode_of=lambda _: mode,  # type: ignore[arg-type, return-value]
            audit_delay_s=60,
            root_path=root_path,
            patience=patience,
            media=media,
        )
        for service in (beliefs, newcomers, region_newcomers, book):
            service.start()
            stops.append(service.stop)
        stops.append(encoders.gate.set)
        stops.append(artefacts.gate.set)
        assert projects.asked.wait(120)
        while not book.sources():
            projects.asked.clear()
            assert projects.asked.wait(120)
        client = Client(app)
        stops.append(client.close)
        return World(client, artefacts, index, encoders, queue, beliefs, book, items)

    yield make
    for stop in reversed(stops):
        stop()
