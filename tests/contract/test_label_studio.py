"""Both hosts once on a real Label Studio: attached in its own form, asked by itself."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from errata.errors import ErrataError
from errata.store.artefacts import ArtefactFolder

LABELS = ["car", "truck"] * 12
EVERY = {"selectedItems": {"all": True, "excluded": []}, "ordering": [], "filters": {"conjunction": "and", "items": []}}
Predicted = dict[int, tuple[str, float, str]]  # task -> label, score and version


@pytest.mark.parametrize("name", ["errata serve", "label-studio-ml"])
def test_label_studio_attaches_it_and_stores_its_predictions(
    name: str,
    label_studio: Any,
    project: Callable[..., Any],
    make_host: Callable[..., Any],
    wait: Callable[..., Any],
    forked_errata: Any,
    tmp_path: Path,
) -> None:
    """ "Retrieve predictions" and opening a task store errata's version and scores; training asks for an audit.

    The project was audited by `errata audit`; one task came later, and its image is looked at when it is asked about.
    """
    made = project(LABELS)
    settings = {
        "ERRATA_LABEL_STUDIO_URL": label_studio.url,
        "ERRATA_LABEL_STUDIO_TOKEN": label_studio.token,
        "ERRATA_PREDICTIONS": "none",  # the audit is to leave them to Label Studio
    }
    host = make_host(name, tmp_path / "host", tmp_path / "data", **settings)
    audited = forked_errata.run("audit", str(made.id), env=host.environment, cwd=tmp_path)
    assert audited.returncode == 0, audited.stderr
    host.environment["ERRATA_PREDICTIONS"] = "all"
    host.start()
    client = label_studio.client
    newcomer = upload(label_studio, made.id, Image.new("RGB", (24, 24), (70, 75, 210)))  # blue, as trucks are
    expected = believed(tmp_path / "data", made.id)

    if host.is_errata:
        with pytest.raises(ErrataError):  # whatever Label Studio says of a backend that refuses it
            client.post("api/ml/", {**host.form, "project": made.id, "basic_auth_pass": "wrong"})
    attached = client.post("api/ml/", {**host.form, "project": made.id})
    (shown,) = client.get("api/ml/", {"project": made.id})
    version = next(iter(expected.values()))[2]
    assert (shown["state"], shown["model_version"]) == ("CO", version)
    if host.is_errata:
        assert client.get(f"api/ml/{attached['id']}/versions")["versions"] == [version]
    for _ in range(2):  # the second time Label Studio has them all and asks for none
        client.post("api/dm/actions", EVERY, params={"id": "retrieve_tasks_predictions", "project": made.id})
        found = stored(client, made.id)
        label, score, said_by = found.pop(newcomer)
        assert (label, said_by) == ("truck", version)
        assert 0.5 < score <= 1
        assert found == expected

    opened = made.task_ids[3]
    (prediction,) = client.get("api/predictions/", {"task": opened})
    client.delete(f"api/predictions/{prediction['id']}/")
    client.get(f"api/tasks/{opened}/")  # what opening it in the Data Manager does
    assert stored(client, made.id)[opened] == expected[opened]

    client.post(f"api/ml/{attached['id']}/train", {})
    wait(lambda: ("audit", made.id) in host.jobs(), "asking for an audit")
    assert label_studio.token not in host.log
    client.delete(f"api/ml/{attached['id']}")


def upload(label_studio: Any, project_id: int, image: Image.Image) -> int:
    """Make a task of an image as somebody does who drops it into the project; return its id."""
    file = io.BytesIO()
    image.save(file, "PNG")
    answer = httpx.post(
        f"{label_studio.url}api/projects/{project_id}/import",
        files={"file": ("new.png", file.getvalue(), "image/png")},
        headers={"Authorization": f"Token {label_studio.token}"},
        timeout=300,
        trust_env=False,
    )
    answer.raise_for_status()
    return max(task["id"] for task in label_studio.client.paged("api/tasks/", {"project": project_id, "fields": "all"}))


def believed(data_dir: Path, project_id: int) -> Predicted:
    """Return what the audit believes, as `errata audit` left it."""
    artefacts = ArtefactFolder(data_dir)
    version = artefacts.active(project_id)
    assert version
    (belief,) = artefacts.load(project_id, version).beliefs
    return {
        int(task_id): (belief.control.labels[row.argmax()], round(float(row.max()), 4), version)
        for task_id, row in zip(belief.task_ids, belief.probabilities, strict=True)
    }


def stored(client: Any, project_id: int) -> Predicted:
    """Return the predictions in Label Studio; a task has one at most."""
    found = client.get("api/predictions/", {"project": project_id})
    assert len({each["task"] for each in found}) == len(found)
    return {
        each["task"]: (each["result"][0]["value"]["choices"][0], each["score"], each["model_version"]) for each in found
    }
