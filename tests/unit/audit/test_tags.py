"""Tags in an audit: every tag of every annotation is a label of its own, given or missing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from errata.audit.beliefs import Artefact, ControlBelief
from errata.audit.believe import Belief, OwnBeliever
from errata.audit.believe_elsewhere import StoredBeliever
from errata.audit.detectors.metric import Metric
from errata.audit.embed import Embedded
from errata.audit.publish import publish
from errata.audit.snapshot import Snapshot, StoredPrediction, Task
from errata.audit.suspect import Findings, find_suspects
from errata.audit.tags import LEAST_MISSING, consensus_of_tags, tag_targets
from errata.audit.wording import similar_tagged
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.tasks import TaskReader
from errata_model.kinds.stored import load_model
from errata_model.records import Control

CODECS = Codecs()
CONTROL = Control("seen", "tags", "image", "image", "image", ("cat", "dog", "cow"), takes_none=True)


def snapshot_of(*answers: Any) -> Snapshot:
    """Describe a project whose task n, from 1, was answered so: tags by one annotator, or a list of such; or None."""
    reader = TaskReader([CONTROL])
    tasks = tuple(reader.read(_raw(n, said)) for n, said in enumerate(answers, start=1))
    return Snapshot("http://label-studio/", 1, "Animals", "<View/>", (CONTROL,), (), tasks)


def _raw(n: int, said: Any) -> dict[str, Any]:
    by_annotator = said if isinstance(said, list) else [] if said is None else [said]
    annotations = [
        {"id": 100 * n + who, "completed_by": who, "result": _result(tags)} for who, tags in enumerate(by_annotator)
    ]
    return {"id": n, "data": {"image": f"{n}.png"}, "annotations": annotations}


def _result(tags: tuple[str, ...]) -> list[dict[str, Any]]:
    if not tags:
        return []
    return [{"from_name": "seen", "to_name": "image", "type": "choices", "value": {"choices": list(tags)}}]


def believing(*rows: tuple[float, float, float], look: Any = None) -> Belief:
    task_ids = np.arange(1, len(rows) + 1)
    keys = tuple(f"{n:064x}" for n in task_ids)
    about = ControlBelief(CONTROL, task_ids, keys, np.array(rows, np.float32).reshape(-1, 3), None)
    embedded = {} if look is None else {"image": Embedded(task_ids, keys, np.array(look, np.float32), {})}
    return Belief(Artefact("errata-1", (about,)), embedded, "The model never saw this label.")


def of_tasks(belief: Belief, *rows: int) -> Belief:
    """Believe these rows alone."""
    (about,) = belief.artefact.beliefs
    chosen = list(rows)
    keys = tuple(about.content_keys[row] for row in chosen)
    left = replace(about, task_ids=about.task_ids[chosen], content_keys=keys, probabilities=about.probabilities[chosen])
    return replace(belief, artefact=replace(belief.artefact, beliefs=(left,)))


def suspect(snapshot: Snapshot, belief: Belief) -> Findings:
    return find_suspects(snapshot, belief, CODECS)


def test_a_doubted_tag_is_to_be_removed_and_a_missing_one_to_be_added() -> None:
    """The likelier wrong first; what is given and right, and what is missing and not likely, is no suspect."""
    found = suspect(snapshot_of(("cat", "dog"), ("cow",)), believing((0.9, 0.1, 0.2), (0.7, 0.01, 0.8)))
    first, second = found.suspects
    assert (first.given.task_id, first.given.label, first.tag, first.disagreement) == (1, "dog", "dog", 0.9)
    assert first.detectors == {"low_self_confidence": 0.9}
    assert first.proposal is not None
    assert (first.proposal.action, first.proposal.top, first.proposal.label) == ("remove", (("dog", 0.1),), None)
    assert (second.given.task_id, second.given.label, second.tag, second.disagreement) == (2, None, "cat", 0.7)
    assert second.detectors == {"missing_tag": 0.7}
    assert second.proposal is not None
    assert (second.proposal.action, second.proposal.top) == ("add", (("cat", 0.7),))
    assert second.proposal.value["value"] == {"choices": ["cat"]}
    assert (second.given.annotation_id, second.given.kind, second.given.region_id) == (200, "tags", None)


def test_every_given_tag_is_scored_and_of_the_missing_ones_the_likely() -> None:
    """Fifty tags do not make fifty lines a task: what the belief all but rules out is not listed."""
    found = suspect(snapshot_of(("cat",), ()), believing((0.9, LEAST_MISSING, 0.09), (0.3, 0.0, 0.6)))
    listed = {(f.given.task_id, f.tag): (f.given.label, f.disagreement, f.detectors) for f in found.all}
    assert listed == {
        (1, "cat"): ("cat", 0.1, {}),
        (1, "dog"): (None, 0.1, {}),
        (2, "cat"): (None, 0.3, {}),
        (2, "cow"): (None, 0.6, {"missing_tag": 0.6}),
    }
    assert [f.disagreement for f in found.all] == [0.6, 0.3, 0.1, 0.1]


def test_findings_of_one_annotation_have_keys_of_their_own() -> None:
    """A tag that is given and one that is missing, of each annotator; the key says tag and which of the two."""
    answers: Any = [("cat",), ("cat", "dog")]
    belief = believing((0.4, 0.6, 0.7))
    before = suspect(snapshot_of(answers), belief)
    assert len({finding.key for finding in before.all}) == len(before.all) == 6
    changed: Any = [("cat", "cow"), ("cat", "dog")]
    after = {finding.key for finding in suspect(snapshot_of(changed), belief).all}
    gone = {finding.key for finding in before.all} - after
    assert [finding.tag for finding in before.all if finding.key in gone] == ["cow"]


def test_an_annotation_that_says_that_no_tag_applies_is_scored_too() -> None:
    """Where the config lets people submit nothing, what they left out can be missing."""
    (finding,) = suspect(snapshot_of(()), believing((0.05, 0.9, 0.05))).suspects
    assert (finding.given.label, finding.tag) == (None, "dog")


def test_a_task_that_nobody_answered_has_no_findings() -> None:
    """Whatever the belief says."""
    assert suspect(snapshot_of(None, None), believing((0.9, 0.9, 0.9), (1, 0, 0))).all == ()


@pytest.mark.parametrize("answer", [("cat",), ()])
def test_what_could_not_be_read_this_time_stays_in_the_queue(queue: Any, log: Any, told: Any, answer: Any) -> None:
    """A tag given and one missing, both doubted; a belief that is there and no longer doubts takes them away."""
    snapshot = snapshot_of(answer, ("cow",))
    before = suspect(snapshot, believing((0.1, 0.9, 0.1), (0.8, 0.0, 0.9)))
    publish(snapshot, before, queue, log, told)
    stand = queue.keys()
    assert len(stand) == 2 + len(answer)
    unread = suspect(snapshot, of_tasks(believing((0, 0, 0), (0.8, 0.0, 0.9)), 1))
    publish(snapshot, unread, queue, log, told)
    assert queue.keys() == stand
    again = suspect(snapshot, believing((0.99, 0.01, 0.01), (0.8, 0.0, 0.9)))
    publish(snapshot, again, queue, log, told)
    assert len(queue.keys()) == 1 + (not answer)


def test_what_was_put_right_leaves_the_queue_though_it_could_not_be_read(queue: Any, log: Any, told: Any) -> None:
    """The tag that was missing is given now: the finding is about what is no more."""
    belief = believing((0.9, 0.9, 0.1), (0.8, 0.0, 0.9))
    before = snapshot_of(("cat",), ("cow",))
    publish(before, suspect(before, belief), queue, log, told)
    assert len(queue.keys()) == 2
    after = snapshot_of(("cat", "dog"), ("cow",))
    publish(after, suspect(after, of_tasks(belief, 1)), queue, log, told)
    assert len(queue.keys()) == 1


def test_reasons_count_the_similar_items_with_the_tag() -> None:
    """Of other content, by their annotators' majority; what shows nothing in common is not among them."""
    look = [(1, 0), *[(1, 0.01 * n) for n in range(1, 11)], *[(0, 1)] * 3]
    answers = [("dog",), *[("cat", "cow")] * 7, *[("cow",)] * 3, *[("dog",)] * 3]
    rows = [(0.6, 0.1, 0.05), *[(0.9, 0.05, 0.9)] * 7, *[(0.2, 0.05, 0.9)] * 3, *[(0.0, 0.9, 0.0)] * 3]
    removed, added = suspect(snapshot_of(*answers), believing(*rows, look=look)).suspects
    assert (removed.tag, added.tag) == ("dog", "cat")
    assert removed.reason == "The model never saw this label. None of the 10 most similar images has the tag dog."
    assert added.reason == "The model never saw this label. 7 of the 10 most similar images have the tag cat."


