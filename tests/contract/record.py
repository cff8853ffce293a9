"""Records what a Label Studio sends to an ML backend: `python tests/contract/record.py URL LEGACY-TOKEN`.

Does once what makes Label Studio call a backend, in a project of its own that is deleted afterwards, and writes each
request to requests/NAME.json with tokens, passwords and people replaced. Label Studio must be allowed to call this
machine (`ML_BLOCK_LOCAL_IP=false`, `SSRF_PROTECTION_ENABLED=false`).
"""

from __future__ import annotations

import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx

FOLDER = Path(__file__).parent / "requests"
CONFIG = """<View>
  <Image name="image" value="$image"/>
  <Choices name="label" toName="image" choice="single"><Choice value="car"/><Choice value="truck"/></Choices>
</View>"""
SECRET_KEYS = ("access_token", "token", "task_data_login", "task_data_password", "login", "password")
PERSON_KEYS = ("email", "username", "first_name", "last_name", "initials", "phone", "avatar", "created_username")


class Recorder(BaseHTTPRequestHandler):
    """An ML backend that keeps every request, and answers with what says nothing."""

    requests: ClassVar[list[dict[str, Any]]] = []

    def answer(self) -> None:
        """Keep one request."""
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.loads(sent) if sent else None
        self.requests.append({"method": self.command, "path": self.path, "body": body})
        said: dict[str, Any] = {"model_version": "recorded", "versions": ["recorded"], "job": "audit-1"}
        if self.path == "/predict":
            said["results"] = [{"result": [], "score": 0.5, "model_version": "recorded"} for _ in body["tasks"]]
        content = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def without_secrets(value: Any, key: str = "") -> Any:
    """Return a copy with what is secret or a person's replaced."""
    if isinstance(value, dict):
        return {name: without_secrets(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [without_secrets(each, key) for each in value]
    if key in SECRET_KEYS and value:
        return "not-a-secret"
    if key in PERSON_KEYS and value:
        return "someone@example.com"
    if isinstance(value, str):
        return re.sub(r"https?://(127\.0\.0\.1|localhost):\d+", "http://label-studio.example.com", value)
    return value


def write(name: str, wanted: str, action: str | None = None) -> None:
    """Write the newest request to a path, and of an action where one is named; then forget all."""
    found = [
        each
        for each in Recorder.requests
        if each["path"] == wanted and (action is None or (each["body"] or {}).get("action") == action)
    ]
    Recorder.requests.clear()
    if not found:
        print(f"{name}: Label Studio sent no such request", file=sys.stderr)
        return
    (FOLDER / f"{name}.json").write_text(json.dumps(without_secrets(found[-1]), indent=1) + "\n")


def tell_the_story(api: httpx.Client, backend_url: str) -> None:
    """Do once what makes Label Studio call a backend."""

    def call(method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = api.request(method, path, json=body, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    made = call("POST", "/api/projects/", {"title": "Recorded", "description": "Recorded for errata's tests."})["id"]
    try:
        first = [("file", ("0.gif", GIF, "image/gif"))]  # imported before there is a label config: "$undefined$"
        api.post(f"/api/projects/{made}/import", files=first).raise_for_status()
        call("PATCH", f"/api/projects/{made}/", {"label_config": CONFIG})
        form = {"project": made, "url": backend_url, "title": "recorder", "is_interactive": True}
        backend = call("POST", "/api/ml/", form)["id"]
        write("health", "/health")
        call("GET", f"/api/ml/{backend}")
        write("setup", "/setup")
        call("GET", f"/api/ml/{backend}/versions")
        write("versions", "/versions")

        def task_ids() -> list[int]:
            listed = call("GET", "/api/tasks", params={"project": made, "page_size": 100})
            return [task["id"] for task in listed["tasks"]]

        (undefined,) = task_ids()
        call("GET", f"/api/tasks/{undefined}/")
        write("predict_undefined_key", "/predict")
        data = [{"data": {"image": f"/data/upload/{made}/{n}.png"}} for n in range(1, 4)]
        call("POST", f"/api/projects/{made}/import", data)
        write("webhook_tasks_created", "/webhook", "TASKS_CREATED")
        ids = task_ids()
        call("GET", f"/api/tasks/{ids[1]}/")
        write("predict_one", "/predict")
        said = {"id": "r", "from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["car"]}}
        given = call("POST", f"/api/tasks/{ids[1]}/annotations/", {"result": [said], "lead_time": 2.5})["id"]
        write("webhook_annotation_created", "/webhook", "ANNOTATION_CREATED")
        call("POST", f"/api/tasks/{ids[2]}/annotations/", {"result": [], "was_cancelled": True})
        write("webhook_annotation_skipped", "/webhook", "ANNOTATION_CREATED")
        said["value"] = {"choices": ["truck"]}
        call("PATCH", f"/api/annotations/{given}/", {"result": [said]})
        write("webhook_annotation_updated", "/webhook", "ANNOTATION_UPDATED")

        def act(name: str, chosen: list[int]) -> None:
            every = {"conjunction": "and", "items": []}
            selected = {"all": False, "included": chosen}
            body = {"selectedItems": selected, "ordering": [], "filters": every, "project": made}
            call("POST", "/api/dm/actions", body, params={"id": name, "project": made})

        for prediction in call("GET", "/api/predictions/", params={"project": made}):
            call("DELETE", f"/api/predictions/{prediction['id']}/")
        act("retrieve_tasks_predictions", ids)
        write("predict_many", "/predict")
        act("predictions_to_annotations", [ids[3]])
        write("webhook_annotations_created", "/webhook", "ANNOTATIONS_CREATED")
        drawn = {"result": [said]}
        call("POST", f"/api/ml/{backend}/interactive-annotating", {"task": ids[1], "context": drawn})
        write("predict_interactive", "/predict")
        call("POST", f"/api/ml/{backend}/train")
        write("webhook_start_training", "/webhook", "START_TRAINING")
        call("PATCH", f"/api/projects/{made}/", {"description": "Recorded for errata's tests, changed."})
        write("webhook_project_updated", "/webhook", "PROJECT_UPDATED")
        call("DELETE", f"/api/annotations/{given}/")
        write("webhook_annotations_deleted", "/webhook", "ANNOTATIONS_DELETED")
        act("delete_tasks", [ids[3]])
        write("webhook_tasks_deleted", "/webhook", "TASKS_DELETED")
    finally:
        call("DELETE", f"/api/projects/{made}/")


GIF = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002014400 3b".replace(" ", "")
)


def main(url: str, token: str) -> None:
    """Record everything."""
    FOLDER.mkdir(exist_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with httpx.Client(base_url=url, headers={"Authorization": f"Token {token}"}, timeout=60, trust_env=False) as api:
        tell_the_story(api, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
