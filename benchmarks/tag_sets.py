"""Items with given tags, features and the truth, for `tags.py` to rank: a published recipe, and real errors.

`recipe_set` follows Thyagarajan et al., "Identifying Incorrect Annotations in Multi-Label Classification Data", 2022,
section 5 and appendix: the large set, 28,500 items with 20 features and 50 tags, of whose cells about 2 % are wrong.

`album_sets` are made of the sets of single choice with real errors: an album is one to three images, a page one to
three news, drawn without replacement. It has the tags that its parts were given, and should have those that they are.
Each seed draws others. Three people labelled the photographs (`by_three`): each of them has tagged the albums.
The features of an album are the mean of its parts' average pools beside the maximum of their maximum pools, the text
of a page is its news one below the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from real_sets import WEIGHTS, given_labels, read_names, read_truth, squeezenet_features
from sklearn.datasets import make_multilabel_classification

from errata_model.encoders.text import DEFAULT_TEXT_ENCODER, load_text_encoder
from errata_model.features import Features

MOST_PARTS = 3
MOST_FLIPS = 3


@dataclass(frozen=True)
class TagSet:
    """Items n with given tags and right tags (N, K), features, and their blocks; texts where they are texts.

    `by_three` are the tags that each of three people gave, (N, 3, K), where it is known.
    """

    name: str
    features: Features
    given: NDArray[np.bool_]
    right: NDArray[np.bool_]
    blocks: tuple[int, ...] | None = None
    texts: tuple[str, ...] = ()
    by_three: NDArray[np.bool_] | None = None


def recipe_set(seed: int, n_items: int) -> TagSet:
    from cleanlab.benchmarking.noise_generation import generate_noise_matrix_from_trace  # noqa: PLC0415

    rng = np.random.RandomState(seed)  # as scikit-learn's generator takes it
    n_tags = 50
    kept = np.sort(1 - rng.gamma(2.0, 0.01, n_tags)) * (1 - np.exp(-(np.arange(n_tags) ** 2) / n_tags) / (2 * n_tags))
    shares = np.maximum(kept, 1 - kept)[rng.permutation(n_tags)]
    rows, tags = make_multilabel_classification(
        n_items, 20, n_classes=n_tags, n_labels=5, length=500, allow_unlabeled=True, random_state=rng
    )
    right = tags.astype(bool)
    given = right.copy()
    for k, share in enumerate(shares):
        frequency = np.array([1 - right[:, k].mean(), right[:, k].mean()])
        noise = generate_noise_matrix_from_trace(
            2, trace=2 * share, py=frequency, valid_noise_matrix=True, seed=seed + k
        )
        may_flip = (given != right).sum(axis=1) < MOST_FLIPS
        for was in (False, True):
            candidates = np.flatnonzero(may_flip & (right[:, k] == was))
            n_flips = round(len(candidates) * noise[int(not was), int(was)])
            given[rng.choice(candidates, n_flips, replace=False), k] = not was
    features = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return TagSet(f"recipe (seed {seed})", features, given, right)


def album_sets(folder: Path, seeds: Sequence[int], limit: int | None) -> Iterator[TagSet]:
    tasks, names, given, right = _read(folder / "cifar10n", limit)
    three = _labels_by_three(folder / "cifar10n", names, limit)
    files = [(folder / "cifar10n" / "media" / task["data"]["image"]).read_bytes() for task in tasks]
    rows = squeezenet_features(files, folder / WEIGHTS)
    half = rows.shape[1] // 2
    for seed in seeds:
        albums = _albums(len(tasks), seed)
        pooled = [np.concatenate((rows[parts, :half].mean(axis=0), rows[parts, half:].max(axis=0))) for parts in albums]
        tags = (_tags(albums, labels, len(names)) for labels in (given, right))
        by_three = np.stack([_tags(albums, labels, len(names)) for labels in three.T], axis=1)
        features = np.array(pooled, dtype=np.float32)
        yield TagSet(f"albums of cifar10n (seed {seed})", features, *tags, by_three=by_three)
    tasks, names, given, right = _read(folder / "noisy-ag-news", limit)
    reader = load_text_encoder(DEFAULT_TEXT_ENCODER)
    for seed in seeds:
        pages = _albums(len(tasks), seed)
        texts = tuple("\n".join(str(next(iter(tasks[part]["data"].values()))) for part in parts) for parts in pages)
        tags = (_tags(pages, labels, len(names)) for labels in (given, right))
        yield TagSet(f"pages of noisy-ag-news (seed {seed})", reader.encode(texts), *tags, reader.blocks, texts)


def _read(
    folder: Path, limit: int | None
) -> tuple[list[dict[str, Any]], list[str], NDArray[np.int64], NDArray[np.int64]]:
    names = read_names(folder)
    tasks = json.loads((folder / "export.json").read_text())[:limit]
    truth = read_truth(folder)
    right = np.array([names.index(truth[task["id"]]["correct"]) for task in tasks])
    return tasks, names, given_labels(tasks, names), right


def _labels_by_three(folder: Path, names: Sequence[str], limit: int | None) -> NDArray[np.int64]:
    """Return (N, 3) columns, in the tasks' order."""
    tasks = json.loads((folder / "export-three.json").read_text())[:limit]
    answers = ([each["result"][0]["value"]["choices"][0] for each in task["annotations"]] for task in tasks)
    return np.array([[names.index(label) for label in of_task[:3]] for of_task in answers])


def _albums(n: int, seed: int) -> list[NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    order, albums = rng.permutation(n), []
    while len(order):
        n_parts = int(rng.integers(1, MOST_PARTS + 1))
        albums.append(order[:n_parts])
        order = order[n_parts:]
    return albums


def _tags(albums: Sequence[NDArray[np.int64]], labels: NDArray[np.int64], n_tags: int) -> NDArray[np.bool_]:
    tags = np.zeros((len(albums), n_tags), dtype=bool)
    for n, parts in enumerate(albums):
        tags[n, labels[parts]] = True
    return tags
