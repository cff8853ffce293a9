"""What the learner of tags keeps to predict new rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.features import Features
from errata_model.kinds.choices.kernel_model import KernelModel
from errata_model.kinds.choices.rows import Block, block_arrays, blocks_from_arrays, check_features
from errata_model.kinds.tags.calibration import sigmoid

_BLOCK_ROWS = 1024


@dataclass(frozen=True, slots=True)
class TagsMember:
    """One block's share in the average.

    Attributes:
        weight: its share, in [0, 1]; those of a model sum to 1.
        predictor: says log-odds of each tag, but for `offsets`.
        offsets: (K,) float32.
    """

    weight: float
    predictor: KernelModel
    offsets: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TagsModel:
    """A fitted learner of tags. Immutable: safe to use from several threads.

    Attributes:
        blocks: the parts of every row.
        members: one a block.
    """

    blocks: tuple[Block, ...]
    members: tuple[TagsMember, ...]

    @property
    def width(self) -> int:
        """The width of the features, D."""
        return self.blocks[-1].stop

    def predict(self, features: Features) -> NDArray[np.float32]:
        """Return (M, K) float32 probabilities, each tag on its own, for (M, D) features.

        Raises:
            ValueError: the features are not (M, D) or not finite; names the row.
        """
        rows = check_features(features)
        if rows.shape[1] != self.width:
            raise ValueError(f"`features` must have {self.width} columns, got {rows.shape[1]}")
        parts = [self._predict(rows[n : n + _BLOCK_ROWS]) for n in range(0, rows.shape[0], _BLOCK_ROWS)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.members[0].offsets)), dtype=np.float32)

    def _predict(self, features: Features) -> NDArray[np.float32]:
        average = np.zeros((features.shape[0], len(self.members[0].offsets)))
        for block, member in zip(self.blocks, self.members, strict=True):
            average += member.weight * sigmoid(member.predictor.scores(block.prepare(features)) + member.offsets)
        return average.astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `from_arrays` needs, fit for `np.savez`."""
        kept: dict[str, NDArray[Any]] = {
            "tag_weights": np.array([member.weight for member in self.members]),
            **block_arrays(self.blocks),
        }
        for n, member in enumerate(self.members):
            kept[f"member{n}.offsets"] = member.offsets
            kept |= {f"member{n}.{name}": array for name, array in member.predictor.arrays().items()}
        return kept

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> TagsModel:
        """Return the model whose `arrays` these are.

        Raises:
            ValueError: an array is missing; names it.
        """
        try:
            blocks = blocks_from_arrays(arrays)
            weights = arrays["tag_weights"].tolist()
            return cls(blocks, tuple(_member(arrays, n, weight) for n, weight in enumerate(weights)))
        except KeyError as error:
            raise ValueError(f"`arrays` must hold {error.args[0]}, got {', '.join(sorted(arrays))}") from error


def _member(arrays: Mapping[str, NDArray[Any]], number: int, weight: float) -> TagsMember:
    prefix = f"member{number}."
    own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    return TagsMember(weight, KernelModel.from_arrays(own), np.asarray(own["offsets"], dtype=np.float32))
