"""What stands of what several reviewers, or one in several places, decided about a finding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from errata.review.ports import Edits
from errata.review.records import CountsAs, Settled, Verdict
from errata.review.region_answers import differ, region_outcome
from errata.review.wording import change_words, tags_words


def settle(said: Sequence[Verdict], edits: Edits) -> list[Settled]:
    """Return how verdicts stand to one another, in the same order.

    A scan is weaker than a verdict: it contradicts nobody's. Of what one reviewer decided on the scan board and in the
    review project the newer counts.

    Args:
        said: each by itself; of a finding, all that there are.
        edits: compares regions.
    """
    counts = [_counts_as(verdict, said_of) for verdict, said_of in zip(said, _beside(said), strict=True)]
    standing = [verdict for verdict, counted in zip(said, counts, strict=True) if counted == "verdict"]
    marked = iter(mark_differences(standing, edits))
    return [
        Settled(verdict, next(marked) if counted == "verdict" else verdict, counted)
        for verdict, counted in zip(said, counts, strict=True)
    ]


def _beside(said: Sequence[Verdict]) -> Iterator[list[Verdict]]:
    """Yield for each verdict what the same reviewer decided about the same finding, itself too."""
    of_reviewer: defaultdict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for verdict in said:
        of_reviewer[verdict.finding_key, verdict.reviewer].append(verdict)
    for verdict in said:
        yield of_reviewer[verdict.finding_key, verdict.reviewer]


def _counts_as(verdict: Verdict, beside: Sequence[Verdict]) -> CountsAs:
    if verdict.strength == "scan":
        return "scan"
    elsewhere = [each for each in beside if each.strength == "verdict" and each.is_of_board != verdict.is_of_board]
    if not elsewhere:
        return "verdict"
    here = [each for each in beside if each.strength == "verdict" and each.is_of_board == verdict.is_of_board]
    return "verdict" if _newest(here) > _newest(elsewhere) else "superseded"


def _newest(verdicts: Sequence[Verdict]) -> tuple[object, ...]:
    return max((verdict.decided_at, not verdict.is_of_board) for verdict in verdicts)


def mark_differences(verdicts: Sequence[Verdict], edits: Edits) -> list[Verdict]:
    """Return the verdicts; of a finding whose verdicts differ, all are `unclear` and say what each was."""
    of_finding: defaultdict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        of_finding[verdict.finding_key].append(verdict)
    differing = {
        key: _words(group)
        for key, group in of_finding.items()
        if len({_outcome(v) for v in group}) > 1 or differ(group, edits)
    }
    return [
        replace(
            verdict,
            decision="unclear",
            reason=None,
            new_label=None,
            new_value=None,
            also=(),
            other_edits=(),
            contradiction=differing[verdict.finding_key],
        )
        if verdict.finding_key in differing
        else verdict
        for verdict in verdicts
    ]


def _outcome(verdict: Verdict) -> str:
    """Say what follows from a verdict: the suggestion taken, and the same label given by hand, are the same."""
    if verdict.decision in ("take_proposal", "fix"):
        if verdict.new_value is not None or verdict.relabels_region:
            return region_outcome(verdict)
        if verdict.tag is None:
            return f'change it to "{verdict.new_label}"'
        about = [change_words(verdict.old_label, verdict.new_label)] if verdict.new_label != verdict.old_label else []
        return ", ".join(filter(None, (*about, tags_words(verdict.also))))
    return verdict.contradiction or verdict.decision


def _words(group: Sequence[Verdict]) -> str:
    said = sorted(f"{verdict.reviewer}: {_outcome(verdict)}" for verdict in group)
    return "reviewers differ (" + "; ".join(said) + ")"
