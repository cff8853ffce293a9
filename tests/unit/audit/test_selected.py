"""Sending labels by hand, over a review project that is a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from errata.audit.beliefs import Artefact
from errata.audit.believe import Belief
from errata.audit.publish import publish
from errata.audit.review_order import NEXT_UP
from errata.audit.selected import Sent, selected_findings, send
from errata.audit.snapshot import Snapshot
from errata.audit.suspect import find_suspects
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.tasks import TaskReader
from errata_model.kinds.values.records import Opinion, ValueBelief
from errata_model.records import Control, Finding

if TYPE_CHECKING:
    from tests.unit.audit.conftest import ListLog, ListQueue

Project = Callable[..., Snapshot]
Believed = Callable[..., Belief]
CAT, UNSURE, DOG = (0.98, 0.01, 0.01), (0.6, 0.3, 0.1), (0.05, 0.9, 0.05)


@dataclass
class Studio:
    """A source project, what the last audit believes about it, and its review project."""

    snapshot: Snapshot
    belief: Belief
    queue: ListQueue
    log: ListLog
    told: Any
    read: list[Sequence[int]] = field(default_factory=list)

    def read_chosen(self, task_ids: Sequence[int], progress: Any) -> Snapshot:
        self.read.append(task_ids)
        return replace(self.snapshot, tasks=tuple(task for task in self.snapshot.tasks if task.id in task_ids))

    def audit(self, limit: int | None = None) -> None:
        findings = find_suspects(self.snapshot, self.belief, Codecs(), limit)
        self.log.record(1, findings.suspects)
        publish(self.snapshot, findings, self.queue, self.log, self.told)

    def send(self, *task_ids: int, artefact: Artefact | None = None) -> Sent:
        believed = artefact or self.belief.artefact
        return send(task_ids, self, believed, Codecs(), self.queue, self.log, self.told)

    def standing(self) -> list[tuple[int, str]]:
        """Return task and stream of what is in the review project, in its order, as reviewers are shown it."""
        return [(finding.given.task_id, finding.stream) for finding in self.shown()]

    def shown(self) -> list[Finding]:
        return [self.log.shown[item.finding_key] for item in self.queue.items()]


@pytest.fixture
def studio(project: Project, believed: Believed, queue: ListQueue, log: ListLog, told: Any) -> Studio:
    """Five cats; the belief takes the second for a dog and is not sure about the fourth."""
    return Studio(project(*["cat"] * 5), believed([CAT, DOG, CAT, UNSURE, CAT]), queue, log, told)


def test_what_is_sent_stands_by_its_disagreement_and_stays(studio: Studio) -> None:
    """Behind the suspect here, whatever audits follow."""
    studio.audit()
    assert studio.standing() == [(2, "suspect")]
    assert studio.send(1, 4) == Sent(tasks=2, labels=2, sent=2, already_there=0, unlabelled=0)
    assert studio.standing() == [(2, "suspect"), (4, "selected"), (1, "selected")]
    ids = [item.review_task_id for item in studio.queue.items()]
    for _ in range(2):
        studio.audit()
    assert [item.review_task_id for item in studio.queue.items()] == ids


def test_twice_is_once(studio: Studio) -> None:
    """The second time says so and writes nothing to the review project."""
    studio.send(1, 2)
    n_writes = studio.queue.n_writes
    assert studio.send(1, 2) == Sent(tasks=2, labels=2, sent=0, already_there=2, unlabelled=0)
    assert studio.queue.n_writes == n_writes


def test_a_suspect_stays_a_suspect_and_then_stays_at_all(studio: Studio) -> None:
    """The queue's precision does not lose it; once the model no longer suspects it, it stands there as sent."""
    studio.audit()
    assert studio.send(2).already_there == 1
    assert studio.standing() == [(2, "suspect")]
    studio.belief = replace(
        studio.belief, artefact=replace(studio.belief.artefact, beliefs=()), source=""
    )  # nothing is believed now: it stays as it was
    studio.audit()
    assert studio.standing() == [(2, "suspect")]


def test_a_label_that_the_model_no_longer_doubts_was_sent_all_the_same(studio: Studio, believed: Believed) -> None:
    """What only the queue held is withdrawn; what a person sent too is not, and is no suspect from then on."""
    studio.belief = believed([CAT, DOG, DOG, UNSURE, CAT])
    studio.audit()
    studio.send(2)
    studio.belief = believed([DOG, CAT, CAT, UNSURE, CAT])
    studio.audit()
    assert studio.standing() == [(1, "suspect"), (2, "selected")]


def test_what_was_sent_becomes_a_suspect_when_the_model_doubts_it(studio: Studio, believed: Believed) -> None:
    """Its review task is made anew with the suggestion: figures count it among the suspects."""
    studio.send(3)
    assert studio.standing() == [(3, "selected")]
    studio.belief = believed([CAT, CAT, DOG, UNSURE, CAT])
    studio.audit()
    assert studio.standing() == [(3, "suspect")]


def test_sent_below_the_cut_is_never_counted_as_a_suspect(studio: Studio, believed: Believed) -> None:
    """A sent label above half the cut is kept because it was sent, not as a suspect that does not flicker."""
    studio.belief = believed([CAT, DOG, CAT, UNSURE, (0.2, 0.5, 0.3)])
    studio.audit(limit=1)
    assert studio.standing() == [(2, "suspect")]
    studio.send(5)
    studio.audit(limit=1)
    assert studio.standing() == [(2, "suspect"), (5, "selected")]


