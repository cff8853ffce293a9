"""Puts the service together: what answers Label Studio, and what works behind it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from errata.audit.beliefs import UsedEncoder
from errata.audit.embed import Embedder, ImageEmbedder, content_key
from errata.audit.embed_text import text_key
from errata.audit.ports import Embeddings, Texts, Trace
from errata.errors import MediaError, UsageError
from errata.jobs.child_process import ChildProcessQueue
from errata.jobs.due_audits import DueAudits
from errata.jobs.periodic import Periodic
from errata.jobs.poller import Poller
from errata.labelstudio.changes import LabelChanges, answers_mark, is_there
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.source_files import TaskFiles
from errata.labelstudio.span_texts import span_text
from errata.labelstudio.task_texts import TaskTexts
from errata.settings import PredictionsMode, Settings
from errata.store.embeddings import EmbeddingFolder, JointEmbeddings
from errata.store.media_index import MediaIndexStore
from errata.store.purge import left_projects
from errata.store.secrets import session_secret
from errata.store.sessions import SessionStore
from errata.web.app import create_app
from errata.web.beliefs import Beliefs
from errata.web.board.opening import open_board
from errata.web.media import MediaRoute
from errata.web.newcomers import Newcomers
from errata.web.projects import KnownProjects, ProjectBook
from errata.web.region_newcomers import RegionNewcomers, Seen
from errata.web.security import Credentials, check_exposure
from errata.web.server import serve
from errata.wiring import Wiring
from errata_model.encoders.images import UnusableImage, decode_image
from errata_model.encoders.naming import UnknownEncoder, encoder_names
from errata_model.encoders.text import TextEncoder, UnusableText, WeightsUnavailable, is_counting, readable_text
from errata_model.records import Control, TextForm

if TYPE_CHECKING:
    from errata.jobs.rq_queue import RedisQueue

logger = logging.getLogger(__name__)

RENEWAL_S = 86_400.0  # between looks whether addresses of pictures expire soon
FORGETTING_S = 3_600.0  # between looks whether sessions of the pages have ended


def run_service(settings: Settings) -> None:
    """Serve until told to stop.

    Raises:
        SettingError: a setting is missing or wrong, or the address cannot be listened on.
        QueueUnreachable: ERRATA_REDIS_URL is set and Redis does not answer.
    """
    check_exposure(settings)
    wiring = Wiring(settings)
    _ = wiring.client  # what is wrong with its settings is said before anything else
    index = MediaIndexStore(wiring.engine)
    queue = _queue(settings)
    encoders = ServedEncoders(wiring, index)
    projects = StoredProjects(wiring)
    beliefs, newcomers, book = Beliefs(wiring.artefacts), Newcomers(encoders), ProjectBook(projects)
    region_newcomers = RegionNewcomers(ServedItems(wiring))
    password = settings.backend_password
    public = urlsplit(settings.public_url or "")
    credentials = Credentials(
        settings.backend_user, password.get_secret_value() if password else None, wiring.secret, public.hostname
    )
    closing = Periodic("closing review tasks", wiring.close_review_tasks, settings.poll_s)
    sessions = SessionStore(wiring.engine, session_secret(settings.data_dir), wiring.client.url)
    app = create_app(
        beliefs=beliefs,
        newcomers=newcomers,
        region_newcomers=region_newcomers,
        projects=book,
        queue=queue,
        credentials=credentials,
        index=index,
        encoders=encoders,
        regions=wiring.codecs,
        read_controls=lambda xml: read_label_config(xml).controls,
        mode_of=lambda project_id: predictions_mode(settings, book, project_id),
        audit_delay_s=settings.audit_delay_s,
        media=MediaRoute(wiring.media_links, TaskFiles(wiring.client, wiring.project_media())),
        board=open_board(wiring, sessions, credentials, public.scheme == "https", closing.wake),
        root_path=public.path,
    )
    beliefs.preload(projects.read().sources)
    due = DueAudits(
        queue,
        wiring.audits,
        LabelChanges(wiring.client),
        lambda: projects.connected() | book.attached(),
        settings.audit_delay_s,
    )
    services = (
        queue,
        beliefs,
        newcomers,
        region_newcomers,
        book,
        Poller(queue, lambda: projects.read().sources, projects.answers_mark, settings.poll_s),
        Periodic("looking for changed labels", due.look, settings.poll_s),
        Periodic("renewing addresses of pictures", wiring.renew_media, RENEWAL_S),
        Periodic("forgetting visitors", sessions.remove_expired, FORGETTING_S),
        closing,
    )
    try:
        serve(app, settings.host, settings.port, services, _say_where)
    finally:
        wiring.close()


def _say_where(url: str) -> None:
    logger.info("errata answers at %s", url)
    logger.info("the scan board is at %s/board/", url)


def predictions_mode(settings: Settings, book: ProjectBook, project_id: int) -> PredictionsMode:
    """Return which tasks of a project get predictions; from memory, but for a project that was never connected.

    As the project was connected, else as the environment says, else by who attached errata as its ML backend.
    """
    if not book.is_known(project_id):
        book.refresh()  # it may have been connected a moment ago
    chosen = book.predictions(project_id) or settings.predictions
    return chosen or ("labelled" if book.is_attached_by_errata(project_id) else "all")


def _queue(settings: Settings) -> ChildProcessQueue | RedisQueue:
    if settings.redis_url is None:
        return ChildProcessQueue()
    from errata.jobs.rq_queue import RedisQueue  # noqa: PLC0415 (only where there is Redis)

    queue = RedisQueue(settings.redis_url)
    queue.check()
    return queue


class StoredProjects:
    """The projects that errata looks after, as it has written them down."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def read(self) -> KnownProjects:
        """Return them all."""
        sources = frozenset(project.id for project in self._wiring.audits.watched())
        traces = self._wiring.footprint.every()
        settings = self._wiring.project_settings.every()
        return KnownProjects(
            sources=sources,
            source_of_review={review: id_ for id_ in sources for review in _reviews(traces.get(id_, ()))},
            disconnected=left_projects(self._wiring.engine),
            attached_by_errata=frozenset(id_ for id_ in sources if _has(traces.get(id_, ()), "ml_backend")),
            predictions={id_: said.predictions for id_, said in settings.items() if said.predictions},
        )

    def connected(self) -> frozenset[int]:
        """Return those that somebody connected, whether or not Label Studio can tell errata of anything."""
        traces = self._wiring.footprint.every()
        before = {id_ for id_, of_project in traces.items() if _has(of_project, "webhook", "ml_backend")}
        connected = before | self._wiring.project_settings.every().keys()  # an earlier errata kept no settings
        return frozenset(connected) & {project.id for project in self._wiring.audits.watched()}

    def answers_mark(self, project_id: int) -> str | None:
        """Return what changes with the project's answers; one that is gone is written down as disconnected."""
        if not is_there(self._wiring.client, project_id):
            logger.info("project %d is gone in Label Studio", project_id)
            self._wiring.audits.disconnected(project_id)
            return None
        return answers_mark(self._wiring.client, _reviews(self._wiring.footprint.of_project(project_id)))


