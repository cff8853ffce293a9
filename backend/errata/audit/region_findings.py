"""Findings of regions: those that a person marked, and those that the belief has and nobody marked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import count
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from errata.audit.beliefs import RegionBelief
from errata.audit.late_proposal import LateProposal
from errata.audit.ports import Regions
from errata.audit.region_wording import region_reason
from errata.audit.snapshot import Drawn, Snapshot, Task
from errata.audit.wording import ANNOTATOR_CONFLICT, provenance
from errata_model.records import Control, Finding, GivenLabel, Proposal, finding_key
from errata_model.regions.records import Doubt, Item, Region


def calibrate(snapshot: Snapshot, belief: RegionBelief) -> Mapping[str, NDArray[Any]]:
    """Return what the scoring of a control's regions can learn from the project."""
    items = [item for _, _, item in believed_items(snapshot.tasks, belief)]
    return dict(_kind(belief.control).calibrate(items, belief.control.labels))


def find_regions(
    snapshot: Snapshot, belief: RegionBelief, source: str, repeats: str | None, version: str, regions: Regions
) -> list[Finding]:
    """Return a finding of every region that the belief says something about, and of every one that it misses.

    Those that nothing speaks against have no detectors.

    Args:
        snapshot: the tasks.
        belief: about one control.
        source: see `Belief.source`.
        repeats: see `Belief.repeats`.
        version: of the belief.
        regions: writes proposals.
    """
    find_doubts = _kind(belief.control).find_doubts
    found = []
    missing: set[str] = set()  # who predicts a region twice misses it once
    for task, drawn, item in believed_items(snapshot.tasks, belief):
        taken = frozenset(region.id for region in item.given)
        for doubt in find_doubts(item, belief.control.labels, belief.calibration):
            if doubt.given is not None and not item.given[doubt.given].id:
                continue  # nobody could say which region is meant
            proposal, new = _proposal(doubt, belief.control, item, taken, task, regions)
            given = drawn.answer if doubt.given is None else drawn.labels[doubt.given]
            if doubt.given is None:
                given = replace(given, value_hash=regions.region_hash(new, belief.control))
            key = finding_key(snapshot.url, snapshot.project_id, given)
            if doubt.given is None:
                if key in missing:
                    continue
                missing.add(key)
            said = [
                region_reason(doubt, item, belief.control, is_of_people=belief.is_of_people),
                source if doubt.detectors else "",
                provenance(given, repeats),
            ]
            found.append(
                Finding(
                    key=key,
                    given=given,
                    detectors=_detectors(doubt, belief.is_of_people),
                    disagreement=round(min(max(float(doubt.disagreement), 0.0), 1.0), 6),
                    p_wrong=None,
                    reason=" ".join(filter(None, said)),
                    proposal=proposal,
                    stream="suspect",
                    model_version=version,
                )
            )
    return found


def unscored_regions(snapshot: Snapshot, beliefs: Sequence[RegionBelief]) -> Iterator[GivenLabel]:
    """Yield the labels of regions that nothing is believed about."""
    known = {belief.control.name: set(belief.row_of) for belief in beliefs}
    for task in snapshot.tasks:
        for drawn in task.drawn:
            if not {task.id, -drawn.answer.annotation_id} & known.get(drawn.answer.control, set()):
                yield from drawn.labels


def believed_items(tasks: Sequence[Task], belief: RegionBelief) -> Iterator[tuple[Task, Drawn, Item]]:
    """Yield every annotation of the control beside what is believed of its task."""
    row_of = belief.row_of
    for task in tasks:
        for drawn in task.drawn:
            row = row_of.get(task.id, row_of.get(-drawn.answer.annotation_id))
            if row is not None and drawn.answer.control == belief.control.name:
                size = drawn.size or belief.sizes[row]
                yield task, drawn, Item(drawn.regions, belief.believed[row], size, task.id)


def _proposal(
    doubt: Doubt, control: Control, item: Item, taken: Collection[str], task: Task, regions: Regions
) -> tuple[Proposal | None, list[dict[str, Any]]]:
    """Return what would put a region right, and Label Studio's results of the region that would stand there.

    Args:
        doubt: about the item.
        control: of its regions.
        item: what a person marked, beside a belief.
        taken: ids of the regions of the item.
        task: of the item.
        regions: writes proposals.
    """
    if doubt.action is None:
        return None, []
    about = doubt.proposal if doubt.given is None or doubt.action != "remove" else item.given[doubt.given]
    if about is None:
        return None, []
    region_id = "" if doubt.given is None else item.given[doubt.given].id
    label_score = doubt.top[0][1] if doubt.top else doubt.disagreement
    shown: Region = replace(about, id=region_id, score=about.score if about.score is not None else label_score)
    value = task.data.get(control.data_key)
    results = regions.written(control, shown, item.size, value)
    top = tuple(doubt.top or ((about.label, round(float(label_score), 4)),))
    if doubt.given is None:
        if (free := _free_id(results[0]["id"], taken)) != results[0]["id"]:
            shown = replace(shown, id=free)
            results = regions.written(control, shown, item.size, value)
        return LateProposal(shown, top, control, regions, item.size, value), results
    return Proposal(doubt.action, results[0], top, tuple(results[1:])), results


def _free_id(region_id: str, taken: Collection[str]) -> str:
    """Return an id that no given region has: one that was accepted from a prediction keeps that one's when moved."""
    others = (f"{region_id}-{n}" for n in count(2))
    return region_id if region_id not in taken else next(each for each in others if each not in taken)


def _detectors(doubt: Doubt, is_of_people: bool) -> dict[str, float]:
    fired = {name: round(float(score), 6) for name, score in doubt.detectors.items()}
    return fired | {ANNOTATOR_CONFLICT: max(fired.values())} if fired and is_of_people else fired


def _kind(control: Control) -> ModuleType:
    return import_module(f"errata_model.kinds.{control.kind}.doubts")
