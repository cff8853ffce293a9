"""What reviewers made of other regions than the one that they were asked about."""

from __future__ import annotations

from collections.abc import Sequence

from errata.review.records import Change, RegionChange, Verdict


def other_edits(verdicts: Sequence[Verdict]) -> list[Change]:
    """Return them as changes, newest first where several are about one region; none of verdicts that are unclear."""
    newest: dict[tuple[int, str, str], Change] = {}
    for verdict in sorted(verdicts, key=lambda verdict: verdict.decided_at, reverse=True):
        for edit in verdict.other_edits if verdict.decision != "unclear" else ():
            newest.setdefault((verdict.annotation_id, edit.control, edit.region_id), _change(verdict, edit))
    return list(newest.values())


def _change(verdict: Verdict, edit: RegionChange) -> Change:
    asked = f'"{verdict.old_label}"' if verdict.old_label is not None else "a missing region"
    return Change(
        finding_key=verdict.finding_key,
        project_id=verdict.project_id,
        task_id=verdict.task_id,
        annotation_id=verdict.annotation_id,
        control=edit.control,
        region_id=edit.region_id,
        old_label=edit.old_label,
        old_hash=edit.old_hash,
        new_label=edit.new_label,
        reviewer=verdict.reviewer,
        decided_at=verdict.decided_at,
        reason=f"Corrected when asked about {asked}.",
        new_value=edit.new_value,
        is_other_edit=True,
    )
