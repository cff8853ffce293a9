"""Collect what texts say: read, and count or encode, each text once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from errata.audit.beliefs import UsedEncoder
from errata.audit.embed import FETCHERS, Embedded, content_key, side_by_side
from errata.audit.ports import Embeddings, Progress, Texts
from errata.errors import MediaError
from errata_model.encoders.text import TextEncoder, UnusableText, readable_text
from errata_model.features import Features

BATCH = 256


class TextEmbedder:
    """Turns the texts that tasks hold into counts, or into embeddings, from the cache where they are there.

    Args:
        texts: reads what a task's data hold.
        encoder: makes the rows.
        parts: the encoders that `encoder` lays side by side, or itself, each with its cache: a text costs each of
            them one pass ever. None of them where counting again is quicker than reading what was kept.
        used: how the encoder is named for what is learned from the rows.
    """

    def __init__(
        self, texts: Texts, encoder: TextEncoder, parts: Sequence[tuple[TextEncoder, Embeddings]], used: UsedEncoder
    ) -> None:
        self._texts = texts
        self._encoder = encoder
        self._parts = tuple(parts)
        self._used = used

    def embed(self, values: Mapping[int, Any], progress: Progress) -> Embedded:
        """See `Embedder.embed`; the data hold texts, or addresses of files that hold them."""
        progress.stage("Reading texts", len(values))
        keys: dict[int, str] = {}
        texts: dict[str, str] = {}
        unusable: dict[int, str] = {}
        for task_id, text, problem in self._read_all(values):
            progress.advance()
            if text is None:
                unusable[task_id] = problem
            else:
                keys[task_id] = text_key(text)
                texts[keys[task_id]] = text
        rows = self._rows(texts, progress)
        row_of = {key: row for row, key in enumerate(texts)}
        return Embedded(
            np.array(list(keys), dtype=np.int64),
            tuple(keys.values()),
            rows[np.array([row_of[key] for key in keys.values()], dtype=np.int64)],
            unusable,
            self._used,
            self._encoder.blocks,
            "texts",
        )

    def _read_all(self, values: Mapping[int, Any]) -> Iterator[tuple[int, str | None, str]]:
        """Yield task id, and its text or why there is none."""

        def read(task_id: int) -> tuple[int, str | None, str]:
            try:
                return task_id, readable_text(self._texts.read(values[task_id], task_id)), ""
            except (MediaError, UnusableText) as error:
                return task_id, None, str(error)

        if not self._texts.is_far:
            yield from map(read, values)
            return
        with ThreadPoolExecutor(FETCHERS, thread_name_prefix="texts") as pool:
            try:
                yield from pool.map(read, values)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _rows(self, texts: Mapping[str, str], progress: Progress) -> Features:
        """Return (N, D) rows of N texts, given by content key, in order."""
        if not self._parts:
            return self._counted(list(texts.values()), progress)
        keys = list(texts)
        new = [_unknown(embeddings, keys) for _, embeddings in self._parts]
        progress.stage("Encoding texts", sum(map(len, new)))
        for (encoder, embeddings), lacking in zip(self._parts, new, strict=True):
            for start in range(0, len(lacking), BATCH):
                batch = lacking[start : start + BATCH]
                embeddings.put(batch, np.asarray(encoder.encode([texts[key] for key in batch])))
                progress.advance(len(batch))
        return side_by_side([embeddings for _, embeddings in self._parts], keys)[0]

    def _counted(self, texts: Sequence[str], progress: Progress) -> Features:
        progress.stage("Encoding texts", len(texts))
        parts = []
        for start in range(0, len(texts), BATCH):
            parts.append(self._encoder.encode(texts[start : start + BATCH]))
            progress.advance(parts[-1].shape[0])
        if not parts:
            return self._encoder.encode([])
        from scipy.sparse import csr_array, vstack  # noqa: PLC0415 - slow to import, and embeddings need none of it

        return csr_array(vstack(parts, format="csr"))


def _unknown(embeddings: Embeddings, keys: Sequence[str]) -> list[str]:
    _, is_known = embeddings.get(keys)
    return [key for key, known in zip(keys, is_known, strict=True) if not known]


def text_key(text: str) -> str:
    """Identify a readable text: the sha256 of its UTF-8, in hex digits."""
    return content_key(text.encode())
