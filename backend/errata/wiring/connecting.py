"""What ties a project to errata, tied and untied."""

from __future__ import annotations

from pathlib import Path

from errata.audit.field_groups import group_by_field
from errata.audit.snapshot import Task
from errata.errors import LabelStudioRefused, UsageError
from errata.labelstudio.account import check_sight
from errata.labelstudio.additions import Addition, additions
from errata.labelstudio.connection import connect
from errata.labelstudio.disconnection import UNTIED, count_decisions, delete_review_project, disconnect
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.source import describe_project
from errata.labelstudio.survey import Survey, first_tasks
from errata.review.records import Project
from errata.settings import PredictionsMode, ProjectSettings
from errata.store.files import locked
from errata.store.login import forget_login, remembered_login
from errata.store.purge import purge_project
from errata.wiring.surveying import Surveying

_SHOWN = ("none", "labelled", "all")  # to ever more people

_FIRST = 100  # tasks that a field to group by is looked for in

AUDIT_ENDS_S = 120  # `errata serve` audits by itself, also just after fixes were written


class Connecting(Surveying):
    """Connections on the adapters."""

    def check_sight(self, project_id: int) -> None:
        """Make sure that the token's user sees a project; see `account.check_sight`."""
        check_sight(self.client, project_id, self.account.user)

    def predictions_default(self, survey: Survey) -> PredictionsMode:
        """Return which tasks get predictions unless somebody says otherwise."""
        return self.settings.predictions or ("all" if survey.is_attached_in_form else "labelled")

    def additions(
        self, survey: Survey, decided: ProjectSettings, is_reached: bool, attach_backend: bool | None = None
    ) -> list[Addition]:
        """Return what `connect` will add to Label Studio with these settings; see `labelstudio.additions`."""
        review = count_decisions(self.client, survey.project_id, self.footprint)
        return additions(
            survey,
            review[0] if review else None,
            self.seen_url if is_reached else None,
            self.footprint,
            attach_backend=attach_backend,
            predictions=decided.predictions or self.predictions_default(survey),
            shows_version=decided.shows_version is True,
        )

    def connect(
        self, project_id: int, decided: ProjectSettings | None = None, attach_backend: bool | None = None
    ) -> list[str]:
        """Tie a project to errata. Asks nothing; twice is once, at the same moment too.

        Args:
            project_id: the source project.
            decided: what is said about the project; what it leaves out stays as it was said before.
            attach_backend: see `connection.connect`.

        Returns:
            What was done, a line each.

        Raises:
            ConfigNotServed: the project has nothing that errata can audit.
            LabelStudioRefused: rights are missing, or the backend is insisted on and Label Studio cannot reach errata.
        """
        with locked(self.settings.data_dir, f"ties-{project_id}"):
            return self._connect(project_id, decided or ProjectSettings(), attach_backend)

    def _connect(self, project_id: int, decided: ProjectSettings, attach_backend: bool | None) -> list[str]:
        snapshot = describe_project(self.client, project_id)
        obstacle = self.obstacle(project_id)
        if obstacle and attach_backend:
            raise LabelStudioRefused(f"errata cannot be attached as ML backend of project {project_id}: {obstacle}")
        self.audits.connected(Project(project_id, snapshot.title, snapshot.url))
        lines = self._decide(project_id, decided)
        review_id = self.review_project_id(project_id)
        lines.append(f"Review project {review_id}: {self.client.url}projects/{review_id}/")
        lines += self._doubts_about_groups(project_id)
        lines += connect(
            self.client,
            project_id,
            review_id,
            None if obstacle else self.place(),
            self.footprint,
            attach_backend=attach_backend,
            shows_version=self.project_settings.get(project_id).shows_version is True,
        )
        if obstacle:
            lines.append(f"Outbound only: errata pushes predictions and polls for verdicts. {obstacle}")
        if any(control.modality == "image" for control in snapshot.controls):  # texts stand in the tasks themselves
            lines.append(self._tried_media(project_id))
        return lines

    def _doubts_about_groups(self, project_id: int) -> list[str]:
        """Say what an audit would find wrong with the field to group by, were the first tasks all there are."""
        field = self.project_settings.get(project_id).group_by
        raws = first_tasks(self.client, project_id, _FIRST) if field else []
        if field is None or not raws:
            return []
        try:
            group_by_field([Task(int(raw["id"]), dict(raw["data"]), (), False) for raw in raws], field)
        except UsageError as error:
            return [f"Of the first {len(raws)} tasks: {error} Audits end so where that holds for all of them."]
        return []

    def _tried_media(self, project_id: int) -> str:
        trial = self.try_media(project_id)
        if trial.is_loaded:
            return (
                f"Reviewers see the pictures, {'errata' if trial.is_served_by_errata else 'Label Studio'} serves them."
            )
        return f"Reviewers will not see the pictures: {trial.problem}"

    def _decide(self, project_id: int, decided: ProjectSettings) -> list[str]:
        """Keep what was decided, if only that it is connected; take predictions away that fewer people are to see."""
        said = self.project_settings.get(project_id)
        merged = said.changed(decided)
        before, after = (each.predictions or self.settings.predictions or "labelled" for each in (said, merged))
        is_for_fewer = _SHOWN.index(after) < _SHOWN.index(before)
        # First, so that connecting again takes away what a failure in between has left.
        lines = disconnect(self.client, project_id, self.footprint, ("predictions",)) if is_for_fewer else []
        self.project_settings.put(project_id, merged)
        return lines

    def decisions(self, project_id: int) -> tuple[int, int] | None:
        """Return the review project's id and how many decisions are in it, None where there is none."""
        return count_decisions(self.client, project_id, self.footprint)

    def disconnect(self, project_id: int, delete_review: bool = False) -> list[str]:
        """Take away what errata added, whether the project is still there or not; see `disconnection.disconnect`.

        Args:
            project_id: the source project.
            delete_review: the review project goes too, with all decisions in it.

        Raises:
            UsageError: errata does not know the project.
            AuditRunning: an audit of it is under way, which would add to it, and does not end within two minutes.
        """
        self._check_known(project_id)
        with locked(self.settings.data_dir, f"ties-{project_id}"), self.audits.exclusive(project_id, AUDIT_ENDS_S):
            self.audits.disconnected(project_id)
            is_tied = any(trace.kind in UNTIED for trace in self.footprint.of_project(project_id))
            lines = disconnect(self.client, project_id, self.footprint) if is_tied else []
            review = self.decisions(project_id) if delete_review else None
            if review:
                lines.append(delete_review_project(self.client, project_id, review[0], self.footprint))
        if not self.audits.watched() and not self.footprint.every() and remembered_login(self.settings.data_dir):
            forget_login(self.settings.data_dir)
            lines.append("Nothing of errata's is left in Label Studio: the login is forgotten.")
        return lines

    def purge(self, project_id: int) -> Path | None:
        """Clear what errata knows of a project that was disconnected; see `purge_project`."""
        with self.audits.exclusive(project_id):
            journal = purge_project(self.engine, self.settings.data_dir, project_id)
        if not self.audits.projects():
            forget_login(self.settings.data_dir)
        return journal

    def _check_known(self, project_id: int) -> None:
        known = [project.id for project in self.audits.projects()]
        if project_id not in known and not self.footprint.of_project(project_id):
            listed = ", ".join(map(str, known)) or "none"
            raise UsageError(f"errata does not know project {project_id}; those that it knows: {listed}.")

    def review_project_id(self, project_id: int) -> int:
        """Return the id of a project's review project; makes it where there is none."""
        by_item, snapshot = self.reviews_by_item(project_id), describe_project(self.client, project_id)
        return ReviewProject(self.client, snapshot, self.footprint, by_item=by_item).ensure()
