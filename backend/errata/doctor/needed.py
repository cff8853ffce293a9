"""Which encoders the projects need: those of images only where one shows images, those of texts only where texts."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from errata.errors import ErrataError
from errata.labelstudio.label_config import read_label_config
from errata.settings import ProjectSettings
from errata.wiring import Wiring


@dataclass(frozen=True, slots=True)
class NeededEncoder:
    """One that audits would use.

    Attributes:
        modality: "image" or "text".
        name: one or several, as it was asked for.
        weights: where they are, if anybody said so.
        project_ids: whose audits; none where it is what the environment says, and no project is connected.
    """

    modality: str
    name: str
    weights: Path | None
    project_ids: tuple[int, ...]


class Needed:
    """The encoders of some projects.

    Args:
        wiring: the adapters.
        project_ids: the projects.
        known: those of them whose settings can be read.
        is_up: Label Studio can be asked what a project shows; each may show both where it cannot.
    """

    def __init__(self, wiring: Wiring, project_ids: Sequence[int], known: Collection[int], *, is_up: bool) -> None:
        self._wiring = wiring
        self._known = known
        self._is_up = is_up
        self._shown: dict[int, frozenset[str]] = {}
        self._lock = threading.Lock()
        self.image_encoders = self._gather("image", project_ids)
        self.text_encoders = self._gather("text", project_ids)

    def is_needed(self, encoder: NeededEncoder) -> bool:
        """Say whether any of its projects shows what it encodes. Asks Label Studio; safe in several threads."""
        return not encoder.project_ids or any(encoder.modality in self._shows(id_) for id_ in encoder.project_ids)

    def _gather(self, modality: str, project_ids: Sequence[int]) -> list[NeededEncoder]:
        settings = self._wiring.settings
        by_encoder: defaultdict[tuple[str, Path | None], list[int]] = defaultdict(list)
        for id_ in project_ids:
            said = self._wiring.project_settings.get(id_) if id_ in self._known else ProjectSettings()
            if said.embeddings is None:
                by_encoder[self._encoder(modality, said)].append(id_)
        if not project_ids:
            name = settings.encoder if modality == "image" else settings.text_encoder
            by_encoder[name, settings.weights] = []
        return [NeededEncoder(modality, *encoder, tuple(ids)) for encoder, ids in by_encoder.items()]

    def _encoder(self, modality: str, said: ProjectSettings) -> tuple[str, Path | None]:
        settings = self._wiring.settings.of_project(said)
        if modality == "text":
            return settings.text_encoder, None
        is_pixels = said.belief not in (None, "own") and not said.encoder and not settings.weights
        return ("pixels", None) if is_pixels else (settings.encoder, settings.weights)

    def _shows(self, project_id: int) -> frozenset[str]:
        with self._lock:
            if project_id not in self._shown:
                self._shown[project_id] = self._read(project_id)
            return self._shown[project_id]

    def _read(self, project_id: int) -> frozenset[str]:
        both = frozenset({"image", "text"})
        if not self._is_up:
            return both
        try:
            config = self._wiring.client.get(f"api/projects/{project_id}/")["label_config"]
            return frozenset(control.modality for control in read_label_config(config).controls)
        except ErrataError:  # said by the question about the project
            return both
