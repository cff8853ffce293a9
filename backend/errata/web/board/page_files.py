"""The files that browsers load: pages, scripts and styles, as they lie in `pages/`."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from starlette.concurrency import run_in_threadpool
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
_PATH = re.compile(r"([A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.[a-z0-9]+", re.ASCII)


class PageFiles:
    """Answers GET and HEAD of the files of a folder.

    Browsers ask each time whether a file has changed, so that they see an upgrade at once.

    Args:
        folder: whose files are served, those of its folders too.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    async def serve(self, request: Request) -> Response:
        """Return the file that `path` names; `index.html` where it names none."""
        content = await run_in_threadpool(self._read, path := request.path_params.get("path") or "index.html")
        if content is None:
            return JSONResponse({"detail": "There is no such page."}, 404)
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {"Cache-Control": "no-cache", "ETag": tag}
        known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
        if tag in known:
            return Response(status_code=304, headers=headers)
        return Response(content, headers={**headers, "Content-Type": _TYPES[Path(path).suffix]})

    def _read(self, path: str) -> bytes | None:
        """Return a file's content; None where there is none of that name, or of a sort that is not served."""
        if _PATH.fullmatch(path) is None or Path(path).suffix not in _TYPES:
            return None
        try:
            return (self._folder / path).read_bytes()
        except OSError:
            return None
