"""A `LabelStudioMLBase` class of label-studio-ml 1.0.9 as a source of belief, asked in this process."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import orjson

from errata.audit.believe import Belief
from errata.audit.ports import Progress
from errata.audit.snapshot import Snapshot
from errata.errors import UsageError
from errata.labelstudio.ml_backend import believe_answers
from errata.user_classes import blamed, load_class

EXTRA = "pip install 'errata[label-studio-ml]'"
HOST_IT = "host it as its package does and give its URL: --belief http://HOST:PORT"
_OF_2 = ("label_studio_ml.response", "label_studio_ml.cache", "label_studio_ml.ls_io")  # modules that came with 2.x


class ClassBeliever:
    """Asks a class as `label-studio-ml` would host it, in batches; labels are withheld from it.

    Args:
        name: "package.module:Class", found in the environment or in the working directory.
        access_token: what the class may fetch media from Label Studio with; 1.0.9 sends legacy tokens only.

    Raises:
        UsageError: there is no such class that 1.0.9 could host; says which part is missing.
    """

    def __init__(self, name: str, access_token: str = "") -> None:
        self._name = name
        self._access_token = access_token
        self._class = _load(name)

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`.

        Raises:
            UsageError: the class fails, or its answers are not what Label Studio wants.
        """
        with blamed(f"{self._name} cannot be made for this project"):
            model = self._class(
                label_config=snapshot.label_config,
                hostname=snapshot.url.rstrip("/"),
                access_token=self._access_token,
                model_version=None,
            )
        return believe_answers(snapshot, self._name, self._name, lambda tasks: self._predict(model, tasks), progress)

    def _predict(self, model: Any, tasks: list[dict[str, Any]]) -> object:
        with blamed(f"{self._name} failed to predict"):
            results = model.predict(tasks, login=None, password=None, context=None)
            return orjson.loads(orjson.dumps(results, option=orjson.OPT_SERIALIZE_NUMPY))


def _load(name: str) -> Callable[..., Any]:
    parent = _parent_class(name)
    try:
        found = load_class(name)
    except UsageError as error:
        if isinstance(error.__cause__, ModuleNotFoundError) and error.__cause__.name in _OF_2:
            raise _of_2(name) from error
        raise
    if not issubclass(found, parent):
        raise UsageError(
            f"{name} is not a LabelStudioMLBase, as label-studio-ml hosts it; derive it from "
            f"label_studio_ml.model.LabelStudioMLBase, or {HOST_IT}"
        )
    if "project_id" in inspect.signature(found).parameters or _is_made_by_setup(found, parent):
        raise _of_2(name)
    if inspect.isabstract(found):
        raise UsageError(f"{name} has no method `predict`; write it, as label-studio-ml asks for.")
    made: Callable[..., Any] = found
    return made


def _parent_class(name: str) -> type:
    try:
        installed = version("label-studio-ml")
    except PackageNotFoundError as error:
        raise UsageError(f"{name} needs label-studio-ml, which is not installed: {EXTRA}") from error
    if not installed.startswith("1."):
        raise UsageError(f"{name} cannot be asked by errata with label-studio-ml {installed}: {EXTRA}, or {HOST_IT}")
    parent: type = importlib.import_module("label_studio_ml.model").LabelStudioMLBase
    return parent


def _is_made_by_setup(found: type, parent: type) -> bool:
    """Say whether a class leaves its making to `setup`, which 2.x calls and 1.0.9 does not know."""
    maker = next(kind for kind in found.__mro__ if "__init__" in vars(kind))
    return maker is parent and hasattr(found, "setup")


def _of_2(name: str) -> UsageError:
    return UsageError(f"{name} is written for label-studio-ml 2.x, which is on no package index; {HOST_IT}")
