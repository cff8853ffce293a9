"""Writes what is decided on the scan board into the review project, so that nobody is asked there again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from errata.errors import ErrataError, LabelStudioGone, LabelStudioUnreachable
from errata.review.records import Verdict


@dataclass(frozen=True, slots=True)
class Wanted:
    """A decision on the scan board, by itself, and when the verdict records had it so."""

    said: Verdict
    revision: int


@dataclass(frozen=True, slots=True)
class Closed:
    """What was written for a reviewer into a review task.

    Attributes:
        annotation_id: None where errata was about to write it, 0 where the task is gone.
        decided_at: finding -> of the verdict that was written.
    """

    annotation_id: int | None
    decided_at: Mapping[str, datetime]

    def says(self, wanted: Sequence[Wanted]) -> bool:
        """Say whether these decisions, and no others, are what was written."""
        return self.decided_at == {each.said.finding_key: each.said.decided_at for each in wanted}


@dataclass(frozen=True, slots=True)
class ReviewForm:
    """A review task as it stands in Label Studio.

    Attributes:
        keys: the findings that it asks about.
        annotations: what was submitted, by errata too.
        echoes: reviewer -> what errata wrote for them and nobody has changed since.
        task: as Label Studio lists it.
    """

    review_task_id: int
    keys: tuple[str, ...]
    annotations: frozenset[int]
    echoes: Mapping[int, int]
    task: Mapping[str, Any]


class ReviewForms(Protocol):
    """The review project, as errata writes answers into it."""

    def review_project_id(self) -> int | None:
        """Return which one it is, None where there is none."""

    def read(self, review_task_ids: Sequence[int]) -> dict[int, ReviewForm]:
        """Return review task -> what stands there, for those that exist."""

    def write(self, form: ReviewForm, reviewer_id: int, said: Sequence[Verdict], annotation_id: int | None) -> int:
        """Submit decisions as a reviewer's answer, or change that answer; return the annotation's id.

        Raises:
            LabelStudioGone: the task or the annotation is gone.
        """

    def delete(self, annotation_id: int) -> None:
        """Take an answer away; one that is gone already is no error."""


class ClosingLog(Protocol):
    """What was written into the review project, and what is still to be."""

    def due(self, project_id: int) -> list[int]:
        """Return the review tasks that may not say what is decided."""

    def wanted(self, project_id: int, review_task_ids: Sequence[int]) -> dict[int, dict[int, list[Wanted]]]:
        """Return review task -> reviewer -> what they decided about its findings on the scan board."""

    def closed(self, project_id: int, review_task_ids: Sequence[int]) -> dict[int, dict[int, Closed]]:
        """Return review task -> reviewer -> what was written there for them."""

    def decided(self, project_id: int, keys: Iterable[str]) -> set[str]:
        """Return those of these findings that have a verdict, wherever it was said."""

    def write(
        self,
        project_id: int,
        review_project_id: int,
        review_task_id: int,
        reviewer_id: int,
        wanted: Sequence[Wanted],
        annotation_id: int | None,
    ) -> None:
        """Write down all that is said in a task for a reviewer, and by which annotation, None before it is there."""


def close_review_tasks(project_id: int, log: ClosingLog, forms: ReviewForms) -> int:
    """Let review tasks say what was decided on the scan board; return how many answers are new or taken away.

    What is to be done follows from the verdicts and from what was written down, so it outlives a restart, and what
    fails is tried again at the next call. A task about several findings is answered once all of them are decided. What
    people changed or deleted there since is left to them: see `review.closings`.

    Raises:
        ErrataError: the first thing that went wrong; the other tasks were gone through, unless Label Studio is away.
    """
    due = log.due(project_id)
    review_project_id = forms.review_project_id() if due else None
    if review_project_id is None:
        return 0
    there, wanted, closed = forms.read(due), log.wanted(project_id, due), log.closed(project_id, due)
    decided = log.decided(project_id, {key for form in there.values() for key in form.keys})
    closer = _Closer(project_id, review_project_id, log, forms)
    problems: list[ErrataError] = []
    for task_id in due:
        form = there.get(task_id)
        is_decided = form is not None and set(form.keys) <= decided
        said_by, done_for = wanted.get(task_id, {}), closed.get(task_id, {})
        for reviewer_id in sorted({*said_by, *done_for}):
            said = said_by.get(reviewer_id, []) if is_decided or form is None else []
            try:
                closer.close(task_id, form, reviewer_id, said, done_for.get(reviewer_id))
            except LabelStudioUnreachable:
                raise
            except ErrataError as error:
                problems.append(error)
    if problems:
        raise problems[0]
    return closer.n_written


class _Closer:
    """Writes into one review project."""

    def __init__(self, project_id: int, review_project_id: int, log: ClosingLog, forms: ReviewForms) -> None:
        self._project_id = project_id
        self._review_project_id = review_project_id
        self._log = log
        self._forms = forms
        self.n_written = 0

    def close(
        self, task_id: int, form: ReviewForm | None, reviewer_id: int, said: Sequence[Wanted], closed: Closed | None
    ) -> None:
        """Let a review task say a reviewer's decisions, none of them where `said` is empty."""
        if form is None:
            self._note(task_id, reviewer_id, said, 0)
            return
        echo = form.echoes.get(reviewer_id)
        if not said:
            if echo is not None:
                self._forms.delete(echo)
                self.n_written += 1
            self._note(task_id, reviewer_id, (), None)
            return
        if echo is None and closed is not None and closed.annotation_id and self._is_of_people(form, said, closed):
            return
        self._note(task_id, reviewer_id, said, echo)
        try:
            written = self._forms.write(form, reviewer_id, [each.said for each in said], echo)
            self.n_written += written != echo
        except LabelStudioGone:
            written = 0
        self._note(task_id, reviewer_id, said, written)

    def _is_of_people(self, form: ReviewForm, said: Sequence[Wanted], closed: Closed) -> bool:
        """Say whether what errata wrote was changed or deleted since, and nothing was decided anew on the board."""
        return closed.annotation_id in form.annotations or closed.says(said)

    def _note(self, task_id: int, reviewer_id: int, said: Sequence[Wanted], annotation_id: int | None) -> None:
        self._log.write(self._project_id, self._review_project_id, task_id, reviewer_id, said, annotation_id)
