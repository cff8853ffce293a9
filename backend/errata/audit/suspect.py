"""Score every given label against the belief, let the detectors look, and choose the suspects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from errata.audit.annotators import Beside, put_beside
from errata.audit.beliefs import ControlBelief
from errata.audit.believe import Belief
from errata.audit.detectors import DETECTORS, Detector, Scene, Signal, annotator_conflict
from errata.audit.ports import Regions
from errata.audit.region_findings import find_regions, unscored_regions
from errata.audit.scored import Scored, score, unscored
from errata.audit.snapshot import Snapshot, Task
from errata.audit.tag_annotators import put_tags_beside
from errata.audit.tags import consensus_of_tags
from errata.audit.value_findings import find_values, unscored_values
from errata.audit.wording import SIMILAR_SHOWN, provenance, similar_items, similar_tagged
from errata_model.features import Features
from errata_model.kinds.choices.rows import inverse_document_frequencies, weigh_terms
from errata_model.neighbours import nearest_neighbours
from errata_model.records import Finding, GivenLabel, finding_key

LEAST_LIMIT = 100
LIMIT_SHARE = 0.10

Signals = Mapping[str, Signal]  # detector's name -> what it holds against one label
Place = tuple[int, int]  # which control's belief, and which of its labels
Candidate = tuple[Finding, bool]  # and whether anything speaks against the label


@dataclass(frozen=True, slots=True)
class Findings:
    """What an audit found, most likely error first."""

    # Every given label that the belief says something about, and the missing tags that it gives some probability.
    all: tuple[Finding, ...]
    suspects: tuple[Finding, ...]  # those of them that make the queue
    n_doubted: int  # labels that the belief or a detector doubts, in the queue or beyond its limit
    annotators: tuple[dict[str, Any], ...] = ()  # figures of each control that several people labelled; as JSON
    unscored: frozenset[str] = frozenset()  # keys of labels, and of tags not given, that nothing is believed about

    @property
    def cut(self) -> float:
        """The queue's least disagreement; 0 where it is empty."""
        return self.suspects[-1].disagreement if self.suspects else 0.0


def find_suspects(
    snapshot: Snapshot,
    belief: Belief,
    regions: Regions,
    limit: int | None = None,
    detectors: Sequence[Detector] = DETECTORS,
) -> Findings:
    """Return every given label that the belief says something about, most likely error first; see `Findings.all`.

    Regions that the belief misses are among them. A suspect is a label whose place the belief would give to another
    one, or that a detector fired for, within `limit` (by default 10 % of the labels, at least 100). Others follow
    behind them, by disagreement too. A label's disagreement is the noisy-or of the belief's and the detectors': they
    add up, and none takes from another. Where several people labelled the same tasks the belief is theirs, too; see
    `audit.annotators`.
    """
    n_labels = sum(label.label is not None for task in snapshot.tasks for label in task.labels)
    n_limit = max(LEAST_LIMIT, int(LIMIT_SHARE * n_labels)) if limit is None else limit
    found, figures = _of_whole_tasks(snapshot, belief, regions, n_limit, detectors)
    for about in belief.artefact.region_beliefs:
        version = belief.artefact.version
        source = belief.source_of(about.control.name)
        drawn = find_regions(snapshot, about, source, belief.repeats, version, regions)
        found += [(finding, bool(finding.detectors)) for finding in drawn]
    for answered in belief.artefact.value_beliefs:
        found += find_values(snapshot, answered, belief.artefact.version, regions)
    found.sort(key=_rank)
    doubted = [finding for finding, is_doubted in found if is_doubted]
    beyond = _unscored(snapshot, belief, regions)
    return Findings(
        tuple(finding for finding, _ in found),
        tuple(doubted[:n_limit]),
        len(doubted),
        figures,
        frozenset(finding_key(snapshot.url, snapshot.project_id, label) for label in beyond),
    )


def _rank(candidate: Candidate) -> tuple[float, int, int]:
    finding, _ = candidate
    return -finding.disagreement, finding.given.task_id, finding.given.annotation_id


def _unscored(snapshot: Snapshot, belief: Belief, regions: Regions) -> Iterator[GivenLabel]:
    yield from unscored(snapshot, belief.artefact.beliefs, regions)
    yield from unscored_regions(snapshot, belief.artefact.region_beliefs)
    yield from unscored_values(snapshot, belief.artefact.value_beliefs)


def _of_whole_tasks(
    snapshot: Snapshot, belief: Belief, regions: Regions, n_limit: int, detectors: Sequence[Detector]
) -> tuple[list[Candidate], tuple[dict[str, Any], ...]]:
    """Return the findings of labels of whole tasks, and the figures of `Findings.annotators`.

    Evidence is looked up for the `n_limit` most doubted of them alone.
    """
    alone = [score(snapshot, control_belief, regions) for control_belief in belief.artefact.beliefs]
    beside = [_beside(snapshot, belief, s) for s in alone]
    signals = {
        (i, n): of_label
        for i, s in enumerate(alone)
        for n, of_label in _signals(_scene(snapshot, belief, s, beside[i]), (*detectors, *belief.detectors)).items()
    }
    is_apart = annotator_conflict in detectors
    scored = [s if among is None else among.scored(s, is_apart) for s, among in zip(alone, beside, strict=True)]
    merged = {
        (i, n): _noisy_or(float(s.disagreement[n]), signals.get((i, n), {}))
        for i, s in enumerate(scored)
        for n in range(len(s.labels))
    }
    rank = sorted(
        (-disagreement, scored[i].labels[n].task_id, scored[i].labels[n].annotation_id, i, n)
        for (i, n), disagreement in merged.items()
    )
    places = [(i, n) for *_, i, n in rank]
    doubted = {(i, n): None for i, n in places if scored[i].proposed[n] != scored[i].given[n] or (i, n) in signals}
    reasons = _reasons(snapshot, belief, scored, list(doubted)[:n_limit])
    found = [
        (
            _finding(
                snapshot,
                belief,
                scored[i],
                n,
                regions,
                merged[i, n],
                signals.get((i, n), {}),
                reasons.get((i, n), belief.source_of(scored[i].belief.control.name)),
            ),
            (i, n) in doubted,
        )
        for i, n in places
    ]
    return found, tuple(dict(among.figures) for among in beside if among)


