"""The tables of audits that the pages show.

`boards/PROJECT/v-VERSION/` holds `about.json` (names and labels), `columns.npz` (no pickle), `vectors.npy` (read where
it is needed) and `rows.sqlite`: for each row its detail as compressed JSON, and the pixels of its masks.
"""

from __future__ import annotations

import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from errata.boards.ports import Glance
from errata.boards.table import NONE, BoardTable, Field, RowDetail
from errata.errors import TableGone
from errata.store.files import write_whole
from errata.store.packed_shapes import Bits, is_mask, pack_shape, unpack_shape
from errata.store.rows import control_from_json, finding_from_json
from errata.store.version_folders import VersionFolders
from errata_model.regions.shapes import Shape

_SAID = ("version", "model_version", "project_id", "title", "url", "labels", "annotators", "detectors")
_COLUMNS = (
    "keys", "tasks", "annotations", "control", "given", "predicted", "disagreement", "queue", "fired", "annotator",
    "place", "leaf", "xy", "apart",
)  # fmt: skip
_LEVEL = 1  # of compression: little text a row, and many rows
_AT_ONCE = 900  # rows a statement: SQLite before 3.32 takes 999 parameters
_DAMAGED = (OSError, ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile, zlib.error, sqlite3.Error)


class BoardFolder:
    """Keeps tables: `boards.ports.Boards`."""

    def __init__(self, data_dir: Path) -> None:
        self._folders = VersionFolders(data_dir, "boards", "boards")

    def save(self, table: BoardTable, details: Iterable[RowDetail]) -> None:
        """Keep a table under its version and make it the project's active one. Atomic; saving it twice is once.

        One that is kept and damaged is written again.

        Args:
            table: N rows.
            details: of each row, in this order; read one after another.

        Raises:
            ValueError: a column, or the details, have not N rows.
        """
        self._folders.save(table.project_id, table.version, lambda folder: _write(table, details, folder), _is_whole)

    def active(self, project_id: int) -> str | None:
        """Return the version of the project's latest table, None before the first. Cheap: reads one small file."""
        return self._folders.active(project_id)

    def load(self, project_id: int, version: str) -> BoardTable:
        """Read a table. Its vectors stay on disk and are read where they are needed.

        Raises:
            TableGone: it is not kept (any more), or its files are damaged.
        """
        try:
            return _read(self._folders.folder(project_id, version))
        except _DAMAGED as error:
            raise _gone(project_id, version) from error

    def projects(self) -> list[int]:
        """Return the projects that have a table, ascending."""
        return self._folders.projects()

    def glance(self, project_id: int) -> Glance | None:
        """Return what a list of projects says of the latest table; None where there is none, or it is damaged."""
        version = self.active(project_id)
        if version is None:
            return None
        try:
            about = json.loads((self._folders.folder(project_id, version) / "about.json").read_bytes())
            return Glance(version, about["title"], about["rows"], about["suspects"])
        except _DAMAGED:
            return None

    def details(self, project_id: int, version: str, rows: Sequence[int], *, has_masks: bool = True) -> list[RowDetail]:
        """Return what is shown of rows of a table, in this order.

        Args:
            project_id: the source project.
            version: of the table.
            rows: numbers from 0.
            has_masks: False leaves masks out, whose pixels take long to unpack.

        Raises:
            TableGone: the table is not kept (any more), has no such row, or its files are damaged.
        """
        file = self._folders.folder(project_id, version) / "rows.sqlite"
        try:
            found = _fetch(file, [int(row) for row in rows], has_masks)
            read = {row: _detail(packed, bits, has_masks) for row, (packed, bits) in found.items()}
            return [read[int(row)] for row in rows]
        except _DAMAGED as error:
            raise _gone(project_id, version) from error


def _gone(project_id: int, version: str) -> TableGone:
    return TableGone(
        f"The table {version} of project {project_id} is not kept (any more) or its files are damaged; reload the "
        f"page, or run `errata audit {project_id}` to make a new one."
    )


def _is_whole(folder: Path) -> bool:
    try:
        n_rows = len(_read(folder))
        return n_rows == 0 or bool(_fetch(folder / "rows.sqlite", [n_rows - 1], has_masks=False))
    except _DAMAGED:
        return False


