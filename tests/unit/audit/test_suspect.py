"""Scoring and ranking of given labels over beliefs that are written down."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from errata.audit.believe import Belief
from errata.audit.detectors import Detector, Scene, Signal
from errata.audit.suspect import Findings, find_suspects
from errata.labelstudio.codecs import Codecs
from errata_model.kinds.choices.scoring import class_shares, label_quality
from errata_model.records import Control, Finding, finding_key

SURE = {"cat": (0.9, 0.08, 0.02), "dog": (0.1, 0.8, 0.1), "cow": (0.01, 0.01, 0.98)}


def tasks_of(findings: Sequence[Finding]) -> list[int]:
    return [finding.given.task_id for finding in findings]


def suspect(snapshot: Any, belief: Belief, limit: int | None = None, detectors: Sequence[Detector] = ()) -> Findings:
    return find_suspects(snapshot, belief, Codecs(), limit, detectors)


@dataclass(frozen=True)
class Pointing:
    """A detector that holds a score against the labels of some tasks."""

    name: str
    scores: Mapping[int, float]

    def detect(self, scene: Scene) -> dict[int, Signal]:
        return {
            n: Signal(self.scores[label.task_id], f"{self.name} says so.")
            for n, label in enumerate(scene.labels)
            if label.task_id in self.scores
        }


def qualities(rows: Any, given: Sequence[int]) -> Any:
    """Return the quality of labels of tasks 1, 2, ... as an audit of them all has it."""
    rows = np.array(rows, np.float32)
    return label_quality(np.array(given), rows, shares=class_shares(rows))


def test_most_likely_error_comes_first(project: Any, believed: Any) -> None:
    """Disagreement is one minus the label's quality; suspects are what another label beats."""
    rows = [SURE["cow"], SURE["cat"], SURE["dog"], SURE["dog"]]
    found = suspect(project("cat", "cat", "cow", "dog"), believed(rows))
    disagreements = 1 - qualities(rows, [0, 0, 2, 1])[[0, 2, 3, 1]]
    assert tasks_of(found.all) == [1, 3, 4, 2]
    assert [f.disagreement for f in found.all] == pytest.approx(disagreements.tolist(), abs=1e-6)
    assert tasks_of(found.suspects) == [1, 3]
    assert found.n_doubted == 2
    assert found.cut == found.all[1].disagreement


def test_what_a_suspect_carries(project: Any, believed: Any) -> None:
    """Key, detector, proposal with the likeliest labels, and what it rests on."""
    snapshot = project("cat", url="http://label-studio/", project_id=7)
    (finding,) = suspect(snapshot, believed([SURE["cow"]])).suspects
    assert finding.key == finding_key("http://label-studio/", 7, finding.given)
    assert finding.detectors == {"low_self_confidence": finding.disagreement}
    assert finding.disagreement == pytest.approx(0.99, abs=0.01)
    assert (finding.p_wrong, finding.stream, finding.model_version) == (None, "suspect", "errata-1")
    assert finding.proposal is not None
    assert finding.proposal.action == "replace"
    assert finding.proposal.value["value"] == {"choices": ["cow"]}
    assert finding.proposal.top == (("cow", 0.98), ("cat", 0.01), ("dog", 0.01))
    assert finding.reason == "The model never saw this label."


def test_undoubted_labels_have_no_detector_and_no_proposal(project: Any, believed: Any) -> None:
    """They are listed behind the suspects, for `--all`, and never queued."""
    found = suspect(project("cat", "cow"), believed([SURE["cat"], SURE["cow"]]))
    assert [(f.detectors, f.proposal) for f in found.all] == [({}, None), ({}, None)]
    assert (found.suspects, found.n_doubted, found.cut) == ((), 0, 0.0)


def test_a_tie_does_not_doubt_the_first_label(project: Any, believed: Any) -> None:
    """Where the given label is as likely as any other, and stands first in the config, it is not suspected."""
    assert suspect(project("cat"), believed([(0.5, 0.5, 0)])).suspects == ()


@pytest.mark.parametrize(("limit", "n_queued"), [(None, 100), (0, 0), (7, 7), (1000, 150)])
def test_queue_is_limited(project: Any, believed: Any, limit: int | None, n_queued: int) -> None:
    """By default 10 % of the labels, at least 100; what is beyond is counted."""
    found = suspect(project(*["cat"] * 150), believed([SURE["cow"]] * 150), limit)
    assert (len(found.suspects), found.n_doubted, len(found.all)) == (n_queued, 150, 150)


def test_default_limit_grows_with_the_project(project: Any, believed: Any) -> None:
    """Of 1,500 doubted labels, 150 make the queue."""
    assert len(suspect(project(*["cat"] * 1500), believed([SURE["cow"]] * 1500)).suspects) == 150


def test_each_annotation_is_scored_by_itself(project: Any, believed: Any) -> None:
    """Of three annotators of one task the one who differs from the belief is suspected, and nobody else."""
    found = suspect(project(["cow", "cow", "cat"], "cat"), believed([SURE["cow"], SURE["cat"]]))
    assert len(found.all) == 4
    assert [(f.given.task_id, f.given.annotator) for f in found.suspects] == [(1, "2")]
    assert len({finding.key for finding in found.all}) == 4


