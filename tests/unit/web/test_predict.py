from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from errata.audit.beliefs import Artefact
from errata.errors import LabelStudioUnreachable
from errata.web.contents import Patience

MakeWorld = Callable[..., Any]
MakeTask = Callable[..., dict[str, Any]]
LABELS = ("car", "truck", "bus")


def eventually(condition: Callable[[], bool], timeout_s: float = 180.0) -> bool:
    """Wait for a condition."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def labels(results: list[dict[str, Any]]) -> list[str | None]:
    return [r["result"][0]["value"]["choices"][0] if r and r["result"] else None for r in results]


def test_each_task_gets_its_out_of_sample_row_in_order(world: MakeWorld, task: MakeTask) -> None:
    """One result a task in the order asked, with score, per-region score and the version of /setup."""
    w = world()
    results = w.predict(*(task(n) for n in (5, 1, 9, 1)))
    assert labels(results) == ["bus", "truck", "car", "truck"]
    belief = w.artefacts.kept[1]["errata-aaa"].beliefs[0]
    for number, result in zip((5, 1, 9, 1), results, strict=True):
        (region,) = result["result"]
        assert (region["from_name"], region["to_name"], region["type"]) == ("label", "image", "choices")
        assert result["score"] == region["score"] == pytest.approx(belief.probabilities[number - 1].max(), abs=1e-4)
        assert result["model_version"] == "errata-aaa"
    assert w.client.post("/setup", json={"project": "1.17"}).json() == {"model_version": "errata-aaa"}
    assert w.client.get("/versions").json() == {"versions": ["errata-aaa"]}
    assert w.queue.jobs == []


def test_the_hot_path_asks_nobody(world: MakeWorld, task: MakeTask) -> None:
    """An address is looked up once; afterwards an answer needs neither index nor encoder."""
    w = world()
    w.predict(*(task(n) for n in range(1, 31)))
    w.predict(*(task(n) for n in range(1, 31)))
    assert sorted(w.index.asked) == sorted(f"/data/{n}.png" for n in range(1, 31))
    assert w.encoders.embedded == []


def test_many_tasks_are_answered_like_few(world: MakeWorld, task: MakeTask) -> None:
    """A request beyond what the event loop answers itself gives the same results."""
    w = world()
    numbers = [1 + n % 30 for n in range(500)]
    many = w.predict(*(task(n) for n in numbers))
    assert labels(many) == [LABELS[n % 3] for n in numbers]


def test_before_the_first_audit_there_is_a_version_but_no_prediction(world: MakeWorld, task: MakeTask) -> None:
    """Label Studio refuses a null version: there is always a string, the same in /setup, /predict and /versions."""
    w = world(is_audited=False)
    assert w.client.post("/setup", json={"project": "1.17"}).json() == {"model_version": "errata-none"}
    assert w.predict(task(1)) == [{"result": [], "score": 0.0, "model_version": "errata-none"}]
    assert world(is_audited=False, mode="labelled").predict(task(1)) == [[]]
    assert w.client.get("/versions").json() == {"versions": ["errata-none"]}
    assert w.queue.jobs == []


def test_a_new_task_with_audited_content_gets_the_audited_row(world: MakeWorld, task: MakeTask) -> None:
    """A copy of an audited image is never predicted by the model that learned from that image's label."""
    w = world()
    belief = w.artefacts.kept[1]["errata-aaa"].beliefs[0]
    w.index.keys["/data/copy.png"] = "content-4"
    (result,) = w.predict(task(99, "/data/copy.png"))
    assert result["score"] == pytest.approx(belief.probabilities[3].max(), abs=1e-4)
    assert w.encoders.embedded == []


def test_a_task_whose_media_changed_is_not_answered_with_the_old_belief(world: MakeWorld, task: MakeTask) -> None:
    """Task 3 was a car when it was audited; now it shows a truck that nobody audited."""
    w = world()
    w.encoders.media["/data/new.png"] = "content-100"
    assert labels(w.predict(task(3), task(3, "/data/new.png"))) == ["car", "truck"]


def test_new_media_with_a_cached_embedding_are_predicted_at_once(world: MakeWorld, task: MakeTask) -> None:
    """The model predicts what has an embedding, without fetching anything."""
    w = world()
    w.index.keys["/data/40.png"] = "content-40"
    w.encoders.rows["content-40"] = np.array([0.1, 5, 0.1], np.float32)
    assert labels(w.predict(task(40))) == ["truck"]
    assert w.encoders.embedded == []


def test_new_media_are_looked_at_while_the_request_waits(world: MakeWorld, task: MakeTask) -> None:
    """New tasks are fetched and encoded by a thread, and predicted in the same answer."""
    w = world()
    w.encoders.media = {f"/data/{n}.png": f"content-{n}" for n in range(31, 71)}
    results = w.predict(*(task(n) for n in range(25, 71)))
    assert labels(results) == [LABELS[n % 3] for n in range(25, 71)]
    assert {result["model_version"] for result in results} == {"errata-aaa"}
    assert sorted(w.encoders.embedded) == sorted(w.encoders.media)


