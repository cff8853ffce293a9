"""Several sources of belief, each for its own controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from errata.audit.beliefs import Artefact, ControlBelief, RegionBelief
from errata.audit.believe import Belief
from errata.audit.believe_together import PartArtefacts, TogetherBeliever
from errata.audit.ports import Progress
from errata.audit.snapshot import Snapshot
from errata.errors import NothingToLearn
from errata_model.regions.records import Believed


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


def test_who_believes_is_said_control_by_control(both: Snapshot, told: Any) -> None:
    """A reason names the source of its own control's belief."""
    control, boxes = both.controls
    marked = RegionBelief(boxes, np.array([1]), ("a",), (Believed(()),), {}, (None,))
    said = ControlBelief(control, np.array([1]), ("a",), np.ones((1, len(control.labels)), np.float32), None)
    of_boxes = Fixed(Belief(Artefact("errata-a", (), (marked,)), {}, "It never saw this box."))
    of_labels = Fixed(Belief(Artefact("errata-b", (said,)), {}, "It never saw this label."))
    belief = TogetherBeliever(parts(of_boxes, of_labels)).believe(both, told)
    assert belief.source_of("box") == "It never saw this box."
    assert belief.source_of(control.name) == "It never saw this label."


class Kept:
    """Keeps artefacts in a dictionary."""

    def __init__(self) -> None:
        self.by_version: dict[str, Artefact] = {}
        self.n_loaded = 0

    def save(self, project_id: int, artefact: Artefact) -> None:
        self.by_version[artefact.version] = artefact

    def find(self, project_id: int, version: str) -> Artefact | None:
        return self.load(project_id, version) if version in self.by_version else None

    def parts(self, project_id: int, version: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return self.by_version[version].parts

    def load(self, project_id: int, version: str) -> Artefact:
        self.n_loaded += 1
        return self.by_version[version]

    def active(self, project_id: int) -> str | None:
        return next(reversed(self.by_version), None)


def test_each_source_finds_again_what_it_believed(both: Snapshot, told: Any) -> None:
    """Out of what all believed together, without the others; so nobody learns twice, and nothing is read in vain."""
    control, boxes = both.controls
    marked = RegionBelief(boxes, np.array([1]), ("a",), (Believed(()),), {}, (None,))
    said = ControlBelief(control, np.array([1]), ("a",), np.ones((1, len(control.labels)), np.float32), None)
    of_boxes = Fixed(replace(of("errata-a", ""), artefact=Artefact("errata-a", (), (marked,))))
    of_labels = Fixed(replace(of("errata-b", ""), artefact=Artefact("errata-b", (said,))))
    kept = Kept()
    parts_kept = PartArtefacts(kept)
    assert parts_kept.find(7, "errata-a") is None
    parts_kept.save(7, TogetherBeliever(parts(of_boxes, of_labels)).believe(both, told).artefact)
    assert (parts_kept.find(7, "errata-c"), kept.n_loaded) == (None, 0)
    assert parts_kept.find(7, "errata-a") == Artefact("errata-a", (), (marked,))
    assert parts_kept.find(7, "errata-b") == Artefact("errata-b", (said,))
    assert kept.n_loaded == 2
    whole = parts_kept.active(7)
    assert whole is not None
    assert parts_kept.load(7, whole) == kept.by_version[whole]
