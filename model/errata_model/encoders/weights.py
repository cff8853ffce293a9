"""Where a backbone's weights come from: a file, a folder, or torchvision's download."""

from __future__ import annotations

import hashlib
import http.client
import os
import queue
import shutil
import ssl
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_REACH_S = 4.0  # an unreachable host is to fail within 5 seconds in all
_STALL_S = 30.0
_REMEDY = (
    "download it on a machine that can, call it NAME.pth, and name the file or its folder by ERRATA_WEIGHTS, "
    "or use the encoder `pixels`, which needs no weights"
)


class WeightsUnavailable(Exception):
    """Weights cannot be had or do not fit; the text says what was tried and the remedy."""


def find_weights(name: str, weights: Path) -> Path:
    """Return the file that holds the weights of backbone `name`.

    Args:
        name: of the backbone.
        weights: the file itself, or a folder that holds NAME.pth.

    Raises:
        WeightsUnavailable: there is no such file.
    """
    if weights.is_file():
        return weights
    if not weights.is_dir():
        raise WeightsUnavailable(f"There is no file or folder {weights}; let ERRATA_WEIGHTS name one.")
    file = weights / f"{name}.pth"
    if file.is_file():
        return file
    there = ", ".join(sorted(path.stem for path in weights.glob("*.pth"))[:10]) or "no .pth file at all"
    raise WeightsUnavailable(f"{weights} has no {name}.pth; put it there or use another encoder. It has: {there}.")


def hash_file(file: Path) -> str:
    """Return the first 16 hex digits of the file's sha256.

    Raises:
        WeightsUnavailable: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with file.open("rb") as content:
            for block in iter(lambda: content.read(2**20), b""):
                digest.update(block)
    except OSError as error:
        raise WeightsUnavailable(f"{file} cannot be read ({error.strerror}); check its rights.") from error
    return digest.hexdigest()[:16]


def download(url: str, target: Path, reach_s: float = _REACH_S, trust: ssl.SSLContext | None = None) -> None:
    """Download `url` to `target`, all or nothing.

    Args:
        url: torchvision's: its file name ends in the first hex digits of its sha256.
        target: nothing is done where it is there already.
        reach_s: seconds in which the host must answer, slow name servers and silent firewalls included.
        trust: whose certificates count; Python's own by default. Proxies are the environment's.

    Raises:
        WeightsUnavailable: the host does not answer in time or refuses, the transfer stalls, or the content differs.
    """
    if target.is_file():
        return
    with _as_unavailable(target.name, url):
        _within(reach_s, lambda: _answer(url, reach_s, trust))
        _transfer(url, target, trust)


def check_host(url: str, reach_s: float = _REACH_S, trust: ssl.SSLContext | None = None) -> None:
    """Ask whether weights can be downloaded, without doing so.

    Args:
        url: as for `download`.
        reach_s: seconds in which the host must answer.
        trust: as for `download`.

    Raises:
        WeightsUnavailable: the host does not answer in time or refuses.
    """
    with _as_unavailable(url.rpartition("/")[2], url):
        _within(reach_s, lambda: _answer(url, reach_s, trust))


@contextmanager
def _as_unavailable(name: str, url: str) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = str(error) or "stalled"
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        raise WeightsUnavailable(
            f"{name} could not be downloaded from {url} ({why}); check the network, {_REMEDY}."
        ) from error


def _answer(url: str, timeout_s: float, trust: ssl.SSLContext | None) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=timeout_s, context=trust):
        pass


def _within(seconds: float, attempt: Callable[[], None]) -> None:
    """Run `attempt` in a thread that is left behind when time is up: a name look-up cannot be interrupted.

    Raises:
        TimeoutError: it took longer.
        OSError: as `attempt`.
    """
    outcome: queue.SimpleQueue[OSError | http.client.HTTPException | ValueError | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            attempt()
        except (OSError, http.client.HTTPException, ValueError) as error:
            outcome.put(error)
        else:
            outcome.put(None)

    threading.Thread(target=run, name="errata-reach-weights", daemon=True).start()
    try:
        error = outcome.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} seconds") from None
    if error is not None:
        raise error


def _transfer(url: str, target: Path, trust: ssl.SSLContext | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=target.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(url, timeout=_STALL_S, context=trust) as response:
            shutil.copyfileobj(response, file, 2**20)
        wanted = target.stem.rpartition("-")[2]
        found = hash_file(Path(partial))
        if not found.startswith(wanted):
            raise ValueError(f"its sha256 begins with {found[:8]}, not {wanted}")
        os.replace(partial, target)
    finally:
        Path(partial).unlink(missing_ok=True)
