"""Exports and their manifests as files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from errata.errors import UsageError
from errata.store.files import write_whole

Json = dict[str, Any]


def write_export(path: Path, tasks: Sequence[Json], manifest: Mapping[str, Any]) -> Json:
    """Write the tasks, and `NAME.manifest.json` beside them, each at once; return the manifest as written.

    The manifest gets the sha256 of the export's bytes, and is written last: where it is, the export is whole.

    Raises:
        UsageError: the folder is not there or cannot be written.
    """
    digest = hashlib.sha256()

    def hashed() -> Iterator[bytes]:
        for piece in _pieces(tasks):
            digest.update(piece)
            yield piece

    try:
        write_whole(path, hashed())
        complete = {"file": path.name, "sha256": digest.hexdigest(), **manifest}
        write_whole(path.with_name(f"{path.name}.manifest.json"), [json.dumps(complete, indent=2).encode() + b"\n"])
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); name a file in a folder that can.") from error
    return complete


def _pieces(tasks: Sequence[Json]) -> Iterator[bytes]:
    """Yield the JSON list, one task a line; numbers and texts keep their value whatever they are."""
    yield b"["
    for i, task in enumerate(tasks):
        yield (",\n" if i else "\n").encode() + json.dumps(task).encode()
    yield b"\n]\n"
