"""The project's model version beside other people's ML backends."""

from __future__ import annotations

import pytest

from errata.audit.ports import Prediction
from errata.errors import LabelStudioUnreachable
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.disconnection import disconnect
from errata.labelstudio.predictions import SourcePredictions


@pytest.mark.parametrize("is_there", [False, True], ids=["the first version", "a version that goes"])
def test_another_backend_keeps_its_title_as_model_version(
    label_studio, project, snapshot, server, reply, footprint, is_there
):
    """Label Studio empties it whenever predictions of any version are deleted; the backend would not be asked again."""
    source, client = project(), label_studio.client
    server.says(reply(200, {"status": "UP", "model_version": "reader-3"}))
    backend = {"project": source.id, "url": server.url, "title": "Meter reader"}
    entry = client.post("api/ml/", backend)
    of = snapshot(source)
    sink = SourcePredictions(client, source.id, of.label_config, footprint)
    region = Codecs().region(of.controls[0], "car", 0.8)
    if is_there:
        sink.push("errata-1", [Prediction(source.task_ids[0], (region,), 0.8)])
    assert sink.retire(keep=()) == (1 if is_there else 0)
    sink.announce("errata-2")
    assert client.get(f"api/projects/{source.id}/")["model_version"] == "Meter reader"
    client.delete(f"api/ml/{entry['id']}")


class ChangesNothing(LabelStudio):
    """A Label Studio that goes away when something is changed."""

    def patch(self, path, json, is_repeatable=True, deadline_s=None):
        raise LabelStudioUnreachable(f"{path} is not answered.")


def test_a_title_that_was_emptied_and_not_put_back_is_known(label_studio, project, snapshot, server, reply, footprint):
    """Label Studio went away in between: the footprint holds the title, and disconnecting puts it back."""
    source, client = project(), label_studio.client
    server.says(reply(200, {"status": "UP", "model_version": "reader-3"}))
    entry = client.post("api/ml/", {"project": source.id, "url": server.url, "title": "Meter reader"})
    of = snapshot(source)
    prediction = Prediction(source.task_ids[0], (Codecs().region(of.controls[0], "car", 0.8),), 0.8)
    SourcePredictions(client, source.id, of.label_config, footprint).push("errata-1", [prediction])
    dying = ChangesNothing(label_studio.url, label_studio.token)
    with pytest.raises(LabelStudioUnreachable):
        SourcePredictions(dying, source.id, of.label_config, footprint).retire(keep=())
    assert not client.get(f"api/projects/{source.id}/")["model_version"]
    disconnect(client, source.id, footprint)
    assert client.get(f"api/projects/{source.id}/")["model_version"] == "Meter reader"
    client.delete(f"api/ml/{entry['id']}")
