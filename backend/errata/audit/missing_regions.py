"""Recognise regions that are missing still: a belief that changed a little draws them elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from errata.audit.ports import Regions
from errata.audit.snapshot import Snapshot
from errata.audit.suspect import Findings
from errata_model.records import Control, Finding, finding_key
from errata_model.regions.overlap import overlaps
from errata_model.regions.records import Region

SAME_REGION = 0.5  # of the same class with at least this overlap

Place = tuple[int, str]  # annotation and control


def recognise_missing(snapshot: Snapshot, findings: Findings, earlier: Sequence[Finding], regions: Regions) -> Findings:
    """Return the findings in which regions that were missing before have the key that they had.

    Args:
        snapshot: what was audited.
        findings: of this audit.
        earlier: missing regions that were found before, whatever became of them.
        regions: reads proposals.
    """
    controls = {control.name: control for control in snapshot.controls}
    data = {task.id: task.data for task in snapshot.tasks}

    def drawn(finding: Finding) -> Region | None:
        control = controls.get(finding.given.control)
        if control is None or not control.has_regions or not (results := finding.proposed_results):
            return None
        value = data.get(finding.given.task_id, {}).get(control.data_key)
        found, *_ = regions.regions_in(results, control, value)
        return found[0] if found else None

    known: defaultdict[Place, list[tuple[Finding, Region]]] = defaultdict(list)
    for finding in earlier:
        if (region := drawn(finding)) is not None:
            known[_place(finding)].append((finding, region))
    missing: defaultdict[Place, list[tuple[Finding, Region]]] = defaultdict(list)
    for finding in findings.all:
        if _place(finding) in known and _is_missing(finding, controls) and (region := drawn(finding)) is not None:
            missing[_place(finding)].append((finding, region))
    renamed: dict[str, Finding] = {}
    for place, new in missing.items():
        for finding, before in _same(new, known[place]):
            given = replace(finding.given, value_hash=before.given.value_hash)
            key = finding_key(snapshot.url, snapshot.project_id, given)
            renamed[finding.key] = replace(finding, key=key, given=given)
    if not renamed:
        return findings
    return replace(
        findings,
        all=tuple(renamed.get(finding.key, finding) for finding in findings.all),
        suspects=tuple(renamed.get(finding.key, finding) for finding in findings.suspects),
    )


def _place(finding: Finding) -> Place:
    return finding.given.annotation_id, finding.given.control


def _is_missing(finding: Finding, controls: Mapping[str, Control]) -> bool:
    return finding.given.label is None and controls[finding.given.control].has_regions


def _same(
    new: Sequence[tuple[Finding, Region]], known: Sequence[tuple[Finding, Region]]
) -> Iterator[tuple[Finding, Finding]]:
    """Yield the new findings with those that they were before, the nearest first; each once."""
    between = overlaps([region for _, region in new], [region for _, region in known], None)
    own = {finding.key for finding, _ in new}  # nobody else gets a key that one has by itself
    near = [
        (-float(between[i, j]), i, j)
        for i, (finding, region) in enumerate(new)
        for j, (earlier, before) in enumerate(known)
        if region.label == before.label
        and between[i, j] >= SAME_REGION
        and (earlier.key == finding.key or earlier.key not in own)
    ]
    taken: set[int] = set()
    given: set[int] = set()
    for _, i, j in sorted(near):
        if i not in given and j not in taken:
            given.add(i)
            taken.add(j)
            yield new[i][0], known[j][0]
