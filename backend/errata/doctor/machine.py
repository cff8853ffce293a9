"""Checks of this machine: settings, data folder, database, libraries."""

from __future__ import annotations

import difflib
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from errata.doctor.checks import Check, failed, look, ok, told, wrong
from errata.errors import ErrataError
from errata.settings import Settings

IMAGE_BYTES = 8 * 1024  # an embedding of 2,048 numbers, ResNet-50's
LITTLE_BYTES, TOO_LITTLE_BYTES = 2**30, 100 * 2**20
LIBRARIES = ("label-studio-sdk", "torch", "torchvision", "rq")


def check_settings(variables: Mapping[str, Path | None], problems: list[str]) -> Iterator[Check]:
    """Say where the settings come from, and what is wrong with them.

    Args:
        variables: see `settings.named_variables`.
        problems: see `settings.wrong_settings`.
    """
    for problem in problems:
        yield told("settings", problem)
    known = {f"ERRATA_{name.upper()}" for name in Settings.model_fields}
    for name in sorted(set(variables) - known):
        near = difflib.get_close_matches(name, known, n=1)
        instead = f"Did you mean {near[0]}?" if near else "docs/reference.md lists those that there are."
        yield look("settings", f"{name} is no setting of errata", f"Unset it. {instead}")
    files = sorted({path for path in variables.values() if path is not None})
    n_in_file = sum(path is not None for path in variables.values())
    for file in files:
        if file.stat().st_mode & 0o077:
            yield look("settings", f"{file} can be read by others on this machine", f"chmod 600 {file}")
    if not problems:
        source = f"{n_in_file} in {files[0]}" if files else f"no {Path('.env').absolute()}"
        yield ok("settings", f"{len(variables) - n_in_file} in the environment, {source}")


def check_data_folder(folder: Path) -> Iterator[Check]:
    """Say whether the data folder can be written, is private and has room."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        yield wrong(
            "data folder",
            f"{folder} cannot be written ({error.strerror})",
            "Give this user the right to write there, or set ERRATA_DATA_DIR to another folder.",
        )
        return
    if there != folder:
        yield ok("data folder", f"{folder} will be made when it is needed")
    elif folder.stat().st_mode & 0o007:
        yield look("data folder", f"{folder} can be entered by everybody on this machine", f"chmod o-rwx {folder}")
    else:
        yield ok("data folder", f"{folder} is there and private")
    yield check_room(folder, shutil.disk_usage(there).free)


def check_room(folder: Path, free_bytes: int) -> Check:
    """Say how many more images the embeddings' cache has room for."""
    n_images = free_bytes // IMAGE_BYTES
    seen = f"{_size(free_bytes)} free: room for embeddings of {_roughly(n_images)} images"
    if free_bytes >= LITTLE_BYTES:
        return ok("disk", seen)
    remedy = f"Make room where {folder} is, or set ERRATA_DATA_DIR to a folder on a larger disk."
    return (look if free_bytes >= TOO_LITTLE_BYTES else wrong)("disk", seen, remedy)


def check_database(settings: Settings, n_projects: Callable[[], int]) -> Check:
    """Say whether the database opens and is about this Label Studio.

    Args:
        settings: name it.
        n_projects: opens the database and counts the connected projects.
    """
    if settings.database_url is None and not (settings.data_dir / "errata.db").exists():
        return ok("database", "none yet; the first `errata connect` or `errata audit` makes it")
    try:
        return ok("database", f"opens; connected projects: {n_projects()}")
    except ErrataError as error:
        return failed("database", error)


def check_libraries() -> Check:
    """Say which libraries are there."""
    return ok("libraries", ", ".join(f"{name} {_version(name)}" for name in LIBRARIES))


def check_device(encoders: Collection[str]) -> Check:
    """Say what the encoders run on. Imports torch, which takes seconds, where one of them needs it."""
    if set(encoders) <= {"pixels"}:
        return ok("device", "CPU: pixels need no torch")
    import torch  # noqa: PLC0415  takes seconds

    if torch.cuda.is_available():
        return ok("device", f"CUDA {torch.version.cuda}, {torch.cuda.get_device_name(0)}")
    if torch.version.cuda and shutil.which("nvidia-smi"):
        return look(
            "device",
            f"torch is built for CUDA {torch.version.cuda} but cannot use the GPU that seems to be here: CPU only",
            "See what `nvidia-smi` says, and whether its CUDA version is at least torch's.",
        )
    return ok("device", f"CPU only, {torch.get_num_threads()} threads")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:,.1f} GB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:,.0f} MB"


def _roughly(number: int) -> str:
    return f"{number / 1e6:,.1f} million" if number >= 1_000_000 else f"{number // 1000:,} thousand"
