"""Restores what a learner kept, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from errata_model.kinds.choices import model as choices
from errata_model.kinds.tags.model import TagsModel

Model: TypeAlias = "choices.ChoicesModel | TagsModel"


def load_model(arrays: Mapping[str, NDArray[Any]]) -> Model:
    """Return the model whose `arrays` these are, earlier versions' included.

    Raises:
        ValueError: an array is missing; names it.
    """
    return TagsModel.from_arrays(arrays) if "tag_weights" in arrays else choices.load_model(arrays)
