"""Projects of any size to look at on the pages: pictures of a megapixel in Label Studio, and the table of an audit.

The table is drawn, not audited: what the pages do with 200,000 findings does not depend on how they were found.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from errata.boards.table import NONE, BoardTable, Field, RowDetail
from errata.labelstudio.client import LabelStudio
from errata_model.records import Control, Finding, GivenLabel, Proposal

SIZE_PX = (1200, 840)  # a megapixel
CONTROL = "label"
MODEL = "benchmark"
_UPLOADED_AT_ONCE = 50
_DETECTORS = ("disagreement", "neighbours", "duplicates")
_ANNOTATORS = tuple(f"annotator-{n}@example.com" for n in range(12))
_WIDTH = 64  # of vectors, as audits have them


def photos(n: int, seed: int = 0) -> Iterator[bytes]:
    """Yield different JPEG files that cost about as much to decode as photos: detail at all scales, and grain."""
    rng = np.random.default_rng(seed)
    width, height = 2 * SIZE_PX[0], 2 * SIZE_PX[1]
    canvas = rng.normal(0, 8, (height, width, 3)).astype(np.float32)
    for cell_px in (8, 32, 128, 512):
        small = rng.normal(0, 6 + cell_px / 16, (height // cell_px + 2, width // cell_px + 2, 3)).astype(np.float32)
        for channel in range(3):
            layer = Image.fromarray(small[..., channel]).resize((width, height), Image.Resampling.BICUBIC)
            canvas[..., channel] += np.asarray(layer)
    for _ in range(n):
        left, top = rng.integers(0, SIZE_PX)
        part = canvas[top : top + SIZE_PX[1], left : left + SIZE_PX[0]] + rng.uniform(60, 190, 3).astype(np.float32)
        file = io.BytesIO()
        Image.fromarray(part.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
        yield file.getvalue()


def label_names(n: int) -> tuple[str, ...]:
    """Return the names of classes."""
    return tuple(f"class {number:03}" for number in range(n))


def make_project(client: LabelStudio, title: str, labels: Sequence[str]) -> int:
    """Make a project without tasks; return its id."""
    choices = "".join(f'<Choice value="{label}"/>' for label in labels)
    config = (
        f'<View><Image name="image" value="$image"/><Choices name="{CONTROL}" toName="image">{choices}</Choices></View>'
    )
    return int(client.post("api/projects/", {"title": title, "label_config": config})["id"])


def upload(client: LabelStudio, project_id: int, files: Sequence[bytes]) -> list[str]:
    """Put files into Label Studio; return their addresses."""
    addresses: list[str] = []
    for start in range(0, len(files), _UPLOADED_AT_ONCE):
        named = [(f"photo-{start + n:04}.jpg", file) for n, file in enumerate(files[start : start + _UPLOADED_AT_ONCE])]
        said = client.upload(f"api/projects/{project_id}/import", named, {"commit_to_project": "false"})
        listed = client.get(f"api/projects/{project_id}/file-uploads", {"ids": json.dumps(said["file_upload_ids"])})
        addresses += [f"/data/{each['file']}" for each in listed]
    return addresses


@dataclass(frozen=True)
class Drawn:
    """A table, and what goes beside it."""

    table: BoardTable
    images: Sequence[str]

    def details(self) -> Iterator[RowDetail]:
        """Yield what is shown of each row. The rows of a group have pictures that follow each other."""
        table, n_labels = self.table, len(self.table.labels)
        for row in range(len(table)):
            image = self.images[row // n_labels % len(self.images)]
            yield RowDetail(_finding(table, row), image, 0, {"camera": f"camera {row % 9}"}, size=SIZE_PX)


def draw(
    client: LabelStudio, project_id: int, title: str, labels: Sequence[str], n: int, n_suspects: int, seed: int = 0
) -> BoardTable:
    """Draw the table of an audit of `n` labels, `n_suspects` of which are findings, as many of each class."""
    rng = np.random.default_rng(seed)
    given = (np.arange(n) % len(labels)).astype(np.int32)
    is_suspect = np.arange(n) < n_suspects
    other = (given + rng.integers(1, len(labels), n)) % len(labels)
    disagreement = np.where(is_suspect, rng.uniform(0.4, 1, n), rng.beta(1, 12, n)).astype(np.float32)
    queue = np.full(n, NONE, dtype=np.int32)
    queue[np.argsort(np.where(is_suspect, -disagreement, 2), kind="stable")[:n_suspects]] = np.arange(n_suspects)
    leaf = np.empty(n, dtype=np.int32)
    leaf[np.lexsort((rng.random(n), given))] = np.arange(n)
    keys = [hashlib.sha256(f"{project_id} {row}".encode()).hexdigest()[:20] for row in range(n)]
    codes = rng.integers(0, 9, n).astype(np.int32)
    control = Control(CONTROL, "choices", "image", "image", "image", tuple(labels))
    return BoardTable(
        version=f"drawn-{n}",
        model_version=MODEL,
        project_id=project_id,
        title=title,
        url=client.url,
        controls=(control,),
        labels=tuple(labels),
        annotators=_ANNOTATORS,
        detectors=_DETECTORS,
        keys=np.array(keys, dtype="S20"),
        tasks=np.arange(1, n + 1),
        annotations=np.arange(1, n + 1),
        control=np.zeros(n, dtype=np.int16),
        given=given,
        predicted=np.where(is_suspect, other, given).astype(np.int32),
        disagreement=disagreement,
        queue=queue,
        fired=np.where(is_suspect, rng.integers(1, 2 ** len(_DETECTORS), n), 0).astype(np.uint64),
        annotator=rng.integers(0, len(_ANNOTATORS), n).astype(np.int32),
        place=np.full((n, 4), np.nan, dtype=np.float32),
        leaf=leaf,
        xy=_scattered(rng, given, 0.02),
        apart=rng.random(n) < 0.02,
        vectors=_vectors(rng, given),
        fields=(Field("camera", tuple(f"camera {n}" for n in range(9)), codes),),
        trustworthiness={CONTROL: 0.9},
    )


def _scattered(rng: np.random.Generator, given: NDArray[np.int32], spread: float) -> NDArray[np.float32]:
    """Return places around one middle a class, in [0, 1]."""
    middles = rng.uniform(0.06, 0.94, (given.max() + 1, 2))
    return (middles[given] + rng.normal(0, spread, (len(given), 2))).clip(0, 1).astype(np.float32)


def _vectors(rng: np.random.Generator, given: NDArray[np.int32]) -> NDArray[np.float16]:
    middles = rng.normal(0, 1, (given.max() + 1, _WIDTH))
    rows = middles[given] + rng.normal(0, 1, (len(given), _WIDTH))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def _finding(table: BoardTable, row: int) -> Finding:
    label, task = table.labels[table.given[row]], int(table.tasks[row])
    disagreement = float(table.disagreement[row])
    given = GivenLabel(task, task, _ANNOTATORS[table.annotator[row]], CONTROL, None, "choices", label, f"{row}")
    proposal = None
    if table.queue[row] != NONE:
        predicted = table.labels[table.predicted[row]]
        region = {"from_name": CONTROL, "to_name": "image", "type": "choices", "value": {"choices": [predicted]}}
        proposal = Proposal("replace", region, ((predicted, disagreement), (label, 1 - disagreement)))
    fired = {name: disagreement for n, name in enumerate(_DETECTORS) if int(table.fired[row]) >> n & 1}
    reason = "9 of the 10 most similar images are labelled otherwise."
    key = table.keys[row].decode()
    return Finding(key, given, fired, disagreement, None, reason, proposal, "suspect", MODEL)
