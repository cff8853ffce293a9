"""What kernel ridge regression keeps to predict new rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from errata_model.kinds.choices.kernel import Floats, centre, kernel_values
from errata_model.kinds.choices.rows import Rows


@dataclass(frozen=True, slots=True)
class KernelModel:
    """A fitted kernel ridge regression. Immutable: safe to use from several threads.

    Attributes:
        landmarks: (m, D) rows of length 1, centred.
        coefficients: (m, K) float32.
        width: of the kernel, a distance between centred rows, or `LINEAR`.
        means: (D,) what rows are centred by; None where they are not.
    """

    kind: ClassVar[str] = "kernel"

    landmarks: Rows
    coefficients: NDArray[np.float32]
    width: float
    means: NDArray[np.float32] | None = None

    def scores(self, rows: Rows) -> Floats:
        """Return (M, K) scores of (M, D) rows of length 1."""
        return kernel_values(centre(rows, self.means), self.landmarks, self.width) @ self.coefficients.astype(
            np.float64
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `from_arrays` needs, fit for `np.savez`."""
        kept = {"coefficients": self.coefficients, "width": np.array(self.width)}
        if self.means is not None:
            kept["means"] = self.means
        if isinstance(self.landmarks, np.ndarray):
            return kept | {"landmarks": self.landmarks}
        return kept | {
            "landmarks": self.landmarks.data,
            "landmark_columns": self.landmarks.indices,
            "landmark_starts": self.landmarks.indptr,
            "n_columns": np.array(self.landmarks.shape[1]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> KernelModel:
        """Return the model whose `arrays` these are.

        Raises:
            KeyError: an array is missing.
        """
        landmarks = np.asarray(arrays["landmarks"], dtype=np.float32)
        coefficients = np.asarray(arrays["coefficients"], dtype=np.float32)
        if "landmark_starts" in arrays:
            shape = len(coefficients), int(arrays["n_columns"])
            landmarks = csr_array((landmarks, arrays["landmark_columns"], arrays["landmark_starts"]), shape=shape)
        return cls(landmarks, coefficients, float(arrays["width"]), arrays.get("means"))
