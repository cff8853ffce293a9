"""Learn regions of images: pictures are fetched and decoded as a learner asks for them, some ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from PIL import Image

from errata.audit.beliefs import UsedEncoder
from errata.audit.believe_regions import Learned, Lesson
from errata.audit.embed import FETCHERS
from errata.audit.ports import Media, Progress
from errata.errors import MediaError
from errata_model.encoders.images import UnusableImage, decode_image
from errata_model.regions.records import FittedRegions
from errata_model.regions.shapes import Size

AHEAD = 4 * FETCHERS  # pictures that are in memory at once, none wider or higher than
LONGEST = 1280  # pixels: no learner looks closer

# A picture, perhaps smaller than it is, and its size; or in words why there is none.
Outcome = str | tuple[Image.Image, Size]


class Fit(Protocol):
    """Learns regions of pictures, beginning with a network or with none; see `fit_boxes`."""

    def __call__(
        self, pictures: Iterable[Image.Image | None], lesson: Lesson, told: Callable[[int, int], None]
    ) -> FittedRegions:
        """Return what is believed of every picture; of one that is None, nothing."""


class PictureLearner:
    """Learns regions of images; see `RegionLearner`.

    Args:
        fit: what learns.
        media: fetches the files.
        max_pixels: largest picture.
        encoder: the network that learning begins with; None where there is none.
        name: of the learner, for its identity.
    """

    def __init__(self, fit: Fit, media: Media, max_pixels: int, encoder: UsedEncoder | None, name: str) -> None:
        self._fit = fit
        self._media = media
        self._max_pixels = max_pixels
        self._encoder = encoder
        self._name = name

    @property
    def identity(self) -> str:
        """See `RegionLearner.identity`."""
        return f"{self._name}:{self._encoder.identity if self._encoder else ''}"

    def learn(self, lesson: Lesson, progress: Progress) -> Learned:
        """See `RegionLearner.learn`."""
        sizes: list[Size | None] = []
        unusable: dict[int, str] = {}
        n_told = 0

        def told(done: int, of: int) -> None:
            nonlocal n_told
            if n_told == 0:
                progress.stage(f'Learning "{lesson.control.name}"', of)
            progress.advance(done - n_told)
            n_told = done

        fitted = self._fit(self._pictures(lesson, sizes, unusable, progress), lesson, told)
        return Learned(fitted, tuple(sizes), unusable, self._encoder)

    def _pictures(
        self, lesson: Lesson, sizes: list[Size | None], unusable: dict[int, str], progress: Progress
    ) -> Iterator[Image.Image | None]:
        """Yield each picture, None where it cannot be used; fill `sizes` and `unusable`."""
        progress.stage("Reading images", len(lesson.task_ids))
        with ThreadPoolExecutor(FETCHERS, thread_name_prefix="media") as pool:
            waiting: deque[tuple[int, Future[Outcome]]] = deque()
            items = iter(zip(lesson.task_ids, lesson.values, strict=True))
            try:
                while True:
                    for task_id, value in items:
                        waiting.append((task_id, pool.submit(self._read, value, task_id)))
                        if len(waiting) >= AHEAD:
                            break
                    if not waiting:
                        return
                    task_id, future = waiting.popleft()
                    read = future.result()
                    progress.advance()
                    if isinstance(read, str):
                        unusable[task_id] = read
                    picture, size = (None, None) if isinstance(read, str) else read
                    sizes.append(size)
                    yield picture
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, value: Any, task_id: int) -> Outcome:
        try:
            picture = decode_image(self._media.read(str(value), task_id), self._max_pixels)
        except (MediaError, UnusableImage) as error:
            return str(error)
        size = picture.size
        picture.thumbnail((LONGEST, LONGEST))  # larger ones alone
        return picture, size
