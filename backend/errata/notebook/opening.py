"""Puts the pages of a notebook together with what they stand on."""

from __future__ import annotations

import getpass
import hashlib
import math
import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from errata.audit.ports import Progress
from errata.audit.progress import LineProgress
from errata.audit.run import Examination, examine
from errata.audit.snapshot import Snapshot
from errata.boards.build import build_board
from errata.errors import NothingToLearn, UsageError
from errata.jobs.periodic import Periodic
from errata.labelstudio.account import read_person, shows_project
from errata.notebook import verdicts
from errata.notebook.columns import Columns, as_label, ids_of, scores
from errata.notebook.frame import labels_of, pictures_of, read_frame
from errata.notebook.media import FrameMedia
from errata.notebook.opinions import Opinion, belief_of, findings_of
from errata.notebook.server import NotebookServer
from errata.notebook.shown import Shown
from errata.settings import Settings, read_settings
from errata.web.board.opening import open_rooms, sending
from errata.web.board.visitors import Visitor
from errata.wiring import BeliefOptions, Wiring
from errata.wiring.believing import believer_of, looking_of
from errata.wiring.boarding import Looking
from errata_model.records import Finding

_MOST_PROJECTS = 2**31 - 1
_NO_SUSPECTS = "&show=all"


def show_project(project_id: int | None, height: int) -> Shown:
    """Show a project of Label Studio that was audited on this machine; see `errata.board`."""
    if project_id is None:
        raise UsageError('board() needs a DataFrame or a project: board(df, label="...", image="...") or project=12.')
    with ExitStack() as opened:
        wiring = Wiring(read_settings())
        opened.callback(wiring.close)
        person = read_person(wiring.client)
        if not shows_project(wiring.client, project_id):
            raise UsageError(f"Label Studio shows {person.email} no project {project_id}.")
        if wiring.boards.active(project_id) is None:
            raise UsageError(
                f"Project {project_id} has no audit that can be shown: there is none in {wiring.settings.data_dir} "
                f"(ERRATA_DATA_DIR). Run `errata audit {project_id}` on this machine first."
            )
        closing = Periodic("closing review tasks", wiring.close_review_tasks, wiring.settings.poll_s)
        opened.callback(closing.stop)
        closing.start()
        rooms = open_rooms(wiring, wiring.project_media(), sending(wiring), closing.wake)
        server = NotebookServer(rooms, Visitor(person.id, person.email, person.name, wiring.client))

        def read() -> Any:
            return verdicts.of_project(wiring.verdicts.of_project(project_id, with_scans=True))

        return Shown(server, f"scan.html?project={project_id}", height, read, opened.pop_all().close)


def show_frame(
    frame: Any, project_id: int | None, columns: Columns, store: str | PathLike[str] | None, height: int
) -> Shown:
    """Show the labels of a DataFrame; see `errata.board`."""
    if project_id is not None:
        raise UsageError("board() shows a DataFrame or a project, not both: leave one of them out.")
    columns.check(frame)
    ids = ids_of(frame.index)
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory(prefix="errata-")) if store is None else store)
        folder = folder.expanduser().resolve()
        wiring = Wiring(_settings_in(folder))
        opened.callback(wiring.close)
        number = secrets.randbelow(_MOST_PROJECTS) + 1 if store is None else _number_of(folder)
        snapshot = read_frame(frame, ids, columns, number, f'"{columns.label}" of a DataFrame')
        media = FrameMedia(pictures_of(frame, ids, columns), wiring.settings.media_max_bytes)
        examination = _keep(wiring, snapshot, media, _opinions(frame, ids, columns), LineProgress(print))
        rooms = open_rooms(wiring, media, _no_review, lambda: None)
        server = NotebookServer(rooms, Visitor(1, _who(), _who(), None))
        keys = {finding.key for finding in examination.findings.all}
        labels = labels_of(frame, columns)
        position = {task_id: n for n, task_id in enumerate(ids)}

        def read() -> Any:
            said = [each for each in wiring.verdicts.of_project(number, with_scans=True) if each.finding_key in keys]
            return verdicts.of_frame(said, frame.index, [position[each.task_id] for each in said], labels)

        page = f"scan.html?project={number}{'' if examination.findings.suspects else _NO_SUSPECTS}"
        return Shown(server, page, height, read, opened.pop_all().close)


def _settings_in(folder: Path) -> Settings:
    """Return the environment's settings for a data folder of its own, without any Label Studio."""
    own = {"data_dir": folder, "database_url": None, "label_studio_url": None}
    return read_settings().model_copy(update=own)


def _opinions(frame: Any, ids: Sequence[int], columns: Columns) -> Mapping[int, Opinion] | None:
    """Return what the DataFrame says against its labels; None where it says nothing."""
    if columns.proposed is None and columns.disagreement is None:
        return None
    empty = [None] * len(ids)
    proposed = empty if columns.proposed is None else [as_label(value) for value in frame[columns.proposed]]
    said = empty if columns.disagreement is None else scores(list(frame[columns.disagreement]), columns.disagreement)
    return {
        task_id: Opinion(label, None if score is None or math.isnan(score) else float(score))
        for task_id, label, score in zip(ids, proposed, said, strict=True)
    }


def _keep(
    wiring: Wiring, snapshot: Snapshot, media: FrameMedia, opinions: Mapping[int, Opinion] | None, progress: Progress
) -> Examination:
    """Examine the labels, and keep what the pages show of them."""
    looking = looking_of(wiring, BeliefOptions(), media, None, progress)
    audit_id = wiring.audits.begin(snapshot)
    examination = _examined(wiring, snapshot, looking, opinions, progress)
    built = build_board(examination, wiring.codecs, looking, {}, None, progress)
    for what, n in examination.skipped.most_common():
        progress.say(f"Left out: {n} x {what}.")
    for remark in built.remarks:
        progress.say(remark)
    wiring.boards.save(built.table, built.details)
    wiring.audits.finish(audit_id, examination.belief.artefact.version, examination.summary())
    return examination


def _examined(
    wiring: Wiring, snapshot: Snapshot, looking: Looking, opinions: Mapping[int, Opinion] | None, progress: Progress
) -> Examination:
    if opinions is None:
        try:
            return examine(snapshot, believer_of(wiring, BeliefOptions(), looking, None), wiring.codecs, progress)
        except NothingToLearn as error:
            progress.say(f"Nothing is suspected. {error}")
            opinions = {task.id: Opinion(None, None) for task in snapshot.tasks}
    belief = belief_of(opinions)
    findings = findings_of(snapshot, opinions, belief.artefact.version, wiring.codecs)
    return Examination(snapshot, belief, findings, snapshot.skipped, 0.0)


def _number_of(folder: Path) -> int:
    """Return the number that the labels of a store are known under: always the same."""
    return int.from_bytes(hashlib.sha256(os.fsencode(folder)).digest()[:4], "big") % _MOST_PROJECTS + 1


def _no_review(project_id: int, findings: Sequence[Finding]) -> tuple[int, str]:
    raise UsageError("There is no review project: these labels are no Label Studio's.")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # nobody of that number is known, as in some containers
        return "notebook"
