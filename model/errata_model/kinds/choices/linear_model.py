"""What learners keep whose scores are linear in a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.choices.rows import Rows

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A fitted linear learner. Immutable: safe to use from several threads.

    Attributes:
        columns: (d,) which columns are looked at.
        weights: (d, K) float32.
        intercepts: (K,).
    """

    kind: ClassVar[str] = "linear"

    columns: NDArray[np.int64]
    weights: NDArray[np.float32]
    intercepts: Floats

    def scores(self, rows: Rows) -> Floats:
        """Return (M, K) scores of (M, D) rows of length 1."""
        seen = rows if len(self.columns) == rows.shape[1] else rows[:, self.columns]
        return np.asarray(seen @ self.weights, dtype=np.float64) + self.intercepts

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `from_arrays` needs, fit for `np.savez`."""
        return {"columns": self.columns, "weights": self.weights, "intercepts": self.intercepts}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> LinearModel:
        """Return the model whose `arrays` these are.

        Raises:
            KeyError: an array is missing.
        """
        return cls(arrays["columns"], arrays["weights"], arrays["intercepts"])
