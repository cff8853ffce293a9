"""errata's web app in a process of its own, over the adapters that it really runs on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

SERVE = """
import logging, sys
from pathlib import Path

import numpy as np

from errata.audit.embed import ImageEmbedder
from errata.audit.beliefs import Artefact, ControlBelief, UsedEncoder
from errata.errors import MediaError
from errata.jobs.child_process import ChildProcessQueue
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import serveable
from errata.store.artefacts import ArtefactFolder
from errata.store.database import open_database
from errata.store.embeddings import EmbeddingFolder
from errata.store.media_index import MediaIndexStore
from errata.web.app import create_app
from errata.web.beliefs import Beliefs
from errata.web.newcomers import Newcomers
from errata.web.projects import KnownProjects, ProjectBook
from errata.web.region_newcomers import RegionNewcomers
from errata.web.security import Credentials
from errata.web.server import serve
from errata_model.encoders.images import load_image_encoder
from errata_model.kinds.choices.learner import fit_choices
from errata_model.records import Control

folder, project_id, password = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] or None
logging.basicConfig(level="INFO", filename=folder / "serve.log")
CONTROL = Control("label", "choices", "image", "image", "image", ("car", "truck"))
encoder = load_image_encoder("pixels", None)
used = UsedEncoder(encoder.identity, "pixels")
index = MediaIndexStore(open_database(f"sqlite:///{folder / 'errata.db'}"))
embeddings = EmbeddingFolder(folder / "embeddings", encoder.identity, encoder.width)
artefacts = ArtefactFolder(folder)


class Files:
    def read(self, uri, task_id):
        try:
            return (folder / "media" / Path(uri).name).read_bytes()
        except OSError:
            raise MediaError("it is missing") from None


class Encoders:
    def embeddings(self, used, width):
        return embeddings

    def texts(self, form): ...

    def counter(self, used):
        return None

    def embedder(self, used, text=None):
        return ImageEmbedder(Files(), index, [(encoder, embeddings)], 10**6, used)


class Silence:
    def stage(self, name, total=None): ...
    def advance(self, n=1): ...
    def say(self, text): ...


class Projects:
    def read(self):
        return KnownProjects(frozenset({project_id}), {project_id + 1: project_id})


if not artefacts.active(project_id):
    uris = {int(path.stem): f"/data/{path.name}" for path in (folder / "media").glob("audited/*.png")}
    for path in (folder / "media" / "audited").glob("*.png"):
        path.rename(folder / "media" / path.name)
    found = Encoders().embedder(used).embed(uris, Silence())
    targets = np.eye(2, dtype=np.float32)[found.task_ids % 2]
    fitted = fit_choices(found.rows, targets, np.arange(len(found.task_ids)))
    belief = ControlBelief(
        CONTROL, found.task_ids, found.content_keys, fitted.probabilities, fitted.model.arrays(), used
    )
    artefacts.save(project_id, Artefact("errata-first", (belief,)))

queue = ChildProcessQueue([sys.executable, str(folder / "job.py")])
beliefs, newcomers, book = Beliefs(artefacts), Newcomers(Encoders()), ProjectBook(Projects())
regions = RegionNewcomers(None)  # nothing here marks any
app = create_app(
    beliefs=beliefs, newcomers=newcomers, region_newcomers=regions, projects=book, queue=queue,
    credentials=Credentials("errata", password, "s3cret"), index=index, encoders=Encoders(), regions=Codecs(),
    read_controls=lambda xml: serveable(xml).controls, mode_of=lambda project_id: "all", audit_delay_s=3600,
)
serve(app, "127.0.0.1", 0, (beliefs, newcomers, regions, book, queue), lambda url: print(url, flush=True))
print("stopped", flush=True)
"""


@dataclass(frozen=True)
class Served:
    """A running errata."""

    url: str
    process: subprocess.Popen[str]
    folder: Path
    http: httpx.Client


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start errata over a data folder with some media; the jobs are the given Python lines."""
    running: list[Served] = []

    def start(
        media: dict[str, bytes], project_id: int = 1, password: str = "", job: str = "import time; time.sleep(600)"
    ) -> Served:
        (tmp_path / "media" / "audited").mkdir(parents=True, exist_ok=True)
        for name, content in media.items():
            (tmp_path / "media" / name).write_bytes(content)
        (tmp_path / "serve.py").write_text(textwrap.dedent(SERVE))
        (tmp_path / "job.py").write_text(
            "import os, pathlib\nfrom errata.jobs.child import end_with_parent\nend_with_parent()\n"
            f"pathlib.Path({str(tmp_path)!r}, f'job-{{os.getpid()}}').touch()\n{job}\n"
        )
        process = subprocess.Popen(
            [sys.executable, str(tmp_path / "serve.py"), str(tmp_path), str(project_id), password],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), (tmp_path / "serve.log").read_text()
        auth = ("errata", password) if password else None
        http = httpx.Client(base_url=url, timeout=300, trust_env=False, auth=auth)
        running.append(Served(url, process, tmp_path, http))
        return running[-1]

    yield start
    for served in running:
        served.http.close()
        if served.process.poll() is None:
            os.kill(served.process.pid, signal.SIGTERM)
        served.process.communicate(timeout=180)
