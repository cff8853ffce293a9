"""errata in a company: Label Studio below a sub-path, behind TLS of its own and a gateway; errata below a prefix."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from errata.demo.label_studio import LabelStudioServer, cache_dir, free_port, install, prepare
from errata.demo.source_project import choice
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.network import Network

KEY = ("X-Gateway-Key", "hidden-key")
CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="label" toName="image" choice="single"><Choice value="car"/><Choice value="truck"/></Choices></View>"""
GIVEN = ["truck", *["car"] * 11, *["truck"] * 12]  # the first is wrong


@pytest.fixture
def below_a_path(tmp_path: Path, label_studio: Any, gateway: Any, authority: Any) -> Iterator[SimpleNamespace]:
    """Start a Label Studio that knows itself to be at https://localhost:PORT/label-studio."""
    port = free_port()
    front = gateway("/label-studio", ("127.0.0.1", port), wants=KEY, trust=authority.server("localhost"))
    quietly = print
    python = install(cache_dir() / "venv", quietly)
    server = LabelStudioServer(
        python,
        tmp_path / "label-studio",
        prepare(python, cache_dir() / "prepared", quietly),
        port,
        environment={"LABEL_STUDIO_HOST": front.base.rstrip("/")},
    )
    with ExitStack() as stack:
        stack.enter_context(server)
        network = Network(authority.bundle)
        first = LabelStudio(front.base, server.token, network=network, headers=dict([KEY]))
        stack.callback(first.close)
        token = first.post("api/token/", {})["token"]
        client = LabelStudio(front.base, token, network=network, headers=dict([KEY]))
        stack.callback(client.close)
        yield SimpleNamespace(front=front, client=client, token=token)


def make_project(client: LabelStudio) -> int:
    """Import pictures as Label Studio's own page does, and label them."""
    project_id = int(client.post("api/projects/", {"title": "Vehicles", "label_config": CONFIG})["id"])
    right = ["car"] * 12 + ["truck"] * 12
    client.upload(f"api/projects/{project_id}/import", [(f"{n:02}.png", png(n, of)) for n, of in enumerate(right)])
    listed = sorted(client.paged("api/tasks/", {"project": project_id, "fields": "all"}), key=name_of)
    for task, label in zip(listed, GIVEN, strict=True):
        client.post(f"api/tasks/{task['id']}/annotations/", {"result": [choice("label", label)]})
    return project_id


def name_of(task: dict[str, Any]) -> str:
    return str(task["data"]["image"]).rpartition("-")[2]


def png(seed: int, label: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (24, 24), (200 - seed, 60, 60) if label == "car" else (60, 60, 200 - seed)).save(buffer, "PNG")
    return buffer.getvalue()


def labels(client: LabelStudio, project_id: int) -> list[str]:
    listed = sorted(client.paged("api/tasks/", {"project": project_id, "fields": "all"}), key=name_of)
    return [task["annotations"][0]["result"][0]["value"]["choices"][0] for task in listed]


def test_the_whole_loop(below_a_path: Any, gateway: Any, errata: Any, authority: Any) -> None:
    """Connect, audit, review, apply and disconnect, with everything in between that companies put there.

    Label Studio is at https://.../label-studio/ behind a gateway that strips the path, wants a header and has a
    certificate of the company's; errata is at http://.../errata/ behind one that strips its path too.
    """
    client, port = below_a_path.client, free_port()
    project_id = make_project(client)
    (uploaded,) = {
        urlsplit(t["data"]["image"]).path.split("/data/")[0]
        for t in client.paged("api/tasks/", {"project": project_id})
    }
    assert uploaded == "/label-studio"  # so Label Studio writes addresses below a sub-path
    front = gateway("/errata", ("127.0.0.1", port))
    one = errata(
        port,
        ERRATA_LABEL_STUDIO_URL=below_a_path.front.base.rstrip("/"),
        ERRATA_LABEL_STUDIO_TOKEN=below_a_path.token,
        ERRATA_LABEL_STUDIO_HEADERS=json.dumps(dict([KEY])),
        ERRATA_CA_BUNDLE=str(authority.bundle),
        ERRATA_PUBLIC_URL=front.base.rstrip("/").replace("localhost", "127.0.0.1"),
    )
    one.serve()
    one.run("connect", str(project_id), "--predictions", "all", "--yes")
    (webhook,) = client.get("api/webhooks/", {"project": project_id})
    assert urlsplit(webhook["url"]).path == "/errata/webhook"
    (backend,) = client.get("api/ml/", {"project": project_id})
    assert backend["state"] == "CO"

    said = one.ask("audit", str(project_id))
    assert said["open"] == 1, said
    (review,) = [each for each in client.paged("api/projects/") if each["title"].startswith("Review: ")]
    (task,) = client.paged("api/tasks/", {"project": review["id"], "fields": "all"})
    assert client.fetch(task["data"]["image"].removeprefix("/label-studio"), 10_000, 10) == png(0, "car")
    assert task["data"]["source_url"].startswith(below_a_path.front.base + "projects/")

    client.post(f"api/ml/{backend['id']}/predict/test?random=true")
    assert "POST /errata/predict 200" in front.answered
    decided = [choice("label", "truck"), choice("errata_verdict", "take_proposal")]
    client.post(f"api/tasks/{task['id']}/annotations/", {"result": decided})
    one.wait(lambda: one.ask("status", str(project_id))["to_review"] == 0, "the verdict, told by webhook")
    assert "POST /errata/webhook 200" in front.answered

    assert one.ask("apply", str(project_id))["written"] == 1
    assert labels(client, project_id) == ["car"] * 12 + ["truck"] * 12
    one.run("disconnect", str(project_id), "--yes")
    assert client.get("api/webhooks/", {"project": project_id}) == []
    assert client.get("api/ml/", {"project": project_id}) == []
    kept = b"".join(path.read_bytes() for path in (one.folder / "data").rglob("*") if path.is_file())
    for secret in (KEY[1], below_a_path.token, one.password):
        assert secret not in one.log
        assert secret.encode() not in kept


def test_below_a_prefix_that_the_proxy_keeps(label_studio: Any, project: Any, gateway: Any, errata: Any) -> None:
    """A proxy that hands on the whole path serves Label Studio as well as one that strips the prefix."""
    port = free_port()
    source = project(["car", "car", "truck", "truck"] * 3)
    front = gateway("/errata", ("127.0.0.1", port), strips=False)
    one = errata(
        port,
        ERRATA_LABEL_STUDIO_URL=label_studio.url,
        ERRATA_LABEL_STUDIO_TOKEN=label_studio.token,
        ERRATA_PUBLIC_URL=front.base.rstrip("/").replace("localhost", "127.0.0.1"),
    )
    one.serve()
    one.run("connect", str(source.id), "--yes")
    (backend,) = label_studio.client.get("api/ml/", {"project": source.id})
    assert backend["state"] == "CO"
    label_studio.client.post(f"api/ml/{backend['id']}/predict/test?random=true")
    result = {"result": [choice("label", "car")]}
    label_studio.client.patch(f"api/annotations/{source.annotation_ids[0]}/", result)
    assert {"GET /errata/health 200", "POST /errata/setup 200", "POST /errata/predict 200"} <= set(front.answered)
    assert "POST /errata/webhook 200" in front.answered
    assert not [each for each in front.answered if each.endswith(("404", "401", "403"))]
    one.run("disconnect", str(source.id), "--yes")