def test_no_place_is_lost(project: Project, believed: Believed, queue: ListQueue, log: ListLog, told: Any) -> None:
    """What is more likely wrong goes first, but behind what was decided and what is served next."""
    rows = [(0.5 - n / 200, 0.5 + n / 200 - 0.01, 0.01) for n in range(2, 42)]
    studio = Studio(project(*["cat"] * 41), believed([*rows, CAT]), queue, log, told)
    studio.audit()
    before = [task for task, _ in studio.standing()]
    assert len(before) == 40
    queue.touch(queue.keys()[0])
    studio.belief = believed([*rows, (0.001, 0.998, 0.001)])
    studio.send(41)
    after = [task for task, _ in studio.standing()]
    assert after == [*before[: NEXT_UP + 1], 41, *before[NEXT_UP + 1 :]]
    assert {stream for task, stream in studio.standing() if task != 41} == {"suspect"}


def test_what_is_decided_is_not_asked_again(studio: Studio) -> None:
    """It is counted with what is there."""
    (finding,) = selected_findings(studio.read_chosen([1], None), None, Codecs())
    studio.log.closed.add(finding.key)
    assert studio.send(1, 3) == Sent(tasks=2, labels=2, sent=1, already_there=1, unlabelled=0)


def test_every_label_of_a_task_is_sent_with_what_is_believed(studio: Studio, project: Project) -> None:
    """Of each annotator one; with the suggestion where there is one, and the key that an audit gives it."""
    studio.snapshot = project("cat", ["cat", "dog"], None)
    said = selected_findings(studio.snapshot, studio.belief.artefact, Codecs())
    audited = {f.key: f for f in find_suspects(studio.snapshot, studio.belief, Codecs()).all}
    assert {finding.key for finding in said} == audited.keys()
    assert [(f.given.label, f.stream, f.detectors["selected"]) for f in said] == [
        ("cat", "selected", 1.0), ("cat", "selected", 1.0), ("dog", "selected", 1.0)
    ]  # fmt: skip
    assert [f.proposal.label if f.proposal else None for f in said] == [None, "dog", None]
    assert {f.model_version for f in said} == {"errata-1"}
    assert all(f.disagreement == audited[f.key].disagreement for f in said)
    assert studio.send(1, 2, 3) == Sent(tasks=3, labels=3, sent=3, already_there=0, unlabelled=1)


@pytest.mark.parametrize("of", ["no audit", "a config that changed"])
def test_without_a_belief_the_question_stands_alone(studio: Studio, control: Control, of: str) -> None:
    """Before the first audit, and after a change of the label config: no suggestion, no made-up doubt."""
    changed = replace(control, labels=("cat", "fox"))
    artefact = None if of == "no audit" else studio.belief.artefact
    snapshot = replace(studio.snapshot, controls=(changed,)) if artefact else studio.snapshot
    findings: list[Finding] = selected_findings(snapshot, artefact, Codecs())
    assert {(f.disagreement, f.proposal, f.reason) for f in findings} == {(0.0, None, "Sent by hand.")}
    assert {f.model_version for f in findings} == {"errata-1" if artefact else "errata-none"}


def test_what_a_crash_left_out_is_inserted_by_the_next_audit(studio: Studio) -> None:
    """What a person sent is written down before it is inserted, also where nothing is believed about it."""
    studio.belief = replace(studio.belief, artefact=replace(studio.belief.artefact, beliefs=()))

    def dies(entries: Any) -> list[int]:
        raise ConnectionError

    alive, studio.queue.insert = studio.queue.insert, dies  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        studio.send(1)
    studio.queue.insert = alive  # type: ignore[method-assign]
    studio.audit()
    assert studio.standing() == [(1, "selected")]


def test_a_moved_review_task_keeps_what_its_reviewers_are_shown(studio: Studio, believed: Believed) -> None:
    """A finding on the way out is made anew with another suggestion: a verdict follows that one, not the first."""
    studio.belief = believed([CAT, DOG, CAT, UNSURE, CAT])
    studio.audit()
    studio.belief = believed([DOG, (0.25, 0.15, 0.6), CAT, UNSURE, CAT])
    studio.audit(limit=1)
    said = [(f.given.task_id, f.proposal.label if f.proposal else None) for f in studio.shown()]
    assert said == [(1, "dog"), (2, "cow")]


def test_what_is_believed_of_a_control_that_changed_since_is_not_used() -> None:
    """A rating that became a note: what somebody predicted of the one says nothing about the other."""
    config = '<View><Image name="image" value="$image"/>{}</View>'
    (rating,) = read_label_config(config.format('<Rating name="note" toName="image"/>')).controls
    (note,) = read_label_config(config.format('<TextArea name="note" toName="image"/>')).controls
    said = {"id": "t", "from_name": "note", "to_name": "image", "type": "textarea", "value": {"text": ["fine"]}}
    raw = {"id": 1, "data": {"image": "1.png"}, "annotations": [{"id": 2, "completed_by": 1, "result": [said]}]}
    snapshot = Snapshot("", 1, "Notes", config, (note,), (), (TaskReader((note,)).read(raw),))
    belief = ValueBelief(rating, {1: (Opinion(4.0, 0.9),)}, None, "detector")
    (finding,) = selected_findings(snapshot, Artefact("errata-a", (), (), (belief,)), Codecs())
    assert (finding.given.label, finding.proposal, finding.disagreement) == ("fine", None, 0.0)
