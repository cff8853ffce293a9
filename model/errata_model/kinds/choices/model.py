"""What the learner of single choice keeps to predict new rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.choices.kernel import Embeddings, Floats, normalise, radial_kernel, squared_distances

_BLOCK_ROWS = 1024


@dataclass(frozen=True, slots=True)
class ChoicesModel:
    """A fitted kernel regression. Immutable: safe to use from several threads.

    Attributes:
        landmarks: (m, D) float32, normalised embeddings.
        coefficients: (m, K) float32.
        width: of the kernel, a distance between normalised embeddings.
        temperature: scores are divided by it before the softmax.
    """

    landmarks: Embeddings
    coefficients: NDArray[np.float32]
    width: float
    temperature: float

    def predict(self, embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return (M, K) float32 probabilities, rows sum to 1, for (M, D) embeddings.

        Raises:
            ValueError: the embeddings are not (M, D) or not finite; names the row.
        """
        rows = check_embeddings(embeddings)
        if rows.shape[1] != self.landmarks.shape[1]:
            raise ValueError(f"`embeddings` must have {self.landmarks.shape[1]} columns, got {rows.shape[1]}")
        blocks = [self._predict(rows[n : n + _BLOCK_ROWS]) for n in range(0, len(rows), _BLOCK_ROWS)]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.coefficients.shape[1]), dtype=np.float32)

    def _predict(self, rows: Embeddings) -> NDArray[np.float32]:
        kernel = radial_kernel(squared_distances(normalise(rows), self.landmarks), self.width)
        return softmax(kernel @ self.coefficients.astype(np.float64) / self.temperature).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `from_arrays` needs, fit for `np.savez`."""
        return {
            "landmarks": self.landmarks,
            "coefficients": self.coefficients,
            "width": np.array(self.width),
            "temperature": np.array(self.temperature),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ChoicesModel:
        """Return the model whose `arrays` these are.

        Raises:
            ValueError: an array is missing.
        """
        missing = {"landmarks", "coefficients", "width", "temperature"} - set(arrays)
        if missing:
            raise ValueError(f"`arrays` must hold {', '.join(sorted(missing))}, got {', '.join(sorted(arrays))}")
        return cls(
            np.asarray(arrays["landmarks"], dtype=np.float32),
            np.asarray(arrays["coefficients"], dtype=np.float32),
            float(arrays["width"]),
            float(arrays["temperature"]),
        )


def check_embeddings(embeddings: NDArray[np.floating]) -> Embeddings:
    """Return the embeddings as (N, D) float32.

    Raises:
        ValueError: they are not (N, D) with D >= 1, or not finite in single precision; names the row.
    """
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(embeddings, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] < 1:
        raise ValueError(f"`embeddings` must be (N, D), got {rows.shape}")
    is_finite = np.isfinite(rows).all(axis=1)
    if not is_finite.all():
        raise ValueError(f"`embeddings` must be finite, row {int(np.argmin(is_finite))} is not")
    return rows


def softmax(scores: Floats) -> Floats:
    """Return (N, K) exp(scores), each row divided by its sum."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
