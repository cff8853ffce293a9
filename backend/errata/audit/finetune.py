"""Let networks learn the labels too, and pool what they believe with the belief of frozen encoders."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import ControlBelief
from errata.audit.embed import FETCHERS, Embedded, Embedder, ImageEmbedder, content_key
from errata.audit.ports import Progress
from errata.errors import MediaError
from errata_model.encoders.decoding import UnusableImage, decode_image
from errata_model.encoders.trunk import Trainable, Trunk
from errata_model.finetuning.cross_fitting import TooLittleTime, fine_tune
from errata_model.finetuning.pooling import pool_choices, pool_tags
from errata_model.records import Control

MINUTES = 15.0


@dataclass(frozen=True, slots=True)
class Believed:
    """A control's belief by frozen encoders, and what it was formed from.

    Attributes:
        belief: about N tasks.
        embedder: made the rows.
        media: what the tasks show.
        addresses: task id -> where its image is.
        targets: (N, K), see `believe.targets_of`.
    """

    belief: ControlBelief
    embedder: Embedder
    media: Embedded
    addresses: Mapping[int, Any]
    targets: NDArray[np.float32]


def labelled_rows(control: Control, targets: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return (N,) which rows of the targets can be learned from."""
    return np.asarray(~np.isnan(targets).any(axis=1) if control.kind == "tags" else targets.any(axis=1))


class FineTuning:
    """Fine-tunes encoders to labels, cross-fitted; see `errata_model.finetuning`.

    New tasks are predicted by the frozen encoders' learner alone: five networks a control would have to be kept and
    run for them.

    Args:
        seed: of all draws.
        minutes: that it may take in all; by default a quarter of an hour.
    """

    def __init__(self, seed: int = 0, minutes: float | None = None) -> None:
        self._seed = seed
        self._minutes = MINUTES if minutes is None else minutes

    def improve(self, believed: Sequence[Believed], progress: Progress) -> tuple[ControlBelief, ...]:
        """Return each control's belief, pooled with that of networks where it labels images.

        Raises:
            ServiceError: Label Studio went away.
        """
        trunks = [_trunk_of(each.embedder) for each in believed]
        minutes = self._minutes / max(1, sum(trunk is not None for trunk in trunks))
        return tuple(
            self._improve(each, trunk, minutes, progress) for each, trunk in zip(believed, trunks, strict=True)
        )

    def _improve(self, before: Believed, trunk: Trunk | None, minutes: float, progress: Progress) -> ControlBelief:
        control = before.belief.control
        if trunk is None or not isinstance(before.embedder, ImageEmbedder):
            progress.say(f'Not fine-tuned: control "{control.name}": only a torchvision backbone with weights can be')
            return before.belief
        with tempfile.TemporaryFile() as file:  # images need not fit into memory
            images, is_seen = _read_all(before, before.embedder, trunk, file, progress)
            try:
                learned = fine_tune(
                    trunk,
                    images,
                    before.targets,
                    labelled_rows(control, before.targets) & is_seen,
                    before.media.groups(),
                    is_exclusive=control.kind != "tags",
                    seed=self._seed,
                    minutes=minutes,
                    on_step=_Bar(progress),
                )
            except (TooLittleTime, ValueError) as error:
                progress.say(f'Not fine-tuned: control "{control.name}": {error}')
                return before.belief
        pool = pool_tags if control.kind == "tags" else pool_choices
        pooled = pool(before.belief.probabilities, learned)
        return replace(before.belief, probabilities=np.where(is_seen[:, None], pooled, before.belief.probabilities))


class _Bar:
    """Shows steps as a stage's progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(self, done: int, of: int) -> None:
        if done == 1:
            self._progress.stage("Fine-tuning", of)
        self._progress.advance()


def _trunk_of(embedder: Embedder) -> Trunk | None:
    """Return what fine-tuning begins with: the first of the encoders that has it."""
    if not isinstance(embedder, ImageEmbedder):
        return None
    return next((encoder.trunk() for encoder in embedder.encoders if isinstance(encoder, Trainable)), None)


def _read_all(
    before: Believed, embedder: ImageEmbedder, trunk: Trunk, file: IO[bytes], progress: Progress
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return (N, 3, side, side) images, kept in the file, and (N,) which of them could be read again."""
    task_ids, keys = before.media.task_ids.tolist(), before.media.content_keys
    images = np.memmap(file, np.uint8, "w+", shape=(max(1, len(task_ids)), 3, trunk.side, trunk.side))[: len(task_ids)]
    is_seen = np.zeros(len(task_ids), dtype=bool)

    def read(row: int) -> bool:
        try:
            content = embedder.read(str(before.addresses[task_ids[row]]), task_ids[row])
            if content_key(content) == keys[row]:  # else it has changed under its address meanwhile
                images[row] = trunk.prepare(decode_image(content, embedder.max_pixels, trunk.side))
                return True
        except (MediaError, UnusableImage):
            pass
        return False

    progress.stage("Reading images again", len(task_ids))
    with ThreadPoolExecutor(FETCHERS, thread_name_prefix="media") as pool:
        for row, could_be_read in enumerate(pool.map(read, range(len(task_ids)))):
            is_seen[row] = could_be_read
            progress.advance()
    return images, is_seen
