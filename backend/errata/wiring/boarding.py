"""The pages' tables: made at the end of an audit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from errata.audit.ports import Media, MediaIndex, Progress, Texts
from errata.boards.table import BoardTable
from errata.errors import ErrataError, UsageError
from errata.labelstudio.task_texts import SpanTexts, TaskTexts
from errata.wiring.embedding import Embedding
from errata_model.records import Control

if TYPE_CHECKING:
    from errata.audit.embed import Embedder
    from errata.audit.run import Examination
    from errata.boards.crop_embeddings import CropEmbedder
    from errata_model.encoders.images import ImageEncoder

MOST_THROUGH_NETWORK = 5000  # parts of pictures: more would take longer than the audit on a machine without a GPU

_log = logging.getLogger(__name__)


class Looking:
    """Looks at media and reads texts for the pages: `boards.looks.Senses`.

    Args:
        wiring: opens caches.
        embedder_of: returns what embeds whole tasks of a control.
        encoders: returns the encoders of images that the audit works with.
        media: fetches files.
        index: remembers what is behind which address.

    Attributes:
        embedder_of: as above, as the others.
        encoders: likewise.
        media: likewise.
        index: likewise.
    """

    def __init__(
        self,
        wiring: Embedding,
        embedder_of: Callable[[Control], Embedder],
        encoders: Callable[[], Mapping[str, ImageEncoder]],
        media: Media,
        index: MediaIndex,
    ) -> None:
        self._wiring = wiring
        self.embedder_of = embedder_of
        self.encoders = encoders
        self.media = media
        self.index = index

    def embedder(self, control: Control) -> Embedder | None:
        """See `Senses.embedder`."""
        return self.embedder_of(control) if control.modality == "image" or control.text is not None else None

    def crops(self, n: int) -> CropEmbedder:
        """See `Senses.crops`. The first of torchvision's encoders where they are few enough for it, or pixels."""
        from errata.boards.crop_embeddings import CropEmbedder  # noqa: PLC0415 (only audits look at pictures)
        from errata_model.encoders.images import PixelEncoder, TorchvisionEncoder  # noqa: PLC0415

        found = [each for each in self.encoders().values() if isinstance(each, TorchvisionEncoder)]
        encoder: ImageEncoder = found[0] if found and n <= MOST_THROUGH_NETWORK else PixelEncoder()
        max_pixels = self._wiring.settings.media_max_pixels
        return CropEmbedder(self.media, self.index, encoder, self._wiring.embeddings(encoder), max_pixels)

    def texts(self, control: Control) -> Texts:
        """See `Senses.texts`."""
        if control.text is None:
            raise ValueError(f"`control` must be of texts, got {control.name!r} of {control.modality!r}")
        return (SpanTexts if control.kind == "spans" else TaskTexts)(control.text, self.media)


class Boarding(Embedding):
    """The pages' tables on the adapters."""

    def make_board(
        self, examination: Examination, senses: Looking, names: Mapping[str, str], progress: Progress
    ) -> None:
        """Make the pages' table of an audit, for `build_board`. What goes wrong is told: the audit stands."""
        from errata.boards.build import build_board  # noqa: PLC0415 (slow to import)

        project_id = examination.snapshot.project_id
        try:
            earlier = self._earlier_board(project_id)
            built = build_board(examination, self.codecs, senses, names, earlier, progress)
            for remark in built.remarks:
                progress.say(remark)
            progress.stage("Keeping what the pages show")
            self.boards.save(built.table, built.details)
        except ErrataError as error:
            progress.say(f"The pages do not show this audit: {error}")
        except Exception as error:  # noqa: BLE001 - the audit has delivered, and no fault of the pages may undo that
            _log.warning("the pages' table was not made", exc_info=True)
            progress.say(f"The pages do not show this audit: making their table ended with {type(error).__name__}.")

    def _earlier_board(self, project_id: int) -> BoardTable | None:
        version = self.boards.active(project_id)
        try:
            return self.boards.load(project_id, version) if version else None
        except UsageError:  # its files are damaged: the map is made afresh
            return None
