"""What the learner of single choice keeps to predict new rows: an average of what its members learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from errata_model.features import Features
from errata_model.kinds.choices.complement import ComplementModel
from errata_model.kinds.choices.kernel_model import KernelModel
from errata_model.kinds.choices.linear_model import LinearModel
from errata_model.kinds.choices.rows import Block, Rows, block_arrays, blocks_from_arrays, check_features
from errata_model.kinds.choices.softmax import softmax

_BLOCK_ROWS = 1024


class Predictor(Protocol):
    """What one member learned on one block."""

    @property
    def kind(self) -> str:
        """Say which learner's it is."""

    def scores(self, rows: Rows, /) -> NDArray[np.float64]:
        """Return (M, K) scores of (M, D) rows of length 1: the higher, the likelier."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what restores it."""


_PREDICTORS: tuple[type[KernelModel] | type[LinearModel] | type[ComplementModel], ...] = (
    KernelModel,
    LinearModel,
    ComplementModel,
)


@dataclass(frozen=True, slots=True)
class Member:
    """One learner's share in the average.

    Attributes:
        block: which of the model's blocks it looks at.
        weight: its share, in [0, 1]; those of a model sum to 1.
        temperature: scores are divided by it before the softmax.
        predictor: what it learned.
    """

    block: int
    weight: float
    temperature: float
    predictor: Predictor


@dataclass(frozen=True, slots=True)
class ChoicesModel:
    """A fitted average of learners. Immutable: safe to use from several threads.

    Attributes:
        width: of the features, D.
        n_classes: K.
        blocks: the parts of every row.
        members: at least one.
    """

    width: int
    n_classes: int
    blocks: tuple[Block, ...]
    members: tuple[Member, ...]

    def predict(self, features: Features) -> NDArray[np.float32]:
        """Return (M, K) float32 probabilities, rows sum to 1, for (M, D) features.

        Raises:
            ValueError: the features are not (M, D) or not finite; names the row.
        """
        rows = check_features(features)
        if rows.shape[1] != self.width:
            raise ValueError(f"`features` must have {self.width} columns, got {rows.shape[1]}")
        parts = [self._predict(rows[n : n + _BLOCK_ROWS]) for n in range(0, rows.shape[0], _BLOCK_ROWS)]
        return np.concatenate(parts) if parts else np.zeros((0, self.n_classes), dtype=np.float32)

    def _predict(self, features: Features) -> NDArray[np.float32]:
        prepared = [block.prepare(features) for block in self.blocks]
        average = np.zeros((features.shape[0], self.n_classes))
        for member in self.members:
            average += member.weight * softmax(member.predictor.scores(prepared[member.block]) / member.temperature)
        return average.astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `load_model` needs, fit for `np.savez`."""
        kept: dict[str, NDArray[Any]] = {
            "members": np.array([member.predictor.kind for member in self.members]),
            "member_blocks": np.array([member.block for member in self.members]),
            "weights": np.array([member.weight for member in self.members]),
            "temperatures": np.array([member.temperature for member in self.members]),
            "n_classes": np.array(self.n_classes),
            **block_arrays(self.blocks),
        }
        for n, member in enumerate(self.members):
            kept |= {f"member{n}.{name}": array for name, array in member.predictor.arrays().items()}
        return kept


def load_model(arrays: Mapping[str, NDArray[Any]]) -> ChoicesModel:
    """Return the model whose `arrays` these are, earlier versions' included.

    Raises:
        ValueError: an array is missing; names it.
    """
    try:
        return _load(arrays) if "members" in arrays else _load_first(arrays)
    except KeyError as error:
        raise ValueError(f"`arrays` must hold {error.args[0]}, got {', '.join(sorted(arrays))}") from error


def _load(arrays: Mapping[str, NDArray[Any]]) -> ChoicesModel:
    blocks = blocks_from_arrays(arrays)
    predictors = {predictor.kind: predictor for predictor in _PREDICTORS}
    members = []
    for n, kind in enumerate(arrays["members"].tolist()):
        own = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"member{n}.")}
        shares = (arrays[name][n] for name in ("member_blocks", "weights", "temperatures"))
        block, weight, temperature = shares
        members.append(Member(int(block), float(weight), float(temperature), predictors[kind].from_arrays(own)))
    return ChoicesModel(blocks[-1].stop, int(arrays["n_classes"]), blocks, tuple(members))


def _load_first(arrays: Mapping[str, NDArray[Any]]) -> ChoicesModel:
    """Return the lone kernel that versions before 0.2 kept."""
    predictor = KernelModel.from_arrays(arrays)
    width, n_classes = predictor.landmarks.shape[1], predictor.coefficients.shape[1]
    member = Member(0, 1.0, float(arrays["temperature"]), predictor)
    return ChoicesModel(width, n_classes, (Block(0, width, None),), (member,))
