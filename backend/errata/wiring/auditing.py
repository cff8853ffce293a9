"""Audits: of a project, and of an export without any server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from errata.audit.believe import Believer, OwnBeliever
from errata.audit.believe_elsewhere import StoredBeliever
from errata.audit.believe_file import FileBeliever, is_address
from errata.audit.believe_regions import OwnRegionBeliever
from errata.audit.believe_together import PartArtefacts, TogetherBeliever
from errata.audit.believe_values import AnnotatorsBeliever, OwnValueBeliever
from errata.audit.embed import Embedder
from errata.audit.embed_file import FileEmbedder
from errata.audit.leak_guard import GuardedBeliever
from errata.audit.ports import Artefact, Artefacts, Media, MediaIndex, Progress
from errata.audit.review_order import Published
from errata.audit.run import Examination, Outlets, examine, run_audit
from errata.audit.selected import Sent, send, send_findings
from errata.errors import UsageError
from errata.labelstudio.export_file import ExportSource
from errata.labelstudio.media import FolderMedia
from errata.labelstudio.ml_backend import BackendBeliever
from errata.labelstudio.ml_class import ClassBeliever
from errata.labelstudio.other_backends import read_backends
from errata.labelstudio.people import names_of_users
from errata.labelstudio.predictions import SourcePredictions, is_own_version
from errata.labelstudio.selection import ChosenSource
from errata.labelstudio.source import ProjectSource, describe_project
from errata.labelstudio.task_texts import TaskTexts
from errata.labelstudio.tokens import read_claims
from errata.settings import PredictionsMode, ProjectSettings
from errata.store.media_index import TRUSTED, MediaIndexStore
from errata.user_classes import is_class_name
from errata.wiring.boarding import Boarding, Looking
from errata.wiring.embedding import NoIndex
from errata.wiring.region_learning import region_learner_of
from errata.wiring.showing import Showing
from errata.wiring.training import Training
from errata_model.encoders.images import ImageEncoder
from errata_model.records import Control, Finding

PUT_BACK = "Put it back, or connect the project with another one, or with --belief own."


@dataclass(frozen=True, slots=True)
class BeliefOptions:
    """How an audit forms its belief: what the command line says beyond the settings, None where it says nothing."""

    # own, stored, stored:VERSION, annotators, a CSV or parquet file, the URL of an ML backend, or package.module:Class
    belief: str | None = None
    encoder: str | None = None
    weights: Path | None = None
    minutes: float | None = None
    seed: int = 0
    limit: int | None = None
    text_encoder: str | None = None
    embeddings: Path | None = None  # of the user's own, in place of an encoder
    group_by: str | None = None  # a field of tasks' data whose equal values must not vouch for one another
    fine_tune: bool = False  # whether encoders of images learn the labels too


def lost_file(said: ProjectSettings) -> str | None:
    """Return the option, with its file, that a project was connected with where that file is gone."""
    option, file = ("--belief", said.belief) if said.embeddings is None else ("--embeddings", str(said.embeddings))
    is_file = file is not None and Path(file).is_absolute()  # connect keeps files so, and all else as it is
    return f"{option} {file}" if is_file and not Path(str(file)).is_file() else None


class Auditing(Showing, Training, Boarding):
    """Audits on the adapters."""

    def audit(self, project_id: int, options: BeliefOptions, progress: Progress) -> tuple[Examination, Published, int]:
        """Audit a project; see `run_audit`. Then what the pages show of it is made; see `make_board`."""
        options = self._options_of(project_id, options)
        self.restore_training(project_id)
        self.tend_review(project_id)  # and what is wrong with the project is said before weights are loaded
        source = ProjectSource(self.client, project_id)
        looking = self.looking(options, self.project_media(), self.artefacts, progress)
        believer = self.believer(options, looking, self.artefacts)
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
        described = describe_project(self.client, project_id)
        queue = self.review_project(described)
        with self.audits.exclusive(project_id):
            artefact = self._active_artefact(project_id, progress)
            by_item = self.reviews_by_item(project_id)
            return send(task_ids, self.chosen(project_id), artefact, self.codecs, queue, self.audits, progress, by_item)

    def send_findings(self, project_id: int, findings: Sequence[Finding], progress: Progress) -> tuple[Sent, str]:
        """Post these labels into the project's review project, and say where that is; see `selected.send_findings`."""
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
        looking = self.looking(options, self.project_media(), self.artefacts, progress)
        believer = self.believer(options, looking, self.artefacts)
        return examine(snapshot, believer, self.codecs, progress, options.limit)

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
        believer = self.believer(options, self.looking(options, folder, None, progress), None)
        return examine(snapshot, believer, self.codecs, progress, options.limit)

    def looking(self, options: BeliefOptions, media: Media, artefacts: Artefacts | None, progress: Progress) -> Looking:
        """Return what looks at media: for a belief from elsewhere without loading weights that nobody named."""
        is_own = (options.belief or "own") in ("own", "annotators")
        is_named = options.encoder or options.weights or self.settings.weights
        modest = options if is_own or is_named else replace(options, encoder="pixels")
        index = MediaIndexStore(self.engine, TRUSTED) if artefacts else NoIndex()
        encoders = self._image_encoders_of(modest, progress)
        return Looking(self, self._embedder_of(modest, media, index, encoders), encoders, media, index)

    def believer(self, options: BeliefOptions, looking: Looking, artefacts: Artefacts | None) -> Believer:
        """Return what forms the belief of an audit; `artefacts` has earlier ones."""
        belief = options.belief or "own"
        if options.fine_tune and (belief != "own" or options.embeddings is not None):
            raise UsageError(
                "--fine-tune is for errata's own belief and encoders: leave out --belief and --embeddings, or name "
                "--belief own where the project was connected with them."
            )
        if belief in ("own", "annotators"):
            kept = PartArtefacts(artefacts) if artefacts else None
            max_pixels = self.settings.media_max_pixels
            of_regions = OwnRegionBeliever(
                looking.embedder_of,
                lambda control: region_learner_of(control, looking.encoders, looking.media, max_pixels),
                kept,
                seed=options.seed,
                minutes=options.minutes,
                group_by=options.group_by,
            )
            of_whole_tasks = OwnBeliever(
                looking.embedder_of,
                kept,
                seed=options.seed,
                minutes=options.minutes,
                group_by=options.group_by,
                fine_tunes=options.fine_tune,
            )
            if belief == "annotators":
                labels = (lambda control: not (control.has_regions or control.has_values), of_whole_tasks)
                return TogetherBeliever([labels, (lambda _: True, AnnotatorsBeliever())])
            return TogetherBeliever(
                [
                    (lambda control: control.has_regions, of_regions),
                    (lambda control: not control.has_values, of_whole_tasks),
                    (lambda control: control.has_values, OwnValueBeliever()),
                ]
            )
        return GuardedBeliever(
            self._other_believer(belief, artefacts is not None), looking.embedder_of, options.group_by
        )

    def _other_believer(self, belief: str, is_project: bool) -> Believer:
        if belief == "stored" or belief.startswith("stored:"):
            version = belief.removeprefix("stored").removeprefix(":") or None
            if version is not None and is_own_version(version):
                raise UsageError(f'"{version}" is errata\'s own, which is no second opinion: use --belief own.')
            return StoredBeliever(version)
        if is_address(belief):
            return BackendBeliever(belief, self.network)
        if is_class_name(belief) and not Path(belief).exists():
            return ClassBeliever(belief, self._legacy_token() if is_project else "")
        return FileBeliever(Path(belief))

    def _image_encoders_of(
        self, options: BeliefOptions, progress: Progress
    ) -> Callable[[], Mapping[str, ImageEncoder]]:
        """Return what returns the encoders of images: they are looked for where there are images, and once."""
        name, weights = options.encoder or self.settings.encoder, options.weights or self.settings.weights
        said_by = "--encoder" if options.encoder else "ERRATA_ENCODER"
        return cache(lambda: self.image_encoders(name, weights, progress, said_by))

    def _embedder_of(
        self,
        options: BeliefOptions,
        media: Media,
        index: MediaIndex,
        image_encoders: Callable[[], Mapping[str, ImageEncoder]],
    ) -> Callable[[Control], Embedder]:
        """Return what says how to embed what a control labels."""

        def embedder_of(control: Control) -> Embedder:
            if options.embeddings is not None:
                return FileEmbedder(options.embeddings)
            if control.text is not None:
                texts = options.text_encoder or self.settings.text_encoder
                encoder = self.text_encoder(texts, "--text-encoder" if options.text_encoder else "ERRATA_TEXT_ENCODER")
                return self.text_embedder(encoder, texts, TaskTexts(control.text, media))
            return self.embedder(image_encoders(), options.weights, media, index)

        return embedder_of

    def _legacy_token(self) -> str:
        """Return Label Studio's token where it is a legacy one: label-studio-ml 1.0.9 can send no other."""
        _, token = self.login
        return "" if read_claims(token) else token
