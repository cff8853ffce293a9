"""What Label Studio sent is sent again, to `errata serve` and to errata's model hosted by `label-studio-ml`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from errata.audit.beliefs import Artefact, ControlBelief
from errata.labelstudio.label_config import read_label_config
from errata.store.artefacts import ArtefactFolder

VERSION = "errata-0123456789ab"
PREDICTS = ("predict_one", "predict_many", "predict_interactive", "predict_undefined_key")
# The project whose audit each event asks for; the recordings are all of one project.
STARTS_AUDIT = {
    "webhook_annotation_created": 701,
    "webhook_annotation_skipped": 702,
    "webhook_annotation_updated": 703,
    "webhook_annotations_created": 704,
    "webhook_annotations_deleted": 705,
    "webhook_tasks_created": 706,
    "webhook_tasks_deleted": 707,
    "webhook_start_training": 708,
}
HOSTED_EVENTS = ("webhook_annotation_created", "webhook_start_training", "webhook_project_updated")
Recorded = dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=["errata serve", "label-studio-ml"])
def host(
    request: pytest.FixtureRequest,
    recorded: Recorded,
    make_host: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """Serve a belief about the recorded project, whose last task was not audited; Label Studio is not needed."""
    folder = tmp_path_factory.mktemp("host")
    asked = recorded["predict_many"]["body"]
    (control,) = read_label_config(asked["label_config"]).controls
    task_ids = np.array([task["id"] for task in asked["tasks"][:-1]], dtype=np.int64)
    belief = ControlBelief(control, task_ids, ("",) * len(task_ids), probabilities(len(task_ids)), None)
    project_id = int(asked["project"].partition(".")[0])
    ArtefactFolder(folder / "data").save(project_id, Artefact(VERSION, (belief,)))
    label_studio = {"ERRATA_LABEL_STUDIO_URL": "http://127.0.0.1:9/", "ERRATA_LABEL_STUDIO_TOKEN": "a" * 40}
    host = make_host(request.param, folder, folder / "data", **label_studio)
    host.start()
    return host


def probabilities(n_tasks: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Believe in another label, and another probability, for each task."""
    first = np.linspace(0.9, 0.2, n_tasks, dtype=np.float32)
    return np.stack([first, 1 - first], axis=1)


def said(result: Any) -> tuple[str, float] | None:
    """Return the label and its score, None where there is no prediction."""
    if not result or not result["result"]:
        return None
    (region,) = result["result"]
    assert result["model_version"] == VERSION
    assert region["score"] == result["score"]
    assert 0 <= result["score"] <= 1
    (label,) = region["value"]["choices"]
    return label, result["score"]


def test_health(host: Any, recorded: Recorded) -> None:
    """A 2xx with a JSON object."""
    answer = host.replay(recorded["health"])
    assert answer.status_code == 200
    assert answer.json()["status"] == "UP"


@pytest.mark.parametrize("name", PREDICTS)
def test_one_result_a_task_in_order_of_the_version_that_setup_names(host: Any, recorded: Recorded, name: str) -> None:
    """One task, several, interactive with a drawn region, and media imported before there was a label config."""
    assert host.replay(recorded["setup"]).json() == {"model_version": VERSION}
    asked = recorded[name]["body"]["tasks"]
    answer = host.replay(recorded[name])
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert len(results) == len(asked)
    known = recorded["predict_many"]["body"]["tasks"][:-1]
    rows = dict(zip((task["id"] for task in known), probabilities(len(known)), strict=True))
    for task, result in zip(asked, results, strict=True):
        row = rows.get(task["id"])
        expected = None if row is None else (("car", "truck")[row.argmax()], round(float(row.max()), 4))
        assert said(result) == expected, task["id"]


def test_another_project_has_no_version_and_no_predictions(host: Any, recorded: Recorded) -> None:
    """Two projects on one backend do not get each other's model, whichever was set up last."""
    other = of_project(recorded["predict_many"], 900)
    assert host.replay(recorded["setup"]).json() == {"model_version": VERSION}
    assert host.replay(of_project(recorded["setup"], 900)).json() == {"model_version": "errata-none"}
    assert not any(each["result"] for each in host.replay(other).json()["results"])
    interactive = host.replay(of_project(recorded["predict_interactive"], 900)).json()["results"]
    assert [each["result"] for each in interactive] == [[]]
    assert any(host.replay(recorded["predict_many"]).json()["results"])


