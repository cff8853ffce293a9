"""Label Studio at http://host/label-studio/, with uploads, a bucket of S3 and one of Google Cloud Storage."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from gcp_storage_emulator.server import create_server

from errata.labelstudio.client import LabelStudio
from errata.labelstudio.media import ProjectMedia
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.source import describe_project
from errata.labelstudio.trial import MediaTrial, try_media


class TokenOffice(BaseHTTPRequestHandler):
    """Gives everybody a token for Google's storage."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def google(free_port: Callable[[], int]) -> Iterator[SimpleNamespace]:
    """A Google Cloud Storage of this machine's: its address, and an account that may read it."""
    port = free_port()
    storage = create_server("127.0.0.1", port, in_memory=True)
    storage.start()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), TokenOffice) as office:
        threading.Thread(target=office.serve_forever, daemon=True).start()
        account = {
            "type": "service_account",
            "project_id": "errata",
            "private_key_id": "1",
            "private_key": key.decode(),
            "client_email": "errata@example.com",
            "token_uri": f"http://127.0.0.1:{office.server_port}/token",
        }
        yield SimpleNamespace(url=f"http://127.0.0.1:{port}", account=json.dumps(account))
        office.shutdown()
    storage.stop()


@pytest.fixture(scope="module")
def below(
    start_label_studio: Any, gateway_before: Any, free_port: Callable[[], int], google: SimpleNamespace
) -> Iterator[LabelStudio]:
    """A Label Studio below /label-studio/, as errata reaches it."""
    download = f"{google.url}/download/storage/v1/b/{{bucket_name}}/o/{{blob_name}}?alt=media"
    port = free_port()
    with gateway_before(f"http://127.0.0.1:{port}", "/label-studio") as gateway:
        environment = {
            "LABEL_STUDIO_HOST": gateway.base.rstrip("/"),
            "STORAGE_EMULATOR_HOST": google.url,
            "RESOLVER_PROXY_GCS_DOWNLOAD_URL": download,
        }
        with (
            start_label_studio(port=port, **environment) as server,
            closing(LabelStudio(gateway.base, server.token)) as client,
        ):
            yield client


def one_task(client: LabelStudio, project_id: int) -> dict[str, Any]:
    asked = {"project": project_id, "fields": "all", "resolve_uri": "false"}
    (task,) = client.get("api/tasks/", asked)["tasks"]
    return dict(task)


def look(client: LabelStudio, project_id: int, footprint: Any, *hosts: str) -> MediaTrial:
    """Try a project's picture, after reading it as an audit does."""
    of, media = describe_project(client, project_id), ProjectMedia(client, hosts)
    task = one_task(client, project_id)
    assert media.read(task["data"]["image"], task["id"])
    return try_media(client, of, ReviewProject(client, of, footprint), media, 10**6)


def test_uploads_load_where_their_tasks_have_the_sub_path(
    below: LabelStudio, make_source: Any, footprint: Any, join: Any, png: bytes
) -> None:
    """As Label Studio's own uploads do. Without it audits read them, reviewers do not see them, and that is said."""
    good, bad = make_source(below), make_source(below)
    below.upload(f"api/projects/{good}/import", [("a.png", png)])
    address = one_task(below, good)["data"]["image"]
    without = address.removeprefix("/label-studio")
    below.post(f"api/projects/{bad}/import", [{"data": {"image": without}}])
    trial = look(below, good, footprint)
    assert (trial.problem, trial.address) == (None, f"{below.url}{without[1:]}")
    assert "lack its sub-path" in str(look(below, bad, footprint).problem)
    assert join(below).load(f"{below.url}projects/{good}/data", address) == png


@pytest.mark.parametrize("presign", [True, False], ids=["presigned", "through_label_studio"])
def test_a_bucket_of_s3(
    below: LabelStudio, make_source: Any, footprint: Any, s3: Any, png: bytes, presign: bool
) -> None:
    """The resolver's address has the sub-path, and leads to the file."""
    project_id = make_source(below)
    s3.make_bucket(f"below-{project_id}", {"shots/a.png": png})
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "s3_endpoint": s3.url}
    of = {"project": project_id, "bucket": f"below-{project_id}", "prefix": "shots", "use_blob_urls": True}
    storage = below.post("api/storages/s3/", {**of, **keys, "presign": presign})
    below.post(f"api/storages/s3/{storage['id']}/sync", {})
    trial = look(below, project_id, footprint, s3.host)
    assert trial.problem is None
    assert trial.address.startswith(f"{below.url}tasks/")


@pytest.mark.parametrize("presign", [True, False], ids=["presigned", "through_label_studio"])
def test_a_bucket_of_google(
    below: LabelStudio, make_source: Any, footprint: Any, google: SimpleNamespace, png: bytes, presign: bool
) -> None:
    """gs:// is read by audits; reviewers see it through Label Studio, and presigned where the bucket shares (CORS)."""
    project_id = make_source(below)
    bucket = f"below-{project_id}"
    with httpx.Client(base_url=google.url, trust_env=False) as http:
        http.post("/storage/v1/b", json={"name": bucket}).raise_for_status()
        put = http.post(f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name=shots/a.png", content=png)
        put.raise_for_status()
    of = {"project": project_id, "bucket": bucket, "prefix": "shots", "use_blob_urls": True, "presign": presign}
    storage = below.post("api/storages/gcs/", {**of, "google_application_credentials": google.account})
    below.post(f"api/storages/gcs/{storage['id']}/sync", {})
    assert one_task(below, project_id)["data"]["image"] == f"gs://{bucket}/shots/a.png"
    trial = look(below, project_id, footprint, google.url.removeprefix("http://"))
    assert trial.address.startswith(f"{below.url}tasks/")
    assert trial.problem is None or (presign and "(CORS)" in trial.problem)  # this storage shares with no page
