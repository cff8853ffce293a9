"""All findings of an item in one review task: which go together, and which are asked about already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from errata.audit.ports import ReviewItem
from errata_model.records import REGION_KINDS, Finding


def by_annotation(findings: Sequence[Finding], alone: Collection[str]) -> tuple[list[Finding], list[list[Finding]]]:
    """Return findings that are a review task each, and those that are one together.

    Together are those about the regions of one annotation, which is what a form is filled with.

    Args:
        findings: in any order.
        alone: keys of those that stand by themselves in a review task that somebody touched.
    """
    single: list[Finding] = []
    groups: defaultdict[int, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.given.kind in REGION_KINDS and finding.key not in alone:
            groups[finding.given.annotation_id].append(finding)
        else:
            single.append(finding)
    return single, list(groups.values())


def held(items: Sequence[ReviewItem], unscored: Collection[str], wanted: Collection[str]) -> tuple[set[str], set[str]]:
    """Return what stays as it stands, and what is asked about in review tasks about several findings that stay.

    Such a task stays where somebody touched it, or where one of its findings was left without a belief this time.

    Args:
        items: what stands in the review project.
        unscored: keys of findings without a belief.
        wanted: keys of those that should be asked about.

    Returns:
        The keys of findings that stay where they stand, still open; those of all findings in review tasks about
        several that stay.
    """
    staying: set[str] = set(unscored)
    asked: set[str] = set()
    for item in items:
        if item.several is not None and (item.is_touched or not staying.isdisjoint(item.several)):
            asked.update(item.several)
            staying.update(set(item.several).intersection(wanted))
    return staying, asked
