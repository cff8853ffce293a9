"""Beliefs about regions that errata has no learner for: what predictions, or the other annotators, mark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from errata.audit.beliefs import OWN_VERSIONS
from errata.audit.believe import Belief, Believer
from errata.audit.believe_elsewhere import StoredBeliever
from errata.audit.believe_together import Part, TogetherBeliever
from errata.audit.believe_values import OTHERS, AnnotatorsBeliever
from errata.audit.ports import Progress
from errata.audit.snapshot import Snapshot, Task
from errata.errors import NothingToLearn
from errata_model.records import Control


class UnlearnedRegionBeliever:
    """What serves where errata has no learner: other annotators, or predictions, whoever speaks about more tasks."""

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`.

        Raises:
            NothingToLearn: there is nobody; says what would do.
        """
        return TogetherBeliever([_part(control, snapshot.tasks) for control in snapshot.controls]).believe(
            snapshot, progress
        )


class _Serving:
    """Says beside a belief why it is not errata's own."""

    def __init__(self, control: Control, believer: Believer | None) -> None:
        self._control = control
        self._believer = believer

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        named = f'errata has no learner for "{self._control.name}" ({self._control.type} on {self._control.modality})'
        if self._believer is None:
            raise NothingToLearn(f"{named}, and neither predictions nor several people mark the same tasks. {OTHERS}")
        belief = self._believer.believe(snapshot, progress)
        return replace(belief, remarks=(f"{named}.", *belief.remarks))


def _part(control: Control, tasks: Sequence[Task]) -> Part:
    return lambda each: each == control, _Serving(control, _who_serves(control, tasks))


def _who_serves(control: Control, tasks: Sequence[Task]) -> Believer | None:
    """Return who says something about most tasks; predictions that mark nothing on any say nothing."""
    marked = {
        each.model_version
        for task in tasks
        for each in task.predictions
        if each.control == control.name and each.regions and not each.model_version.startswith(OWN_VERSIONS)
    }
    counts = Counter(
        version
        for task in tasks
        for version in {each.model_version for each in task.predictions if each.control == control.name} & marked
    )
    n_shared = sum(
        len({each.answer.annotator for each in task.drawn if each.answer.control == control.name}) > 1 for task in tasks
    )
    version = max(counts, key=lambda name: (counts[name], name), default=None)
    if version is not None and counts[version] > n_shared:
        return StoredBeliever(version)
    return AnnotatorsBeliever() if n_shared else None
