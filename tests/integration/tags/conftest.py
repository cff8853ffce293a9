"""A project of tagged pictures with planted errors, and errata's use cases on it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from errata.audit.progress import LineProgress
from errata.settings import read_settings
from errata.wiring import BeliefOptions, Wiring

TAGS = ("sun", "sea", "road")
CONFIG = (
    '<View><Image name="image" value="$image"/><Choices name="label" toName="image" choice="multiple">'
    + "".join(f'<Choice value="{tag}"/>' for tag in TAGS)
    + '</Choices><TextArea name="note" toName="image"/></View>'
)
N_PICTURES = 48


@dataclass(frozen=True)
class Tagged:
    """A project of tagged pictures.

    Attributes:
        source: as the `project` fixture makes it.
        right: what each picture shows.
        given: what its annotation says.
    """

    source: Any
    right: list[frozenset[str]]
    given: list[frozenset[str]]

    @property
    def wrong(self) -> dict[int, tuple[str, bool]]:
        """Task id -> the planted error: the tag, and whether it is given."""
        found = {}
        for task_id, right, given in zip(self.source.task_ids, self.right, self.given, strict=True):
            for tag in right ^ given:
                found[task_id] = (tag, tag in given)
        return found


@pytest.fixture
def tagged(label_studio: Any, project: Any) -> Tagged:
    """Make a project of pictures with any of three tags; two are tagged too much, two too little, all have a note."""
    rng = np.random.default_rng(7)
    right = [frozenset(tag for k, tag in enumerate(TAGS) if n >> k & 1) for n in range(8)] * (N_PICTURES // 8)
    given = list(right)
    for n in (8, 17):  # nothing, and a sun
        given[n] |= {"sea"}
    for n in (19, 31):  # sun and sea, and everything
        given[n] -= {"sea"}
    made = project(["sun"] * len(right), label_config=CONFIG, images=[_picture(tags, rng) for tags in right])
    for annotation_id, tags in zip(made.annotation_ids, given, strict=True):
        label_studio.client.patch(f"api/annotations/{annotation_id}/", {"result": _result(tags)})
    return Tagged(made, right, given)


@pytest.fixture
def errata(label_studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    """Let errata work on the test run's Label Studio."""
    monkeypatch.setenv("ERRATA_LABEL_STUDIO_URL", label_studio.url)
    monkeypatch.setenv("ERRATA_LABEL_STUDIO_TOKEN", label_studio.token)
    monkeypatch.setenv("ERRATA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ERRATA_ENCODER", "pixels")
    monkeypatch.setenv("ERRATA_PREDICTIONS", "all")
    wiring = Wiring(read_settings())
    yield wiring
    wiring.close()


@pytest.fixture
def audit(errata: Wiring) -> Callable[[int], Any]:
    """Audit a project; return what was found, and what was published."""
    return lambda project_id: errata.audit(project_id, BeliefOptions(), LineProgress(lambda line: None))


def _result(tags: frozenset[str]) -> list[dict[str, Any]]:
    common = {"to_name": "image", "meta": {"text": ["sure"]}}
    said = {"id": "given", "from_name": "label", "type": "choices", "value": {"choices": sorted(tags)}, **common}
    note = {"id": "note", "from_name": "note", "type": "textarea", "value": {"text": ["seen"]}, **common}
    return [note, *([said] if tags else [])]


def _picture(tags: frozenset[str], rng: np.random.Generator) -> bytes:
    """Draw a sun above, a sea to the left or a road to the right, as the tags say."""
    pixels = rng.integers(0, 40, (24, 24, 3))
    for tag, where, colour in (
        ("sun", np.s_[:8, :], (200, 200, 0)),
        ("sea", np.s_[8:, :12], (0, 60, 200)),
        ("road", np.s_[8:, 12:], (160, 160, 160)),
    ):
        if tag in tags:
            pixels[where] += np.array(colour)
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
