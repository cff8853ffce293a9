"""What is shown of texts, and what spans of them are like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from scipy.sparse import csr_array
from scipy.sparse import hstack as hstack_sparse

from errata.audit.embed import FETCHERS
from errata.audit.ports import Progress, Texts
from errata.errors import MediaError
from errata_model.encoders.ngrams import NGRAMS, HashedNgrams
from errata_model.regions.shapes import Span
from errata_model.similarity import unit_features

BEGINNING = 1200  # characters of a text that are kept
AROUND = 400  # characters kept on each side of a span
LONGEST_SPAN = 1200  # characters of a span that are kept
_CONTEXT = 60  # characters on each side of a span that say what it is like
_WEIGHT_OF_CONTEXT = 0.5


@dataclass(frozen=True, slots=True)
class Snippet:
    """A part of a text.

    Attributes:
        text: the part.
        starts_at: where it begins in the whole text, in code points.
        span: what is marked, "" where nothing is.
        context: what stands close around it.
    """

    text: str
    starts_at: int = 0
    span: str = ""
    context: str = ""


def beginnings(
    values: Mapping[int, Any], texts: Texts, progress: Progress, is_late: Callable[[], bool]
) -> dict[int, Snippet]:
    """Return task id -> how its text begins, of those that can be read in time; `values` are what tasks hold."""
    return {task_id: Snippet(text.strip()[:BEGINNING]) for task_id, text in _read_all(values, texts, progress, is_late)}


def around_spans(
    spans: Sequence[tuple[int, Span | None]],
    values: Mapping[int, Any],
    texts: Texts,
    progress: Progress,
    is_late: Callable[[], bool],
) -> list[Snippet]:
    """Return what stands around N spans, each of a task; where there is no span, how the task's text begins.

    Empty where a text cannot be read in time.
    """
    rows: defaultdict[int, list[int]] = defaultdict(list)
    for row, (task_id, _) in enumerate(spans):
        rows[task_id].append(row)
    found = [Snippet("")] * len(spans)
    wanted = {task_id: values[task_id] for task_id in rows if task_id in values}
    for task_id, text in _read_all(wanted, texts, progress, is_late):
        for row in rows[task_id]:
            found[row] = _around(text, spans[row][1])
    return found


def span_features(snippets: Sequence[Snippet]) -> csr_array:
    """Return (N, D) what spans are like: their characters, and the words around them at half of that weight."""
    characters = unit_features(HashedNgrams(NGRAMS["characters"]).encode([each.span for each in snippets]))
    words = unit_features(HashedNgrams(NGRAMS["words"]).encode([each.context for each in snippets]))
    return csr_array(hstack_sparse([characters, words * _WEIGHT_OF_CONTEXT], format="csr"))


def _around(text: str, span: Span | None) -> Snippet:
    if span is None:
        return Snippet(text[:BEGINNING])
    start, end = max(int(span.start), 0), min(int(span.end), len(text))
    begin = max(start - AROUND, 0)
    last = min(end, start + LONGEST_SPAN) + AROUND
    context = f"{text[max(start - _CONTEXT, 0) : start]} {text[end : end + _CONTEXT]}"
    return Snippet(text[begin:last], begin, text[start:end][:LONGEST_SPAN], context)


def _read_all(
    values: Mapping[int, Any], texts: Texts, progress: Progress, is_late: Callable[[], bool]
) -> Iterator[tuple[int, str]]:
    progress.stage("Reading what the pages show", len(values))

    def read(task_id: int) -> tuple[int, str] | None:
        if is_late():
            return None
        try:
            return task_id, texts.read(values[task_id], task_id)
        except MediaError:  # the audit has said so
            return None
        finally:
            progress.advance()

    if not texts.is_far:
        yield from filter(None, map(read, values))
        return
    with ThreadPoolExecutor(FETCHERS, thread_name_prefix="texts") as pool:
        try:
            yield from filter(None, pool.map(read, values))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
