"""Learn spans of texts: the texts are read as spans are counted in them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from errata.audit.believe_regions import Learned, Lesson
from errata.audit.embed import FETCHERS
from errata.audit.ports import Progress, Texts
from errata.errors import MediaError
from errata_model.kinds.spans.learner import fit_spans, n_unusable


class TextLearner:
    """Learns spans of texts; see `RegionLearner`.

    Args:
        texts: reads the text in which a task's spans are counted.
    """

    identity = "spans 3"

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def learn(self, lesson: Lesson, progress: Progress) -> Learned:
        """See `RegionLearner.learn`. Spans that are not learned from are counted and told."""
        unusable: dict[int, str] = {}
        texts = self._read(lesson, unusable, progress)
        control = lesson.control
        n_lost = n_unusable(texts, lesson.given, control.labels)
        if n_lost:
            progress.say(
                f'Not learned from: {n_lost} spans of "{control.name}" that longer ones overlap, that hold no word, '
                "or whose label is none of the config's"
            )
        n_told = 0

        def told(done: int, of: int) -> None:
            nonlocal n_told
            if done == 0:
                progress.stage(f'Learning "{control.name}"', of)
            progress.advance(done - n_told)
            n_told = done

        is_labelled = lesson.is_labelled.copy()
        is_labelled[[task_id in unusable for task_id in lesson.task_ids]] = False
        fitted = fit_spans(
            texts,
            lesson.given,
            control.labels,
            lesson.groups,
            is_labelled=is_labelled,
            seed=lesson.seed,
            minutes=lesson.minutes,
            told=told,
        )
        return Learned(fitted, (None,) * len(texts), unusable)

    def _read(self, lesson: Lesson, unusable: dict[int, str], progress: Progress) -> list[str]:
        """Return all texts, "" where one cannot be read; fill `unusable`."""
        progress.stage("Reading spans", len(lesson.task_ids))

        def read(row: int) -> str:
            try:
                return self._texts.read(lesson.values[row], lesson.task_ids[row])
            except MediaError as error:
                unusable[lesson.task_ids[row]] = str(error)
                return ""
            finally:
                progress.advance()

        rows = range(len(lesson.task_ids))
        if not self._texts.is_far:
            return list(map(read, rows))
        with ThreadPoolExecutor(FETCHERS, thread_name_prefix="texts") as pool:
            try:
                return list(pool.map(read, rows))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
