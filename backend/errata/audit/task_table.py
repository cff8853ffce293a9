"""A file with a row a task: CSV, or parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from errata.errors import UsageError


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row.

    Attributes:
        place: which file and row, for people.
        number: of the line, or of the row of a parquet file, counted from 1.
        cells: column -> text (CSV) or value (parquet); None where a row of a CSV file is cut short, or empty.
    """

    place: str
    number: int
    cells: Mapping[str, Any]


def read_table(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a file, parquet where its name ends so.

    Raises:
        UsageError: it cannot be read, or is parquet and pyarrow is not installed.
    """
    return _read_parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _read_csv(path)


def _read_csv(path: Path) -> Iterator[TableRow]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for row in (reader := csv.DictReader(file)):
                yield TableRow(f"{path}, line {reader.line_num}", reader.line_num, row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as CSV: {error}. Give a file with a column `task`.") from error


def _read_parquet(path: Path) -> Iterator[TableRow]:
    try:
        from pyarrow import ArrowException  # noqa: PLC0415  an extra, and slow to import
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(f"{path} needs pyarrow: pip install 'errata[parquet]', or give the same as CSV.") from error
    number = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches():
                for cells in batch.to_pylist():
                    number += 1
                    yield TableRow(f"{path}, row {number}", number, cells)
    except (OSError, ArrowException) as error:
        raise UsageError(f"{path} cannot be read as parquet. Give a file with a column `task`.") from error
