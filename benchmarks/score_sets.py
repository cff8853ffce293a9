"""Given labels, probabilities and the truth, for `scores.py` to rank: real errors and planted ones.

Probabilities are by five-fold cross-validation of plain scikit-learn learners, so that nothing of errata's is in them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from real_sets import WEIGHTS, given_labels, read_names, read_truth
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import ComplementNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from errata_model.encoders.images import decode_image, load_image_encoder

NOISES = ("uniform", "next class", "by frequency", "one class attracts", "confusable")
SHARE_WRONG = 0.08


@dataclass(frozen=True)
class ScoreSet:
    """One case: the set, who believes, given labels, probabilities, and which labels are wrong."""

    name: str
    learner: str
    given: NDArray[np.int64]
    predicted: NDArray[np.float64]
    is_wrong: NDArray[np.bool_]


def real_sets(folder: Path, limit: int | None) -> Iterator[ScoreSet]:
    for name in ("cifar10n", "roman-numerals"):
        tasks, given, is_wrong = read_export(folder / name, limit)
        encoder = load_image_encoder("squeezenet1_0", folder / WEIGHTS)
        files = [(folder / name / "media" / task["data"]["image"]).read_bytes() for task in tasks]
        rows = encoder.encode([encoder.prepare(decode_image(content, 10**7)) for content in files])
        learners = {
            "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)),
            "discriminant analysis": make_pipeline(
                StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.6)
            ),
            "20 neighbours": KNeighborsClassifier(20, metric="cosine", weights="distance"),
        }
        for learner, model in learners.items():
            yield ScoreSet(name, learner, given, cross_fit(model, rows, given), is_wrong)
    tasks, given, is_wrong = read_export(folder / "noisy-ag-news", limit)
    counts = TfidfVectorizer(ngram_range=(1, 2)).fit_transform([task["data"]["text"] for task in tasks])
    for learner, model in {
        "logistic regression": LogisticRegression(max_iter=300),
        "naive Bayes": ComplementNB(alpha=0.5),
        "20 neighbours": KNeighborsClassifier(20, metric="cosine", weights="distance"),
    }.items():
        yield ScoreSet("noisy-ag-news", learner, given, cross_fit(model, counts, given), is_wrong)


def planted_sets(is_quick: bool) -> Iterator[ScoreSet]:
    digits = load_digits()
    pixels = digits.data / 16
    for seed in range(1 if is_quick else 3):
        for noise in NOISES:
            rng = np.random.default_rng(seed)
            uneven = thin_out(digits.target, rng)
            for name, rows in (("digits", np.arange(len(digits.target))), ("digits, uneven", uneven)):
                yield planted(name, pixels[rows], digits.target[rows], noise, rng)
            for n_classes in (4,) if is_quick else (4, 50):
                for name, power in (("even", 0.0), ("uneven", 1.5)):
                    rows, right = mixture(n_classes, power, rng)
                    yield planted(f"{n_classes} clouds, {name}", rows, right, noise, rng)


def planted(name: str, rows: NDArray[Any], right: NDArray[np.int64], noise: str, rng: np.random.Generator) -> ScoreSet:
    given = plant(rows, right, noise, rng)
    model = LogisticRegression(C=0.3, max_iter=300)
    return ScoreSet(name, f"logistic regression, {noise}", given, cross_fit(model, rows, given), given != right)


def plant(rows: NDArray[Any], right: NDArray[np.int64], noise: str, rng: np.random.Generator) -> NDArray[np.int64]:
    n_classes, n = int(right.max()) + 1, len(right)
    chosen = rng.random(n) < SHARE_WRONG
    if noise == "confusable":  # where a model that knows the truth hesitates, and to what it hesitates over
        believed = cross_fit(LogisticRegression(C=0.3, max_iter=300), rows, right) ** 0.7
        believed[np.arange(n), right] = 0
        chosen = np.isin(np.arange(n), np.argsort(-believed.sum(axis=1) * rng.random(n))[: round(SHARE_WRONG * n)])
        others = np.array([rng.choice(n_classes, p=row / row.sum()) for row in believed])
    elif noise == "by frequency":
        others = rng.permutation(right)
    elif noise == "one class attracts":
        others = np.full(n, rng.integers(n_classes))
    else:
        others = (right + (1 if noise == "next class" else rng.integers(1, n_classes, n))) % n_classes
    return np.where(chosen, others, right)


def thin_out(classes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Keep of each class fewer than of the one before: 178 to 6 of the digits."""
    sizes = rng.permutation(178 * np.arange(1, 11.0) ** -1.5).round().astype(int)
    return np.concatenate([rng.permutation(np.flatnonzero(classes == k))[:n] for k, n in enumerate(sizes)])


def mixture(n_classes: int, power: float, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Draw normal clouds that overlap; `power` 0: equally many rows a class, more: ever fewer."""
    shares = np.arange(1, n_classes + 1.0) ** -power
    right = np.concatenate([np.arange(n_classes).repeat(3), rng.choice(n_classes, 1500, p=shares / shares.sum())])
    width = min(2 + n_classes // 2, 30)
    return rng.normal(size=(n_classes, width))[right] * 1.8 + rng.normal(size=(len(right), width)), right


def cross_fit(model: ClassifierMixin, rows: Any, given: NDArray[np.int64]) -> NDArray[np.float64]:
    predicted = np.full((rows.shape[0], int(given.max()) + 1), 1e-7)
    counts = np.bincount(given)
    strata = np.where(counts[given] >= 5, given, -1)  # rare classes are dealt as one
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(strata, strata):
        model.fit(rows[train], given[train])
        predicted[np.ix_(test, model.classes_)] += model.predict_proba(rows[test])
    return predicted / predicted.sum(axis=1, keepdims=True)


def read_export(folder: Path, limit: int | None) -> tuple[list[dict[str, Any]], NDArray[np.int64], NDArray[np.bool_]]:
    tasks = json.loads((folder / "export.json").read_text())[:limit]
    truth = read_truth(folder)
    given = given_labels(tasks, read_names(folder))
    return tasks, given, np.array([bool(truth[task["id"]]["wrong"]) for task in tasks])


def benchmarks_folder() -> Path | None:
    folder = Path(os.environ.get("ERRATA_BENCHMARKS", ""))
    return folder if (folder / WEIGHTS).is_file() else None