def test_two_controls_share_one_queue(project: Any, believed: Any, control: Control) -> None:
    """Findings of all controls are ranked together, each with a proposal of its own control."""
    mood = replace(control, name="mood", labels=("happy", "cat", "sad"))
    snapshot = project("cat", "cat", controls=(control, mood))
    belief = believed([SURE["dog"], SURE["cat"]])
    about_mood = believed([(0.3, 0.7, 0), (0.95, 0.05, 0)], of=mood).artefact.beliefs
    both = replace(belief, artefact=replace(belief.artefact, beliefs=(*belief.artefact.beliefs, *about_mood)))
    found = suspect(snapshot, both)
    assert [(f.given.control, f.given.task_id) for f in found.suspects] == [("mood", 2), ("animal", 1)]
    assert [f.proposal.value["from_name"] for f in found.suspects if f.proposal] == ["mood", "animal"]


def test_labels_that_nothing_is_believed_about_are_left_out(project: Any, believed: Any) -> None:
    """Tasks whose media could not be used have no finding, and are no obstacle."""
    found = suspect(project("cat", "cat", "cat"), believed([SURE["cow"]]))
    assert tasks_of(found.all) == [1]


def test_nothing_labelled(project: Any, believed: Any) -> None:
    """Beliefs about tasks without labels make no findings."""
    found = suspect(project(None, None), believed([SURE["cat"], SURE["dog"]]))
    assert (found.all, found.suspects, found.cut) == ((), (), 0.0)


def test_reason_says_how_similar_images_are_labelled(project: Any, believed: Any) -> None:
    """The nearest labelled images of other content, by the majority of their annotators."""
    labels = ["cow", *["cat"] * 9, "dog", *["cow"] * 5, None]
    look = [(1, 0, 0), *[(1, 0.01 * n, 0) for n in range(1, 11)], *[(0, 0, 1)] * 5, (1, 0, 0)]
    belief = believed([SURE["cat"], *[SURE[label or "cat"] for label in labels[1:]]], look)
    (finding,) = suspect(project(*labels), belief).suspects
    assert finding.given.task_id == 1
    assert finding.reason == ("The model never saw this label. 9 of the 10 most similar images are labelled cat.")


def test_copies_of_an_image_are_no_evidence(project: Any, believed: Any) -> None:
    """Two tasks with the same bytes do not vouch for each other in the reason."""
    look = [(1, 0, 0), (1, 0, 0), (1, 0.5, 0)]
    belief = believed([SURE["cat"]] * 3, look, content_keys=("same", "same", "other"))
    first, _ = suspect(project("cow", "cow", "cat"), belief).suspects
    assert first.reason == "The model never saw this label. The most similar image is labelled cat."


def test_ranking_is_the_belief_s_own(project: Any, believed: Any) -> None:
    """Any rows: the order is that of the labels' quality, worst first, whatever the order of tasks."""
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = np.random.default_rng(seed)
    names = ("cat", "dog", "cow")
    rows = rng.dirichlet(np.ones(3), size=60)
    labels = [names[k] for k in rng.integers(0, 3, 60)]
    snapshot = project(*labels)
    found = suspect(snapshot, believed(rows))
    given = [names.index(label) for label in labels]
    assert tasks_of(found.all) == (np.argsort(qualities(rows, given), kind="stable") + 1).tolist()
    assert set(tasks_of(found.suspects)) == {n + 1 for n in range(60) if rows[n].argmax() != given[n]}
    shuffled = tuple(random.Random(seed).sample(snapshot.tasks, 60))
    assert suspect(replace(snapshot, tasks=shuffled), believed(rows)) == found


def test_a_detector_that_fires_makes_a_suspect(project: Any, believed: Any) -> None:
    """Also where the belief agrees with the label: its disagreement is the noisy-or, and the detectors' words lead."""
    snapshot = project("cat", "cat", "cow")
    rows = [SURE["cat"], SURE["cat"], SURE["dog"]]
    belief, quality = believed(rows), qualities(rows, [0, 0, 2])
    weak, strong = Pointing("weak", {1: 0.2, 3: 0.2}), Pointing("strong", {1: 0.5})
    found = suspect(snapshot, belief, detectors=(weak, strong))
    doubted, agreed = found.suspects
    assert (doubted.given.task_id, agreed.given.task_id) == (3, 1)
    assert agreed.disagreement == pytest.approx(1 - quality[0] * 0.8 * 0.5, abs=1e-6)
    assert agreed.detectors == {"weak": 0.2, "strong": 0.5}
    assert agreed.reason == "strong says so. weak says so. The model never saw this label."
    assert agreed.proposal is None
    assert doubted.detectors == {"low_self_confidence": pytest.approx(1 - quality[2], abs=1e-6), "weak": 0.2}
    assert doubted.disagreement == pytest.approx(1 - quality[2] * 0.8, abs=1e-6)
    assert doubted.proposal is not None
    assert (found.n_doubted, found.all[2].detectors) == (2, {})


def test_silent_detectors_change_nothing(project: Any, believed: Any) -> None:
    """Findings are the same, to the digit, where no detector fires."""
    snapshot = project("cat", "cow", "dog")
    belief = believed([SURE["cow"], SURE["cat"], SURE["dog"]])
    assert suspect(snapshot, belief, detectors=(Pointing("silent", {}),)) == suspect(snapshot, belief)


def test_detectors_share_the_limit(project: Any, believed: Any) -> None:
    """What a detector points at takes no more room than the queue has; the rest is counted."""
    belief = believed([SURE["cat"]] * 9)
    found = suspect(project(*["cat"] * 9), belief, 4, [Pointing("all", dict.fromkeys(range(1, 10), 0.5))])
    assert (len(found.suspects), found.n_doubted) == (4, 9)
