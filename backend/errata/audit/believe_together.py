"""Several sources of belief for one project: each forms it about the controls that it is for."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from errata.audit.beliefs import Artefact, own_version
from errata.audit.believe import Belief, Believer
from errata.audit.ports import Artefacts, Progress
from errata.audit.snapshot import Snapshot
from errata.errors import NothingToLearn
from errata_model.records import Control

Part = tuple[Callable[[Control], bool], Believer]  # which controls, and who believes about them


class TogetherBeliever:
    """Lets each control be believed about by the first source that is for it.

    Args:
        parts: the sources.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`. A control that nobody can believe about is said and left alone, unless all are."""
        beliefs, problems = [], []
        left = list(snapshot.controls)
        for is_for, believer in self._parts:
            mine = tuple(control for control in left if is_for(control))
            left = [control for control in left if control not in mine]
            if mine:
                try:
                    beliefs.append(believer.believe(replace(snapshot, controls=mine), progress))
                except NothingToLearn as error:
                    problems.append(error)
        if not beliefs:
            raise problems[0] if problems else NothingToLearn(f'"{snapshot.title}" has nothing to audit.')
        for problem in problems:
            progress.say(f"Left alone: {problem}")
        return beliefs[0] if len(beliefs) == 1 else _joined(beliefs)


class PartArtefacts:
    """Gives each of several sources what it believed before, out of what all of them believed: `ports.Artefacts`.

    Args:
        whole: keeps what all of them believe together.
    """

    def __init__(self, whole: Artefacts) -> None:
        self._whole = whole

    def save(self, project_id: int, artefact: Artefact) -> None:
        """See `Artefacts.save`."""
        self._whole.save(project_id, artefact)

    def find(self, project_id: int, version: str) -> Artefact | None:
        """See `Artefacts.find`."""
        return self._whole.find(project_id, version) or self._part(project_id, version)

    def parts(self, project_id: int, version: str) -> Sequence[tuple[str, tuple[str, ...]]]:
        """See `Artefacts.parts`."""
        return self._whole.parts(project_id, version)

    def load(self, project_id: int, version: str) -> Artefact:
        """See `Artefacts.load`."""
        return self._part(project_id, version) or self._whole.load(project_id, version)

    def active(self, project_id: int) -> str | None:
        """See `Artefacts.active`."""
        return self._whole.active(project_id)

    def _part(self, project_id: int, version: str) -> Artefact | None:
        active = self._whole.active(project_id)
        names = dict(self._whole.parts(project_id, active)).get(version) if active is not None else None
        artefact = self._whole.find(project_id, active) if active is not None and names is not None else None
        if artefact is None or names is None:
            return None
        return Artefact(
            version,
            tuple(about for about in artefact.beliefs if about.control.name in names),
            tuple(about for about in artefact.region_beliefs if about.control.name in names),
            tuple(about for about in artefact.value_beliefs if about.control.name in names),
        )


def _names(artefact: Artefact) -> Iterator[str]:
    for beliefs in (artefact.beliefs, artefact.region_beliefs, artefact.value_beliefs):
        yield from (about.control.name for about in beliefs)


def _joined(beliefs: Sequence[Belief]) -> Belief:
    artefacts = [belief.artefact for belief in beliefs]
    version = hashlib.sha256(" ".join(artefact.version for artefact in artefacts).encode()).hexdigest()
    return Belief(
        artefact=Artefact(
            own_version(version),
            tuple(about for artefact in artefacts for about in artefact.beliefs),
            tuple(about for artefact in artefacts for about in artefact.region_beliefs),
            tuple(about for artefact in artefacts for about in artefact.value_beliefs),
            tuple((artefact.version, tuple(_names(artefact))) for artefact in artefacts),
        ),
        embedded={key: media for belief in beliefs for key, media in belief.embedded.items()},
        source=beliefs[0].source,
        sources={
            name: belief.sources.get(name, belief.source) for belief in beliefs for name in _names(belief.artefact)
        },
        skipped=sum((belief.skipped for belief in beliefs), Counter[str]()),
        caution=" ".join(filter(None, (belief.caution for belief in beliefs))),
        repeats=beliefs[0].repeats,
        evidence={name: tasks for belief in beliefs for name, tasks in belief.evidence.items()},
        remarks=tuple(remark for belief in beliefs for remark in belief.remarks),
        detectors=tuple(detector for belief in beliefs for detector in belief.detectors),
    )
