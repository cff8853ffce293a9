"""What a model answers where no labels are asked for, for predictions. What people answered is nobody's prediction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from errata.audit.ports import Regions
from errata_model.kinds.values.records import Opinion, ValueBelief
from errata_model.records import Control


def opinions_of(task_id: int | None, beliefs: Iterable[ValueBelief]) -> Iterator[tuple[Control, Opinion]]:
    """Yield what models answer to each control of a task."""
    for belief in beliefs:
        said = belief.opinions.get(task_id, ()) if belief.version is not None and task_id is not None else ()
        if said:
            yield belief.control, said[0]


def answer_results(control: Control, opinion: Opinion, regions: Regions) -> list[dict[str, Any]]:
    """Return Label Studio's results of an answer, each with how sure it is."""
    proposal = regions.answer(control, opinion.answer, round(opinion.certainty, 4))
    return [dict(each) for each in proposal.results]
