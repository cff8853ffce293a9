"""Beside somebody's own ML backend: it is asked as before, and trains when its people want it to."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from errata.audit.ports import Prediction
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.predictions import SourcePredictions

LABELS = ["car"] * 6 + ["truck"] * 6
FIELD = "min_annotations_to_start_training"


@pytest.fixture
def attach(label_studio: Any, theirs: Any) -> Any:
    """Attach somebody's backend as they would; Label Studio makes its title the model version."""

    def attached(project_id: int, title: str = "Theirs") -> dict[str, Any]:
        entry = {"project": project_id, "url": theirs.url, "title": title}
        return dict(label_studio.client.post("api/ml/", entry))

    return attached


@pytest.fixture
def add_open_tasks(label_studio: Any) -> Any:
    """Add tasks that nobody has labelled yet; they show a picture that is there already."""

    def add(source: Any, n: int) -> list[int]:
        client = label_studio.client
        image = client.get("api/tasks/", {"project": source.id, "fields": "all"})["tasks"][0]["data"]["image"]
        tasks = [{"data": {"image": image, "n": k}} for k in range(n)]
        said = client.post(f"api/projects/{source.id}/import", tasks, params={"return_task_ids": "true"})
        return list(said["task_ids"])

    return add


def state(client: Any, project_id: int) -> tuple[Any, ...]:
    """What must not move: the backends in their order, and the model version that the project shows."""
    backends = [(each["id"], each["title"], each["url"]) for each in client.get("api/ml/", {"project": project_id})]
    return backends, client.get(f"api/projects/{project_id}/")["model_version"]


@pytest.mark.parametrize("mode", ["all", "labelled"])
def test_another_backend_is_asked_about_open_tasks_as_before(
    label_studio: Any, project: Any, theirs: Any, attach: Any, add_open_tasks: Any, errata: Any, mode: str
) -> None:
    """After an audit, whatever the mode, Label Studio asks it in the stream and where a task is opened."""
    client = label_studio.client
    source = project(LABELS)
    streamed, opened = add_open_tasks(source, 2)
    attach(source.id)
    before = state(client, source.id)
    assert before[1] == "Theirs"
    program = errata(ERRATA_PREDICTIONS=mode)
    said, remarks = program.run("audit", str(source.id), "--json")
    assert json.loads(said)["predictions"] == len(LABELS)
    assert ('Label Studio asks "Theirs"' in remarks) == (mode == "all")
    assert state(client, source.id) == before
    assert theirs.asked == []  # nor has the audit asked it
    assert client.get(f"api/projects/{source.id}/next")["id"] == streamed
    assert theirs.asked == [streamed]
    form = client.get(f"api/tasks/{opened}/")
    assert theirs.asked == [streamed, opened]
    assert [each["model_version"] for each in form["predictions"]] == ["theirs-1"]


def test_what_was_pushed_to_open_tasks_before_the_backend_came_is_taken_back(
    label_studio: Any, project: Any, theirs: Any, attach: Any, add_open_tasks: Any, errata: Any
) -> None:
    """Else their backend would never be asked about those tasks."""
    client = label_studio.client
    source = project(LABELS)
    (open_task,) = add_open_tasks(source, 1)
    program = errata(ERRATA_PREDICTIONS="all")
    assert json.loads(program.run("audit", str(source.id), "--json")[0])["predictions"] == len(LABELS) + 1
    attach(source.id)
    program.run("audit", str(source.id), "--json")
    form = client.get(f"api/tasks/{open_task}/")
    assert theirs.asked == [open_task]
    assert [each["model_version"] for each in form["predictions"]] == ["theirs-1"]


