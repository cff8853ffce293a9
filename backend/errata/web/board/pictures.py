"""What rows look like: crops of pictures, masks, and the files themselves."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar, cast, get_args

import numpy as np
import orjson
from anyio import CapacityLimiter, to_thread
from PIL import Image
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from errata.audit.embed import content_key
from errata.audit.ports import MediaIndex
from errata.boards.crops import Context, Crop, render_crop
from errata.boards.decoded import DecodedPictures
from errata.boards.table import RowDetail
from errata.errors import MediaError, ServiceError, UsageError
from errata.labelstudio.media_types import played_type
from errata.labelstudio.picture_types import picture_type
from errata.web.board.originals import Originals
from errata.web.board.ranges import ranged
from errata.web.board.visitors import ApiRoute, Visitor
from errata_model.encoders.decoding import UnusableImage
from errata_model.regions.shapes import Mask

logger = logging.getLogger(__name__)

SIZES = (160, 320, 640, 1600)  # the longer side in pixels
_LOOKING, _FETCHING = 8, 16  # threads that look into the data folder, and that wait for files from elsewhere
_MOST_RENDERING = 8  # threads at most: each may hold a picture of `max_pixels`
_LONGEST_MASK_PX = 2048  # its longer side; it is laid over a picture of any size
_LAST_ROW = 2**31
_LONGEST_ROW = 12  # digits
_MOST_AT_ONCE = 100  # pictures that one request may ask for: more than a page has
# What an address shows never changes: it holds the table's version. A file is no page, whatever is in it.
_FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_NO_PAGE = {"Content-Security-Policy": "default-src 'none'; sandbox"}

T = TypeVar("T")


class Details(Protocol):
    """Where the rows of tables are."""

    def details(self, project_id: int, version: str, rows: Sequence[int], *, has_masks: bool = True) -> list[RowDetail]:
        """Return what is shown of rows, in this order; without `has_masks` faster, and without masks.

        Raises:
            UsageError: the table is not kept (any more), or has no such row.
        """


class Rendered(Protocol):
    """Where rendered crops are kept."""

    def get(self, project_id: int, key: str) -> bytes | None:
        """Return a picture, None where it is not kept."""

    def put(self, project_id: int, key: str, content: bytes) -> None:
        """Keep a picture."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A crop that somebody wants to see."""

    project_id: int
    row: int
    detail: RowDetail
    crop: Crop
    known: str | None  # the content key that was last read behind the row's address
    key: str  # under which the crop is kept
    kept: bytes | None  # the crop, where it was rendered before


