"""What the parts of pictures look like that labels are of."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from errata.audit.embed import BATCH, FETCHERS, content_key
from errata.audit.ports import Embeddings, Media, MediaIndex, Progress
from errata.errors import MediaError
from errata_model.encoders.images import ImageEncoder, UnusableImage, decode_image

AHEAD = 4 * FETCHERS  # pictures that are read ahead, with their parts
_CONTEXT = 0.1  # of a part's width and height, on each side

Place = tuple[float, float, float, float]  # left, top, width and height in shares of the picture
Prepared = dict[str, NDArray[Any]]  # cache key -> a part as the encoder takes it


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a task's picture."""

    task_id: int
    uri: str
    place: Place


class CropEmbedder:
    """Turns parts of pictures into embeddings, from the cache where they are there.

    Args:
        media: fetches the files.
        index: remembers what is behind which address.
        encoder: makes the rows.
        embeddings: its cache.
        max_pixels: largest picture.
    """

    def __init__(
        self, media: Media, index: MediaIndex, encoder: ImageEncoder, embeddings: Embeddings, max_pixels: int
    ) -> None:
        self._media = media
        self._index = index
        self._encoder = encoder
        self._embeddings = embeddings
        self._max_pixels = max_pixels

    def embed(self, parts: Sequence[Part], progress: Progress, is_late: Callable[[], bool]) -> NDArray[np.float32]:
        """Return (N, D) embeddings, zeros where a picture cannot be used, or it became late.

        Raises:
            ServiceError: Label Studio went away; what was encoded so far is kept.
        """
        contents = self._index.known(list(dict.fromkeys(part.uri for part in parts)))
        rows, is_known = self._embeddings.get(_keys(parts, contents))
        if is_known.all():
            return rows
        lacking: defaultdict[str, list[Part]] = defaultdict(list)
        for part, known in zip(parts, is_known, strict=True):
            if not known:
                lacking[part.uri].append(part)
        progress.stage("Looking at regions", sum(map(len, lacking.values())))
        found: dict[str, str] = {}
        try:
            self._encode_all(self._read_all(lacking, is_late), lacking, found, progress)
        finally:
            self._index.remember(found)
        return self._embeddings.get(_keys(parts, {**contents, **found}))[0]

    def _encode_all(
        self,
        pictures: Iterator[tuple[str, tuple[str, Prepared] | None]],
        lacking: Mapping[str, Sequence[Part]],
        found: dict[str, str],
        progress: Progress,
    ) -> None:
        """Encode pictures' parts as they come; fill `found`, address -> content key."""
        waiting: Prepared = {}
        for uri, outcome in pictures:
            progress.advance(len(lacking[uri]))
            if outcome is not None:
                found[uri], prepared = outcome
                waiting |= prepared
            while len(waiting) >= BATCH:
                self._encode({key: waiting.pop(key) for key in list(islice(waiting, BATCH))})
        self._encode(waiting)

    def _encode(self, batch: Prepared) -> None:
        if batch:
            self._embeddings.put(list(batch), self._encoder.encode(list(batch.values())))

    def _read_all(
        self, lacking: Mapping[str, Sequence[Part]], is_late: Callable[[], bool]
    ) -> Iterator[tuple[str, tuple[str, Prepared] | None]]:
        waiting: deque[tuple[str, Future[tuple[str, Prepared] | None]]] = deque()
        pictures = iter(lacking.items())
        with ThreadPoolExecutor(FETCHERS, thread_name_prefix="media") as pool:
            try:
                while not is_late():
                    for uri, parts in islice(pictures, AHEAD - len(waiting)):
                        waiting.append((uri, pool.submit(self._read, parts)))
                    if not waiting:
                        return
                    uri, future = waiting.popleft()
                    yield uri, future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, parts: Sequence[Part]) -> tuple[str, Prepared] | None:
        """Return a picture's content key, and its parts prepared by cache key; None where it cannot be used."""
        try:
            content = self._media.read(parts[0].uri, parts[0].task_id)
            picture = decode_image(content, self._max_pixels)
        except (MediaError, UnusableImage):  # counted by who asked: there is no embedding
            return None
        key = content_key(content)
        return key, {_key(key, part.place): self._encoder.prepare(_cut(picture, part.place)) for part in parts}


def _cut(picture: Image.Image, place: Place) -> Image.Image:
    """Return a part of a picture with a little of what is around it, at least a pixel wide and high."""
    left, top, width, height = place
    across, down = picture.size
    x, y = int((left - _CONTEXT * width) * across), int((top - _CONTEXT * height) * down)
    x, y = min(max(x, 0), across - 1), min(max(y, 0), down - 1)
    right = min(max(round((left + (1 + _CONTEXT) * width) * across), x + 1), across)
    bottom = min(max(round((top + (1 + _CONTEXT) * height) * down), y + 1), down)
    return picture.crop((x, y, right, bottom))


def _keys(parts: Sequence[Part], contents: Mapping[str, str]) -> list[str]:
    """Return the cache key of each part; one that nothing has where the picture's content is not known."""
    return [_key(contents[part.uri], part.place) if part.uri in contents else "" for part in parts]


def _key(content: str, place: Place) -> str:
    return f"{content} {' '.join(f'{share:.4f}' for share in place)}"
