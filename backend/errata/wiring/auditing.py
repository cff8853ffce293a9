"""Audits: of a project, and of an export without any server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from errata.audit.beliefs import Artefact
from errata.audit.ports import Artefacts, Media, Progress
from errata.audit.snapshot import Snapshot
from errata.errors import UsageError
from errata.labelstudio.export_file import ExportSource
from errata.labelstudio.media import FolderMedia
from errata.labelstudio.other_backends import read_backends
from errata.labelstudio.people import names_of_users
from errata.labelstudio.predictions import SourcePredictions
from errata.labelstudio.selection import ChosenSource
from errata.labelstudio.source import ProjectSource, describe_project
from errata.settings import PredictionsMode
from errata.wiring.belief_options import BeliefOptions, lost_file
from errata.wiring.boarding import Boarding
from errata.wiring.showing import Showing
from errata.wiring.training import Training
from errata_model.records import Finding

if TYPE_CHECKING:
    from errata.audit.review_order import Published
    from errata.audit.run import Examination
    from errata.audit.selected import Sent

PUT_BACK = "Put it back, or connect the project with another one, or with --belief own."


class Auditing(Showing, Training, Boarding):
    """Audits on the adapters."""

    def audit(self, project_id: int, options: BeliefOptions, progress: Progress) -> tuple[Examination, Published, int]:
        """Audit a project; see `run_audit`. Then what the pages show of it is made; see `make_board`."""
        from errata.audit.run import Outlets, run_audit  # noqa: PLC0415 (slow to import, as all that learns)
        from errata.wiring.believing import believer_of, looking_of  # noqa: PLC0415

        options = self._options_of(project_id, options)
        self.restore_training(project_id)
        self.tend_review(project_id)  # and what is wrong with the project is said before weights are loaded
        source = ProjectSource(self.client, project_id)
        looking = looking_of(self, options, self.project_media(), self.artefacts, progress)
        believer = believer_of(self, options, looking, self.artefacts)
        outlets = Outlets(
            log=self.audits,
            artefacts=self.artefacts,
            sink=lambda read: SourcePredictions(
                self.client, project_id, read.label_config, self.footprint, shows_version=shows_version
            ),
            queue=self.review_project,
            by_item=self.reviews_by_item(project_id),
        )
        mode, shows_version = self._predictions_mode(project_id, progress)
        outcome = run_audit(project_id, source, believer, self.codecs, outlets, mode, progress, options.limit)
        self.make_board(outcome[0], looking, names_of_users(self.client), progress)
        return outcome

    def _options_of(self, project_id: int, options: BeliefOptions) -> BeliefOptions:
        """Return the options with what the project was connected with where the command line says nothing."""
        said = self.project_settings.get(project_id)
        is_chosen = any((options.belief, options.encoder, options.text_encoder, options.weights))
        chosen = replace(
            options,
            belief=options.belief or ("own" if options.embeddings else said.belief),
            encoder=options.encoder or said.encoder,
            weights=options.weights or (None if options.encoder else said.weights),
            embeddings=options.embeddings or (None if is_chosen else said.embeddings),
            text_encoder=options.text_encoder or said.text_encoder,
            group_by=options.group_by or said.group_by,
        )
        lost = lost_file(said)
        if lost in (f"--embeddings {chosen.embeddings}", f"--belief {chosen.belief}"):
            raise UsageError(f"Project {project_id} was connected with {lost}: there is no such file. {PUT_BACK}")
        return chosen

    def _predictions_mode(self, project_id: int, progress: Progress) -> tuple[PredictionsMode, bool]:
        """Return which tasks get predictions, and whether the project may show their version.

        Where an ML backend of somebody else's is attached, tasks that still need annotators are left to it.
        """
        mode = self.settings_of(project_id).predictions
        shows_version = self.project_settings.get(project_id).shows_version is True
        if mode == "none" or (mode == "labelled" and not shows_version):
            return mode, False
        backends = read_backends(self.client, project_id, self.public_url, self.footprint)
        mode = mode or ("all" if backends.is_attached_in_form else "labelled")
        if backends.others and mode == "all":
            progress.say(
                f'Only labelled tasks get predictions: Label Studio asks "{backends.others[0]}", which is attached '
                "too, about those alone that have none."
            )
        return ("labelled", False) if backends.others else (mode, shows_version)

    def chosen(self, project_id: int) -> ChosenSource:
        """Return what reads tasks of a project that a person chose."""
        return ChosenSource(self.client, project_id)

    def send(self, project_id: int, task_ids: Sequence[int], progress: Progress) -> Sent:
        """Post every label of these tasks into the project's review project; see `selected.send`."""
        from errata.audit.selected import send  # noqa: PLC0415

        described = describe_project(self.client, project_id)
        queue = self.review_project(described)
        with self.audits.exclusive(project_id):
            artefact = self._active_artefact(project_id, progress)
            by_item = self.reviews_by_item(project_id)
            return send(task_ids, self.chosen(project_id), artefact, self.codecs, queue, self.audits, progress, by_item)

    def send_findings(self, project_id: int, findings: Sequence[Finding], progress: Progress) -> tuple[Sent, str]:
        """Post these labels into the project's review project, and say where that is; see `selected.send_findings`."""
        from errata.audit.selected import send_findings  # noqa: PLC0415

        queue = self.review_project(describe_project(self.client, project_id))
        with self.audits.exclusive(project_id):
            by_item = self.reviews_by_item(project_id)
            sent = send_findings(findings, self.chosen(project_id), queue, self.audits, progress, by_item)
        review_id = queue.find()
        return sent, "" if review_id is None else f"{self.client.url}projects/{review_id}/data"

    def _active_artefact(self, project_id: int, progress: Progress) -> Artefact | None:
        version = self.artefacts.active(project_id)
        try:
            return self.artefacts.load(project_id, version) if version else None
        except UsageError as error:  # its files are damaged: what is sent needs no belief
            progress.say(str(error))
            return None

    def examine_project(self, project_id: int, options: BeliefOptions, progress: Progress) -> Examination:
        """Find a project's suspects without writing anything to Label Studio."""
        options = self._options_of(project_id, options)
        snapshot = ProjectSource(self.client, project_id).read(progress)
        return self._examine(snapshot, options, self.project_media(), self.artefacts, progress)

    def examine_export(
        self, export: Path, config: Path | None, media: Path | None, options: BeliefOptions, progress: Progress
    ) -> Examination:
        """Find an export's suspects without any server."""
        if config is None:
            raise UsageError("An export needs its label config: --config config.xml")
        snapshot = ExportSource(export, config).read(progress)
        settings = self.settings
        limits = (settings.media_hosts, settings.media_max_bytes, settings.media_timeout_s)
        folder = FolderMedia(media, *limits, self.network)
        return self._examine(snapshot, options, folder, None, progress)

    def _examine(
        self, snapshot: Snapshot, options: BeliefOptions, media: Media, artefacts: Artefacts | None, progress: Progress
    ) -> Examination:
        from errata.audit.run import examine  # noqa: PLC0415
        from errata.wiring.believing import believer_of, looking_of  # noqa: PLC0415

        believer = believer_of(self, options, looking_of(self, options, media, artefacts, progress), artefacts)
        return examine(snapshot, believer, self.codecs, progress, options.limit)
