"""Findings of answers that are no labels: what a person said beside what others say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from errata.audit.ports import Regions
from errata.audit.snapshot import Snapshot
from errata.audit.value_wording import annotators_reason, elsewhere_reason, model_reason
from errata.audit.wording import ANNOTATOR_CONFLICT, provenance
from errata_model.kinds.values.records import Answered, Opinion, ValueBelief
from errata_model.kinds.values.similarity import similarity
from errata_model.kinds.values.voices import Heard, hear
from errata_model.records import Finding, GivenLabel, Proposal, finding_key

PREDICTION_CONFLICT = "prediction_conflict"
LEAST_ALIKE = 0.5  # of two answers that read the same, objects on a video say: as detection counts a match


def find_values(
    snapshot: Snapshot, belief: ValueBelief, version: str, regions: Regions
) -> Iterator[tuple[Finding, bool]]:
    """Yield a finding of every answer that somebody else answered too, and whether it is doubted; see `hear`.

    Args:
        snapshot: the tasks.
        belief: about one control.
        version: of the belief.
        regions: writes proposals.
    """
    for task in snapshot.tasks:
        for answered in task.answered:
            others = _others(answered, belief, task.id) if answered.given.control == belief.control.name else []
            if others:
                heard = _hear(answered.answer, others, belief)
                best = others[heard.best]
                proposal = regions.answer(belief.control, best.answer, round(heard.support, 4))
                is_doubted = heard.is_outvoted and (
                    proposal.label != answered.given.label or _alike(answered.answer, best.answer, belief) < LEAST_ALIKE
                )
                said = (
                    _reason(answered, others, best, proposal, belief.version, is_doubted),
                    provenance(answered.given, belief.version),
                )
                name = PREDICTION_CONFLICT if best.annotator is None else ANNOTATOR_CONFLICT
                disagreement = round(heard.disagreement, 6)
                yield (
                    Finding(
                        key=finding_key(snapshot.url, snapshot.project_id, answered.given),
                        given=answered.given,
                        detectors={name: disagreement} if is_doubted else {},
                        disagreement=disagreement,
                        p_wrong=None,
                        reason=" ".join(filter(None, said)),
                        proposal=proposal if is_doubted else None,
                        stream="suspect",
                        model_version=version,
                    ),
                    is_doubted,
                )


def unscored_values(snapshot: Snapshot, beliefs: Sequence[ValueBelief]) -> Iterator[GivenLabel]:
    """Yield the answers that nobody else gave one beside."""
    of_control = {belief.control.name: belief for belief in beliefs}
    for task in snapshot.tasks:
        for answered in task.answered:
            belief = of_control.get(answered.given.control)
            if belief is None or not _others(answered, belief, task.id):
                yield answered.given


def _others(answered: Answered, belief: ValueBelief, task_id: int) -> list[Opinion]:
    return [each for each in belief.opinions.get(task_id, ()) if each.annotator != answered.given.annotator]


def _hear(answer: Any, others: Sequence[Opinion], belief: ValueBelief) -> Heard:
    answers = [answer, *(each.answer for each in others)]
    similar = np.ones((len(answers), len(answers)))
    for i, one in enumerate(answers):
        for j in range(i):
            similar[i, j] = similar[j, i] = _alike(one, answers[j], belief)
    own = 1.0 - others[0].certainty if others[0].annotator is None else 1.0
    return hear(similar, np.array([each.certainty for each in others]), own)


def _alike(one: Any, other: Any, belief: ValueBelief) -> float:
    return similarity(belief.control, one, other, belief.spread)


def _reason(
    answered: Answered,
    others: Sequence[Opinion],
    best: Opinion,
    proposal: Proposal,
    version: str | None,
    is_doubted: bool,
) -> str:
    given, said = answered.given.label or "", proposal.label or ""
    if is_doubted and given == said:
        return elsewhere_reason(given, None if best.annotator is None else len(others))
    if best.annotator is None:
        return model_reason(given, said, version, best.certainty)
    return annotators_reason(given, said, sum(each.answer == best.answer for each in others), len(others))
