"""All checks, put together: what `errata doctor` asks, in which order, and what depends on what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import datetime, timezone
from functools import partial
from typing import Any

import httpx

from errata.audit.ports import Trace
from errata.doctor import label_studio, machine, media, model, service, ties, token
from errata.doctor.asking import Question, ask_all
from errata.doctor.checks import Check, failed, look, not_asked, ok, told, wrong
from errata.doctor.needed import Needed, NeededEncoder
from errata.errors import ErrataError, LabelStudioGone, LabelStudioRefused, SettingError
from errata.jobs.queue import JobState
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.reachability import checked_url
from errata.settings import named_variables
from errata.web.security import check_exposure
from errata.wiring import Wiring

# Together under half a minute, whatever hangs.
AROUND_S = 11.0  # for this machine and the services, each on its own
WITHIN_S = 16.0  # for what needs Label Studio, and for what takes computing
_TIES = ("webhook", "ml_backend")
_NEEDED = frozenset({"Label Studio", "token", "database"})  # to look at a project


def examine(wiring: Wiring, project_ids: Sequence[int]) -> list[Check]:
    """Look at everything.

    Args:
        wiring: the adapters; what does not open is said.
        project_ids: the source projects to look at; none for all that are connected.
    """
    return _Examination(wiring, project_ids).run()


class _Examination:
    """One run of all checks."""

    def __init__(self, wiring: Wiring, project_ids: Sequence[int]) -> None:
        self._wiring = wiring
        self._settings = wiring.settings
        self._asked_for = project_ids
        self._heard: list[service.Heard] = []
        self._jobs: list[JobState] | None = None
        self._traces: dict[int, list[Trace]] = {}
        self._project_ids: list[int] = list(project_ids)

    def run(self) -> list[Check]:
        around = ask_all(
            [
                Question("settings", self._machine, "Look whether the disk of the data folder answers."),
                Question("database", self._database, "Look whether the database of ERRATA_DATABASE_URL answers."),
                Question("queue", self._queue, "Look whether the Redis of ERRATA_REDIS_URL answers."),
                Question("Label Studio", self._label_studio, "Look whether Label Studio answers in a browser."),
                Question("errata serve", self._listen, "Look into the log of `errata serve`, and restart it."),
            ],
            AROUND_S,
        )
        down = {check.name for check in around if check.state == "wrong"}
        return [*around, *self._service(), *ask_all([*self._computing(down), *self._within(down)], WITHIN_S)]

    def _computing(self, down: Set[str]) -> list[Question]:
        """Return the questions about the encoders that the projects need; `down` names what is wrong already."""
        slow = "Try again when this machine is less busy."
        needed = Needed(self._wiring, self._project_ids, self._traces, is_up=down.isdisjoint(_NEEDED))
        return [
            Question("device", partial(self._device, needed), slow),
            *(Question("encoder", partial(self._encoder, needed, each), slow) for each in needed.image_encoders),
            *(Question("text encoder", partial(self._text_encoder, needed, n), slow) for n in needed.text_encoders),
        ]

    def _within(self, down: Set[str]) -> list[Question]:
        """Return the questions that need Label Studio; `down` names what is wrong already."""
        if not down.isdisjoint(_NEEDED):
            why = "the database does not open" if "database" in down else "Label Studio cannot be asked, as said above"
            return [Question("projects", lambda: [not_asked("projects", why)], "")]
        questions = [Question("reached by Label Studio", self._reach, "Look whether Label Studio is busy.")]
        for id_ in self._project_ids:
            questions.append(
                Question("project", partial(self._project, id_), "Look whether Label Studio is busy.", id_)
            )
            late = "See ERRATA_MEDIA_TIMEOUT_S, and whether the storage of the media answers."
            questions.append(Question("media", partial(self._media, id_), late, id_))
        return questions

    def _device(self, needed: Needed) -> Iterator[Check]:
        yield machine.check_libraries()
        yield machine.check_device({each.name for each in needed.image_encoders if needed.is_needed(each)})

    def _encoder(self, needed: Needed, encoder: NeededEncoder) -> Iterator[Check]:
        if needed.is_needed(encoder):
            yield from model.check_encoders(encoder.name, encoder.weights, self._wiring.network.trust)

    def _text_encoder(self, needed: Needed, encoder: NeededEncoder) -> Iterator[Check]:
        if needed.is_needed(encoder):
            yield model.check_text_encoder(encoder.name)

    def _machine(self) -> Iterator[Check]:
        yield from machine.check_settings(named_variables(), self._mistakes())
        yield from machine.check_data_folder(self._settings.data_dir)

    def _mistakes(self) -> list[str]:
        """Return what is wrong with settings that can be read."""
        try:
            check_exposure(self._settings)
            checked_url(self._settings.public_url or "http://localhost")
        except SettingError as error:
            return [str(error)]
        return []

    def _database(self) -> Iterator[Check]:
        yield machine.check_database(self._settings, self._read_projects)

    def _read_projects(self) -> int:
        """Read which projects are connected, and what errata has added to them; return how many there are."""
        watched = [project.id for project in self._wiring.audits.watched()]
        chosen = self._asked_for or watched
        self._traces = {id_: self._wiring.footprint.of_project(id_) for id_ in chosen if id_ in watched}
        self._project_ids = list(chosen)
        return len(watched)

    def _queue(self) -> Iterator[Check]:
        if self._settings.redis_url is None:
            yield service.check_workers(None)
            return
        from errata.jobs.rq_queue import RedisQueue  # noqa: PLC0415 (only where there is Redis)

        queue = RedisQueue(self._settings.redis_url)
        yield service.check_workers(queue)
        self._jobs = queue.states()

    def _label_studio(self) -> Iterator[Check]:
        now = datetime.now(timezone.utc)
        client = self._wiring.client
        proxy = self._wiring.network.proxy(client.url)
        through = f"{proxy.place} ({proxy.variable})" if proxy else None
        yield from label_studio.check_reachable(client, through, now)
        yield label_studio.check_version(client)
        yield label_studio.check_own_address(client)
        _, given = self._wiring.login
        yield token.check_kind(given, client, now)
        try:
            yield from token.check_rights(given, client)
        except LabelStudioRefused as error:
            yield failed("token", error)

    def _listen(self) -> Iterator[Check]:
        password = self._settings.backend_password
        said = password.get_secret_value() if password else None
        for url in dict.fromkeys(filter(None, (self._settings.local_url, self._public_url))):
            self._heard.append(service.listen(url, self._settings.backend_user, said or None, self._open))
        yield from ()

    def _service(self) -> Iterator[Check]:
        """Say what was heard of errata itself."""
        if not self._heard:  # said already: no answer
            return
        yield service.check_serve(self._heard, self._is_called)
        public = next((each for each in self._heard if each.url == self._public_url), None)
        is_said = public is not None and public.about is None and public.url == self._settings.local_url
        if not is_said:
            yield service.check_public_address(public, self._label_studio_url)
        about = self._about
        if self._settings.redis_url is None and about is not None:
            self._jobs = [_job(said) for said in about.get("jobs", [])]
        yield from service.check_jobs(self._jobs)

    def _reach(self) -> Iterator[Check]:
        name = "reached by Label Studio"
        if self._public_url is None or not self._project_ids:
            yield not_asked(name, "ERRATA_PUBLIC_URL is not set" if self._project_ids else "no project is connected")
            return
        problem = self._wiring.obstacle(next(iter(self._traces), self._project_ids[0]))
        if problem is None:
            yield ok(name, f"Label Studio reaches errata at {self._public_url}")
            return
        found = told(name, problem)
        yield found if self._is_called else look(name, f"{found.seen}; errata works without", str(found.remedy))

    def _project(self, project_id: int) -> Iterator[Check]:
        wiring, client = self._wiring, self._wiring.client
        is_connected = project_id in self._traces
        try:
            project = client.get(f"api/projects/{project_id}/")
        except LabelStudioGone:
            leave = f"errata disconnect {project_id} where it was deleted; else the" if is_connected else "The"
            seen = "Label Studio does not have it, or does not show it to the token's user"
            yield wrong("project", seen, f"{leave} token of one who sees it; `errata connect` lists the projects.")
            return
        if not is_connected:
            yield look("project", f'"{project["title"]}" is not connected', f"errata connect {project_id}")
            return
        yield ok("project", f'"{project["title"]}", {project.get("task_number", "?")} tasks')
        tied = ties.Tied(project_id, self._traces[project_id], self._public_url, wiring.secret)
        yield from ties.check_webhooks(client, tied)
        yield ties.check_arrivals(tied, self._about, datetime.now(timezone.utc))
        yield from ties.check_backend(client, tied, project)
        active, audits = wiring.artefacts.active(project_id), wiring.audits
        yield from model.check_sources(project_id, wiring.project_settings.get(project_id))
        yield model.check_audit(project_id, audits.last(project_id), audits.is_running(project_id))
        yield model.check_served(project_id, active, self._about)
        yield from model.check_version(client, project, active, self._settings_of(project_id))

    def _media(self, project_id: int) -> Iterator[Check]:
        client, settings = self._wiring.client, self._settings_of(project_id)
        try:
            project = client.get(f"api/projects/{project_id}/")
        except LabelStudioGone:  # said by the other question about this project
            return
        yield from media.check_media(client, self._wiring.project_media(), project, settings)
        has_pictures = any(each.modality == "image" for each in read_label_config(project["label_config"]).controls)
        if project_id in self._traces and has_pictures:
            yield media.check_reviewers_media(self._wiring.project_settings.get(project_id).media)

    def _settings_of(self, project_id: int) -> Any:
        return self._wiring.settings_of(project_id) if self._traces else self._settings

    def _open(self, url: str, timeout_s: float) -> httpx.Client:
        return self._wiring.network.open(url, timeout_s=timeout_s)

    @property
    def _about(self) -> Mapping[str, Any] | None:
        return next((each.about for each in self._heard if each.about is not None), None)

    @property
    def _is_called(self) -> bool:
        """Say whether something in Label Studio calls errata."""
        return any(trace.kind in _TIES for traces in self._traces.values() for trace in traces)

    @property
    def _public_url(self) -> str | None:
        try:
            return self._wiring.seen_url
        except ErrataError:  # of an address that cannot be one; said among the settings
            return None

    @property
    def _label_studio_url(self) -> str:
        try:
            return self._wiring.client.url
        except ErrataError:
            return self._settings.label_studio_url or ""


def _job(said: Mapping[str, Any]) -> JobState:
    return JobState(
        said["name"],
        int(said["project_id"]),
        said["state"],
        int(said["attempts"]),
        datetime.fromisoformat(said["since"]),
        said.get("problem"),
    )
