"""The beliefs of audits, kept for the ML backend to serve.

`models/PROJECT/VERSION/` holds `artefact.json` (names, labels, content keys) and `arrays.npz` (no pickle);
`models/PROJECT/active` names the active version and the one before, a line each.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import Artefact, ControlBelief, UsedEncoder
from errata.errors import UsageError
from errata.store.believed_regions import pack, unpack
from errata.store.believed_values import pack_values, unpack_values
from errata.store.files import write_whole
from errata.store.rows import control_from_json
from errata.store.version_folders import VersionFolders


class ArtefactFolder:
    """Keeps artefacts: `audit.ports.Artefacts`, and what serves them."""

    def __init__(self, data_dir: Path) -> None:
        self._folders = VersionFolders(data_dir, "models", "artefacts")

    def save(self, project_id: int, artefact: Artefact) -> None:
        """Keep an artefact under its version and make it the active one. Atomic; saving it twice is once."""
        folder = self._folders.folder(project_id, artefact.version)
        if folder.is_dir() and not _is_whole(folder):
            shutil.rmtree(folder)
        self._folders.save(project_id, artefact.version, lambda folder: _write(artefact, folder))

    def has(self, project_id: int, version: str) -> bool:
        """Say whether the version is kept."""
        return (self._folders.folder(project_id, version) / "artefact.json").is_file()

    def active(self, project_id: int) -> str | None:
        """Return the version to serve, None before the first audit. Cheap: reads one small file."""
        return self._folders.active(project_id)

    def find(self, project_id: int, version: str) -> Artefact | None:
        """Read an artefact; None where it is not kept, or its files are damaged."""
        try:
            return self.load(project_id, version)
        except UsageError:
            return None

    def parts(self, project_id: int, version: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return which parts an artefact has without reading its arrays; none where it cannot be read."""
        try:
            return _parts(json.loads((self._folders.folder(project_id, version) / "artefact.json").read_bytes()))
        except (OSError, ValueError):
            return ()

    def load(self, project_id: int, version: str) -> Artefact:
        """Read an artefact.

        Raises:
            UsageError: it is not kept (any more), or its files are damaged.
        """
        try:
            return _read(self._folders.folder(project_id, version))
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise UsageError(
                f"The model {version} of project {project_id} is not kept or its files are damaged; "
                f"run `errata audit {project_id}` to make it again."
            ) from error


def _write(artefact: Artefact, folder: Path) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    beliefs = []
    for i, belief in enumerate(artefact.beliefs):
        named = {f"{i}/model/{name}": array for name, array in (belief.model or {}).items()}
        arrays |= {f"{i}/task_ids": belief.task_ids, f"{i}/probabilities": belief.probabilities, **named}
        beliefs.append(
            {
                "control": asdict(belief.control),
                "content_keys": belief.content_keys,
                "model": None if belief.model is None else list(belief.model),
                "encoder": None if belief.encoder is None else asdict(belief.encoder),
            }
        )
    drawn = [pack(belief, f"regions/{i}/", arrays) for i, belief in enumerate(artefact.region_beliefs)]
    pickled = [name for name, array in arrays.items() if np.asarray(array).dtype.hasobject]
    if pickled:
        raise ValueError(f"`artefact` must hold plain arrays, got Python objects in {pickled!r}")
    answered = [pack_values(belief) for belief in artefact.value_beliefs]
    about = {
        "version": artefact.version,
        "beliefs": beliefs,
        "region_beliefs": drawn,
        "value_beliefs": answered,
        "parts": artefact.parts,
    }
    np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]  # names are ours, never `allow_pickle`
    write_whole(folder / "artefact.json", [json.dumps(about).encode()])


def _read(folder: Path) -> Artefact:
    about = json.loads((folder / "artefact.json").read_bytes())
    with (folder / "arrays.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        beliefs = tuple(
            ControlBelief(
                control=control_from_json(row["control"]),
                task_ids=arrays[f"{i}/task_ids"],
                content_keys=tuple(row["content_keys"]),
                probabilities=arrays[f"{i}/probabilities"],
                model=None if row["model"] is None else {name: arrays[f"{i}/model/{name}"] for name in row["model"]},
                encoder=_encoder(row if "encoder" in row else about),
            )
            for i, row in enumerate(about["beliefs"])
        )
        drawn = tuple(
            unpack(row, f"regions/{i}/", arrays, control_from_json(row["control"]), _encoder(row))
            for i, row in enumerate(about.get("region_beliefs", ()))  # earlier artefacts have none
        )
    answered = tuple(unpack_values(row, control_from_json(row["control"])) for row in about.get("value_beliefs", ()))
    return Artefact(about["version"], beliefs, drawn, answered, _parts(about))


def _parts(about: dict[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((version, tuple(names)) for version, names in about.get("parts", ()))


def _is_whole(folder: Path) -> bool:
    """Say whether both files end as they should, at a glance."""
    try:
        json.loads((folder / "artefact.json").read_bytes())
    except (OSError, ValueError):
        return False
    return zipfile.is_zipfile(folder / "arrays.npz")


def _encoder(about: dict[str, Any]) -> UsedEncoder | None:
    said = about["encoder"]
    if isinstance(said, str):  # an earlier artefact: one encoder for all of its beliefs
        said = {"identity": said, "name": about["encoder_name"]}
    if not said:
        return None
    parts = tuple((identity, width) for identity, width in said.get("parts", ()))  # earlier artefacts have none
    return UsedEncoder(**{**said, "parts": parts})
