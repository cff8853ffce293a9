"""Fetches what tasks' data point to: through Label Studio, or from a folder."""

from __future__ import annotations

import base64
import binascii
import re
import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, unquote_to_bytes, urlsplit

import httpx

from errata.errors import MediaError
from errata.labelstudio.client import Elsewhere, LabelStudio
from errata.labelstudio.network import Network
from errata.labelstudio.remote_files import RemoteFiles
from errata.labelstudio.wire import LabelStudioSilent

STORAGES = frozenset({"s3", "gs", "azure-blob", "azure_blob", "azure_spi"})
_LOCAL_FILES = "/data/local-files/"
_MEDIA_PATHS = re.compile(r"data/|storage-data/|(tasks|projects)/\d+/(resolve|presign)/", re.ASCII)
_MAX_REDIRECTS = 5
_MOST_SILENT = 16  # files in a row that Label Studio did not answer for: it is not the files then


class ProjectMedia:
    """Media of a Label Studio project. Never reads a local path.

    Args:
        client: where the project is; the token goes to its media's addresses alone.
        hosts: other hosts that media may come from.
        max_bytes: largest file.
        timeout_s: longest time for a file.
    """

    def __init__(
        self,
        client: LabelStudio,
        hosts: Sequence[str] = (),
        max_bytes: int = 64 * 2**20,
        timeout_s: float = 30,
    ) -> None:
        self._client = client
        self._hosts = frozenset(host.lower().strip() for host in hosts)
        self._remote = RemoteFiles(hosts, max_bytes, timeout_s, client.network)
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._n_silent = 0
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections to other hosts."""
        self._remote.close()

    def read(self, uri: str, task_id: int) -> bytes:
        """Return the file's content.

        Raises:
            MediaError: it is missing, too large, not allowed or took too long.
            ServiceError: Label Studio itself cannot be reached or refuses the token.
        """
        try:
            return self._read(uri, task_id)
        except (ValueError, httpx.InvalidURL) as error:
            raise MediaError("its address is broken") from error

    def read_as_page(self, url: str, page: str) -> bytes:
        """Return a file as a page of Label Studio's loads it: what is on another host has to allow that (CORS).

        Args:
            url: absolute, or a `data:` address.
            page: the page's address, as browsers have it.

        Raises:
            MediaError: it is missing, too large, not allowed, took too long or may not be read by the page.
            ServiceError: Label Studio itself cannot be reached or refuses the token.
        """
        parts = urlsplit(page)
        origin = f"{parts.scheme}://{parts.netloc}"
        try:
            if _scheme(url) == "data":
                return _inline(url, self._max_bytes)
            if self._holds(url):
                return self._read_own(url, origin)
            return self._remote.read(url, origin=None if url.startswith(origin + "/") else origin)
        except (ValueError, httpx.InvalidURL) as error:
            raise MediaError("its address is broken") from error

    def _read(self, uri: str, task_id: int) -> bytes:
        scheme = _scheme(uri)
        if scheme == "data":
            return _inline(uri, self._max_bytes)
        if scheme in STORAGES:
            encoded = base64.urlsafe_b64encode(uri.encode()).decode()
            return self._read_own(f"{self._client.url}tasks/{task_id}/resolve/?fileuri={encoded}")
        if scheme in ("http", "https"):
            if self._holds(uri):
                return self._read_own(uri)
            own = self._local_file(uri)
            return self._read_own(own) if own else self._remote.read(uri)
        if scheme:
            raise MediaError(f"addresses with {scheme}: are not read")
        if uri.startswith("//") or not uri.startswith("/"):
            raise MediaError("its address is neither a URL nor a path of Label Studio")
        return self._read_own(self._absolute(uri))

    def _absolute(self, path: str) -> str:
        """Return the URL of a path, which may or may not have the sub-path that Label Studio is at."""
        prefix = urlsplit(self._client.url).path
        return self._client.url + (path[len(prefix) :] if path.startswith(prefix) else path[1:])

    def _holds(self, url: str) -> bool:
        """Say whether Label Studio has media there: task data name any address, and the token opens the whole API."""
        below = urlsplit(url).path[len(urlsplit(self._client.url).path) :]
        return self._client.owns(url) and _MEDIA_PATHS.match(below) is not None

    def _local_file(self, url: str) -> str | None:
        """Return where a local file of Label Studio's is whose address names Label Studio otherwise than errata does.

        Label Studio writes its own name for itself (LABEL_STUDIO_HOST) into tasks that it makes of local files. The
        token goes to the address that errata knows, and nowhere else.
        """
        parts = urlsplit(url)
        is_elsewhere = not self._hosts.isdisjoint((parts.netloc.lower(), parts.hostname))
        if is_elsewhere or not parts.path.endswith(_LOCAL_FILES):
            return None
        return f"{self._client.url}{_LOCAL_FILES[1:]}?{parts.query}"

    def _read_own(self, url: str, origin: str | None = None) -> bytes:
        for _ in range(_MAX_REDIRECTS):
            found = self._fetch(url)
            if not isinstance(found, Elsewhere):
                return found
            if not self._client.owns(found.url):
                return self._remote.read(found.url, is_storage=True, origin=origin)
            url = found.url
        raise MediaError(f"more than {_MAX_REDIRECTS} redirects")

    def _fetch(self, url: str) -> bytes | Elsewhere:
        if not self._holds(url):
            raise MediaError("it is not where Label Studio keeps media (/data/, /storage-data/, /tasks/N/resolve/)")
        try:
            found = self._client.fetch(url, self._max_bytes, self._timeout_s)
        except LabelStudioSilent as error:
            with self._lock:
                self._n_silent += 1
                if self._n_silent >= _MOST_SILENT:
                    raise
            raise MediaError(f"Label Studio took longer than {self._timeout_s:g} s") from error
        self._n_silent = 0
        return found


class FolderMedia:
    """Media in a folder, for exports. Nothing outside the folder is ever read.

    Args:
        folder: where the tasks' paths begin; None where there is none.
        hosts: hosts that media may come from.
        max_bytes: largest file.
        timeout_s: longest time for a file from another host.
        network: the way to other hosts; the environment's proxies and the system's trust by default.
    """

    def __init__(
        self,
        folder: Path | None,
        hosts: Sequence[str] = (),
        max_bytes: int = 64 * 2**20,
        timeout_s: float = 30,
        network: Network | None = None,
    ) -> None:
        self._folder = None if folder is None else folder.resolve()
        self._remote = RemoteFiles(hosts, max_bytes, timeout_s, network or Network())
        self._max_bytes = max_bytes

    def close(self) -> None:
        """Close the connections to other hosts."""
        self._remote.close()

    def read(self, uri: str, task_id: int) -> bytes:
        """Return the file's content.

        Raises:
            MediaError: it is missing, too large, not allowed or took too long.
        """
        try:
            return self._read(uri)
        except (OSError, ValueError, RuntimeError) as error:
            raise MediaError("it cannot be read") from error

    def _read(self, uri: str) -> bytes:
        scheme = _scheme(uri)
        if scheme == "data":
            return _inline(uri, self._max_bytes)
        if scheme in ("http", "https"):
            return self._remote.read(uri)
        if scheme in STORAGES:
            raise MediaError(f"addresses with {scheme}: cannot be read without Label Studio")
        if scheme == "file":
            raise MediaError("addresses with file: are not read")
        return self._read_file(uri)

    def _read_file(self, uri: str) -> bytes:
        if self._folder is None:
            raise MediaError("it is a path, and no folder is given (--media)")
        for relative in _relative_paths(uri):
            path = (self._folder / relative).resolve()
            if not path.is_relative_to(self._folder):
                raise MediaError("its path leads out of the media folder")
            if path.exists():
                return self._read_bounded(path)
        raise MediaError("it is not in the media folder")

    def _read_bounded(self, path: Path) -> bytes:
        if not stat.S_ISREG(path.stat().st_mode):
            raise MediaError("it is not a file")
        with path.open("rb") as file:
            content = file.read(self._max_bytes + 1)
        if len(content) > self._max_bytes:
            raise MediaError(f"it is larger than {self._max_bytes:,} bytes")
        return content


def _scheme(uri: str) -> str:
    """Return the scheme of an address in lower case, "" where it is a path."""
    head, colon, _ = uri.partition(":")
    is_scheme = colon and head[:1].isalpha() and all(c.isalnum() or c in "+-._" for c in head)
    return head.lower() if is_scheme and head.isascii() else ""


def _relative_paths(uri: str) -> Iterator[str]:
    """Yield where a task's path may stand in the folder: as it is, decoded, and as Label Studio keeps it on disk."""
    if uri.startswith("/data/local-files/"):
        yield from parse_qs(urlsplit(uri).query).get("d", [])
        return
    path = uri.lstrip("/")
    for each in dict.fromkeys((path, unquote(path))):
        yield each
        if each.startswith("data/upload/"):
            yield each[len("data/") :]


def _inline(uri: str, max_bytes: int) -> bytes:
    """Return what a `data:` address holds."""
    head, _, payload = uri.partition(",")
    if len(payload) > 3 * max_bytes:  # three characters a byte where all are escaped
        raise MediaError(f"it is larger than {max_bytes:,} bytes")
    content = unquote_to_bytes(payload)
    if head.endswith(";base64"):
        try:
            content = base64.b64decode(content)
        except binascii.Error as error:
            raise MediaError("its data: address is broken") from error
    if len(content) > max_bytes:
        raise MediaError(f"it is larger than {max_bytes:,} bytes")
    return content
