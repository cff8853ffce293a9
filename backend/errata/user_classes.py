"""Classes of the user's own, named `package.module:Class`: imported, and blamed where they fail."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType

from errata.errors import UsageError

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def is_class_name(name: str) -> bool:
    """Say whether this is "package.module:Class"."""
    return _NAME.fullmatch(name) is not None


def load_class(name: str) -> type:
    """Import a class from the environment or from the working directory.

    Args:
        name: "package.module:Class".

    Raises:
        UsageError: there is no such module or class, or importing it fails; a `ModuleNotFoundError` is the cause
            where a module is missing.
    """
    module_name, _, class_name = name.partition(":")
    module = _import(name, module_name)
    found = getattr(module, class_name, None)
    if not inspect.isclass(found):
        raise UsageError(f"{name}: there is no class {class_name} in {module.__file__}; name one that is.")
    return found


def _import(name: str, module_name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # and left there: the class may import its neighbours later
    with blamed(f"{name} cannot be imported"):
        try:
            return importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if module_name == missing or module_name.startswith(f"{missing}."):
                raise UsageError(
                    f"{name}: there is no module {missing} in {here} or in the environment; run errata in the "
                    "folder that holds it, or install it."
                ) from error
            raise UsageError(f"{name} needs the module {missing}, which is not installed; install it.") from error


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Run somebody else's code: what it prints goes to stderr, what it raises is told by kind and place.

    Not by its text, which may hold anything, such as the address of a file with its token. To be used by one thread
    at a time.

    Raises:
        UsageError: begins with `what`.
    """
    with redirect_stdout(sys.stderr):
        try:
            yield
        except UsageError:
            raise
        except (Exception, SystemExit) as error:
            raise blame(what, error) from error


def blame(what: str, error: BaseException) -> UsageError:
    """Return the error that tells of one in somebody else's code by its kind and place."""
    return UsageError(f"{what}: {type(error).__name__} at {_place(error)}; mend it.")


def _place(error: BaseException) -> str:
    """Return the innermost line of somebody's own code, rather than of a library that it called."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    libraries = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
    others = ("<", str(Path(__file__).parent), *libraries)
    innermost = ([frame for frame in frames if not frame.filename.startswith(others)] or frames)[-1]
    return f"{innermost.filename}, line {innermost.lineno}"
