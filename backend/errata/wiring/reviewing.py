"""Verdicts, plans and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from errata.boards.closing import close_review_tasks
from errata.errors import (
    ErrataError,
    ExportError,
    LabelStudioGone,
    LabelStudioUnreachable,
    ServiceError,
    UsageError,
)
from errata.labelstudio.annotations import SourceAnnotations, SourceSideEffects
from errata.labelstudio.export_file import read_export
from errata.labelstudio.review_closing import ReviewClosing
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.source import describe_project, export_project
from errata.review.apply import Applied, apply_plan
from errata.review.export import merged_export
from errata.review.overview import Row, to_row
from errata.review.plans import Plan, make_plan
from errata.review.records import Project
from errata.review.recovery import recover
from errata.review.status import Status, project_status
from errata.review.undo import Undone, undo
from errata.review.verdicts import Taken, take_verdicts
from errata.store.board_closings import ClosingStore
from errata.store.export_file import write_export
from errata.store.files import locked
from errata.wiring.training import Training

Outcome = TypeVar("Outcome", Applied, Undone)


class Reviewing(Training):
    """Review on the adapters."""

    def take_verdicts(self, project_id: int) -> Taken:
        """Read the review project's answers into verdict records. Writes nothing to the source."""
        self.recover(project_id)
        queue = ReviewProject(self.client, describe_project(self.client, project_id), self.footprint)
        closings = ClosingStore(self.engine)
        return take_verdicts(project_id, queue, self.audits, self.verdicts, self.codecs, closings)

    def close_review_tasks(self) -> None:
        """Let review tasks say what was decided on the scan board, of every project; past those where that fails.

        Raises:
            ErrataError: the first thing that went wrong.
        """
        log, problems = ClosingStore(self.engine), []
        watched = {project.id for project in self.audits.watched()}
        for project_id in log.projects():
            try:
                if project_id in watched and log.due(project_id):
                    source = describe_project(self.client, project_id)
                    review = ReviewProject(self.client, source, self.footprint)
                    with locked(self.settings.data_dir, f"closing-{project_id}"):  # a notebook may close some too
                        close_review_tasks(project_id, log, ReviewClosing(self.client, source, review))
            except LabelStudioUnreachable:
                raise
            except LabelStudioGone:
                continue  # the source project
            except ErrataError as error:
                problems.append(error)
        if problems:
            raise problems[0]

    def plan(
        self,
        project_id: int,
        include_undone: bool = False,
        retry_refused: bool = True,
        with_other_edits: bool = False,
    ) -> Plan:
        """Plan the confirmed fixes that do not stand in the source yet; see `make_plan`."""
        return make_plan(
            project_id,
            self.verdicts,
            self.audits,
            self.journal,
            SourceAnnotations(self.client, project_id),
            self.codecs,
            describe_project(self.client, project_id).controls,
            include_undone,
            retry_refused,
            with_other_edits,
        )

    def side_effects(self, project_id: int, trains: bool = True) -> list[str]:
        """Say what else writing to the source sets off; without training where that is paused."""
        return SourceSideEffects(self.client, project_id, self.footprint).read(trains)

    def apply(
        self,
        project_id: int,
        include_undone: bool = False,
        retry_refused: bool = True,
        *,
        with_other_edits: bool = False,
        pauses_training: bool = False,
    ) -> Applied:
        """Write the confirmed fixes; see `make_plan` for which.

        Args:
            project_id: the source project.
            include_undone: also what was undone.
            retry_refused: also what Label Studio refused before.
            with_other_edits: also what reviewers made of regions that they were not asked about.
            pauses_training: Label Studio starts no training until all is written.
        """
        plan = self.plan(project_id, include_undone, retry_refused, with_other_edits)
        by = str(self.client.get("api/current-user/whoami").get("email", ""))
        annotations = SourceAnnotations(self.client, project_id)

        def write() -> Applied:
            return apply_plan(plan, annotations, self.codecs, self.journal, by)

        return self._untrained(project_id, write) if pauses_training and plan.changes else write()

    def undo(self, project_id: int, changeset_id: int | None, *, pauses_training: bool = False) -> Undone:
        """Restore the labels that a changeset changed, or, with None, all that errata ever changed."""
        self.restore_training(project_id)
        annotations = SourceAnnotations(self.client, project_id)

        def write() -> Undone:
            return undo(project_id, changeset_id, annotations, self.codecs, self.journal)

        return self._untrained(project_id, write) if pauses_training else write()

    def _untrained(self, project_id: int, write: Callable[[], Outcome]) -> Outcome:
        """Write while Label Studio starts no training."""
        outcome = None
        try:
            with self.paused_training(project_id):
                outcome = write()
        except ServiceError as error:
            if outcome is None:
                raise
            still_off = LabelStudioUnreachable(
                f"Training on submission is still off in project {project_id}; the next errata command about it "
                f"turns it on. ({error})"
            )
            return replace(outcome, stopped=outcome.stopped or still_off)
        return outcome

    def project_of_changeset(self, changeset_id: int) -> int:
        """Return the project that a changeset belongs to."""
        for project in self.audits.projects():
            if changeset_id in {known for known, _, _ in self.journal.changesets(project.id)}:
                return project.id
        raise UsageError(f"There is no changeset {changeset_id}; `errata status PROJECT` lists a project's.")

    def status(self, project_id: int) -> Status:
        """Gather where a project stands."""
        plan = self.plan(project_id)
        found = project_status(project_id, self.audits, self.verdicts, self.journal, self.footprint, plan)
        return replace(found, connected_with=self.project_settings.get(project_id).shown())

    def row(self, project: Project) -> Row:
        """Take a project's verdicts and say in a row where it stands."""
        self.take_verdicts(project.id)
        return to_row(project, self.status(project.id))

    def recorded_row(self, project: Project, problem: str) -> Row:
        """Say in a row where a project stood when Label Studio could be asked; `problem` says why it could not."""
        nothing = Plan(project.id, (), (), (), 0)
        ports = (self.audits, self.verdicts, self.journal, self.footprint)
        return to_row(project, project_status(project.id, *ports, nothing), problem)

    def recover(self, project_id: int) -> None:
        """Settle what a crash left open: in the journal, and in Label Studio's settings."""
        self.restore_training(project_id)
        recover(project_id, SourceAnnotations(self.client, project_id), self.codecs, self.journal)

    def export(self, target: str, out: Path) -> dict[str, Any]:
        """Write an export with the confirmed fixes merged; return its manifest."""
        if target.isdigit():
            project_id = int(target)
            tasks = export_project(self.client, project_id)
        else:
            tasks = read_export(Path(target))
            named = tasks[0].get("project") if tasks else None
            if not isinstance(named, int):
                raise ExportError(f'{target} does not say which project it is of; its tasks need "project".')
            project_id = named
        audit = self.audits.last(project_id)
        merged = merged_export(project_id, tasks, self.verdicts, self.journal, audit, self.codecs)
        return write_export(out, *merged)
