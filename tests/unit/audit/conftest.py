"""A source project, its media and errata's memory as lists and dicts."""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from errata.audit.beliefs import Artefact, ControlBelief, UsedEncoder
from errata.audit.believe import Belief
from errata.audit.embed import Embedded, ImageEmbedder
from errata.audit.ports import ReviewEntry, ReviewItem
from errata.audit.snapshot import Snapshot, StoredPrediction, Task
from errata.errors import MediaError
from errata_model.records import Control, Finding, GivenLabel

MAX_PIXELS = 10_000


class Told:
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.said: list[str] = []
        self.n_done = 0

    def stage(self, name: str, total: int | None = None) -> None:
        self.stages.append((name, total))

    def advance(self, n: int = 1) -> None:
        self.n_done += n

    def say(self, text: str) -> None:
        self.said.append(text)


@dataclass
class DictMedia:
    """What lies behind addresses: bytes, or an error to raise. Counts what is read and at most at once."""

    content: dict[str, bytes | Exception] = field(default_factory=dict)
    n_read: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, uri: str, task_id: int) -> bytes:
        with self.lock:
            self.n_read[uri] += 1
        found = self.content.get(uri, MediaError("it does not exist"))
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class DictIndex:
    keys: dict[str, str] = field(default_factory=dict)

    def known(self, uris: Sequence[str]) -> dict[str, str]:
        return {uri: self.keys[uri] for uri in uris if uri in self.keys}

    def remember(self, found: Mapping[str, str]) -> None:
        self.keys.update(found)


@dataclass
class DictEmbeddings:
    rows: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def get(self, keys: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        rows = [self.rows.get(key, np.zeros(3, np.float32)) for key in keys]
        is_known = np.array([key in self.rows for key in keys], dtype=np.bool_)
        return np.array(rows, dtype=np.float32).reshape(len(keys), 3), is_known

    def put(self, keys: Sequence[str], rows: NDArray[np.float32]) -> None:
        for key, row in zip(keys, rows, strict=True):
            self.rows.setdefault(key, row)


@dataclass
class ColourEncoder:
    """Says the mean colour. Counts what it encodes and how many prepared images wait for it."""

    identity: str = "colour:1"
    width: int = 3
    least_side: int | None = None
    batches: list[int] = field(default_factory=list)
    n_prepared: int = 0
    most_waiting: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self, image: Image.Image) -> NDArray[np.float32]:
        with self.lock:
            self.n_prepared += 1
            self.most_waiting = max(self.most_waiting, self.n_prepared - sum(self.batches))
        return np.asarray(image, dtype=np.float32).mean(axis=(0, 1)) / np.float32(255)

    def encode(self, prepared: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        with self.lock:
            self.batches.append(len(prepared))
        return np.stack(prepared).astype(np.float32)


@dataclass
class Studio:
    """Media, caches and an encoder; what an audit sees with."""

    media: DictMedia = field(default_factory=DictMedia)
    index: DictIndex = field(default_factory=DictIndex)
    embeddings: DictEmbeddings = field(default_factory=DictEmbeddings)
    encoder: ColourEncoder = field(default_factory=ColourEncoder)
    told: Told = field(default_factory=Told)

    @property
    def embedder(self) -> ImageEmbedder:
        used = UsedEncoder(self.encoder.identity, "colour")
        return ImageEmbedder(self.media, self.index, [(self.encoder, self.embeddings)], MAX_PIXELS, used)

    def embed(self, uris: Mapping[int, str]) -> Embedded:
        return self.embedder.embed(uris, self.told)


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def png() -> Callable[[int, int, int], bytes]:
    """Draw a small image of one colour."""

    def draw(red: int, green: int = 0, blue: int = 0) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (4, 4), (red, green, blue)).save(file, "PNG")
        return file.getvalue()

    return draw


@pytest.fixture
def control() -> Control:
    return Control("animal", "choices", "image", "image", "image", ("cat", "dog", "cow"))


@pytest.fixture
def project(control: Control) -> Callable[..., Snapshot]:
    """Describe a project whose task n, counted from 1, has the n-th labels: one an annotator; None for none."""

    def make(*labels: str | Sequence[str] | None, controls: Sequence[Control] = (control,), **changes: Any) -> Snapshot:
        tasks = tuple(_task(n, given, controls) for n, given in enumerate(labels, start=1))
        named = {"url": "http://label-studio/", "project_id": 1, "title": "Animals", "label_config": "<View/>"}
        return Snapshot(**{**named, "controls": tuple(controls), "refused": (), "tasks": tasks, **changes})

    return make


