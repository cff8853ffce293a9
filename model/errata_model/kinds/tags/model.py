"""What the learner of tags keeps to predict new rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.features import Features
from errata_model.kinds.choices.kernel_model import KernelModel
from errata_model.kinds.choices.linear_model import LinearModel
from errata_model.kinds.choices.model import Predictor
from errata_model.kinds.choices.rows import Block, block_arrays, blocks_from_arrays, check_features
from errata_model.kinds.tags.calibration import Floats, bounded, sigmoid

_BLOCK_ROWS = 1024
_PREDICTORS: tuple[type[KernelModel] | type[LinearModel], ...] = (KernelModel, LinearModel)


@dataclass(frozen=True, slots=True)
class TagsMember:
    """One learner's share in the average.

    Attributes:
        block: which of the model's blocks it looks at.
        weight: its share, in [0, 1]; those of a model sum to 1.
        slopes: (K,) what its scores are multiplied by to be log-odds, but for `offsets`.
        offsets: (K,) log-odds where it knows nothing.
        predictor: what it learned.
    """

    block: int
    weight: float
    slopes: Floats
    offsets: Floats
    predictor: Predictor


@dataclass(frozen=True, slots=True)
class TagsModel:
    """A fitted average of learners of tags. Immutable: safe to use from several threads.

    Attributes:
        blocks: the parts of every row.
        members: at least one.
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
        prepared = [block.prepare(features) for block in self.blocks]
        average = np.zeros((features.shape[0], len(self.members[0].offsets)))
        for member in self.members:
            scores = member.predictor.scores(prepared[member.block])
            average += member.weight * bounded(member.slopes * scores + member.offsets)
        return sigmoid(average).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `from_arrays` needs, fit for `np.savez`."""
        kept: dict[str, NDArray[Any]] = {
            "tag_members": np.array([member.predictor.kind for member in self.members]),
            "tag_blocks": np.array([member.block for member in self.members]),
            "tag_weights": np.array([member.weight for member in self.members]),
            **block_arrays(self.blocks),
        }
        for n, member in enumerate(self.members):
            kept |= {f"tag_slopes{n}": member.slopes, f"tag_offsets{n}": member.offsets}
            kept |= {f"member{n}.{name}": array for name, array in member.predictor.arrays().items()}
        return kept

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> TagsModel:
        """Return the model whose `arrays` these are.

        Raises:
            ValueError: an array is missing; names it.
        """
        try:
            kinds = arrays["tag_members"].tolist()
            return cls(blocks_from_arrays(arrays), tuple(_member(arrays, n, kind) for n, kind in enumerate(kinds)))
        except KeyError as error:
            raise ValueError(f"`arrays` must hold {error.args[0]}, got {', '.join(sorted(arrays))}") from error


def _member(arrays: Mapping[str, NDArray[Any]], number: int, kind: str) -> TagsMember:
    prefix = f"member{number}."
    own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    restored = {each.kind: each for each in _PREDICTORS}[kind].from_arrays(own)
    block, weight = int(arrays["tag_blocks"][number]), float(arrays["tag_weights"][number])
    return TagsMember(block, weight, arrays[f"tag_slopes{number}"], arrays[f"tag_offsets{number}"], restored)
