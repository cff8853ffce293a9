"""What was learned about the spans of a project as plain arrays, and what it believes of new texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from errata_model.kinds.spans.crf import Field, lay_out, run_chains
from errata_model.kinds.spans.elsewhere import Memory
from errata_model.kinds.spans.features import Hashes, TokenHashes, hash_tokens
from errata_model.kinds.spans.tagging import class_probabilities, likely_spans
from errata_model.kinds.spans.tokens import Tokens, tokenize
from errata_model.regions.records import Believed, Region
from errata_model.regions.shapes import Span


@dataclass(frozen=True, slots=True)
class SpansModel:
    """Believes about the spans of texts.

    Attributes:
        labels: K.
        tags: (S,) those that the field tells, ascending; not those of labels that it was not shown, which cost time.
        columns: (C,) hashes that the field knows, ascending.
        field: tells the tags of tokens.
        memory: how words were labelled.
    """

    labels: tuple[str, ...]
    tags: NDArray[np.int64]
    columns: Hashes
    field: Field
    memory: Memory

    def predict(self, text: str) -> Believed:
        """Believe which spans a text has; see `fit_spans` for the evidence. Thread-safe."""
        tokens = tokenize(text)
        hashes = hash_tokens([text], [tokens])
        return believe(
            tokens, self.judge(hashes, np.diff(tokens.pieces)), self.memory.recall(hashes.strings), self.labels
        )

    def judge(self, hashes: TokenHashes, lengths: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return (N, 2K + 1) probabilities of the tags of N tokens in sequences of these lengths."""
        batch = lay_out(lengths)
        scores = np.asarray(to_matrix(hashes, self.columns) @ self.field.weights, dtype=np.float64)[batch.order]
        marginals = np.zeros((len(scores), 2 * len(self.labels) + 1))
        chains = run_chains(scores, np.exp(self.field.first), np.exp(self.field.moves), batch)
        marginals[batch.order[:, None], self.tags] = chains.marginals
        return marginals

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that `load_spans_model` needs."""
        return {
            "labels": np.array(self.labels, dtype=str),
            "tags": self.tags,
            "columns": self.columns,
            "weights": self.field.weights,
            "first": self.field.first,
            "moves": self.field.moves,
            "strings": self.memory.strings,
            "counts": self.memory.counts,
        }


def load_spans_model(arrays: Mapping[str, NDArray[Any]]) -> SpansModel:
    """Return the model of `SpansModel.arrays`.

    Raises:
        ValueError: the arrays are of no such model.
    """
    try:
        field = Field(arrays["weights"], arrays["first"], arrays["moves"])
        memory = Memory(arrays["strings"], arrays["counts"])
        labels = tuple(str(label) for label in arrays["labels"])
        tags = arrays.get("tags", np.arange(len(field.first)))  # earlier versions' fields tell all
        return SpansModel(labels, tags, arrays["columns"], field, memory)
    except KeyError as error:
        raise ValueError(f"`arrays` must be of a model of spans; {error} is missing") from error


def to_matrix(hashes: TokenHashes, columns: Hashes) -> csr_array:
    """Return (N, C) how often each of N tokens has each of these columns, (C,) ascending."""
    shape = len(hashes.begins) - 1, len(columns)
    if len(columns) == 0:
        return csr_array(shape, dtype=np.float32)
    places = np.minimum(np.searchsorted(columns, hashes.columns), len(columns) - 1)
    is_known = columns[places] == hashes.columns
    begins = np.concatenate(([0], np.cumsum(is_known)))[hashes.begins]
    return csr_array((np.ones(int(is_known.sum()), dtype=np.float32), places[is_known], begins), shape=shape)


def believe(
    tokens: Tokens, of_tags: NDArray[np.floating], elsewhere: NDArray[np.float32], labels: Sequence[str]
) -> Believed:
    """Return what (T, 2K + 1) probabilities of tags say of a text; see `fit_spans`."""
    probabilities, begins = class_probabilities(of_tags)
    regions = tuple(
        Region("", labels[k], Span(int(tokens.starts[first]), int(tokens.ends[last - 1])), score)
        for first, last, k, score in likely_spans(probabilities, begins, np.ones(len(begins), dtype=bool))
    )
    evidence: dict[str, NDArray[Any]] = {
        "starts": tokens.starts.astype(np.int32),
        "ends": tokens.ends.astype(np.int32),
        "probabilities": probabilities,
        "begins": begins,
        "elsewhere": np.minimum(elsewhere, 65535).astype(np.uint16),
    }
    return Believed(regions, evidence)
