"""The learner of spans in texts: a field over hashed features, out-of-sample by cross-fitting over whole groups."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.spans.crf import fit_field
from errata_model.kinds.spans.elsewhere import recall_elsewhere, remember
from errata_model.kinds.spans.features import TokenHashes, hash_tokens
from errata_model.kinds.spans.model import SpansModel, believe, to_matrix
from errata_model.kinds.spans.tagging import UNKNOWN, allowed_tags, tags_of, to_tags
from errata_model.kinds.spans.tokens import Tokens, tokenize
from errata_model.regions.records import Believed, FittedRegions, Region

N_FOLDS = 5
_FEWEST = 2  # groups with spans
_PENALTY = 4.0
_LEAST_COUNT = 2  # a column that fewer tokens have teaches nothing about others


@dataclass(frozen=True, slots=True)
class _Corpus:
    """N tokens of n texts, text after text.

    Attributes:
        tokens: n.
        hashes: of all tokens.
        tags: (N,) see `tagging`.
        begins: (n + 1,) the first token of each text.
    """

    tokens: tuple[Tokens, ...]
    hashes: TokenHashes
    tags: NDArray[np.int64]
    begins: NDArray[np.int64]

    def rows(self, texts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tokens of some texts, text after text."""
        spans = [np.arange(self.begins[text], self.begins[text + 1]) for text in texts.tolist()]
        return np.concatenate([np.zeros(0, dtype=np.int64), *spans])

    def lengths(self, texts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the lengths of these texts' pieces."""
        lengths = [np.diff(self.tokens[text].pieces) for text in texts.tolist()]
        return np.concatenate([np.zeros(0, dtype=np.int64), *lengths])

    def told(self, texts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the tokens of some texts whose tags are known, and the lengths of the pieces that others leave."""
        rows, lengths = self.rows(texts), self.lengths(texts)
        is_told = self.tags[rows] != UNKNOWN
        begins = np.diff(np.repeat(np.arange(len(lengths)), lengths), prepend=-1) > 0
        begins[1:] |= ~is_told[:-1]
        counts = np.bincount(np.cumsum(begins)[is_told])
        return rows[is_told], counts[counts > 0]


def fit_spans(
    texts: Sequence[str],
    given: Sequence[Sequence[Region]],
    labels: Sequence[str],
    groups: NDArray[np.integer],
    *,
    is_labelled: NDArray[np.bool_] | None = None,
    seed: int = 0,
    minutes: float | None = None,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> FittedRegions:
    """Learn the spans of texts, and believe about every text without its own group.

    A linear-chain conditional random field tells each token's class from hashes of its form and its neighbours' forms,
    in any language and with nothing downloaded; one is fitted for each fifth of the groups, on the other four, and
    judges it. Beside it, how the same words are labelled in the texts of other groups is counted.

    Args:
        texts: n.
        given: n, the spans of each; of those that overlap, the longest is learned from. Nothing is learned from words
            whose label is none of these.
        labels: K, of the control.
        groups: (n,) texts that must not vouch for one another: the same, near-duplicates.
        is_labelled: (n,) texts that somebody labelled, be it with no span; all by default.
        seed: of the folds.
        minutes: that fitting may take; what was reached until then is taken.
        told: is told how many of the fits are done, and of how many.

    Returns:
        Of each text the spans that it is believed to have, with scores, and as `evidence`: where tokens are, `starts`
        and `ends` (T,) in code points, `probabilities` (T, K + 1) of no span and of each label, `begins` (T,) that a
        span begins at the token, and `elsewhere` (T, 3, K + 1), how often the token, it with the one before, and it
        with the one after have each label in other groups. The model is read by `load_spans_model`.

    Raises:
        ValueError: lengths differ; or there is too little to learn from.
    """
    n_texts = len(texts)
    labelled = np.ones(n_texts, dtype=bool) if is_labelled is None else np.asarray(is_labelled, dtype=bool)
    if not len(given) == len(groups) == len(labelled) == n_texts:
        raise ValueError(f"`given`, `groups` and `is_labelled` must be of {n_texts} texts")
    corpus = _corpus(texts, given, labels)
    numbers = np.unique(groups, return_inverse=True)[1].reshape(-1)
    _check(corpus, numbers, labelled)
    folds = _deal(numbers, labelled, seed)
    parts = [fold for fold in range(N_FOLDS) if (folds == fold).any()]
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    elsewhere = _elsewhere(corpus, numbers, labelled, len(labels))
    believed: list[Believed] = [Believed(())] * n_texts
    for done, fold in enumerate((*parts, None)):
        told(done, len(parts) + 1)
        model = _fit(
            corpus, np.flatnonzero(labelled & (folds != fold)), labels, _share(deadline, len(parts) + 1 - done)
        )
        if fold is None:
            break
        own = np.flatnonzero(folds == fold)
        rows = corpus.rows(own)
        found = model.judge(_part(corpus.hashes, rows), corpus.lengths(own))
        begins = np.concatenate(([0], np.cumsum(np.diff(corpus.begins)[own])))
        for place, text in enumerate(own.tolist()):
            mine = slice(begins[place], begins[place + 1])
            believed[text] = believe(corpus.tokens[text], found[mine], elsewhere[rows[mine]], labels)
    told(len(parts) + 1, len(parts) + 1)
    return FittedRegions(tuple(believed), model.arrays())


def n_unusable(texts: Sequence[str], given: Sequence[Sequence[Region]], labels: Sequence[str]) -> int:
    """Return how many spans are not learned from: longer ones overlap them, they hold no word, or are of no class."""
    return sum(to_tags(tokenize(text), regions, labels)[1] for text, regions in zip(texts, given, strict=True))


def _corpus(texts: Sequence[str], given: Sequence[Sequence[Region]], labels: Sequence[str]) -> _Corpus:
    tokens = tuple(map(tokenize, texts))
    tags = [to_tags(each, regions, labels)[0] for each, regions in zip(tokens, given, strict=True)]
    lengths = [len(each.starts) for each in tokens]
    begins = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)))
    return _Corpus(tokens, hash_tokens(texts, tokens), np.concatenate([np.zeros(0, dtype=np.int64), *tags]), begins)


def _check(corpus: _Corpus, groups: NDArray[np.int64], is_labelled: NDArray[np.bool_]) -> None:
    """Raise ValueError unless texts of two groups have spans to learn from."""
    lengths = np.diff(corpus.begins)
    has_spans = np.bincount(np.repeat(np.arange(len(groups)), lengths), corpus.tags > 0, len(groups)) > 0
    if len(np.unique(groups[has_spans & is_labelled])) < _FEWEST:
        raise ValueError("fewer than two texts that differ have spans, so nothing is left to judge any of them by")


def _deal(groups: NDArray[np.int64], is_labelled: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """Return (n,) folds of whole groups, as many as five, with texts that are labelled in each.

    What the labels are does not matter: the folds of all texts stay as they are when those of one change.
    """
    sizes = np.bincount(groups, minlength=int(groups.max(initial=-1)) + 1)
    n_labelled = np.bincount(groups[is_labelled], minlength=len(sizes))
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = shuffled[np.lexsort((-sizes[shuffled], -n_labelled[shuffled]))]
    n_folds = min(N_FOLDS, int((n_labelled > 0).sum()))
    of_group = np.zeros(len(sizes), dtype=np.int64)
    filled = np.zeros((n_folds, 2))
    for group in order.tolist():
        fold = int(np.lexsort((filled[:, 1], filled[:, 0]))[0]) if n_labelled[group] else int(filled[:, 1].argmin())
        of_group[group] = fold
        filled[fold] += (n_labelled[group], sizes[group])
    return of_group[groups]


def _elsewhere(
    corpus: _Corpus, groups: NDArray[np.int64], is_labelled: NDArray[np.bool_], n_labels: int
) -> NDArray[np.float32]:
    lengths = np.diff(corpus.begins)
    of_labelled = np.repeat(is_labelled, lengths) & (corpus.tags != UNKNOWN)
    classes = (corpus.tags + 1) // 2
    memory = remember(corpus.hashes.strings[of_labelled], classes[of_labelled], n_labels + 1)
    return recall_elsewhere(memory, corpus.hashes.strings, classes, np.repeat(groups, lengths), of_labelled)


def _fit(corpus: _Corpus, texts: NDArray[np.int64], labels: Sequence[str], deadline: float | None) -> SpansModel:
    rows, lengths = corpus.told(texts)
    hashes = _part(corpus.hashes, rows)
    known, counts = np.unique(hashes.columns, return_counts=True)
    known = known[counts >= _LEAST_COUNT]
    features = to_matrix(hashes, known)
    tags = corpus.tags[rows]
    used = tags_of(np.unique((tags[tags > 0] - 1) // 2))
    first, moves = allowed_tags(len(used) // 2)
    field = fit_field(features, np.searchsorted(used, tags), lengths, first, moves, penalty=_PENALTY, deadline=deadline)
    memory = remember(hashes.strings, (tags + 1) // 2, len(labels) + 1)
    return SpansModel(tuple(labels), used, known, field, memory)


def _part(hashes: TokenHashes, rows: NDArray[np.int64]) -> TokenHashes:
    """Return the hashes of some tokens, in their order."""
    counts = np.diff(hashes.begins)[rows]
    ends = np.cumsum(counts)
    places = np.arange(int(counts.sum())) - np.repeat(ends - counts, counts) + np.repeat(hashes.begins[rows], counts)
    return TokenHashes(hashes.columns[places], np.concatenate(([0], ends)), hashes.strings[rows])


def _share(deadline: float | None, n_left: int) -> float | None:
    now = time.monotonic()
    return None if deadline is None else now + max(0.0, deadline - now) / n_left
