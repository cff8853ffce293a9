"""A `LabelStudioMLBase` class of label-studio-ml 1.0.9 as a source of belief, asked in this process."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

from errata.audit.believe import Belief
from errata.audit.ports import Progress, Snapshot
from errata.errors import UsageError
from errata.labelstudio.ml_backend import believe_answers

EXTRA = "pip install 'errata[label-studio-ml]'"
HOST_IT = "host it as its package does and give its URL: --belief http://HOST:PORT"
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_OF_2 = ("label_studio_ml.response", "label_studio_ml.cache", "label_studio_ml.ls_io")  # modules that came with 2.x


def is_class_name(belief: str) -> bool:
    """Say whether this is "package.module:Class"."""
    return _NAME.fullmatch(belief) is not None


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
        with _blamed(f"{self._name} cannot be made for this project"):
            model = self._class(
                label_config=snapshot.label_config,
                hostname=snapshot.url.rstrip("/"),
                access_token=self._access_token,
                model_version=None,
            )
        return believe_answers(snapshot, self._name, self._name, lambda tasks: self._predict(model, tasks), progress)

    def _predict(self, model: Any, tasks: list[dict[str, Any]]) -> object:
        with _blamed(f"{self._name} failed to predict"):
            results = model.predict(tasks, login=None, password=None, context=None)
            return orjson.loads(orjson.dumps(results, option=orjson.OPT_SERIALIZE_NUMPY))


def _load(name: str) -> Callable[..., Any]:
    module_name, _, class_name = name.partition(":")
    parent = _parent_class(name)
    module = _import(name, module_name)
    found = getattr(module, class_name, None)
    if not inspect.isclass(found):
        raise UsageError(f"{name}: there is no class {class_name} in {module.__file__}; name one that is.")
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


def _import(name: str, module_name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # and left there: the class may import its neighbours later
    with _blamed(f"{name} cannot be imported"):
        try:
            return importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if missing in _OF_2:
                raise _of_2(name) from error
            if module_name == missing or module_name.startswith(f"{missing}."):
                raise UsageError(
                    f"{name}: there is no module {missing} in {here} or in the environment; run errata in the "
                    "folder that holds it, or install it."
                ) from error
            raise UsageError(f"{name} needs the module {missing}, which is not installed; install it.") from error


def _is_made_by_setup(found: type, parent: type) -> bool:
    """Say whether a class leaves its making to `setup`, which 2.x calls and 1.0.9 does not know."""
    maker = next(kind for kind in found.__mro__ if "__init__" in vars(kind))
    return maker is parent and hasattr(found, "setup")


def _of_2(name: str) -> UsageError:
    return UsageError(f"{name} is written for label-studio-ml 2.x, which is on no package index; {HOST_IT}")


@contextmanager
def _blamed(what: str) -> Iterator[None]:
    """Run somebody else's code: what it prints goes to stderr, what it raises is told by kind and place.

    Not by its text, which may hold anything, such as the address of a file with its token.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"{what}: {type(error).__name__} at {_place(error)}; mend it.") from error


def _place(error: BaseException) -> str:
    """Return the innermost line of somebody's own code, rather than of a library that it called."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    libraries = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
    others = ("<", str(Path(__file__).parents[1]), *libraries)
    innermost = ([frame for frame in frames if not frame.filename.startswith(others)] or frames)[-1]
    return f"{innermost.filename}, line {innermost.lineno}"