def _has(traces: Iterable[Trace], *kinds: str) -> bool:
    return any(trace.kind in kinds for trace in traces)


def _reviews(traces: Iterable[Trace]) -> list[int]:
    return [int(trace.ref) for trace in traces if trace.kind == "review_project"]


class ServedItems:
    """What tasks show to learners of regions: `web.region_newcomers.Items`."""

    def __init__(self, wiring: Wiring) -> None:
        self._media = wiring.project_media()
        self._max_pixels = wiring.settings.media_max_pixels

    def see(self, control: Control, value: Any, task_id: int) -> Seen:
        """Return what a task shows under a control's key."""
        if control.text is not None:
            texts = TaskTexts(control.text, self._media)
            try:
                key = text_key(readable_text(texts.read(value, task_id)))
            except UnusableText as error:
                raise MediaError(str(error)) from error
            return Seen(key, span_text(control.text, texts.held(value, task_id)), None)
        content = self._media.read(str(value), task_id)
        try:
            picture = decode_image(content, self._max_pixels)
        except UnusableImage as error:
            raise MediaError(str(error)) from error
        return Seen(content_key(content), picture, picture.size)


class ServedEncoders:
    """The encoders of the beliefs that are served: `web.newcomers.Encoders`."""

    def __init__(self, wiring: Wiring, index: MediaIndexStore) -> None:
        self._wiring = wiring
        self._index = index
        self._media = wiring.project_media()
        self._embedders: dict[UsedEncoder, ImageEmbedder | None] = {}
        self._text_encoders: dict[UsedEncoder, TextEncoder | None] = {}
        self._caches: dict[UsedEncoder, Embeddings] = {}

    def embeddings(self, encoder: UsedEncoder, width: int) -> Embeddings:
        """Return the cache of an encoder; it need not be loaded for that."""
        if encoder not in self._caches:
            folder = self._wiring.settings.data_dir / "embeddings"
            parts = [
                (EmbeddingFolder(folder, *part), part[1]) for part in encoder.parts or ((encoder.identity, width),)
            ]
            self._caches[encoder] = JointEmbeddings(parts)
        return self._caches[encoder]

    def texts(self, form: TextForm) -> Texts:
        """Return what reads texts."""
        return TaskTexts(form, self._media)

    def counter(self, encoder: UsedEncoder) -> TextEncoder | None:
        """Return an encoder that counts; None of any other, or of an earlier version."""
        return self._text_encoder(encoder) if is_counting(encoder.name) else None

    def _text_encoder(self, encoder: UsedEncoder) -> TextEncoder | None:
        if encoder not in self._text_encoders:
            found = self._wiring.load_text_encoder(encoder.name)
            self._text_encoders[encoder] = found if found.identity == encoder.identity else None
        return self._text_encoders[encoder]

    def embedder(self, encoder: UsedEncoder, text: TextForm | None) -> Embedder | None:
        """Return what makes more rows; None where the encoder of this name is another one by now."""
        if text is None:
            return self._image_embedder(encoder)
        try:
            found = self._text_encoder(encoder)
        except (UnknownEncoder, WeightsUnavailable, UsageError) as error:
            logger.warning("new texts cannot be predicted: %s", error)
            return None
        return self._wiring.text_embedder(found, encoder.name, self.texts(text)) if found else None

    def _image_embedder(self, encoder: UsedEncoder) -> ImageEmbedder | None:
        """Return what makes more embeddings; None where the encoder of this name is another one by now."""
        if encoder not in self._embedders:
            named = Path(encoder.weights) if encoder.weights else None
            try:
                found = self._wiring.load_image_encoders(encoder.name, named or self._wiring.settings.weights)
                same = ",".join(each.identity for each in found) == encoder.identity
                encoders = dict(zip(encoder_names(encoder.name), found, strict=True))
                self._embedders[encoder] = (
                    self._wiring.embedder(encoders, named, self._media, self._index) if same else None
                )
            except (UnknownEncoder, WeightsUnavailable, UsageError) as error:
                logger.warning("new images cannot be predicted: %s", error)
                return None
        return self._embedders[encoder]