@pytest.mark.parametrize("title", ["Theirs", "errata"])
def test_a_backends_title_stays_the_model_version_when_predictions_are_deleted(
    label_studio: Any, project: Any, footprint: Any, attach: Any, title: str
) -> None:
    """Label Studio empties it with any version that is deleted; so it stood there, errata's own title not less."""
    client = label_studio.client
    source = project(["car", "truck"])
    attach(source.id, title)
    sink = SourcePredictions(client, source.id, source.label_config, footprint)
    region = Codecs().region(read_label_config(source.label_config).controls[0], "car", 0.9)
    for version in ("errata-1", "errata-2"):
        sink.push(version, [Prediction(source.task_ids[0], (region,), 0.9)])
    assert sink.retire(["errata-2"]) == 1
    assert client.get(f"api/projects/{source.id}/")["model_version"] == title


@pytest.fixture
def confirmed(label_studio: Any, project: Any, vehicles: Any, errata: Any) -> Any:
    """A project with two labels that are wrong, found and confirmed; returns it and errata's commands."""
    client = label_studio.client
    source = project([*LABELS, "car", "car"], images=vehicles("c" * 6 + "t" * 8))
    program = errata()
    found = json.loads(program.run("audit", str(source.id), "--json")[0])
    assert found["suspects"] == 2
    (review,) = [
        each["id"]
        for each in client.paged("api/projects/", {"include": "id,title"})
        if each["title"].startswith("Review: ") and each["id"] > source.id
    ]
    for task in client.paged("api/tasks/", {"project": review, "fields": "all"}):
        said = {"from_name": "errata_verdict", "to_name": "image", "type": "choices"}
        result = [{"id": "v", **said, "value": {"choices": ["take_proposal"]}}]
        client.post(f"api/tasks/{task['id']}/annotations/", {"result": result})
    return source, program


def test_training_on_submission_is_named_paused_and_restored(
    label_studio: Any, theirs: Any, attach: Any, confirmed: Any
) -> None:
    """With --pause-training no START_TRAINING arrives and the setting is as it was; undo, without it, trains."""
    client = label_studio.client
    source, program = confirmed
    attach(source.id)
    client.patch(f"api/projects/{source.id}/", {FIELD: 1})
    named = f'The ML backend "Theirs" at {theirs.url} is told to train while an annotation is written'
    assert named in program.run("plan", str(source.id))[0]
    out, err = program.run("apply", str(source.id), "--pause-training", "--json")
    applied = json.loads(out)
    (called,) = applied["side_effects"]  # the webhook that Label Studio adds for each backend
    assert called.startswith(f"The webhook to {theirs.url} is called for every annotation that is written")
    assert (applied["written"], called in err, named in err) == (2, True, False)
    assert theirs.trainings == 0
    assert client.get(f"api/projects/{source.id}/")[FIELD] == 1
    program.run("undo", str(applied["changeset"]))
    assert theirs.trainings == 2
    out, err = program.run("apply", str(source.id), "--include-undone", "--json")
    assert named in err
    assert any(named in effect for effect in json.loads(out)["side_effects"])
    assert theirs.trainings == 4
    assert "training" not in program.run("status", str(source.id))[0]


PAUSE = """
import sys, time
from errata.settings import read_settings
from errata.wiring import Wiring
with Wiring(read_settings()).paused_training(int(sys.argv[1])):
    print("paused", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("command", ["status", "disconnect"])
def test_training_that_a_kill_left_off_is_turned_on_by_the_next_command(
    label_studio: Any, theirs: Any, attach: Any, project: Any, errata: Any, command: str
) -> None:
    """While errata is at work others leave it off; once it was killed they turn it on, with the number that it had."""
    client = label_studio.client
    source, program = project(["car", "truck"]), errata()
    attach(source.id)
    client.patch(f"api/projects/{source.id}/", {FIELD: 3})
    with program.start(PAUSE, str(source.id)) as process:
        assert process.stdout
        assert process.stdout.readline() == "paused\n"
        assert client.get(f"api/projects/{source.id}/")[FIELD] == 0
        program.run("status", str(source.id))
        assert client.get(f"api/projects/{source.id}/")[FIELD] == 0
        process.send_signal(signal.SIGKILL)
    arguments = [command, str(source.id)] + (["--yes"] if command == "disconnect" else [])
    program.run(*arguments)
    assert client.get(f"api/projects/{source.id}/")[FIELD] == 3
    assert theirs.trainings == 0
