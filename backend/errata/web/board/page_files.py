"""The files that browsers load: pages, scripts and styles, as they lie in `pages/`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

FOLDER = Path(__file__).parent / "pages"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
# What a page or a script of ours loads: `<script type="module" src="scan.js">`, `import ... from "./board.js"`.
_LOADED = re.compile(rb'(?:<script type="module" src="|\bfrom "\./)([A-Za-z0-9_-]+\.js)"')
_PROJECT = re.compile(r"[1-9][0-9]{0,15}")
_PATH = re.compile(r"([A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.[a-z0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was when it was last read."""

    mark: tuple[int, int]  # when it was written, and its size
    content: bytes
    tag: str
    loads: tuple[str, ...]  # the scripts beside it that it names


class PageFiles:
    """Answers GET and HEAD of the files of a folder.

    Browsers ask each time whether a file has changed, so that they see an upgrade at once. With a page they are told of
    all its scripts, or they would find each only when the one before it has come; and of what a project's page asks
    first, which takes as long as Label Studio takes to say whether it shows the project.

    Args:
        folder: whose files are served, those of its folders too.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._read: dict[str, _File] = {}

    async def serve(self, request: Request) -> Response:
        """Return the file that `path` names; `index.html` where it names none."""
        path = request.path_params.get("path") or "index.html"
        file = self._file(path)
        if file is None:
            return JSONResponse({"detail": "There is no such page."}, 404)
        headers = {"Cache-Control": "no-cache", "ETag": file.tag}
        if path.endswith(".html") and file.loads:
            scripts = [f'<{name}>; rel="modulepreload"' for name in self._scripts(file)]
            headers["Link"] = ", ".join([*_asked_first(request.query_params.get("project", "")), *scripts])
        known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
        if file.tag in known:
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers={**headers, "Content-Type": _TYPES[Path(path).suffix]})

    def _scripts(self, page: _File) -> list[str]:
        """Return the scripts that a page loads, and those that they load."""
        found: dict[str, None] = {}
        waiting = list(page.loads)
        while waiting:
            name = waiting.pop(0)
            if name not in found and (script := self._file(name)) is not None:
                found[name] = None
                waiting += script.loads
        return list(found)

    def _file(self, path: str) -> _File | None:
        """Return a file; None where there is none of that name, or of a sort that is not served.

        Quick enough for the loop that serves: what is small and local is read once.
        """
        if _PATH.fullmatch(path) is None or Path(path).suffix not in _TYPES:
            return None
        try:
            about = (self._folder / path).stat()
            mark = (about.st_mtime_ns, about.st_size)
            if path not in self._read or self._read[path].mark != mark:
                content = (self._folder / path).read_bytes()
                loads = tuple(name.decode() for name in dict.fromkeys(_LOADED.findall(content)))
                self._read[path] = _File(mark, content, f'"{hashlib.sha256(content).hexdigest()[:32]}"', loads)
        except OSError:
            return None
        return self._read[path]


def _asked_first(project: str) -> list[str]:
    """Return what `opening.js` asks for, as links that a browser follows while it loads scripts."""
    if _PROJECT.fullmatch(project) is None:
        return []
    return [f'<api/{asked}>; rel="preload"; as="fetch"; crossorigin' for asked in ("session", f"projects/{project}")]
