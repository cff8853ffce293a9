"""Audits to make the pages' tables of: exports of texts and pictures, examined without any server."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from errata.audit.believe import Believer, OwnBeliever
from errata.audit.believe_elsewhere import StoredBeliever
from errata.audit.believe_together import TogetherBeliever
from errata.audit.believe_values import AnnotatorsBeliever
from errata.audit.embed import Embedder
from errata.audit.progress import LineProgress
from errata.audit.run import Examination, examine
from errata.boards.build import Built, build_board
from errata.boards.table import BoardTable, RowDetail
from errata.errors import LabelStudioUnreachable
from errata.labelstudio.export_file import ExportSource
from errata.labelstudio.media import FolderMedia
from errata.labelstudio.task_texts import TaskTexts
from errata.settings import Settings
from errata.wiring import Wiring
from errata.wiring.boarding import Looking
from errata.wiring.embedding import NoIndex
from errata_model.encoders.images import PixelEncoder
from errata_model.records import Control

Result = dict[str, Any]


@dataclass
class CountedMedia:
    """Files of a folder, and which of them were read."""

    files: FolderMedia
    read_again: list[str] = field(default_factory=list)
    is_gone: bool = False

    def read(self, uri: str, task_id: int) -> bytes:
        if self.is_gone:
            raise LabelStudioUnreachable("Label Studio is away.")
        self.read_again.append(uri)
        return self.files.read(uri, task_id)


@dataclass
class Remembered(NoIndex):
    """Remembers what is behind which address."""

    keys: dict[str, str] = field(default_factory=dict)

    def known(self, uris: Any) -> dict[str, str]:
        return {uri: self.keys[uri] for uri in uris if uri in self.keys}

    def remember(self, found: Any) -> None:
        self.keys |= found


@dataclass
class Desk:
    """Examines exports and makes tables of them."""

    folder: Path
    wiring: Wiring
    media: CountedMedia
    told: list[str]
    index: Remembered = field(default_factory=Remembered)
    names: dict[str, str] = field(default_factory=dict)

    @property
    def progress(self) -> LineProgress:
        return LineProgress(self.told.append)

    @property
    def senses(self) -> Looking:
        def encoders() -> dict[str, PixelEncoder]:
            return {"pixels": PixelEncoder()}

        def embedder_of(control: Control) -> Embedder:
            if control.text is not None:
                words = self.wiring.text_encoder("words")
                return self.wiring.text_embedder(words, "words", TaskTexts(control.text, self.media))
            return self.wiring.embedder(encoders(), None, self.media, self.index)

        return Looking(self.wiring, embedder_of, encoders, self.media, self.index)

    def examine(self, config: str, tasks: Sequence[dict[str, Any]], belief: str = "stored") -> Examination:
        (self.folder / "config.xml").write_text(config)
        (self.folder / "export.json").write_text(json.dumps(tasks))
        snapshot = ExportSource(self.folder / "export.json", self.folder / "config.xml").read(self.progress)
        others = (lambda _: True, AnnotatorsBeliever())
        believers: dict[str, Believer] = {
            "stored": StoredBeliever(None),
            "own": OwnBeliever(self.senses.embedder_of, None),
            "annotators": TogetherBeliever([others]),
        }
        return examine(snapshot, believers[belief], self.wiring.codecs, self.progress)

    def build(self, examination: Examination, earlier: BoardTable | None = None) -> tuple[Built, list[RowDetail]]:
        built = build_board(examination, self.wiring.codecs, self.senses, self.names, earlier, self.progress)
        details = list(built.details)
        assert len(details) == len(built.table)
        return built, details


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return what examines exports; a picture is `media/NAME`."""
    (tmp_path / "media").mkdir()
    wiring = Wiring(Settings(data_dir=tmp_path / "data", _env_file=None))
    files = FolderMedia(tmp_path / "media", (), 2**20, 5, wiring.network)
    return Desk(tmp_path, wiring, CountedMedia(files), [])


@pytest.fixture
def task() -> Callable[..., dict[str, Any]]:
    """Return what makes a task of an export, ids ascending: data, results of annotations, results of a prediction."""
    ids = itertools.count(1)

    def make(data: dict[str, Any], *results: list[Result], predicted: list[Result] | None = None) -> dict[str, Any]:
        task_id = next(ids)
        annotations = [
            {"id": 100 * task_id + who, "completed_by": who, "result": result} for who, result in enumerate(results, 1)
        ]
        predictions = [] if predicted is None else [{"model_version": "m", "score": 0.9, "result": predicted}]
        return {"id": task_id, "data": data, "annotations": annotations, "predictions": predictions}

    return make


@pytest.fixture
def paint(tmp_path: Path) -> Callable[..., str]:
    """Return what saves a picture of 100 x 80 pixels, things at (left, top, width, height) in a colour on noise."""
    numbers = itertools.count()

    def save(things: Sequence[tuple[tuple[int, int, int, int], tuple[int, int, int]]]) -> str:
        number = next(numbers)
        values = np.random.default_rng(number).integers(90, 130, (80, 100, 3))
        for (left, top, width, height), colour in things:
            values[top : top + height, left : left + width] = colour
            values[top : top + height : 3, left : left + width] //= 1 + colour[0] // 128  # red things have stripes
        Image.fromarray(values.astype(np.uint8)).save(tmp_path / "media" / f"{number}.png")
        return f"{number}.png"

    return save
