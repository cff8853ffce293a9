"""A project of texts, from its labels to predictions, on a real Label Studio."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from errata.audit.progress import LineProgress
from errata.doctor.checks import Check
from errata.doctor.examination import examine
from errata.jobs.child_process import ChildProcessQueue
from errata.labelstudio.label_config import read_label_config
from errata.serving import ServedEncoders, ServedItems
from errata.store.media_index import MediaIndexStore
from errata.web.beliefs import Beliefs
from errata.web.bodies import predict_request
from errata.web.contents import Patience
from errata.web.newcomers import Newcomers
from errata.web.predictions import Predictions
from errata.web.region_newcomers import RegionNewcomers
from errata.wiring import BeliefOptions, Wiring

CONFIG = (
    '<View><HyperText name="page" value="$page"/><Choices name="topic" toName="page">'
    '<Choice value="animals"/><Choice value="vehicles"/></Choices></View>'
)
QUIET = LineProgress(lambda _: None)
ANIMALS, VEHICLES = ("cat", "dog", "horse", "mouse", "cow"), ("car", "truck", "train", "tram", "bus")
N_PAGES = 60
PLANTED = (7, 20, 41)


def page(n: int) -> str:
    words = VEHICLES if n % 2 else ANIMALS
    return (
        f"<h1>Page {n}</h1><p>A {words[n // 2 % 5]} beside a <b>{words[n // 3 % 5]}</b> and a {words[n // 5 % 5]}</p>"
    )


def choice(control: str, label: str) -> dict[str, Any]:
    to_name = {"to_name": "page", "type": "choices", "value": {"choices": [label]}}
    return {"id": f"r{control}", "from_name": control, **to_name}


def right(n: int) -> str:
    return "vehicles" if n % 2 else "animals"


def given(n: int) -> str:
    return right(n + 1) if n in PLANTED else right(n)


@pytest.fixture
def project(label_studio: Any) -> Iterator[int]:
    """Make a project of labelled pages, and one page without a word; take its review project away too."""
    client = label_studio.client
    project_id = client.post("api/projects/", {"title": "Pages", "label_config": CONFIG})["id"]
    tasks = [
        {"data": {"page": page(n)}, "annotations": [{"result": [choice("topic", given(n))]}]} for n in range(N_PAGES)
    ]
    tasks.append({"data": {"page": "<br>"}, "annotations": [{"result": [choice("topic", "animals")]}]})
    client.post(f"api/projects/{project_id}/import", tasks)
    yield project_id
    for each in list(client.paged("api/projects/", {"include": "id,description"})):
        if each["id"] == project_id or f"project {project_id}]" in (each["description"] or ""):
            client.delete(f"api/projects/{each['id']}/")


def predict(errata: Wiring, project_id: int, tasks: list[dict[str, Any]]) -> list[Any]:
    """Answer as `errata serve` does, without its sockets."""
    index = MediaIndexStore(errata.engine)
    encoders = ServedEncoders(errata, index)
    beliefs, newcomers = Beliefs(errata.artefacts), Newcomers(encoders)
    predictions = Predictions(
        beliefs, index, encoders, newcomers, errata.codecs, lambda xml: read_label_config(xml).controls,
        ChildProcessQueue(), lambda _: "all", Patience(), RegionNewcomers(ServedItems(errata)),
    )  # fmt: skip
    beliefs.start()
    newcomers.start()
    try:
        asked = predict_request({"project": f"{project_id}.1", "tasks": tasks, "label_config": CONFIG})
        with ThreadPoolExecutor(1) as pool:  # a browser of other tests may have its loop in this thread
            return pool.submit(asyncio.run, predictions.answer(asked)).result()
    finally:
        beliefs.stop()
        newcomers.stop()


def test_texts_are_audited_reviewed_fixed_and_predicted(
    label_studio: Any, open_errata: Any, review_tasks: Any, project: int
) -> None:
    """Planted errors stand first with evidence from similar texts; a verdict is applied; new pages are predicted."""
    client = label_studio.client
    ids = [task["id"] for task in client.paged("api/tasks/", {"project": project, "include": "id"})]
    opened: closing[Wiring] = open_errata()
    with opened as errata:
        assert not any("picture" in line for line in errata.connect(project))
        examination, _, n_predictions = errata.audit(project, BeliefOptions(), QUIET)
        assert examination.skipped == {"texts: the text is empty": 1}
        assert n_predictions == N_PAGES

        queue = sorted(review_tasks(project), key=lambda task: task["id"])
        assert {task["data"]["source_task"] for task in queue[: len(PLANTED)]} == {ids[n] for n in PLANTED}
        first = queue[0]
        of_first = ids.index(first["data"]["source_task"])
        assert first["data"]["page"] == page(of_first)
        assert "most similar texts are labelled" in first["data"]["why"]

        result = [choice("topic", first["data"]["given_label"]), choice("errata_verdict", "take_proposal")]
        client.post(f"api/tasks/{first['id']}/annotations/", {"result": result, "lead_time": 2.0})
        errata.take_verdicts(project)
        assert len(errata.apply(project).written) == 1
        fixed = next(
            t for t in client.paged("api/tasks/", {"project": project, "fields": "all"}) if t["id"] == ids[of_first]
        )
        assert fixed["annotations"][0]["result"][0]["value"]["choices"] == [right(of_first)]

        pages = [page(0), "<p>The <i>tram</i>, the bus and the truck</p>", "<p>A cow, a dog</p>", "<hr>"]
        tasks = [{"id": 10**9 + n, "data": {"page": each}} for n, each in enumerate(pages)]
        said = predict(errata, project, tasks)
        version = examination.belief.artefact.version
        assert [each["model_version"] for each in said] == [*[version] * 3, f"{version}-unusable"]
        labels = [each["result"][0]["value"]["choices"] for each in said[:3]]
        assert labels == [["animals"], ["vehicles"], ["animals"]]
        checks = looked_at(errata)
        assert checks["text encoder"].state == "ok"
        assert "encoder" not in checks  # nothing here shows an image


def looked_at(errata: Wiring) -> dict[str, Check]:
    """Let `errata doctor` look, again where this machine was too busy for its limits."""
    for _ in range(8):
        found = {check.name: check for check in examine(errata, [])}
        if not any("no answer within" in check.seen for check in found.values()):
            break
    return found
