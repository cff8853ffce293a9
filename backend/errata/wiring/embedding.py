"""Encoders, errata's and the user's own, and what they made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from errata.audit.beliefs import UsedEncoder
from errata.audit.ports import Media, MediaIndex, Progress, Texts
from errata.errors import SettingError
from errata.store.embeddings import EmbeddingFolder, known_width
from errata.wiring.adapters import Adapters
from errata_model.encoders.naming import UnknownEncoder, encoder_names
from errata_model.encoders.text import JointTextEncoder, TextEncoder, is_counting, load_text_encoder
from errata_model.encoders.weights import WeightsUnavailable

if TYPE_CHECKING:
    from errata.audit.embed import ImageEmbedder
    from errata.audit.embed_text import TextEmbedder
    from errata_model.encoders.images import ImageEncoder


class Embedding(Adapters):
    """Encoders on the adapters."""

    def load_image_encoders(self, name: str, weights: Path | None) -> tuple[ImageEncoder, ...]:
        """Return the encoders of that name, the user's own among them; see `load_image_encoders`."""
        from errata.audit.user_encoder import user_image_encoder  # noqa: PLC0415 (few commands look at pictures)
        from errata_model.encoders.images import load_image_encoders  # noqa: PLC0415

        return load_image_encoders(name, weights, self.network.trust, user_image_encoder)

    def load_text_encoder(self, name: str) -> TextEncoder:
        """Return the encoder of that name, perhaps the user's own; see `load_text_encoder`."""
        from errata.audit.user_encoder import user_text_encoder  # noqa: PLC0415

        return load_text_encoder(name, user_text_encoder)

    def image_encoders(
        self, name: str, weights: Path | None, progress: Progress, said_by: str = "ERRATA_ENCODER"
    ) -> dict[str, ImageEncoder]:
        """Return those of the encoders of that name that can be had, each by its own name; pixels where none can.

        Args:
            name: one, or several with commas between.
            weights: where the weights are; there they must be then.
            progress: is told what cannot be had.
            said_by: the option or variable that names them.

        Raises:
            SettingError: there is no such encoder, or what `weights` names does not hold its weights.
        """
        had: dict[str, ImageEncoder] = {}
        problems = []
        with _as_settings(said_by):
            encoders = self.load_image_encoders(name, weights)
            for one, encoder in zip(encoder_names(name), encoders, strict=True):
                try:
                    self.embeddings(encoder)  # finds out now whether the weights can be had
                    had[one] = encoder
                except WeightsUnavailable as error:
                    if weights is not None:
                        raise
                    problems.append(str(error))
        if not had:
            from errata_model.encoders.pixels import PixelEncoder  # noqa: PLC0415

            had["pixels"] = PixelEncoder()
        for problem in problems:
            progress.say(
                f"{problem} Working on {','.join(had)} instead: findings are fewer and worse than with weights."
            )
        return had

    def text_encoder(self, name: str, said_by: str = "ERRATA_TEXT_ENCODER") -> TextEncoder:
        """Return the text encoder of that name, its weights found; `said_by` is the option or variable that names it.

        Raises:
            SettingError: there is no such encoder, or its weights cannot be had.
        """
        with _as_settings(said_by):
            encoder = self.load_text_encoder(name)
            _ = encoder.identity  # finds out now whether the weights can be had
        return encoder

    def embeddings(self, encoder: ImageEncoder | TextEncoder) -> EmbeddingFolder:
        """Return the cache of an encoder; loads the encoder only where it was never used before.

        Raises:
            WeightsUnavailable: its weights cannot be had.
        """
        folder = self.settings.data_dir / "embeddings"
        return EmbeddingFolder(folder, encoder.identity, known_width(folder, encoder.identity) or encoder.width)

    def embedder(
        self, encoders: Mapping[str, ImageEncoder], weights: Path | None, media: Media, index: MediaIndex
    ) -> ImageEmbedder:
        """Return what turns images into embeddings and caches them.

        Args:
            encoders: by their names; the rows of several lie side by side.
            weights: where their weights are, if anywhere but where the environment says.
            media: fetches the files.
            index: remembers what is behind which address.
        """
        from errata.audit.embed import ImageEmbedder  # noqa: PLC0415

        parts = [(encoder, self.embeddings(encoder)) for encoder in encoders.values()]
        used = _used(parts, ",".join(encoders), weights)
        return ImageEmbedder(media, index, parts, self.settings.media_max_pixels, used)

    def text_embedder(self, encoder: TextEncoder, name: str, texts: Texts) -> TextEmbedder:
        """Return what turns texts into counts, or into embeddings and caches them."""
        from errata.audit.embed_text import TextEmbedder  # noqa: PLC0415

        if is_counting(name):
            return TextEmbedder(texts, encoder, (), UsedEncoder(encoder.identity, name))
        encoders = encoder.parts if isinstance(encoder, JointTextEncoder) else (encoder,)
        parts = [(each, self.embeddings(each)) for each in encoders]
        return TextEmbedder(texts, encoder, parts, _used(parts, name))


def _used(
    parts: Sequence[tuple[ImageEncoder | TextEncoder, EmbeddingFolder]], name: str, weights: Path | None = None
) -> UsedEncoder:
    widths = tuple((encoder.identity, cache.width) for encoder, cache in parts)
    identity = ",".join(identity for identity, _ in widths)
    return UsedEncoder(
        identity, name, None if weights is None else str(weights.resolve()), widths if len(widths) > 1 else ()
    )


@contextmanager
def _as_settings(said_by: str) -> Iterator[None]:
    """Say which setting is wrong."""
    try:
        yield
    except UnknownEncoder as error:
        raise SettingError(f"{said_by} is wrong because {error}") from error
    except WeightsUnavailable as error:
        raise SettingError(str(error)) from error


class NoIndex:
    """Knows no addresses: for media that may change behind theirs, such as files in a folder."""

    def known(self, uris: Iterable[str]) -> dict[str, str]:
        """See `MediaIndex.known`."""
        return {}

    def remember(self, found: Mapping[str, str]) -> None:
        """See `MediaIndex.remember`."""