def _beside(snapshot: Snapshot, belief: Belief, scored: Scored) -> Beside | None:
    evidence = belief.evidence.get(scored.belief.control.name, snapshot.tasks)
    return put_beside(scored, evidence) if scored.tags is None else put_tags_beside(scored, evidence, snapshot.tasks)


def _scene(snapshot: Snapshot, belief: Belief, scored: Scored, beside: Beside | None) -> Scene:
    control = scored.belief.control
    return Scene(
        snapshot,
        scored.belief,
        scored.labels,
        scored.rows,
        scored.given,
        belief.embedded.get(control.data_key),
        belief.evidence.get(control.name, snapshot.tasks),
        beside,
        scored.tags,
    )


def _signals(scene: Scene, detectors: Sequence[Detector]) -> dict[int, dict[str, Signal]]:
    """Return label -> detector's name -> signal, of the labels that a detector fired for."""
    found: dict[int, dict[str, Signal]] = {}
    for detector in detectors if scene.labels else ():
        for n, signal in detector.detect(scene).items():
            found.setdefault(n, {})[detector.name] = signal
    return found


def _noisy_or(disagreement: float, signals: Signals) -> float:
    right = 1.0 - disagreement
    for signal in signals.values():
        right *= 1.0 - signal.score
    return round(1.0 - right, 6) if signals else round(disagreement, 6)


def _finding(
    snapshot: Snapshot,
    belief: Belief,
    scored: Scored,
    n: int,
    regions: Regions,
    disagreement: float,
    signals: Signals,
    reason: str,
) -> Finding:
    is_doubted = bool(scored.proposed[n] != scored.given[n])
    own = {scored.detector(n): round(float(scored.disagreement[n]), 6)} if is_doubted else {}
    loudest = sorted(signals.values(), key=lambda signal: -signal.score)
    said = [*(signal.reason for signal in loudest), reason, provenance(scored.labels[n], belief.repeats)]
    return Finding(
        key=finding_key(snapshot.url, snapshot.project_id, scored.labels[n]),
        given=scored.labels[n],
        detectors={**own, **{name: round(signal.score, 6) for name, signal in signals.items()}},
        disagreement=disagreement,
        p_wrong=None,
        reason=" ".join(filter(None, said)),
        proposal=scored.proposal(n, regions),
        stream="suspect",
        model_version=belief.artefact.version,
    )


def _reasons(
    snapshot: Snapshot, belief: Belief, scored: Sequence[Scored], suspects: Sequence[Place]
) -> dict[Place, str]:
    """Say for each suspect how the most similar items are labelled, where there are embeddings."""
    reasons: dict[Place, str] = {}
    for i, s in enumerate(scored):
        embedded = belief.embedded.get(s.belief.control.data_key)
        chosen = [n for j, n in suspects if j == i]
        if embedded is None or not chosen:
            continue
        control = s.belief.control
        evidence = belief.evidence.get(control.name, snapshot.tasks)
        consensus: Mapping[int, str | frozenset[str]] = (
            _consensus(evidence, s.belief)
            if s.tags is None
            else consensus_of_tags(evidence, snapshot.tasks, control, embedded.task_ids)
        )
        is_labelled = np.array([int(task_id) in consensus for task_id in embedded.task_ids])
        row_of = {int(task_id): row for row, task_id in enumerate(embedded.task_ids)}
        queries = np.array([row_of[s.labels[n].task_id] for n in chosen], dtype=np.int64)
        indices, _ = nearest_neighbours(
            _comparable(embedded.rows),
            SIMILAR_SHOWN,
            embedded.groups(),
            queries=queries,
            candidates=is_labelled,
        )
        for n, neighbours in zip(chosen, indices, strict=True):
            said = [consensus[int(embedded.task_ids[row])] for row in neighbours if row >= 0]
            if s.tags is None:
                similar = similar_items([str(label) for label in said], control.modality)
            else:
                tag = control.labels[s.tags[n]]
                similar = similar_tagged(sum(tag in tags for tags in said), len(said), tag, control.modality)
            reasons[i, n] = f"{belief.source_of(control.name)} {similar}".strip()
    return reasons


def _comparable(rows: Features) -> Features:
    """Return rows whose angles say how alike items are: of counts, as much as each tells."""
    return weigh_terms(rows, inverse_document_frequencies(rows)) if issparse(rows) else rows


def _consensus(tasks: Sequence[Task], belief: ControlBelief) -> dict[int, str]:
    """Return task id -> the label most annotators gave, the first in the config's order among equals."""
    consensus = {}
    for task in tasks:
        given = [label.label for label in task.labels if label.control == belief.control.name]
        if given:
            consensus[task.id] = max(belief.control.labels, key=given.count)
    return consensus
