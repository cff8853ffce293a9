"""Score every given label against the belief and choose the suspects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from errata.audit.believe import Belief
from errata.audit.embed import groups_of
from errata.audit.ports import ControlBelief, Regions, Snapshot, Task
from errata.audit.scored import Scored, score
from errata.audit.wording import SIMILAR_SHOWN, provenance, similar_items
from errata_model.neighbours import nearest_neighbours
from errata_model.records import Finding, finding_key

N_TOP = 5
LEAST_LIMIT = 100
LIMIT_SHARE = 0.10


@dataclass(frozen=True, slots=True)
class Findings:
    """What an audit found, most likely error first."""

    all: tuple[Finding, ...]  # every given label that the belief says something about
    suspects: tuple[Finding, ...]  # those of them that make the queue
    n_doubted: int  # labels that the belief disagrees with, in the queue or beyond its limit

    @property
    def cut(self) -> float:
        """The queue's least disagreement; 0 where it is empty."""
        return self.suspects[-1].disagreement if self.suspects else 0.0


def find_suspects(snapshot: Snapshot, belief: Belief, regions: Regions, limit: int | None = None) -> Findings:
    """Return every given label that the belief says something about, most likely error first.

    A suspect is a label whose place the belief would give to another one, within `limit` (by default 10 % of the
    labels, at least 100). Others follow behind them, by disagreement too.
    """
    scored = [score(snapshot, control_belief) for control_belief in belief.artefact.beliefs]
    n_labels = sum(len(s.labels) for s in scored)
    n_limit = max(LEAST_LIMIT, int(LIMIT_SHARE * n_labels)) if limit is None else limit
    rank = sorted(
        (-round(float(s.disagreement[n]), 6), label.task_id, label.annotation_id, i, n)
        for i, s in enumerate(scored)
        for n, label in enumerate(s.labels)
    )
    places = [(i, n) for *_, i, n in rank]
    doubted = [(i, n) for i, n in places if scored[i].proposed[n] != scored[i].given[n]]
    reasons = _reasons(snapshot, belief, scored, doubted[:n_limit])
    findings = {
        (i, n): _finding(snapshot, belief, scored[i], n, regions, reasons.get((i, n), belief.source)) for i, n in places
    }
    return Findings(tuple(findings.values()), tuple(findings[p] for p in doubted[:n_limit]), len(doubted))


def _finding(snapshot: Snapshot, belief: Belief, scored: Scored, n: int, regions: Regions, reason: str) -> Finding:
    control = scored.belief.control
    probabilities = scored.belief.probabilities[scored.rows[n]]
    best = np.argsort(-probabilities, kind="stable")[:N_TOP]
    top = tuple((control.labels[k], round(float(probabilities[k]), 4)) for k in best)
    disagreement = round(float(scored.disagreement[n]), 6)
    is_doubted = bool(scored.proposed[n] != scored.given[n])
    return Finding(
        key=finding_key(snapshot.url, snapshot.project_id, scored.labels[n]),
        given=scored.labels[n],
        detectors={"low_self_confidence": disagreement} if is_doubted else {},
        disagreement=disagreement,
        p_wrong=None,
        reason=f"{reason} {provenance(scored.labels[n], belief.repeats)}".strip(),
        proposal=regions.proposal(control, top) if is_doubted else None,
        stream="suspect",
        model_version=belief.artefact.version,
    )


def _reasons(
    snapshot: Snapshot, belief: Belief, scored: Sequence[Scored], suspects: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], str]:
    """Say for each suspect how the most similar items are labelled, where there are embeddings."""
    reasons: dict[tuple[int, int], str] = {}
    for i, s in enumerate(scored):
        embedded = belief.embedded.get(s.belief.control.data_key)
        chosen = [n for j, n in suspects if j == i]
        if embedded is None or not chosen:
            continue
        name = s.belief.control.name
        consensus = _consensus(belief.evidence.get(name, snapshot.tasks), s.belief)
        is_labelled = np.array([int(task_id) in consensus for task_id in embedded.task_ids])
        row_of = {int(task_id): row for row, task_id in enumerate(embedded.task_ids)}
        queries = np.array([row_of[s.labels[n].task_id] for n in chosen], dtype=np.int64)
        indices, _ = nearest_neighbours(
            embedded.rows,
            SIMILAR_SHOWN,
            groups_of(embedded.content_keys),
            queries=queries,
            candidates=is_labelled,
        )
        for n, neighbours in zip(chosen, indices, strict=True):
            labels = [consensus[int(embedded.task_ids[row])] for row in neighbours if row >= 0]
            evidence = similar_items(labels, s.belief.control.modality)
            reasons[i, n] = f"{belief.source} {evidence}".strip()
    return reasons


def _consensus(tasks: Sequence[Task], belief: ControlBelief) -> dict[int, str]:
    """Return task id -> the label most annotators gave, the first in the config's order among equals."""
    consensus = {}
    for task in tasks:
        given = [label.label for label in task.labels if label.control == belief.control.name]
        if given:
            consensus[task.id] = max(belief.control.labels, key=given.count)
    return consensus
