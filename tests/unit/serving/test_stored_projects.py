from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models import squeezenet1_1

from errata.audit.beliefs import UsedEncoder
from errata.audit.ports import Trace
from errata.audit.progress import LineProgress
from errata.errors import LabelStudioGone
from errata.labelstudio.media import FolderMedia
from errata.labelstudio.network import Network
from errata.review.records import Project
from errata.serving import ServedEncoders, StoredProjects, predictions_mode
from errata.settings import PredictionsMode, ProjectSettings, Settings
from errata.store.media_index import MediaIndexStore
from errata.web.projects import KnownProjects, ProjectBook
from errata.wiring import Wiring
from errata.wiring.embedding import NoIndex
from errata_model.encoders.images import load_image_encoder
from errata_model.records import TextForm


class Tasks:
    """A Label Studio whose projects have one answered task each; counts what it is asked."""

    url = "http://ls/"

    def __init__(self) -> None:
        self.updated_at = {7: "day 1", 70: "day 1"}
        self.n_requests = 0
        self.network = Network()

    def get(self, path: str, params: Any = None) -> Any:
        self.n_requests += 1
        if params["project"] not in self.updated_at:
            raise LabelStudioGone("There is no such project.")
        tasks = [{"id": 1, "updated_at": self.updated_at[params["project"]]}]
        return {"tasks": tasks, "total": 1, "total_annotations": 1}

    def close(self) -> None:
        pass


class WiringOfTasks(Wiring):
    """On that Label Studio."""

    @cached_property
    def client(self) -> Any:
        return Tasks()


@pytest.fixture
def wiring(tmp_path: Path) -> Iterator[WiringOfTasks]:
    """Project 7 with its review project 70."""
    settings = Settings(label_studio_url="http://ls", label_studio_token="t", data_dir=tmp_path, _env_file=None)
    wiring = WiringOfTasks(settings)
    wiring.audits.connected(Project(7, "Cars", "http://ls/"))
    wiring.footprint.add(7, Trace("review_project", "70"))
    yield wiring
    wiring.close()


@pytest.fixture
def wait() -> Callable[[Callable[[], bool]], None]:
    def until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 180
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    return until


def test_a_look_for_answers_is_two_small_requests(wiring: WiringOfTasks) -> None:
    """The review project is known by the footprint, and the mark changes with its answers."""
    projects = StoredProjects(wiring)
    before = projects.answers_mark(7)
    assert (wiring.client.n_requests, projects.answers_mark(7)) == (2, before)
    wiring.client.updated_at[70] = "day 2"
    assert projects.answers_mark(7) not in (before, None)
    del wiring.client.updated_at[70]
    assert projects.answers_mark(7) is None


def test_a_project_that_is_gone_is_left_alone(wiring: WiringOfTasks) -> None:
    """Once Label Studio no longer has it, nobody asks again; a review project's end alone changes nothing."""
    projects = StoredProjects(wiring)
    del wiring.client.updated_at[70]
    assert projects.answers_mark(7) is None
    assert projects.read() == KnownProjects(frozenset({7}), {70: 7}, frozenset())
    del wiring.client.updated_at[7]
    assert projects.answers_mark(7) is None
    assert projects.read() == KnownProjects(frozenset(), {}, frozenset({7}))


def test_only_connected_projects_are_looked_at_for_labels(wiring: WiringOfTasks) -> None:
    """One that was only audited by hand is not, neither is one that was disconnected; no webhook is needed for it."""
    projects = StoredProjects(wiring)
    assert projects.connected() == frozenset()
    wiring.project_settings.put(7, ProjectSettings())
    assert projects.connected() == {7}
    wiring.audits.disconnected(7)
    assert projects.connected() == frozenset()


def test_projects_that_an_earlier_errata_connected_are_looked_at_for_labels(wiring: WiringOfTasks) -> None:
    """It kept no settings of a project: what it made in Label Studio tells of it."""
    projects = StoredProjects(wiring)
    wiring.footprint.add(7, Trace("webhook", "3"))
    assert projects.connected() == {7}
    wiring.audits.disconnected(7)
    assert projects.connected() == frozenset()


