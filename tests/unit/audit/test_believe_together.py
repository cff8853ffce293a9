"""Several sources of belief, each for its own controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from errata.audit.believe import Belief
from errata.audit.believe_together import TogetherBeliever
from errata.audit.ports import Artefact, Progress, Snapshot
from errata.errors import NothingToLearn


class Fixed:
    """Believes what it is given, or cannot; remembers what it was asked about."""

    def __init__(self, belief: Belief | NothingToLearn) -> None:
        self.belief = belief
        self.asked: list[tuple[str, ...]] = []

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        self.asked.append(tuple(control.name for control in snapshot.controls))
        if isinstance(self.belief, NothingToLearn):
            raise self.belief
        return self.belief


@pytest.fixture
def both(project: Any, control: Any) -> Snapshot:
    """Return a project with two controls."""
    snapshot: Snapshot = project(["cat"])
    return replace(snapshot, controls=(control, replace(control, name="box", kind="boxes")))


def of(version: str, remark: str) -> Belief:
    return Belief(Artefact(version, ()), {}, "It says so.", remarks=(remark,))


def parts(boxes: Fixed, others: Fixed) -> list[tuple[Callable[[Any], bool], Any]]:
    return [(lambda control: control.has_regions, boxes), (lambda control: True, others)]


def test_each_control_is_believed_about_by_the_first_that_is_for_it(both: Snapshot, told: Any) -> None:
    """Their beliefs are one, whose version follows from theirs."""
    boxes, others = Fixed(of("errata-a", "boxes")), Fixed(of("errata-b", "others"))
    belief = TogetherBeliever(parts(boxes, others)).believe(both, told)
    assert (boxes.asked, others.asked) == ([("box",)], [(both.controls[0].name,)])
    assert belief.remarks == ("boxes", "others")
    again = TogetherBeliever(parts(boxes, others)).believe(both, told)
    assert again.artefact.version == belief.artefact.version != "errata-a"
    others.belief = of("errata-c", "others")
    assert TogetherBeliever(parts(boxes, others)).believe(both, told).artefact.version != belief.artefact.version


def test_a_control_that_nobody_can_believe_about_is_left_alone(both: Snapshot, told: Any) -> None:
    """It is said; where that is so of all, it is an error."""
    never = Fixed(NothingToLearn("there is nothing to learn boxes from"))
    belief = TogetherBeliever(parts(never, Fixed(of("errata-b", "others")))).believe(both, told)
    assert belief.artefact.version == "errata-b"
    assert "Left alone: there is nothing to learn boxes from" in told.said
    with pytest.raises(NothingToLearn, match="nothing to learn boxes from"):
        TogetherBeliever(parts(never, never)).believe(both, told)
