"""Puts adapters on ports: the only place that knows which use case runs on what."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from errata.audit.believe import Believer, OwnBeliever
from errata.audit.believe_elsewhere import FileBeliever, StoredBeliever
from errata.audit.embed import ImageEmbedder
from errata.audit.ports import Artefacts, Media, MediaIndex, Progress
from errata.audit.progress import LineProgress
from errata.audit.publish import Published
from errata.audit.run import Examination, Outlets, examine, run_audit
from errata.errors import ExportError, SettingError, UsageError
from errata.jobs.queue import JobName
from errata.labelstudio.annotations import SourceAnnotations, SourceSideEffects
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.connection import connect, disconnect, is_attached_in_form
from errata.labelstudio.export_file import ExportSource, read_export
from errata.labelstudio.media import FolderMedia, ProjectMedia
from errata.labelstudio.ml_backend import BackendBeliever
from errata.labelstudio.predictions import SourcePredictions
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.source import ProjectSource, describe_project, export_project
from errata.review.apply import Applied, apply_plan
from errata.review.export import merged_export
from errata.review.plans import Plan, make_plan
from errata.review.records import Project
from errata.review.recovery import recover
from errata.review.status import Status, project_status
from errata.review.undo import Undone, undo
from errata.review.verdicts import Taken, take_verdicts
from errata.settings import PredictionsMode, Settings, read_settings
from errata.store.artefacts import ArtefactFolder
from errata.store.audits import AuditStore
from errata.store.database import check_label_studio, open_database
from errata.store.embeddings import EmbeddingFolder, known_width
from errata.store.export_file import write_export
from errata.store.footprint import FootprintStore
from errata.store.journal import JournalStore
from errata.store.media_index import MediaIndexStore
from errata.store.secrets import webhook_secret
from errata.store.verdicts import VerdictStore
from errata_model.encoders.images import ImageEncoder, UnknownEncoder, WeightsUnavailable, load_image_encoder

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BeliefOptions:
    """How an audit forms its belief: what the command line says beyond the settings."""

    belief: str = "own"  # own, stored, a CSV file, or the URL of an ML backend
    encoder: str | None = None
    weights: Path | None = None
    minutes: float | None = None
    seed: int = 0
    limit: int | None = None


class Wiring:
    """errata's use cases on the adapters that the settings ask for; what is not needed is not opened."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.codecs = Codecs()

    @cached_property
    def client(self) -> LabelStudio:
        """Label Studio."""
        return LabelStudio(*self.settings.label_studio())

    @cached_property
    def engine(self) -> Engine:
        """The database; it is about one Label Studio."""
        engine = open_database(self.settings.database)
        if self.settings.label_studio_url:
            try:
                check_label_studio(engine, self.settings.label_studio_url.rstrip("/") + "/")
            except SettingError:
                engine.dispose()
                raise
        return engine

    @cached_property
    def audits(self) -> AuditStore:
        """Audits, findings and the projects they are of."""
        return AuditStore(self.engine, self.settings.data_dir)

    @cached_property
    def verdicts(self) -> VerdictStore:
        """The verdict records."""
        return VerdictStore(self.engine, self.settings.data_dir)

    @cached_property
    def journal(self) -> JournalStore:
        """Every write to a source."""
        return JournalStore(self.engine, self.settings.data_dir)

    @cached_property
    def footprint(self) -> FootprintStore:
        """What errata has written where."""
        return FootprintStore(self.engine)

    @cached_property
    def artefacts(self) -> ArtefactFolder:
        """The beliefs that are served."""
        return ArtefactFolder(self.settings.data_dir)

    @property
    def secret(self) -> str:
        """What errata's webhooks carry."""
        given = self.settings.webhook_secret
        return given.get_secret_value() if given else webhook_secret(self.settings.data_dir)

    @property
    def public_url(self) -> str:
        """How Label Studio sees errata."""
        return self.settings.public_url or f"http://{self.settings.host}:{self.settings.port}"

    def close(self) -> None:
        """Close what was opened."""
        for name, end in (("client", "close"), ("engine", "dispose")):
            if name in self.__dict__:
                getattr(self.__dict__[name], end)()

    # Audits

    def audit(self, project_id: int, options: BeliefOptions, progress: Progress) -> tuple[Examination, Published, int]:
        """Audit a project; see `run_audit`."""
        describe_project(self.client, project_id)  # what is wrong with it is said before weights are loaded
        source = ProjectSource(self.client, project_id)
        believer = self._believer(options, self.project_media(), self.artefacts, progress)
        outlets = Outlets(
            log=self.audits,
            artefacts=self.artefacts,
            sink=lambda read: SourcePredictions(self.client, project_id, read.label_config, self.footprint),
            queue=lambda read: ReviewProject(self.client, read, self.footprint),
        )
        mode = self._predictions_mode(project_id)
        return run_audit(project_id, source, believer, self.codecs, outlets, mode, progress, options.limit)

    def _predictions_mode(self, project_id: int) -> PredictionsMode:
        if self.settings.predictions:
            return self.settings.predictions
        attached = is_attached_in_form(self.client, project_id, self.public_url, self.footprint)
        return "all" if attached else "labelled"

    def examine_project(self, project_id: int, options: BeliefOptions, progress: Progress) -> Examination:
        """Find a project's suspects without writing anything to Label Studio."""
        snapshot = ProjectSource(self.client, project_id).read(progress)
        believer = self._believer(options, self.project_media(), self.artefacts, progress)
        return examine(snapshot, believer, self.codecs, progress, options.limit)

    def examine_export(
        self, export: Path, config: Path | None, media: Path | None, options: BeliefOptions, progress: Progress
    ) -> Examination:
        """Find an export's suspects without any server."""
        if config is None:
            raise UsageError("An export needs its label config: --config config.xml")
        snapshot = ExportSource(export, config).read(progress)
        settings = self.settings
        folder = FolderMedia(media, settings.media_hosts, settings.media_max_bytes, settings.media_timeout_s)
        return examine(snapshot, self._believer(options, folder, None, progress), self.codecs, progress, options.limit)

    def project_media(self) -> ProjectMedia:
        """Return what fetches a project's media."""
        settings = self.settings
        return ProjectMedia(self.client, settings.media_hosts, settings.media_max_bytes, settings.media_timeout_s)

    def _believer(
        self, options: BeliefOptions, media: Media, artefacts: Artefacts | None, progress: Progress
    ) -> Believer:
        if options.belief == "stored":
            return StoredBeliever()
        if options.belief.startswith(("http://", "https://")):
            return BackendBeliever(options.belief)
        if options.belief != "own":
            return FileBeliever(Path(options.belief))
        encoder, name = self._encoder(options, progress)
        embedder = self.embedder(encoder, media, MediaIndexStore(self.engine) if artefacts else NoIndex())
        return OwnBeliever(embedder, name, artefacts, seed=options.seed, minutes=options.minutes)

    def _encoder(self, options: BeliefOptions, progress: Progress) -> tuple[ImageEncoder, str]:
        name = options.encoder or self.settings.encoder
        weights = options.weights or self.settings.weights
        try:
            encoder = load_image_encoder(name, weights)
            self.embeddings(encoder)  # finds out now whether the weights can be had
            return encoder, name
        except UnknownEncoder as error:
            raise SettingError(f"ERRATA_ENCODER is wrong because {error}") from error
        except WeightsUnavailable as error:
            if weights is not None:
                raise SettingError(str(error)) from error
            progress.say(f"{error} Working on pixels instead: findings are fewer and worse than with weights.")
            return load_image_encoder("pixels", None), "pixels"

    def embeddings(self, encoder: ImageEncoder) -> EmbeddingFolder:
        """Return the cache of an encoder; loads the encoder only where it was never used before.

        Raises:
            WeightsUnavailable: its weights cannot be had.
        """
        folder = self.settings.data_dir / "embeddings"
        return EmbeddingFolder(folder, encoder.identity, known_width(folder, encoder.identity) or encoder.width)

    def embedder(self, encoder: ImageEncoder, media: Media, index: MediaIndex) -> ImageEmbedder:
        """Return what turns images into embeddings and caches them."""
        return ImageEmbedder(media, index, self.embeddings(encoder), encoder, self.settings.media_max_pixels)

    # Review

    def take_verdicts(self, project_id: int) -> Taken:
        """Read the review project's answers into verdict records. Writes nothing to the source."""
        self.recover(project_id)
        queue = ReviewProject(self.client, describe_project(self.client, project_id), self.footprint)
        return take_verdicts(project_id, queue, self.audits, self.verdicts)

    def plan(self, project_id: int, include_undone: bool = False) -> Plan:
        """Plan the confirmed fixes that do not stand in the source yet."""
        return make_plan(
            project_id,
            self.verdicts,
            self.audits,
            self.journal,
            SourceAnnotations(self.client, project_id),
            self.codecs,
            describe_project(self.client, project_id).controls,
            include_undone,
        )

    def side_effects(self, project_id: int) -> list[str]:
        """Say what else writing to the source sets off."""
        return SourceSideEffects(self.client, project_id, self.footprint).read()

    def apply(self, project_id: int, include_undone: bool = False) -> Applied:
        """Write the confirmed fixes."""
        plan = self.plan(project_id, include_undone)
        by = str(self.client.get("api/current-user/whoami").get("email", ""))
        return apply_plan(plan, SourceAnnotations(self.client, project_id), self.codecs, self.journal, by)

    def undo(self, project_id: int, changeset_id: int | None) -> Undone:
        """Restore the labels that a changeset changed, or, with None, all that errata ever changed."""
        return undo(project_id, changeset_id, SourceAnnotations(self.client, project_id), self.codecs, self.journal)

    def project_of_changeset(self, changeset_id: int) -> int:
        """Return the project that a changeset belongs to."""
        for project in self.audits.projects():
            if changeset_id in {known for known, _, _ in self.journal.changesets(project.id)}:
                return project.id
        raise UsageError(f"There is no changeset {changeset_id}; `errata status PROJECT` lists a project's.")

    def status(self, project_id: int) -> Status:
        """Gather where a project stands."""
        return project_status(
            project_id, self.audits, self.verdicts, self.journal, self.footprint, self.plan(project_id)
        )

    def recover(self, project_id: int) -> None:
        """Settle what a crash left open in the journal."""
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
        merged = merged_export(project_id, tasks, self.verdicts, self.journal, self.audits, self.codecs)
        return write_export(out, *merged)

    # Connection

    def connect(self, project_id: int, attach_backend: bool = True) -> list[str]:
        """Add errata's webhooks and backend entry; see `connection.connect`."""
        settings = self.settings
        snapshot = describe_project(self.client, project_id)
        self.audits.connected(Project(project_id, snapshot.title, snapshot.url))
        password = settings.backend_password
        return connect(
            self.client,
            project_id,
            public_url=self.public_url,
            user=settings.backend_user,
            password=password.get_secret_value() if password else None,
            webhook_secret=self.secret,
            footprint=self.footprint,
            attach_backend=attach_backend,
        )

    def disconnect(self, project_id: int) -> list[str]:
        """Take away what errata added but the review project; see `connection.disconnect`."""
        self.audits.disconnected(project_id)
        return disconnect(self.client, project_id, self.footprint)

    def review_project_id(self, project_id: int) -> int:
        """Return the id of a project's review project; makes it where there is none."""
        return ReviewProject(self.client, describe_project(self.client, project_id), self.footprint).ensure()

    # Service

    def work(self) -> None:
        """Run jobs from Redis until told to stop."""
        if self.settings.redis_url is None:
            raise SettingError("ERRATA_REDIS_URL is not set; without Redis `errata serve` runs the jobs by itself.")
        from errata.jobs.rq_queue import work  # noqa: PLC0415 (only a worker needs Redis)

        work(self.settings.redis_url)


class NoIndex:
    """Knows no addresses: for media that may change behind theirs, such as files in a folder."""

    def known(self, uris: Iterable[str]) -> dict[str, str]:
        """See `MediaIndex.known`."""
        return {}

    def remember(self, found: Any) -> None:
        """See `MediaIndex.remember`."""


def run_job(name: JobName, project_id: int) -> None:
    """Run one job; what a child process or an RQ worker calls."""
    wiring = Wiring(read_settings())
    try:
        do_job(wiring, name, project_id)
    finally:
        wiring.close()


def do_job(wiring: Wiring, name: JobName, project_id: int) -> None:
    """Audit a project, or take its verdicts and apply them where the settings say so.

    Raises:
        ServiceError: Label Studio failed; what was done so far is written down.
    """
    if name != "verdicts":
        wiring.audit(project_id, BeliefOptions(), LineProgress(print))
        return
    wiring.take_verdicts(project_id)
    if wiring.settings.apply == "auto":
        applied = wiring.apply(project_id)
        for conflict in applied.conflicts:
            logger.warning("project %d: task %d left alone: %s", project_id, conflict.change.task_id, conflict.why)
        if applied.stopped:
            raise applied.stopped