def test_events_ask_for_audits(host: Any, recorded: Recorded, wait: Callable[..., None]) -> None:
    """Every event of Label Studio is acknowledged with a JSON object; labels, tasks and training lead to an audit."""
    events = {**STARTS_AUDIT, "webhook_project_updated": 709}
    assert events.keys() == {name for name in recorded if name.startswith("webhook_")}
    if not host.is_errata:  # a process that imports torch for each, and all take the same way
        events = {name: events[name] for name in HOSTED_EVENTS}
    for name, project_id in events.items():
        host.replay(of_project(recorded["setup"], project_id))
        # label-studio-ml starts a process for each event, which keeps a small machine busy for seconds
        wait(lambda: len(host.events_under_way()) < 2, "working on the events before")
        answer = host.replay(of_project(recorded[name], project_id))
        assert answer.is_success, name
        assert isinstance(answer.json(), dict), name
        if name == "webhook_start_training":  # which names the job to errata's callers, and label-studio-ml's own
            assert answer.json() == {"job": "audit-708"} if host.is_errata else answer.json().keys() == {"job_id"}
    expected = {("audit", project_id) for name, project_id in events.items() if name in STARTS_AUDIT}
    wait(lambda: host.jobs() >= expected, "asking for the audits")
    wait(lambda: not host.events_under_way(), "working on the events")
    assert host.jobs() == expected
    kept = "".join(path.read_text(errors="replace") for path in host.folder.rglob("*.json"))
    assert "not-a-secret" not in host.log + kept  # what the recordings have in place of tokens and passwords


def test_named_differences(host: Any, recorded: Recorded) -> None:
    """What label-studio-ml's server cannot: versions, the state of jobs, a password; see events for naming a job."""
    anybody = httpx.get(f"{host.url}/health", trust_env=False)
    if host.is_errata:
        assert host.replay(recorded["versions"]).json() == {"versions": [VERSION]}
        assert host.replay(recorded["job_status"]).json() == {"job_status": "finished"}
        assert anybody.status_code == 401
    else:
        assert host.replay(recorded["versions"]).status_code == 405
        assert host.replay(recorded["job_status"]).status_code == 404
        assert anybody.status_code == 200


def test_after_a_restart_without_redis(host: Any, recorded: Recorded, wait: Callable[..., None]) -> None:
    """errata answers at once, label-studio-ml only once /setup came: Label Studio sends that before every /predict.

    errata then runs jobs by itself, and label-studio-ml's log says what is due.
    """
    host.stop()
    del host.environment["ERRATA_REDIS_URL"]
    host.start()
    assert host.replay(recorded["predict_one"]).status_code == (200 if host.is_errata else 500)
    assert host.replay(recorded["setup"]).json() == {"model_version": VERSION}
    assert host.replay(recorded["predict_one"]).status_code == 200
    host.replay(of_project(recorded["webhook_start_training"], 708))
    if host.is_errata:
        (job,) = host.http.get("/").json()["jobs"]
        assert (job["name"], job["project_id"]) == ("audit", 708)
    else:
        wait(lambda: "project 708: an audit is due; run `errata audit 708`" in host.log, "saying what is due")


def test_the_document_says_how_it_is_hosted(host: Any) -> None:
    """docs/howto/label-studio-ml.md has the very lines that the host of these tests was made with."""
    document = (Path(__file__).parents[2] / "docs" / "howto" / "label-studio-ml.md").read_text()
    assert [line for line in host.commands if line and f"    {line}" not in document] == []


def of_project(recorded: dict[str, Any], project_id: int) -> dict[str, Any]:
    """Return a recorded request as another project's."""
    changed = copy.deepcopy(recorded)
    for part in _parts(changed["body"]):
        if isinstance(part.get("project"), dict):
            part["project"]["id"] = project_id
        elif "project" in part:
            part["project"] = f"{project_id}.1795248829" if isinstance(part["project"], str) else project_id
    return changed


def _parts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [part for each in value for part in _parts(each)]
    return [value, *(part for each in value.values() for part in _parts(each))] if isinstance(value, dict) else []


def test_recordings_hold_no_secret() -> None:
    """Tokens, passwords and people were replaced when they were recorded."""
    text = "".join(path.read_text() for path in (Path(__file__).parent / "requests").glob("*.json"))
    values = [line.partition(": ")[2] for line in text.splitlines() if '"access_token"' in line or '"token"' in line]
    assert values
    assert all("not-a-secret" in value for value in values)