@pytest.mark.parametrize(
    ("environment", "own", "kinds", "mode"),
    [
        ("none", "all", ["ml_backend"], "all"),
        ("none", None, [], "none"),
        (None, None, ["ml_backend"], "labelled"),
        (None, None, [], "all"),
    ],
)
def test_predictions_follow_the_project_then_the_environment_then_who_attached_errata(
    wiring: WiringOfTasks,
    environment: PredictionsMode | None,
    own: PredictionsMode | None,
    kinds: list[str],
    mode: PredictionsMode,
) -> None:
    """Read by the book's thread; a request only looks."""
    wiring.project_settings.put(7, ProjectSettings(predictions=own))
    for kind in kinds:
        wiring.footprint.add(7, Trace(kind, "1"))
    book = ProjectBook(StoredProjects(wiring))
    book.refresh()
    settings = wiring.settings.model_copy(update={"predictions": environment})
    assert predictions_mode(settings, book, 7) == mode


def test_connecting_again_changes_what_a_running_service_does(
    wiring: WiringOfTasks, wait: Callable[[Callable[[], bool]], None]
) -> None:
    """Within a refresh, without a restart; the other projects keep their own."""
    wiring.audits.connected(Project(8, "Trucks", "http://ls/"))
    wiring.project_settings.put(7, ProjectSettings(predictions="all"))
    wiring.project_settings.put(8, ProjectSettings(predictions="none"))
    book = ProjectBook(StoredProjects(wiring), refresh_s=0.01)
    book.start()
    try:
        wait(lambda: (book.predictions(7), book.predictions(8)) == ("all", "none"))
        wiring.project_settings.put(7, ProjectSettings(predictions="labelled"))
        wait(lambda: (book.predictions(7), book.predictions(8)) == ("labelled", "none"))
    finally:
        book.stop()


def test_each_belief_is_served_with_the_encoder_it_was_formed_with(wiring: WiringOfTasks, tmp_path: Path) -> None:
    """Two projects with different encoders on one server: neither gets the other's embeddings."""
    weights = tmp_path / "weights"
    weights.mkdir()
    torch.save(squeezenet1_1(weights=None).state_dict(), weights / "squeezenet1_1.pth")
    wiring.settings = wiring.settings.model_copy(update={"weights": weights})
    encoders = ServedEncoders(wiring, MediaIndexStore(wiring.engine))
    pixels, network = (load_image_encoder(name, weights) for name in ("pixels", "squeezenet1_1"))
    for encoder, name in ((pixels, "pixels"), (network, "squeezenet1_1"), (pixels, "pixels")):
        embedder = encoders.embedder(UsedEncoder(encoder.identity, name), None)
        assert embedder is not None
        assert embedder.used.identity == encoder.identity
    assert encoders.embedder(UsedEncoder("another one", "pixels"), None) is None
    encoders.embeddings(UsedEncoder(pixels.identity, "pixels"), 3).put(["a"], np.ones((1, 3), np.float32))
    assert encoders.embeddings(UsedEncoder(network.identity, "squeezenet1_1"), 5).get(["a"])[1].tolist() == [False]


def test_a_belief_of_several_encoders_is_served_with_all_of_them(wiring: WiringOfTasks, tmp_path: Path) -> None:
    """Their caches are those of each, found by what the artefact says, and weights are where the audit had them."""
    weights = tmp_path / "weights"
    weights.mkdir()
    torch.save(squeezenet1_1(weights=None).state_dict(), weights / "squeezenet1_1.pth")
    name = "pixels,squeezenet1_1"
    loaded = wiring.image_encoders(name, weights, LineProgress(print))
    used = wiring.embedder(loaded, weights, FolderMedia(tmp_path), NoIndex()).used
    pixels, network = loaded.values()
    assert (used.name, used.weights) == (name, str(weights))
    assert used.parts == ((pixels.identity, pixels.width), (network.identity, network.width))
    encoders = ServedEncoders(wiring, MediaIndexStore(wiring.engine))
    embedder = encoders.embedder(used, None)
    assert embedder is not None
    assert embedder.used == used
    width = pixels.width + network.width
    encoders.embeddings(used, width).put(["a"], np.ones((1, width), np.float32))
    assert wiring.embeddings(pixels).get(["a"])[1].tolist() == [True]
    assert wiring.embeddings(network).get(["a"])[1].tolist() == [True]


def test_an_encoder_that_is_gone_leaves_new_media_without_prediction(wiring: WiringOfTasks) -> None:
    """The class of somebody's own, its module or its weights; the service goes on."""
    encoders = ServedEncoders(wiring, MediaIndexStore(wiring.engine))
    assert encoders.embedder(UsedEncoder("gone:Own:1", "gone:Own"), None) is None
    assert encoders.embedder(UsedEncoder("gone:Own:1", "gone:Own"), TextForm("Text")) is None
    assert encoders.embedder(UsedEncoder("resnet18:1:3", "resnet18", "/nowhere"), None) is None
