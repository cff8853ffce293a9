"""Take a belief from a file: probabilities, and other numbers that speak against a label."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from errata.audit.belief_names import TAKEN
from errata.audit.believe import Belief
from errata.audit.believe_elsewhere import StoredBeliever
from errata.audit.detectors.metric import Metric
from errata.audit.ports import Progress
from errata.audit.snapshot import Snapshot, StoredPrediction
from errata.audit.task_table import TableRow, read_table
from errata.errors import NothingToLearn, UsageError
from errata_model.records import Control

KEYS = ("task", "control")
NEAR_ONE = 0.02  # by so much a row may miss 1: probabilities are often written with two digits
N_NAMED = 5


@dataclass
class _Read:
    """What a file says, and where something was wrong with it."""

    predictions: dict[int, list[StoredPrediction]] = field(default_factory=lambda: defaultdict(list))
    metrics: dict[tuple[str, str], dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    unusable: list[int] = field(default_factory=list)  # line numbers
    rescaled: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    without_column: dict[str, None] = field(default_factory=dict)  # labels, in their order


class FileBeliever:
    """Probabilities from a CSV or parquet file: a column `task`, and one column a label; `control` where several are.

    Every other column that holds numbers is a detector; see `Metric`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`. What is wrong with single rows is said with their lines, and the rest is believed.

        Raises:
            UsageError: the file cannot be used; names the line.
        """
        if not self._path.is_file():
            raise UsageError(f"There is no file {self._path}. --belief takes {TAKEN}.")
        read = _Read()
        whole = [control for control in snapshot.controls if not (control.has_regions or control.has_values)]
        for row in read_table(self._path):
            self._take(row, whole, read)
        if read.predictions.keys().isdisjoint(task.id for task in snapshot.tasks):
            wrong = f" Its probabilities are no numbers in [0, 1] ({_lines(read.unusable)})." if read.unusable else ""
            raise NothingToLearn(
                f'{self._path} says nothing about the {len(snapshot.tasks)} tasks of "{snapshot.title}"; '
                f"its column `task` must hold Label Studio's task ids.{wrong}"
            )
        said = read.predictions
        tasks = tuple(replace(task, predictions=tuple(said.get(task.id, ()))) for task in snapshot.tasks)
        belief = StoredBeliever(self._path.name).believe(replace(snapshot, tasks=tasks), progress)
        detectors = tuple(
            Metric(f"metric:{column}", control, values) for (column, control), values in read.metrics.items() if values
        )
        return replace(belief, remarks=(*belief.remarks, *self._remarks(read)), detectors=detectors)

    def _remarks(self, read: _Read) -> list[str]:
        remarks = []
        if read.unusable:
            n, where = len(read.unusable), _lines(read.unusable)
            remarks.append(f"{self._path.name}: {n} rows left out that hold no numbers in [0, 1] ({where}).")
        if read.repeated:
            n, where = len(read.repeated), _lines(read.repeated)
            remarks.append(
                f"{self._path.name}: {n} rows are about a task that an earlier row is about, and count ({where})."
            )
        if read.without_column:
            named = ", ".join(f'"{label}"' for label in read.without_column)
            remarks.append(f"{self._path.name} has no column for {named}, and so believes that it is never right.")
        if read.rescaled:
            n, where = len(read.rescaled), _lines(read.rescaled)
            remarks.append(f"{self._path.name}: {n} rows divided by their sum, which is not 1 ({where}).")
        if columns := dict.fromkeys(column for column, _ in read.metrics):
            named = ", ".join(columns)
            remarks.append(f"{self._path.name}: columns without a label's name speak against a task's labels: {named}.")
        return remarks

    def _take(self, row: TableRow, controls: Sequence[Control], read: _Read) -> None:
        control = _control(row, controls)
        task_id = _task(row)
        columns = [label for label in control.labels if label in row.cells]
        if not columns:
            raise UsageError(
                f"{row.place}: no column is called after a label of the config ({', '.join(control.labels)})."
            )
        labels = [label for label in columns if row.cells[label] not in (None, "")]
        read.without_column |= dict.fromkeys(label for label in control.labels if label not in row.cells)
        try:
            probabilities = {label: float(row.cells[label]) for label in labels}
        except (TypeError, ValueError) as error:
            raise _not_numbers(row) from error
        every_label = {label for each in controls for label in each.labels}
        for column, cell in row.cells.items():
            if column not in KEYS and column not in every_label and (value := _number(cell)) is not None:
                read.metrics[column, control.name][task_id] = value
        is_enough = labels == columns if control.kind == "tags" else bool(labels)  # an empty cell is no 0 of a tag
        if not is_enough or not all(math.isfinite(p) and 0 <= p <= 1 for p in probabilities.values()):
            read.unusable.append(row.number)
            return
        if any(said.control == control.name for said in read.predictions.get(task_id, ())):
            read.repeated.append(row.number)
        if control.kind != "tags" and abs(sum(probabilities.values()) - 1) > NEAR_ONE:
            read.rescaled.append(row.number)
        read.predictions[task_id].append(StoredPrediction(self._path.name, control.name, probabilities))


def _control(row: TableRow, controls: Sequence[Control]) -> Control:
    named = [each for each in controls if each.name == row.cells.get("control", controls[0].name)]
    if not named or ("control" not in row.cells and len(controls) > 1):
        names = ", ".join(control.name for control in controls)
        raise UsageError(f"{row.place}: the column `control` must name one of: {names}.")
    return named[0]


def _task(row: TableRow) -> int:
    if "task" not in row.cells:
        raise UsageError(f"{row.place}: there is no column `task`; it must hold Label Studio's task ids.")
    try:
        task_id = int(row.cells["task"])
    except (TypeError, ValueError, OverflowError) as error:  # a row that is cut short has None there
        raise _not_numbers(row) from error
    if isinstance(row.cells["task"], float) and task_id != row.cells["task"]:
        raise _not_numbers(row)
    return task_id


def _not_numbers(row: TableRow) -> UsageError:
    return UsageError(f"{row.place}: needs a whole number in `task` and numbers in the labels' columns.")


def _number(cell: Any) -> float | None:
    """Return a cell's number; None where it is none, or not finite."""
    try:
        value = float(cell)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _lines(numbers: Sequence[int]) -> str:
    named = ", ".join(map(str, numbers[:N_NAMED]))
    more = f" and {len(numbers) - N_NAMED} more" if len(numbers) > N_NAMED else ""
    return f"line {named}" if len(numbers) == 1 else f"lines {named}{more}"