def test_what_is_not_ready_in_time_is_pending_and_left_to_a_job(world: MakeWorld, task: MakeTask) -> None:
    """A slow medium holds up nobody else: nothing is stored of it, so that Label Studio asks again when it is opened.

    While somebody draws they are told so at once.
    """
    w = world(patience=Patience(0.05, 0.0))
    w.encoders.media["/data/31.png"] = "content-31"
    w.encoders.gate.clear()
    results = w.predict(task(1), task(31), task(2))
    assert labels(results) == ["truck", None, "bus"]
    assert results[1] == []
    assert w.queue.jobs == [("audit", 1, 5.0)]
    (drawing,) = w.predict(task(31), params={"context": {"result": [{"id": "a"}]}})
    assert drawing == {"result": [], "score": 0.0, "model_version": "errata-aaa-pending"}
    w.encoders.gate.set()
    assert eventually(lambda: labels(w.predict(task(31))) == ["truck"])


@pytest.mark.parametrize("problem", [LabelStudioUnreachable("Label Studio is down."), ValueError("secret payload")])
def test_media_that_cannot_be_reached_now_are_pending(
    world: MakeWorld, task: MakeTask, problem: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """When Label Studio is down, or anything else goes wrong, the thread survives and the task is asked for again."""
    w = world()
    w.encoders.problem = problem
    nothing, known = w.predict(task(31), task(1))
    assert (nothing, known["model_version"]) == ([], "errata-aaa")
    assert w.queue.jobs == [("audit", 1, 5.0)]
    assert "secret" not in caplog.text
    w.encoders.problem = None
    w.encoders.media["/data/31.png"] = "content-31"
    assert labels(w.predict(task(31))) == ["truck"]


def test_an_encoder_that_is_another_one_by_now_is_not_mixed_in(world: MakeWorld, task: MakeTask) -> None:
    """Embeddings of another encoder never reach the model: the task waits for the next audit."""
    w = world()
    w.encoders.is_another = True
    w.encoders.media["/data/31.png"] = "content-31"
    assert w.predict(task(31)) == [[]]
    assert w.queue.jobs == [("audit", 1, 5.0)]


def test_a_broken_image_gets_an_entry_of_its_own(world: MakeWorld, task: MakeTask) -> None:
    """A broken file, no file and no task at all: an empty result each, and the others are answered."""
    w = world()
    w.encoders.media["/data/broken.png"] = "not an image"
    results = w.predict(task(31, "/data/broken.png"), task(32, ""), {"id": None}, "nonsense", task(1))
    assert [r["model_version"] for r in results] == ["errata-aaa-unusable"] * 4 + ["errata-aaa"]
    assert [r["score"] for r in results[:4]] == [0.0] * 4
    assert w.queue.jobs == []
    w.predict(task(31, "/data/broken.png"))
    assert w.encoders.embedded == ["/data/broken.png"]  # not fetched again at once


def test_beliefs_from_elsewhere_need_no_media(
    world: MakeWorld, task: MakeTask, artefact: Callable[..., Artefact]
) -> None:
    """A belief that came as predictions is served by task id; about a new task it can say nothing."""
    w = world(is_audited=False)
    w.artefacts.save(1, artefact("errata-bbb", has_model=False))
    results = w.predict(task(4, "s3://bucket/4.png"), task(31))
    assert labels(results) == ["truck", None]
    assert [r["model_version"] for r in results] == ["errata-bbb", "errata-bbb-unusable"]
    assert w.index.asked == []


def test_labels_that_the_config_lost_are_not_predicted(world: MakeWorld, task: MakeTask) -> None:
    """Without "truck" in the config its tasks get the best label that is left, with its own low confidence."""
    w = world()
    config = '<View><Image name="image" value="$image"/><Choices name="label" toName="image">{}</Choices></View>'
    left = "".join(f'<Choice value="{label}"/>' for label in ("car", "bus", "van"))
    with_truck, without = w.predict(task(1)), w.predict(task(1), label_config=config.format(left))
    assert labels(with_truck) == ["truck"]
    assert labels(without)[0] in {"car", "bus"}
    assert without[0]["score"] < 0.5 < with_truck[0]["score"]
    others = config.format('<Choice value="van"/><Choice value="tram"/>')
    for other in (others, others.replace('"label"', '"other"'), "<View></View>", "<View", 7):
        assert labels(w.predict(task(1), label_config=other)) == ["truck" if other == 7 else None]


def test_labelled_withholds_predictions_until_the_annotators_are_done(world: MakeWorld, task: MakeTask) -> None:
    """Nobody is shown a machine's opinion before giving their own, and nothing is stored that would show."""
    w = world(mode="labelled")
    results = w.predict(task(1), task(1, is_labeled=True))
    assert results[0] == []
    assert labels(results) == [None, "truck"]
    assert results[1]["model_version"] == "errata-aaa"


def test_none_withholds_all(world: MakeWorld, task: MakeTask) -> None:
    """`none` predicts nothing and looks at nothing."""
    w = world(mode="none")
    results = w.predict(task(1, is_labeled=True), task(31))
    assert results == [[], []]
    assert w.index.asked == []


def test_interactive_requests_get_the_same_answer(world: MakeWorld, task: MakeTask) -> None:
    """`params.context`, null params and no params at all change nothing."""
    w = world()
    plain = w.predict(task(1))
    context = {"result": [{"type": "choices", "value": {"choices": ["car"]}}]}
    assert w.predict(task(1), params={"login": None, "password": None, "context": context}) == plain
    assert w.predict(task(1), params=None) == plain


def test_an_interactive_request_that_nothing_can_be_said_about_gets_a_result_too(
    world: MakeWorld, task: MakeTask
) -> None:
    """Label Studio hands it to the page as it is, which reads its `result`."""
    context = {"result": [{"type": "choices", "value": {"choices": ["car"]}}]}
    empty = {"result": [], "score": 0.0}
    assert world(mode="none").predict(task(1), params={"context": context}) == [
        empty | {"model_version": "errata-aaa-withheld"}
    ]
    unaudited = world(is_audited=False).predict(task(1), params={"context": context})
    assert unaudited == [empty | {"model_version": "errata-none"}]


def test_a_score_that_is_not_a_number_is_never_sent(
    world: MakeWorld, task: MakeTask, artefact: Callable[..., Artefact]
) -> None:
    """NaN is no JSON and would cost Label Studio the whole batch."""
    w = world(is_audited=False)
    w.index.keys = {f"/data/{n}.png": f"content-{n}" for n in range(1, 31)}
    made = artefact()
    probabilities = made.beliefs[0].probabilities.copy()
    probabilities[0] = math.nan
    w.artefacts.save(1, replace(made, beliefs=(replace(made.beliefs[0], probabilities=probabilities),)))
    assert labels(w.predict(task(1), task(2))) == [None, "bus"]


def test_a_new_artefact_is_swapped_in_without_a_restart(
    world: MakeWorld, task: MakeTask, artefact: Callable[..., Artefact]
) -> None:
    """While the new one loads, /setup and /predict agree on the old one; then on the new one."""
    w = world()
    assert w.predict(task(1))[0]["model_version"] == "errata-aaa"
    w.artefacts.gate.clear()
    w.artefacts.save(1, artefact("errata-bbb"))
    assert w.client.post("/setup", json={"project": "1"}).json() == {"model_version": "errata-aaa"}
    assert w.predict(task(1))[0]["model_version"] == "errata-aaa"
    w.artefacts.gate.set()
    assert eventually(lambda: w.client.post("/setup", json={"project": "1"}).json() == {"model_version": "errata-bbb"})
    assert w.predict(task(1))[0]["model_version"] == "errata-bbb"


def test_setup_does_not_wait_for_a_model_that_loads(world: MakeWorld) -> None:
    """/setup has 3 s in Label Studio: it names the version that is being loaded."""
    w = world()
    w.artefacts.gate.clear()
    assert w.client.post("/setup", json={"project": "1.5"}).json() == {"model_version": "errata-aaa"}


def test_a_damaged_artefact_is_told_once_and_serves_nothing(
    world: MakeWorld, task: MakeTask, caplog: pytest.LogCaptureFixture
) -> None:
    """A model that cannot be loaded is a line in the log, not a request that fails."""
    w = world()
    w.artefacts.problem = ValueError("secret")
    assert w.predict(task(1))[0]["model_version"] == "errata-none"
    assert w.client.post("/setup", json={"project": 1}).json() == {"model_version": "errata-none"}
    w.artefacts.problem = None
    assert eventually(lambda: labels(w.predict(task(1))) == ["truck"])
    assert caplog.text.count("unexpected ValueError") == 1
    assert "secret" not in caplog.text


def test_projects_in_memory_are_bounded(world: MakeWorld, task: MakeTask, artefact: Callable[..., Artefact]) -> None:
    """More projects than fit are all answered; those not asked about for longest are let go."""
    w = world(max_projects=2)
    for project_id in range(1, 6):
        w.artefacts.save(project_id, artefact(f"errata-{project_id}"))
    for project_id in (1, 2, 3, 4, 5, 1):
        assert w.predict(task(1), project=f"{project_id}.9")[0]["model_version"] == f"errata-{project_id}"
    assert len(w.beliefs.served()) == 2
