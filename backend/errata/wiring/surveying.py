"""What errata finds before it connects a project, and how long an audit of it takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from errata.audit.ports import Progress
from errata.errors import ErrataError
from errata.labelstudio.account import Account, ListedProject, list_projects, read_account
from errata.labelstudio.connection import Place
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.media import ProjectMedia
from errata.labelstudio.reachability import can_reach, checked_url, is_loopback
from errata.labelstudio.survey import Survey, first_tasks, survey_project
from errata.settings import ProjectSettings, Settings
from errata.store.durations import audit_durations
from errata.wiring.embedding import Embedding
from errata.wiring.showing import Showing
from errata_model.encoders.naming import UnknownEncoder
from errata_model.encoders.text import is_counting
from errata_model.encoders.weights import WeightsUnavailable

if TYPE_CHECKING:
    from PIL import Image

    from errata_model.encoders.images import ImageEncoder

N_TIMED = 8
_READ_S = 0.003  # a task, by the paged list of Label Studio 1.23.2 on SQLite
_TEXT_S = 0.005  # a task's text of 250 characters, to count and to learn from
_FETCHERS = 4


class Surveying(Showing, Embedding):
    """Surveys on the adapters. Writes nothing."""

    @cached_property
    def account(self) -> Account:
        """Who errata is in Label Studio; see `read_account`."""
        return read_account(self.client, self.login[1])

    def projects_there(self) -> list[ListedProject]:
        """Return the projects that could be connected."""
        return list_projects(self.client)

    def said_of(self, project_id: int) -> ProjectSettings:
        """Return what was decided about a project before."""
        return self.project_settings.get(project_id)

    def survey(self, project_id: int, progress: Progress) -> Survey:
        """Look at a project; see `survey_project`."""
        return survey_project(self.client, project_id, self.footprint, self.seen_url, progress)

    @property
    def seen_url(self) -> str | None:
        """How Label Studio may see errata, without a slash at its end; None where nobody said it.

        Raises:
            SettingError: ERRATA_PUBLIC_URL is no address.
        """
        settings = self.settings
        if settings.public_url:
            return checked_url(settings.public_url)
        if not is_loopback(self.client.url):
            return None
        return settings.local_url

    def obstacle(self, project_id: int) -> str | None:
        """Return what keeps Label Studio from reaching errata, with its remedy; None where it does reach it."""
        if self.seen_url is None:
            return (
                "ERRATA_PUBLIC_URL is not set; set it to how Label Studio's host sees `errata serve` where webhooks "
                "and the ML backend are wanted."
            )
        settings = self.settings
        password = settings.backend_password.get_secret_value() if settings.backend_password else None
        return can_reach(
            self.client, project_id, public_url=self.seen_url, user=settings.backend_user, password=password
        )

    def place(self) -> Place:
        """Return where Label Studio reaches errata, and how it shows who it is."""
        settings = self.settings
        password = settings.backend_password.get_secret_value() if settings.backend_password else None
        return Place(self.seen_url or "", settings.backend_user, password or None, self.secret)

    def audit_minutes(self, survey: Survey, said: ProjectSettings | None = None) -> float | None:
        """Estimate how long an audit takes, from earlier audits or by timing the encoder on a few images.

        Args:
            survey: the project.
            said: what is about to be decided about it.

        Returns:
            Minutes; None where nothing is known before the first audit.
        """
        done = audit_durations(self.engine)
        own = [each for each in done if each.project_id == survey.project_id]
        if own:
            return own[-1].seconds / own[-1].n_tasks * survey.n_tasks / 60
        first = {each.project_id: each for each in reversed(done)}  # later ones found embeddings in the cache
        if first:
            return statistics.median(each.seconds / each.n_tasks for each in first.values()) * survey.n_tasks / 60
        config = self.client.get(f"api/projects/{survey.project_id}/")["label_config"]
        controls = read_label_config(config).controls
        keys = {control.data_key for control in controls if control.modality == "image"}
        decided = self.said_of(survey.project_id).changed(said or ProjectSettings())
        settings = self.settings.of_project(decided)
        if decided.embeddings is not None:
            return _READ_S * survey.n_tasks / 60
        if not keys:
            return (_READ_S + _TEXT_S) * survey.n_tasks / 60 if is_counting(settings.text_encoder) else None
        per_task_s = self._timed(survey, settings, keys)
        return None if per_task_s is None else (per_task_s + _READ_S) * survey.n_tasks / 60

    def _timed(self, survey: Survey, settings: Settings, keys: Collection[str]) -> float | None:
        """Return the seconds that fetching and encoding an image take, None where that cannot be tried now."""
        from errata_model.encoders.images import (  # noqa: PLC0415 (few commands look at pictures)
            TorchvisionEncoder,
            UnusableImage,
            decode_image,
        )

        try:
            encoders = self.load_image_encoders(settings.encoder, settings.weights)
            if any(isinstance(each, TorchvisionEncoder) and each.missing_from() for each in encoders):
                return None  # no weights are downloaded for an estimate
            began = time.monotonic()
            pictures = self._pictures(survey, keys)
            fetching_s = time.monotonic() - began
            if not pictures:
                return None
            images = [decode_image(picture, self.settings.media_max_pixels) for picture in pictures]
            encoding_s = sum(_encoding_s(encoder, images) for encoder in encoders)
            return (fetching_s / _FETCHERS + encoding_s) / len(images)
        except (UnknownEncoder, WeightsUnavailable, UnusableImage, ErrataError):
            return None

    def _pictures(self, survey: Survey, keys: Collection[str]) -> list[bytes]:
        settings = self.settings
        limits = (settings.media_hosts, settings.media_max_bytes, settings.media_timeout_s)
        media = ProjectMedia(self.client, *limits)
        try:
            tasks = first_tasks(self.client, survey.project_id, N_TIMED)
            return [
                media.read(str(task["data"][key]), int(task["id"]))
                for task in tasks
                for key in keys
                if task["data"].get(key)
            ]
        finally:
            media.close()


def _encoding_s(encoder: ImageEncoder, images: Sequence[Image.Image]) -> float:
    prepared = [encoder.prepare(image) for image in images]
    encoder.encode(prepared[:1])  # loads the network
    began = time.monotonic()
    encoder.encode(prepared)
    return time.monotonic() - began
