"""What a DataFrame itself says against its labels, in place of a belief of errata's own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from errata.audit.beliefs import Artefact
from errata.audit.believe import Belief
from errata.audit.ports import Regions
from errata.audit.snapshot import Snapshot
from errata.audit.suspect import Findings
from errata_model.records import Control, Finding, GivenLabel, finding_key

_SUSPECT = 0.5  # the least disagreement of a suspect, where nothing is proposed


@dataclass(frozen=True, slots=True)
class Opinion:
    """What is said about one row's label.

    Attributes:
        proposed: the label that would stand there; None where none is named.
        disagreement: how likely the label is wrong, in [0, 1]; None where nobody says.
    """

    proposed: str | None
    disagreement: float | None


def belief_of(opinions: Mapping[int, Opinion]) -> Belief:
    """Return what stands for the belief: a version that changes with what is said."""
    said = repr(sorted((task_id, each.proposed, each.disagreement) for task_id, each in opinions.items()))
    version = f"frame-{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
    return Belief(Artefact(version, ()), {}, "The DataFrame")


def findings_of(snapshot: Snapshot, opinions: Mapping[int, Opinion], version: str, regions: Regions) -> Findings:
    """Return each label with what is said about it, the most doubtful first."""
    control = snapshot.controls[0]
    found = [
        _finding(snapshot, label, opinions[label.task_id], version, regions, control)
        for task in snapshot.tasks
        for label in task.labels
    ]
    found.sort(key=lambda finding: (-finding.disagreement, finding.given.task_id))
    suspects = tuple(finding for finding in found if finding.detectors)
    return Findings(tuple(found), suspects, len(suspects))


def _finding(
    snapshot: Snapshot, given: GivenLabel, said: Opinion, version: str, regions: Regions, control: Control
) -> Finding:
    differs = said.proposed is not None and said.proposed != given.label
    disagreement = said.disagreement if said.disagreement is not None else float(differs)
    is_suspect = differs or (said.proposed is None and disagreement >= _SUSPECT)
    likely = max(disagreement, 1 - disagreement) if said.disagreement is not None else 1.0
    return Finding(
        key=finding_key(snapshot.url, snapshot.project_id, given),
        given=given,
        detectors={"dataframe": disagreement} if is_suspect else {},
        disagreement=disagreement,
        p_wrong=None,
        reason=_reason(given, said, differs),
        proposal=regions.proposal(control, [(str(said.proposed), round(likely, 4))]) if differs else None,
        stream="suspect",
        model_version=version,
    )


def _reason(given: GivenLabel, said: Opinion, differs: bool) -> str:
    parts = [f'The DataFrame has "{given.label}" here']
    if differs:
        parts.append(f' and proposes "{said.proposed}"')
    if said.disagreement is not None:
        parts.append(f", with a disagreement of {said.disagreement:.2f}")
    return "".join(parts) + "."
