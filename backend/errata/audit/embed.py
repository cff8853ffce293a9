"""Collect what tasks show: fetch, decode and encode, each file once, the three overlapped."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from errata.audit.beliefs import UsedEncoder
from errata.audit.ports import Embeddings, Media, MediaIndex, Progress
from errata.errors import MediaError
from errata_model.encoders.images import ImageEncoder, UnusableImage, decode_image
from errata_model.features import Features
from errata_model.groups import join_groups

# Label Studio serves files one at a time, and slower the more ask at once: 6.2 ms each for 2, 6.8 for 4, 8.2 for 8.
FETCHERS = 4
BATCH = 64
IN_FLIGHT = 4 * BATCH  # bounds how many decoded images are in memory at once

# (content key, number of each encoder that lacks its embedding -> prepared image), or in words why there is none.
Outcome = str | tuple[str, dict[int, NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class Embedded:
    """The tasks whose media could be used.

    Attributes:
        task_ids: (N,) int64.
        content_keys: N sha256 in hex digits, of the media's bytes.
        rows: (N, D), dense or counts.
        unusable: task id -> why its media cannot be used, in words.
        encoder: made the rows; None where nothing is known of it.
        blocks: the widths of the parts that rows are made of, which add up to D; None where they are one.
        what: the media, for people.
        alike: (N,) int64, equal where tasks show the same or nearly; None where nobody looked.
        related: (N,) int64, equal where tasks show the same, or have the same in a field that the user names, or both
            by way of others; None where no field is named.
    """

    task_ids: NDArray[np.int64]
    content_keys: tuple[str, ...]
    rows: Features
    unusable: Mapping[int, str]
    encoder: UsedEncoder | None = None
    blocks: tuple[int, ...] | None = None
    what: str = "media"
    alike: NDArray[np.int64] | None = None
    related: NDArray[np.int64] | None = None

    def groups(self) -> NDArray[np.int64]:
        """Number the tasks so that those that must not vouch for one another have equal numbers: (N,) int64."""
        return self.shown() if self.related is None else self.related

    def shown(self) -> NDArray[np.int64]:
        """Number the tasks so that those that show the same, or nearly, have equal numbers: (N,) int64."""
        return groups_of(self.content_keys) if self.alike is None else self.alike

    def compared(self) -> Embedded:
        """Return the same with the tasks that show nearly the same found."""
        from errata_model.duplicates import group_duplicates  # noqa: PLC0415 - needs SciPy, slow to import

        return replace(self, alike=group_duplicates(self.rows, groups_of(self.content_keys)))

    def grouped(self, values: Mapping[int, str]) -> Embedded:
        """Return the same with tasks of equal values in one group, `values` being task id -> value."""
        texts = list(values.values())
        number = dict(zip(values, groups_of(texts).tolist(), strict=True))
        own = [number.get(task_id, len(number) + n) for n, task_id in enumerate(self.task_ids.tolist())]
        return replace(self, related=join_groups(self.shown(), np.array(own, dtype=np.int64)))

    def problems(self) -> Counter[str]:
        """Count the reasons why media cannot be used."""
        return Counter(f"{self.what}: {reason}" for reason in self.unusable.values())


class Embedder(Protocol):
    """Turns what tasks show into rows for a learner."""

    def embed(self, values: Mapping[int, Any], progress: Progress) -> Embedded:
        """Embed what tasks show, `values` being task id -> what their data hold.

        Raises:
            ServiceError: Label Studio went away; what was encoded so far is kept.
        """


def content_key(content: bytes) -> str:
    """Identify media by its bytes: sha256 in hex digits."""
    return hashlib.sha256(content).hexdigest()


class ImageEmbedder:
    """Turns the images that tasks point to into embeddings, from the caches where they are there.

    Args:
        media: fetches the files.
        index: remembers what is behind which address.
        parts: the encoders whose rows are laid side by side, each with its cache: an image costs each of them one
            forward pass ever, and all of them together one fetch.
        max_pixels: largest picture.
        used: how the encoders are named for what is learned from the rows.

    Attributes:
        encoders: those of the parts.
        read: fetches a file: `Media.read`.
        max_pixels: as above.
    """

    def __init__(
        self,
        media: Media,
        index: MediaIndex,
        parts: Sequence[tuple[ImageEncoder, Embeddings]],
        max_pixels: int,
        used: UsedEncoder,
    ) -> None:
        self.used = used
        self.encoders = tuple(encoder for encoder, _ in parts)
        self.max_pixels = max_pixels
        self.read = media.read
        self._index = index
        self._parts = tuple(parts)

    def embed(self, values: Mapping[int, Any], progress: Progress) -> Embedded:
        """See `Embedder.embed`; the data hold addresses."""
        uris = {task_id: str(value) for task_id, value in values.items()}
        keys = self._index.known(list(dict.fromkeys(uris.values())))
        lacking = self._lacking(list(dict.fromkeys(keys.values())))
        to_read = {uri: task_id for task_id, uri in uris.items() if uri not in keys or lacking[keys[uri]]}
        progress.stage("Encoding images", len(to_read))
        failed: dict[str, str] = {}
        found: dict[str, str] = {}
        try:
            for number, batch in _batches(self._prepared(to_read, failed, found, progress)):
                encoder, embeddings = self._parts[number]
                embeddings.put(list(batch), encoder.encode(list(batch.values())))
        finally:
            self._index.remember(found)
        keys.update(found)
        return self._gather(uris, keys, failed)

    def _lacking(self, keys: Sequence[str]) -> dict[str, list[int]]:
        """Return content key -> the numbers of the encoders that have no embedding of it yet."""
        known = [embeddings.get(keys)[1] for _, embeddings in self._parts]
        return {key: [n for n, is_known in enumerate(known) if not is_known[row]] for row, key in enumerate(keys)}

    def _gather(self, uris: Mapping[int, str], keys: Mapping[str, str], failed: Mapping[str, str]) -> Embedded:
        usable = [(task_id, keys[uri]) for task_id, uri in uris.items() if uri in keys and uri not in failed]
        content_keys = tuple(key for _, key in usable)
        rows, blocks = side_by_side([embeddings for _, embeddings in self._parts], content_keys)
        return Embedded(
            np.array([task_id for task_id, _ in usable], dtype=np.int64),
            content_keys,
            rows,
            {task_id: failed[uri] for task_id, uri in uris.items() if uri in failed},
            self.used,
            blocks,
        )

    def _prepared(
        self, to_read: Mapping[str, int], failed: dict[str, str], found: dict[str, str], progress: Progress
    ) -> Iterator[tuple[str, dict[int, NDArray[Any]]]]:
        """Yield (content key, prepared images) of each new content; fill `failed` and `found` by address."""
        seen = set()
        for uri, outcome in self._read_all(to_read):
            progress.advance()
            if isinstance(outcome, str):
                failed[uri] = outcome
                continue
            key, prepared = outcome
            found[uri] = key
            if prepared and key not in seen:
                seen.add(key)
                yield key, prepared

    def _read_all(self, to_read: Mapping[str, int]) -> Iterator[tuple[str, Outcome]]:
        waiting: dict[Future[Outcome], str] = {}
        addresses = iter(to_read.items())
        with ThreadPoolExecutor(FETCHERS, thread_name_prefix="media") as pool:
            try:
                while True:
                    for uri, task_id in addresses:
                        waiting[pool.submit(self._read, uri, task_id)] = uri
                        if len(waiting) >= IN_FLIGHT:
                            break
                    if not waiting:
                        return
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield waiting.pop(future), future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, uri: str, task_id: int) -> Outcome:
        try:
            content = self.read(uri, task_id)
            key = content_key(content)
            return key, self._prepare(content, self._lacking([key])[key])
        except (MediaError, UnusableImage) as error:
            return str(error)

    def _prepare(self, content: bytes, numbers: Sequence[int]) -> dict[int, NDArray[Any]]:
        """Prepare an image for these encoders; it is decoded once for all that need the same size."""
        decoded: dict[int | None, Image.Image] = {}
        prepared = {}
        for number in numbers:
            encoder, _ = self._parts[number]
            side = encoder.least_side
            if side not in decoded:
                decoded[side] = decode_image(content, self.max_pixels, side)
            prepared[number] = encoder.prepare(decoded[side])
        return prepared


def side_by_side(
    caches: Sequence[Embeddings], content_keys: Sequence[str]
) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    """Return the rows of several encoders as one, (N, D), and how wide each one's part of it is."""
    parts = [embeddings.get(content_keys)[0] for embeddings in caches]
    blocks = tuple(part.shape[1] for part in parts)
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1), blocks


def _batches(
    prepared: Iterator[tuple[str, dict[int, NDArray[Any]]]],
) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
    """Yield the number of an encoder, and content key -> prepared image of a batch for it."""
    batches: defaultdict[int, dict[str, NDArray[Any]]] = defaultdict(dict)
    for key, images in prepared:
        for number, image in images.items():
            batches[number][key] = image
            if len(batches[number]) == BATCH:
                yield number, batches.pop(number)
    yield from batches.items()


def groups_of(content_keys: Sequence[str]) -> NDArray[np.int64]:
    """Number the items so that equal content has equal numbers: (N,) int64."""
    if not content_keys:
        return np.zeros(0, dtype=np.int64)
    numbers: NDArray[np.int64] = np.unique(np.array(content_keys), return_inverse=True)[1].astype(np.int64).reshape(-1)
    return numbers
