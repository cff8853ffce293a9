"""Say which classes have no label that another one could support."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from errata.audit.beliefs import ControlBelief
from errata.audit.believe import Belief
from errata.audit.snapshot import Snapshot

_NAMED = 5


def support_remarks(snapshot: Snapshot, belief: Belief) -> Iterator[str]:
    """Yield a sentence for every control with classes whose labels all lie in one group of tasks.

    A label is believed about without those of its group, so that such a class is never believed in. Where errata did
    not learn itself nothing is known of groups, and nothing is said.
    """
    for about in belief.artefact.beliefs:
        lonely = _lonely(snapshot, belief, about)
        if lonely:
            commonest = sorted(lonely.items(), key=lambda item: -item[1])
            named = ", ".join(f'"{label}" ({n})' for label, n in commonest[:_NAMED])
            more = f" and {len(lonely) - _NAMED} more" if len(lonely) > _NAMED else ""
            yield (
                f'Nothing can support the labels of "{about.control.name}" that occur in one task or one group of '
                f"tasks alone, so they are in doubt whether right or wrong: {named}{more}."
            )


def _lonely(snapshot: Snapshot, belief: Belief, about: ControlBelief) -> dict[str, int]:
    """Return class -> labels, of those that occur in one group alone."""
    media = belief.embedded.get(about.control.data_key)
    if media is None:
        return {}
    group_of = dict(zip(media.task_ids.tolist(), media.groups().tolist(), strict=True))
    groups, counts = defaultdict(set), Counter[str]()
    for task in belief.evidence.get(about.control.name, snapshot.tasks):
        for each in task.labels:
            if each.control == about.control.name and each.label is not None and task.id in group_of:
                groups[each.label].add(group_of[task.id])
                counts[each.label] += 1
    return {label: counts[label] for label, of_label in groups.items() if len(of_label) == 1}
