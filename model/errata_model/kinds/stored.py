"""Restores what a learner kept, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from errata_model.kinds.choices.model import ChoicesModel
    from errata_model.kinds.tags.model import TagsModel
    from errata_model.regions.records import Believed

Model: TypeAlias = "ChoicesModel | TagsModel"


def load_model(arrays: Mapping[str, NDArray[Any]]) -> Model:
    """Return the model whose `arrays` these are, earlier versions' included.

    Raises:
        ValueError: an array is missing; names it.
    """
    from errata_model.kinds.choices import model as choices  # noqa: PLC0415 - they need SciPy, slow to import
    from errata_model.kinds.tags.model import TagsModel  # noqa: PLC0415

    return TagsModel.from_arrays(arrays) if "tag_weights" in arrays else choices.load_model(arrays)


class RegionModel(Protocol):
    """Believes about new items."""

    def predict(self, item: Any, /) -> Believed:
        """Return what is believed of a picture or a text. To be called from one thread at a time."""


def load_region_model(kind: str, arrays: Mapping[str, NDArray[Any]]) -> RegionModel:
    """Return the model of a region kind whose `arrays` these are.

    Raises:
        ValueError: an array is missing; names it.
    """
    module = import_module(f"errata_model.kinds.{kind}.model")
    model: RegionModel = getattr(module, f"load_{kind}_model")(arrays)
    return model
