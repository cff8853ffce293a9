"""Labels that were accepted from a model's predictions: who teaches, who votes, and what people are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from errata.audit.believe import Belief, OwnBeliever
from errata.audit.believe_elsewhere import StoredBeliever
from errata.audit.evidence import UNKNOWN_VERSION, from_predictions, weigh
from errata.audit.run import examine
from errata.audit.snapshot import Snapshot, StoredPrediction, Task
from errata.audit.suspect import find_suspects
from errata.labelstudio.codecs import Codecs
from errata_model.records import Control, Finding

Project = Callable[..., Snapshot]


def accepted(snapshot: Snapshot, task_ids: Sequence[int], version: str = "v1") -> Snapshot:
    """Say of the labels of some tasks that they were accepted unchanged."""
    return _with(snapshot, task_ids, suggested_by=version, started_from=version)


def corrected(snapshot: Snapshot, task_ids: Sequence[int], version: str = "v1") -> Snapshot:
    """Say of the labels of some tasks that a prediction was changed to them."""
    return _with(snapshot, task_ids, started_from=version)


def _with(snapshot: Snapshot, task_ids: Sequence[int], **origin: str) -> Snapshot:
    def changed(task: Task) -> Task:
        if task.id not in task_ids:
            return task
        return replace(task, labels=tuple(replace(label, **origin) for label in task.labels))

    return replace(snapshot, tasks=tuple(map(changed, snapshot.tasks)))


def teachers(snapshot: Snapshot, control: Control) -> list[int]:
    return [task.id for task in weigh(snapshot.tasks, control).tasks if task.labels]


def remark(snapshot: Snapshot, control: Control) -> str:
    return weigh(snapshot.tasks, control).remark or ""


def test_labels_of_people_alone_are_all_evidence_and_nothing_is_said(project: Project, control: Control) -> None:
    snapshot = project("cat", "dog", None, ["cat", "dog"])
    assert weigh(snapshot.tasks, control).tasks == snapshot.tasks
    assert remark(snapshot, control) == ""
    assert from_predictions(snapshot.tasks) == {}


def test_accepted_labels_teach_nothing_where_people_gave_enough(project: Project, control: Control) -> None:
    """12 of 24 labels were accepted: the other 12 teach alone, and the line says whose the accepted ones are."""
    snapshot = accepted(project(*["cat", "dog"] * 12), range(1, 13))
    assert teachers(snapshot, control) == list(range(13, 25))
    assert remark(snapshot, control) == (
        '12 of 24 labels of "animal" were accepted unchanged from predictions of "v1": '
        "no evidence. The other 12 teach alone."
    )
    assert from_predictions(snapshot.tasks) == {"v1": 12}


def test_one_annotator_of_two_is_left(project: Project, control: Control) -> None:
    """Where one accepted and another labelled by themselves, the other one's label is the consensus."""
    snapshot = project(*[["cat", "dog"]] * 6, *["cat"] * 6)
    tasks = tuple(
        replace(task, labels=(replace(task.labels[0], suggested_by="v1", started_from="v1"), *task.labels[1:]))
        if len(task.labels) > 1
        else task
        for task in snapshot.tasks
    )
    kept = weigh(tasks, control).tasks
    assert [[label.label for label in task.labels] for task in kept] == [["dog"]] * 6 + [["cat"]] * 6


def test_accepted_labels_of_a_rare_class_teach(project: Project, control: Control) -> None:
    """Nobody gave "cow" by themselves: without the two accepted ones no cow could ever be believed in."""
    snapshot = accepted(project(*["cat", "dog"] * 14, "cow", "cow"), [1, 2, 3, 4, 29, 30])
    assert teachers(snapshot, control) == list(range(5, 31))
    assert remark(snapshot, control).endswith(
        "The other 24 teach alone, but for 2 of classes that people gave fewer than 5 times."
    )


@pytest.mark.parametrize(
    ("n_own", "classes"),
    [(0, ["cat", "dog"]), (4, ["cat", "dog"]), (6, ["cat"])],
    ids=["nobody gave any", "too few of each", "one class alone"],
)
def test_all_teach_where_people_gave_too_few(
    project: Project, control: Control, n_own: int, classes: list[str]
) -> None:
    own = [classes[n % len(classes)] for n in range(n_own)]
    snapshot = accepted(project(*["cat", "dog"] * 20, *own), range(1, 41))
    assert teachers(snapshot, control) == list(range(1, 41 + n_own))
    assert "40 of" in remark(snapshot, control)
    assert remark(snapshot, control).endswith("so all teach: the belief may share the model's errors.")


