"""Serves pictures of source tasks to whoever has a signed address of one: the browsers of reviewers."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from errata.errors import ErrataError, LabelStudioGone, MediaError
from errata.labelstudio.media_links import MediaLinks
from errata.labelstudio.picture_types import picture_type

logger = logging.getLogger(__name__)

MEDIA_PATH = "/media/{project}/{task}/{data_key:path}"
AT_ONCE = 4  # files in memory; what more is asked for waits
_CACHED_S = 3600
_LONGEST_ID = 18  # digits
# The signature is all that gives a right here and no cookie is looked at, so any page may read what it has the
# address of. Label Studio's page has to: it fetches pictures by script. Its origin cannot be told from here: browsers
# may come to it by another name than errata does.
_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


class SourceFiles(Protocol):
    """Where source tasks' files are."""

    def read(self, project_id: int, task_id: int, data_key: str) -> bytes:
        """Return the file that a task holds under a key of its data.

        Raises:
            MediaError: it is missing, too large, not allowed or took too long.
            ServiceError: Label Studio itself cannot be reached or refuses the token.
        """


class MediaRoute:
    """Answers GET and HEAD of `MEDIA_PATH`.

    Args:
        links: made the addresses.
        files: where the pictures come from.
    """

    def __init__(self, links: MediaLinks, files: SourceFiles) -> None:
        self._links = links
        self._files = files
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def serve(self, request: Request) -> Response:
        """Return the picture."""
        named = _named(request)
        expires, signature = (request.query_params.get(name, "") for name in ("expires", "signature"))
        if named is None or not self._links.allows(*named, expires, signature):
            return _problem(
                403,
                "This address has expired, or errata did not make it. An audit of the project renews the addresses "
                "in its review project (errata audit PROJECT); reload the task afterwards.",
            )
        try:
            async with self._turn:
                content = await run_in_threadpool(self._files.read, *named)
        except (MediaError, LabelStudioGone) as error:
            return _problem(404, f"The picture cannot be had: {error}")
        except ErrataError as error:
            logger.warning("a picture of project %d could not be served: %s", named[0], error)
            return _problem(502, "Label Studio did not give errata the picture; errata's log says why.")
        kind = picture_type(content)
        if kind is None:
            return _problem(415, "The file is no picture that browsers show (PNG, JPEG, GIF, WebP, AVIF, BMP).")
        cached = {"Cache-Control": f"private, max-age={_CACHED_S}"}
        return Response(content, media_type=kind, headers=_HEADERS | cached)


def _named(request: Request) -> tuple[int, int, str] | None:
    """Return project, task and data key as the path names them."""
    ids = [request.path_params["project"], request.path_params["task"]]
    if not all(each.isascii() and each.isdecimal() and len(each) <= _LONGEST_ID for each in ids):
        return None
    return int(ids[0]), int(ids[1]), request.path_params["data_key"]


def _problem(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail}, status, headers=_HEADERS | {"Cache-Control": "no-store"})