@pytest.mark.parametrize(
    ("n_with", "n", "said"),
    [
        (0, 0, ""),
        (0, 1, "The most similar text does not have the tag X."),
        (1, 1, "The most similar text has the tag X."),
        (1, 10, "One of the 10 most similar texts has the tag X."),
        (10, 10, "All 10 most similar texts have the tag X."),
    ],
)
def test_similar_items_in_words(n_with: int, n: int, said: str) -> None:
    """One, none and all are said in words."""
    assert similar_tagged(n_with, n, "X", "text") == said


def test_targets_are_shares_of_annotators() -> None:
    """NaN where nobody answered, zeros where somebody said that none applies."""
    snapshot = snapshot_of([("cat",), ("cat", "dog"), ()], (), None)
    targets = tag_targets(snapshot.tasks, snapshot.tasks, CONTROL, np.array([3, 2, 1, 9]))
    np.testing.assert_array_equal(targets, np.array([[np.nan] * 3, [0] * 3, [2 / 3, 1 / 3, 0], [np.nan] * 3], "f4"))
    agreed = consensus_of_tags(snapshot.tasks, snapshot.tasks, CONTROL, np.array([3, 2, 1]))
    assert agreed == {2: frozenset(), 1: frozenset({"cat"})}


def test_an_answer_that_was_accepted_from_a_prediction_is_not_heard() -> None:
    """Neither for the tags it has nor against those it has not."""
    snapshot = snapshot_of([("cat",), ("dog",)])
    (task,) = snapshot.tasks
    accepted = tuple(
        replace(each, suggested_by="theirs") if each.annotation_id == 100 else each for each in task.answers
    )
    read = replace(task, answers=accepted)
    weighed = replace(read, labels=tuple(label for label in read.labels if label.annotation_id != 100))
    targets = tag_targets([weighed], [read], CONTROL, np.array([1]))
    assert targets.tolist() == [[0, 1, 0]]
    all_teach = tag_targets([read], [read], CONTROL, np.array([1]))
    assert all_teach.tolist() == [[0.5, 0.5, 0]]