class Pictures:
    """Answers `pictures/`, `masks/` and `media/` of a project.

    Args:
        boards: where the rows are.
        originals: reads the files that they are about.
        rendered: keeps crops.
        index: what was found behind addresses before.
        max_pixels: the largest picture that is decoded.
    """

    def __init__(
        self, boards: Details, originals: Originals, rendered: Rendered, index: MediaIndex, max_pixels: int
    ) -> None:
        self._boards = boards
        self._originals = originals
        self._rendered = rendered
        self._index = index
        self._max_pixels = max_pixels
        self._decoded = DecodedPictures()
        self._looking, self._fetching = CapacityLimiter(_LOOKING), CapacityLimiter(_FETCHING)
        self._rendering = CapacityLimiter(min(_MOST_RENDERING, max(2, os.cpu_count() or 1)))

    def routes(self) -> list[ApiRoute]:
        """Return the addresses."""
        place = "{version}/{row:int}"
        return [
            ApiRoute(f"projects/{{project:int}}/pictures/{place}.jpg", "GET", self.picture),
            ApiRoute("projects/{project:int}/pictures/{version}", "GET", self.pictures),
            ApiRoute(f"projects/{{project:int}}/masks/{place}.png", "GET", self.mask),
            ApiRoute(f"projects/{{project:int}}/media/{place}", "GET", self.media),
        ]

    async def picture(self, request: Request, visitor: Visitor) -> Response:
        """Return the crop of a row as a JPEG."""
        project_id, version, row = _named(request)
        crop = _crop(request.query_params)
        (wanted,) = await self._in_thread(self._looking, self._look, project_id, version, [row], crop)
        return Response(await self._content(wanted), media_type="image/jpeg", headers=_FOR_EVER | _NO_PAGE)

    async def pictures(self, request: Request, visitor: Visitor) -> Response:
        """Return the crops of several rows, each as soon as it is there: browsers are slow at asking for each."""
        project_id, version = request.path_params["project"], request.path_params["version"]
        rows, crop = _rows(request.query_params.get("rows", "")), _crop(request.query_params)
        wanted = await self._in_thread(self._looking, self._look, project_id, version, rows, crop)
        headers = _FOR_EVER if all(each.kept is not None for each in wanted) else {}
        return StreamingResponse(self._lines(wanted), media_type="application/x-ndjson", headers=headers)

    async def _lines(self, wanted: Sequence[_Wanted]) -> AsyncIterator[bytes]:
        """Tell each crop as a line of JSON, those that were rendered before first."""
        yield b"".join(_line(each.row, each.kept) for each in wanted if each.kept is not None)
        coming = [asyncio.ensure_future(self._told(each)) for each in wanted if each.kept is None]
        try:
            for line in asyncio.as_completed(coming):
                yield await line
        finally:
            for task in coming:
                task.cancel()

    async def _told(self, wanted: _Wanted) -> bytes:
        try:
            return _line(wanted.row, await self._content(wanted))
        except HTTPException as error:
            return orjson.dumps({"row": wanted.row, "problem": error.detail}, option=orjson.OPT_APPEND_NEWLINE)

    async def mask(self, request: Request, visitor: Visitor) -> Response:
        """Return the mask of a row as a PNG, transparent where it is not."""
        which = request.query_params.get("which", "given")
        if which not in ("given", "proposed"):
            raise HTTPException(400, "`which` must be given or proposed.")
        project_id, version, row = _named(request)
        (detail,) = await self._in_thread(self._looking, self._details, project_id, version, [row], True)
        shape = detail.given if which == "given" else detail.proposed
        if not isinstance(shape, Mask):
            raise HTTPException(404, "This row has no such mask.")
        content = await self._in_thread(self._rendering, _to_png, shape)
        return Response(content, media_type="image/png", headers=_FOR_EVER | _NO_PAGE)

    async def media(self, request: Request, visitor: Visitor) -> Response:
        """Return the file that a row is about, or a part of it."""
        project_id, version, row = _named(request)
        (detail,) = await self._in_thread(self._looking, self._details, project_id, version, [row], False)
        content = await self._file(project_id, detail)
        kind = picture_type(content) or played_type(content)
        if kind is None:
            raise HTTPException(415, "The file is no picture, sound or film of a format that browsers show.")
        headers = {"Content-Type": kind, "ETag": f'"{version}-{row}"'}
        return ranged(content, request.headers.get("range"), headers | _FOR_EVER | _NO_PAGE)

    def _look(self, project_id: int, version: str, rows: Sequence[int], crop: Crop) -> list[_Wanted]:
        """Find out which regions rows are about, and which crops were rendered before."""
        details = self._details(project_id, version, rows, has_masks=True)
        keys = self._index.known([detail.shown for detail in details])
        wanted = []
        for row, detail in zip(rows, details, strict=True):
            own = replace(crop, shape=detail.given or detail.proposed, is_dashed=detail.given is None)
            known = keys.get(detail.shown)
            key = own.key(known or f"{version} {detail.shown}")
            kept = self._rendered.get(project_id, key)
            wanted.append(_Wanted(project_id, row, detail, own, known, key, kept))
        return wanted

    async def _content(self, wanted: _Wanted) -> bytes:
        if wanted.kept is not None:
            return wanted.kept
        file = await self._file(wanted.project_id, wanted.detail)
        return await self._in_thread(self._rendering, self._render, wanted, file)

    def _render(self, wanted: _Wanted, content: bytes) -> bytes:
        name = content_key(content)
        try:
            rendered = render_crop(content, wanted.crop, self._max_pixels, name, self._decoded)
        except UnusableImage as error:
            raise HTTPException(415, f"The picture cannot be shown: {error}.") from error
        if wanted.known in (None, name):  # else the file is another one since it was last read
            self._rendered.put(wanted.project_id, wanted.key, rendered)
        return rendered

    def _details(self, project_id: int, version: str, rows: Sequence[int], has_masks: bool) -> list[RowDetail]:
        try:
            return self._boards.details(project_id, version, rows, has_masks=has_masks)
        except UsageError as error:
            raise HTTPException(404, str(error)) from error

    async def _file(self, project_id: int, detail: RowDetail) -> bytes:
        task_id = detail.finding.given.task_id
        try:
            return await self._in_thread(self._fetching, self._originals.read, project_id, detail.shown, task_id)
        except MediaError as error:
            raise HTTPException(404, f"The file cannot be had: {error}.") from error
        except ServiceError as error:  # about errata's own token, not the visitor's
            logger.warning("a file of project %d could not be shown: %s", project_id, error)
            raise HTTPException(502, "Label Studio did not give errata the file; errata's log says why.") from error

    async def _in_thread(self, limiter: CapacityLimiter, work: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(work, *arguments, limiter=limiter)


def _named(request: Request) -> tuple[int, str, int]:
    """Return project, version and row as the path names them."""
    path = request.path_params
    if path["row"] > _LAST_ROW:
        raise HTTPException(404, "There is no such row.")
    return path["project"], path["version"], path["row"]


def _rows(said: str) -> list[int]:
    """Return the rows that an address lists."""
    numbers = said.split(",")
    are_numbers = all(each.isascii() and each.isdecimal() and len(each) < _LONGEST_ROW for each in numbers)
    if len(numbers) > _MOST_AT_ONCE or not are_numbers:
        raise HTTPException(400, f"`rows` must be at most {_MOST_AT_ONCE} numbers with commas between.")
    rows = list(dict.fromkeys(map(int, numbers)))
    if max(rows) > _LAST_ROW:
        raise HTTPException(404, "There is no such row.")
    return rows


def _crop(asked: Mapping[str, str]) -> Crop:
    """Return the sort of crop that an address asks for."""
    context, size = asked.get("context", "25"), asked.get("size", "320")
    if context not in get_args(Context) or size not in map(str, SIZES):
        raise HTTPException(400, "`context` must be 0, 25, 100 or scene, and `size` 160, 320, 640 or 1600.")
    is_outlined = asked.get("outline", "0" if context == "scene" else "1") == "1"
    return Crop(None, cast(Context, context), int(size), is_outlined)


def _line(row: int, content: bytes) -> bytes:
    jpeg = base64.b64encode(content).decode()
    return orjson.dumps({"row": row, "jpeg": jpeg}, option=orjson.OPT_APPEND_NEWLINE)


def _to_png(mask: Mask) -> bytes:
    """Return a mask as a PNG of the scene's proportions: white where it is, transparent elsewhere."""
    scale = min(1.0, _LONGEST_MASK_PX / max(mask.width, mask.height))
    width, height = max(1, round(mask.width * scale)), max(1, round(mask.height * scale))
    rows = np.floor((np.arange(height) + 0.5) * mask.height / height).astype(np.int64) - mask.top
    columns = np.floor((np.arange(width) + 0.5) * mask.width / width).astype(np.int64) - mask.left
    down, across = ((at >= 0) & (at < n) for at, n in zip((rows, columns), mask.bitmap.shape, strict=True))
    pixels = np.zeros((height, width), np.uint8)
    pixels[np.ix_(down, across)] = mask.bitmap[np.ix_(rows[down], columns[across])]
    picture = Image.fromarray(pixels)
    picture.putpalette([0, 0, 0, 255, 255, 255])
    file = io.BytesIO()
    picture.save(file, "PNG", transparency=0, bits=1)
    return file.getvalue()