def test_all_teach_where_people_only_corrected(project: Project, control: Control) -> None:
    """95 % accepted and the rest corrections: those stand where the model fails, and are no sample of anything."""
    snapshot = corrected(accepted(project(*["cat", "dog"] * 100), range(1, 181)), range(181, 201))
    assert len(teachers(snapshot, control)) == 200
    mostly_own = corrected(accepted(project(*["cat", "dog"] * 100), range(1, 101)), range(101, 121))
    assert teachers(mostly_own, control) == list(range(101, 201))


def test_versions_are_counted_apart(project: Project, control: Control) -> None:
    snapshot = accepted(accepted(project(*["cat", "dog"] * 12), [1, 2, 3]), [4], UNKNOWN_VERSION)
    assert from_predictions(snapshot.tasks) == {"v1": 3, UNKNOWN_VERSION: 1}
    assert 'predictions of "v1" (3), "(unknown)" (1): no evidence.' in remark(snapshot, control)


@pytest.fixture
def learned(project: Project, studio: Any, png: Any) -> Callable[..., tuple[Snapshot, Belief, list[Finding]]]:
    """Red cats and green dogs: v1 called the tasks 1 to 10, which are green, cats, and was believed."""

    def learn(are_accepted: bool) -> tuple[Snapshot, Belief, list[Finding]]:
        snapshot = project(*["cat"] * 10, *["dog"] * 8, *["cat"] * 8)
        greens = range(1, 19)
        for task in snapshot.tasks:
            level = 150 + 3 * task.id
            picture = png(0, level, 0) if task.id in greens else png(level, 0, 0)
            studio.media.content[f"{task.id}.png"] = picture
        snapshot = accepted(snapshot, range(1, 11)) if are_accepted else snapshot
        belief = OwnBeliever(lambda _: studio.embedder, None).believe(snapshot, studio.told)
        findings = find_suspects(snapshot, belief, Codecs())
        return snapshot, belief, [each for each in findings.all if each.given.task_id <= 10]

    return learn


def test_what_a_model_suggested_is_judged_by_what_people_said(learned: Any) -> None:
    """Ten wrong labels vouch for one another as a person's; as a model's they are all found, and the reason says so."""
    _, _, trusted = learned(are_accepted=False)
    assert not any(finding.detectors for finding in trusted)
    _, belief, found = learned(are_accepted=True)
    assert len(found) == 10
    assert all(finding.detectors and finding.proposal.label == "dog" for finding in found)
    assert all("similar images are labelled dog." in finding.reason for finding in found)
    assert all('accepted unchanged from a prediction of "v1".' in finding.reason for finding in found)
    assert belief.remarks[0].startswith('10 of 26 labels of "animal" were accepted unchanged')


def test_the_version_says_who_taught(learned: Any) -> None:
    """The same labels, accepted or given: another belief, and another version."""
    versions = {learned(are_accepted=are)[1].artefact.version for are in (True, False, True)}
    assert len(versions) == 2


def test_a_belief_that_is_the_predictions_themselves_says_so(project: Project, studio: Any) -> None:
    """`--belief stored`: labels accepted from those very predictions agree for no other reason, and stay scored."""
    snapshot = accepted(accepted(project("cat", "dog", "cat"), [1], "theirs"), [3], "others")
    said = StoredPrediction("theirs", "animal", {"cat": 0.9, "dog": 0.1})
    snapshot = replace(snapshot, tasks=tuple(replace(task, predictions=(said,)) for task in snapshot.tasks))
    examination = examine(snapshot, StoredBeliever(), Codecs(), studio.told)
    reasons = {finding.given.task_id: finding.reason for finding in examination.findings.all}
    assert reasons[1].endswith('The label was accepted unchanged from a prediction of "theirs" itself.')
    assert reasons[2] == 'It is what the predictions "theirs" say.'
    assert reasons[3].endswith('The label was accepted unchanged from a prediction of "others".')
    summary = examination.summary()
    assert summary["from_predictions"] == {"others": 1, "theirs": 1}
    assert summary["remarks"][0] == 'Held against what "theirs" predicts for 3 tasks.'
    assert summary["remarks"][1] == (
        '2 of 3 labels of "animal" were accepted unchanged from predictions of "others" (1), "theirs" (1); '
        '1 of them agree with "theirs" for no other reason.'
    )