def test_tags_of_a_stored_prediction_are_taken_as_they_are(told: Any) -> None:
    """Their probabilities need not sum to 1; those that say that no tag applies count, too."""
    snapshot = snapshot_of(("cat",), ("dog",))
    said = [{"cat": 0.9, "dog": 0.8, "cow": 0.1}, {"cat": 0.0, "dog": 0.0, "cow": 0.0}]
    tasks: list[Task] = [
        replace(task, predictions=(StoredPrediction("theirs", "seen", of_task),))
        for task, of_task in zip(snapshot.tasks, said, strict=True)
    ]
    belief = StoredBeliever().believe(replace(snapshot, tasks=tuple(tasks)), told)
    (about,) = belief.artefact.beliefs
    np.testing.assert_allclose(about.probabilities, [[0.9, 0.8, 0.1], [0, 0, 0]], atol=1e-6)
    found = suspect(snapshot, belief)
    actions = Counter(f.proposal.action for f in found.suspects if f.proposal)
    assert actions == {"remove": 1, "add": 1}


def test_what_speaks_against_a_task_speaks_against_the_tags_that_it_has() -> None:
    """A column of somebody else's numbers makes suspects of given tags, and proposes to add none."""
    belief = replace(believing((0.9, 0.2, 0.1)), detectors=(Metric("metric:p_wrong", "seen", {1: 0.8}),))
    (finding,) = suspect(snapshot_of(("cat",)), belief).suspects
    assert (finding.tag, finding.detectors) == ("cat", {"metric:p_wrong": 0.8})
    assert finding.disagreement == pytest.approx(0.82)
    assert finding.proposal is None


def test_another_kind_is_another_version(studio: Any, png: Any, told: Any) -> None:
    """A choice that becomes a multiple one is learned anew, though every task was given one label as before."""
    answers = [("cat",), ("dog",)] * 6
    studio.media.content = {f"{n}.png": png(200 * (n % 2), 10 * n) for n in range(1, len(answers) + 1)}
    several = snapshot_of(*answers)
    one = replace(several, controls=(replace(CONTROL, kind="choices"),))
    believer = OwnBeliever(lambda _: studio.embedder, None)
    artefacts = [believer.believe(snapshot, told).artefact for snapshot in (one, several)]
    assert artefacts[0].version != artefacts[1].version
    sums = [artefact.beliefs[0].probabilities.sum(axis=1) for artefact in artefacts]
    np.testing.assert_allclose(sums[0], 1, atol=1e-5)
    assert load_model(artefacts[1].beliefs[0].model).width == 3