def _write(table: BoardTable, details: Iterable[RowDetail], folder: Path) -> None:
    columns: dict[str, NDArray[Any]] = {name: getattr(table, name) for name in _COLUMNS}
    columns |= {f"fields/{i}": each.codes for i, each in enumerate(table.fields)}
    for name, column in (*columns.items(), ("vectors", table.vectors)):
        if len(column) != len(table):
            raise ValueError(f"`{name}` must have {len(table)} rows, got {len(column)}")
    np.savez(folder / "columns.npz", **columns)  # type: ignore[arg-type]  # names are ours
    np.save(folder / "vectors.npy", table.vectors, allow_pickle=False)
    _write_details(details, folder / "rows.sqlite", len(table))
    about = {
        **{name: getattr(table, name) for name in _SAID},
        "controls": [asdict(control) for control in table.controls],
        "fields": [[each.name, each.values] for each in table.fields],
        "rows": len(table),
        "suspects": int((table.queue != NONE).sum()),
        "width": table.vectors.shape[1],
        "trustworthiness": dict(table.trustworthiness),
    }
    write_whole(folder / "about.json", [json.dumps(about, ensure_ascii=False).encode(errors="replace")])


def _read(folder: Path) -> BoardTable:
    about = json.loads((folder / "about.json").read_bytes())
    with (folder / "columns.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        columns: dict[str, Any] = {name: arrays[name] for name in _COLUMNS}
        fields = tuple(
            Field(name, tuple(values), arrays[f"fields/{i}"]) for i, (name, values) in enumerate(about["fields"])
        )
    said: dict[str, Any] = {
        name: tuple(about[name]) if isinstance(about[name], list) else about[name] for name in _SAID
    }
    return BoardTable(
        **said,
        **columns,
        controls=tuple(map(control_from_json, about["controls"])),
        vectors=_vectors(folder / "vectors.npy", len(columns["keys"]), about["width"]),
        fields=fields,
        trustworthiness=about["trustworthiness"],
    )


def _vectors(file: Path, n_rows: int, width: int) -> NDArray[np.float16]:
    """Map the vectors into memory: hundreds of megabytes of which a page needs few."""
    if n_rows * width == 0:  # which cannot be mapped
        return np.zeros((n_rows, width), np.float16)
    vectors: NDArray[np.float16] = np.load(file, mmap_mode="r", allow_pickle=False)
    return vectors


def _write_details(details: Iterable[RowDetail], file: Path, n_rows: int) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE details (row INTEGER PRIMARY KEY, detail BLOB NOT NULL, bits BLOB)")
        packed = ((row, *_packed(detail)) for row, detail in enumerate(details))
        connection.executemany("INSERT INTO details VALUES (?, ?, ?)", packed)
        (written,) = connection.execute("SELECT count(*) FROM details").fetchone()
    if written != n_rows:
        raise ValueError(f"`details` must have {n_rows} rows, got {written}")


def _packed(detail: RowDetail) -> tuple[bytes, bytes | None]:
    bits: list[NDArray[np.uint8]] = []
    plain = {
        "finding": detail.finding,
        "shown": detail.shown,
        "starts_at": detail.starts_at,
        "data": detail.data,
        "given": None if detail.given is None else pack_shape(detail.given, bits),
        "proposed": None if detail.proposed is None else pack_shape(detail.proposed, bits),
        "size": detail.size,
        "answer": detail.answer,
    }
    pixels = zlib.compress(np.concatenate(bits).tobytes(), _LEVEL) if bits else None
    return zlib.compress(_json(plain), _LEVEL), pixels


def _json(plain: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(plain, default=_of_mapping, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError:  # halves of surrogate pairs, which JSON may hold and UTF-8 may not; or huge numbers
        plain = {**plain, "finding": asdict(plain["finding"])}
        return json.dumps(plain, default=_of_mapping, ensure_ascii=False).encode(errors="replace")


def _of_mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _fetch(file: Path, rows: Sequence[int], has_masks: bool) -> dict[int, tuple[bytes, bytes | None]]:
    columns = "row, detail, bits" if has_masks else "row, detail, NULL"
    found: dict[int, tuple[bytes, bytes | None]] = {}
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        for start in range(0, len(rows), _AT_ONCE):
            chunk = rows[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(chunk))
            chosen = connection.execute(f"SELECT {columns} FROM details WHERE row IN ({marks})", chunk)
            found |= {row: (detail, bits) for row, detail, bits in chosen}
    return found


def _detail(packed: bytes, bits: bytes | None, has_masks: bool) -> RowDetail:
    plain = json.loads(zlib.decompress(packed))
    pixels = Bits(np.frombuffer(zlib.decompress(bits) if bits else b"", np.uint8))
    shapes: Iterator[Shape | None] = (
        None if said is None or (is_mask(said) and not has_masks) else unpack_shape(said, pixels)
        for said in (plain["given"], plain["proposed"])
    )
    return RowDetail(
        **{
            **plain,
            "finding": finding_from_json(plain["finding"]),
            "given": next(shapes),
            "proposed": next(shapes),
            "size": None if plain["size"] is None else tuple(plain["size"]),
        }
    )