def _task(n: int, given: str | Sequence[str] | None, controls: Sequence[Control]) -> Task:
    said = [given] if isinstance(given, str) else list(given or ())
    labels = tuple(
        GivenLabel(n, 100 * n + who, str(who), control.name, None, "choices", label, f"{label}-{n}-{who}")
        for control in controls
        for who, label in enumerate(said)
        if label in control.labels
    )
    return Task(n, {"image": f"{n}.png"}, labels, is_labeled=bool(said))


@pytest.fixture
def believed(control: Control) -> Callable[..., Belief]:
    """Believe the given rows of probabilities about the tasks 1, 2, ...; `look` are their embeddings."""

    def make(
        rows: Sequence[Sequence[float]],
        look: Sequence[Sequence[float]] | None = None,
        of: Control = control,
        content_keys: Sequence[str] | None = None,
    ) -> Belief:
        task_ids = np.arange(1, len(rows) + 1)
        keys = tuple(content_keys or (f"{n:064x}" for n in task_ids))
        about = ControlBelief(of, task_ids, keys, np.array(rows, np.float32).reshape(len(rows), len(of.labels)), None)
        embedded = {} if look is None else {of.data_key: Embedded(task_ids, keys, np.array(look, np.float32), {})}
        return Belief(Artefact("errata-1", (about,)), embedded, "The model never saw this label.")

    return make


@pytest.fixture
def stored() -> Callable[..., StoredPrediction]:
    """Store a prediction of one version about "animal"."""

    def make(version: str = "theirs", **probabilities: float) -> StoredPrediction:
        return StoredPrediction(version, "animal", probabilities)

    return make


@dataclass
class ListQueue:
    """A review project as Label Studio keeps it: ids only grow, what is touched is not deleted."""

    stored: list[ReviewItem] = field(default_factory=list)
    next_id: int = 1
    n_writes: int = 0
    dies_after_insert: bool = False

    def items(self) -> list[ReviewItem]:
        return list(self.stored)

    def insert(self, entries: Sequence[ReviewEntry]) -> list[int]:
        self.n_writes += 1
        ids = []
        for entry in entries:
            several = None if entry.several is None else tuple(each.key for each in entry.several)
            item = ReviewItem(self.next_id, entry.finding.key, entry.fingerprint, entry.shown, False, several)
            self.stored.append(item)
            ids.append(self.next_id)
            self.next_id += 1
        if self.dies_after_insert:
            raise ConnectionError
        return ids

    def delete(self, review_task_ids: Sequence[int]) -> list[int]:
        self.n_writes += 1
        gone = {i.review_task_id for i in self.stored if i.review_task_id in review_task_ids and not i.is_touched}
        self.stored = [i for i in self.stored if i.review_task_id not in gone]
        return sorted(gone)

    def keys(self) -> list[str]:
        return [item.finding_key for item in self.stored]

    def touch(self, key: str) -> None:
        self.stored = [replace(i, is_touched=i.is_touched or i.finding_key == key) for i in self.stored]


@dataclass
class ListLog:
    """Remembers findings as a database does; `shown` is what stood in a review task when it was made."""

    placed: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    latest: dict[str, Finding] = field(default_factory=dict)
    shown: dict[str, Finding] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)

    def exclusive(self, project_id: int) -> AbstractContextManager[None]:
        return nullcontext()

    def begin(self, snapshot: Snapshot) -> int:
        return 1

    def finish(self, audit_id: int, version: str, summary: Mapping[str, Any]) -> None: ...

    def fail(self, audit_id: int, reason: str) -> None: ...

    def missing_regions(self, project_id: int) -> list[Finding]:
        return []

    def record(self, project_id: int, findings: Sequence[Finding]) -> None:
        self.latest.update({each.key: each for each in findings})

    def published(self, placed: Mapping[str, int]) -> None:
        for key, task_id in placed.items():
            if key in self.latest and (self.placed.get(key) != task_id or key not in self.shown):
                self.shown[key] = self.latest[key]
        self.placed.update(placed)

    def withdrawn(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.placed.pop(key, None)
            self.shown.pop(key, None)

    def get(self, keys: Sequence[str]) -> dict[str, Finding]:
        return {key: self.shown.get(key, self.latest[key]) for key in keys if key in self.latest}

    def mark_selected(self, snapshot: Snapshot, keys: Sequence[str], new: Sequence[Finding]) -> None:
        self.record(snapshot.project_id, new)
        self.sent.update(keys)

    def selected(self, project_id: int) -> dict[str, Finding]:
        return self.get(sorted(self.sent))

    def decided(self, project_id: int) -> set[str]:
        return self.closed

    def versions(self, project_id: int) -> list[str]:
        return []


@pytest.fixture
def queue() -> ListQueue:
    return ListQueue()


@pytest.fixture
def log() -> ListLog:
    return ListLog()
