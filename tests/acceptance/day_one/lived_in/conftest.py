"""A project that people and machines have worked in, on any Label Studio: errata did not make it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from errata.demo.digits import load_digits
from errata.labelstudio.client import LabelStudio

CLASSES = ("0", "3", "6", "7")
N_TASKS = 60
N_LABELLED = 48  # the rest is left: skipped, begun, or not looked at
WRONG = {5: "7", 14: "0", 23: "3", 32: "6"}  # position -> what two annotators both say
DIFFER = {40: "6"}  # position -> what the second of the two says
CONFIG = f"""<View>
  <Header value="Which digit does the meter show?"/>
  <Image name="photo" value="$photo" zoom="true"/>
  <Choices name="reading" toName="photo" choice="single" showInline="true">
    {"".join(f'<Choice value="{name}" hotkey="{name}"/>' for name in CLASSES)}
  </Choices>
</View>"""


@dataclass
class LivedIn:
    """The project, who works in it, and what is attached to it."""

    server: Any
    id: int
    owner: LabelStudio
    annotators: Sequence[Any]
    fresh: Any  # has not annotated anything
    newcomer: Any  # neither; comes later
    user_of_errata: Any
    foreign: Any
    task_ids: list[int]
    right: dict[int, str]  # task id -> its label as it should be
    still_open: list[int]  # begun, and not done by as many annotators as it needs
    unlabelled: list[int]

    @property
    def planted(self) -> set[int]:
        """The tasks that at least one annotator labelled wrong."""
        return {self.task_ids[position] for position in (*WRONG, *DIFFER)}

    def next_form(self, person: Any) -> dict[str, Any]:
        """Return what the labelling page gets for a person who presses "Label All Tasks"."""
        form = person.client.post("api/dm/actions/", {}, {"id": "next_task", "project": self.id})
        return _without(form, "created_ago")

    def quick_view(self, person: Any, task_id: int) -> dict[str, Any]:
        """Return what the page gets for a person who opens a task in the data manager."""
        return _without(person.client.get(f"api/tasks/{task_id}/", {"project": self.id}), "created_ago")

    def is_wrong(self, annotation: dict[str, Any]) -> bool:
        return bool(annotation["result"]) and _label(annotation["result"]) != self.right[annotation["task"]]

    def decide(self, review_task: dict[str, Any], answer: str) -> None:
        """Submit what a reviewer's page would, who says that the answer is the right label."""
        data = review_task["data"]
        decision = {data["given_label"]: "keep", data.get("proposed_label"): "take_proposal"}
        label = data["given_label"] if answer in decision else answer
        verdict = _reading(decision.get(answer, "fix"), from_name="errata_verdict")
        body = {"result": [_reading(label), verdict], "lead_time": 1.0}
        self.owner.post(f"api/tasks/{review_task['id']}/annotations/", body)

    def settings(self) -> dict[str, Any]:
        # A count of predictions stands among them.
        return _without(self.owner.get(f"api/projects/{self.id}/"), "total_predictions_number")

    def backends(self) -> list[dict[str, Any]]:
        # Label Studio asks a backend how it is whenever it lists it, and writes down when.
        return _without(self._of_project("api/ml/"), "updated_at")

    def webhooks(self) -> list[dict[str, Any]]:
        return self._of_project("api/webhooks/")

    def views(self) -> list[dict[str, Any]]:
        return self._of_project("api/dm/views/")

    def storages(self) -> list[dict[str, Any]]:
        return self._of_project("api/storages/")

    def predictions(self) -> dict[int, str]:
        """Return prediction id -> all of it, as text."""
        listed = self._of_project("api/predictions/")
        return {each["id"]: json.dumps(_without(each, "created_ago"), sort_keys=True) for each in listed}

    def tasks(self) -> dict[int, dict[str, Any]]:
        """Return task id -> all that Label Studio exports of it: data, annotations and drafts."""
        asked = {"exportType": "JSON", "download_all_tasks": "true"}
        tasks = self.owner.get(f"api/projects/{self.id}/export", asked)
        return {each["id"]: _without(each, "predictions", "total_predictions", "created_ago") for each in tasks}

    def annotations(self) -> dict[int, str]:
        """Return annotation id -> all of it, as text."""
        every = [annotation for task in self.tasks().values() for annotation in task["annotations"]]
        return {each["id"]: json.dumps(each, sort_keys=True) for each in every}

    def _of_project(self, path: str) -> list[dict[str, Any]]:
        return list(self.owner.get(path, {"project": self.id}))


def _without(value: Any, *keys: str) -> Any:
    """Return what Label Studio said without some keys: words for the time that has passed, say."""
    if isinstance(value, dict):
        return {key: _without(each, *keys) for key, each in value.items() if key not in keys}
    return [_without(each, *keys) for each in value] if isinstance(value, list) else value


def _reading(label: str, **more: Any) -> dict[str, Any]:
    return {
        "id": uuid.uuid4().hex[:10],
        "from_name": "reading",
        "to_name": "photo",
        "type": "choices",
        "value": {"choices": [label]},
        **more,
    }


def _label(result: Sequence[dict[str, Any]]) -> str:
    (region,) = result
    return str(region["value"]["choices"][0])


@pytest.fixture(scope="session")
def live_in(sign_up: Callable[[Any, str], AbstractContextManager[Any]]) -> Callable[..., Any]:
    """Make the project on a Label Studio; it, its review project and its accounts are deleted at the end."""

    @contextmanager
    def make(server: Any, foreign: Any) -> Iterator[LivedIn]:
        names = ("ann", "bob", "cleo", "fresh", "newcomer", "quality")
        with ExitStack() as stack:
            people = [stack.enter_context(sign_up(server, name)) for name in names]
            made = _Builder(server, people, foreign)
            yield made.build()
            for each in list(server.client.paged("api/projects/", {"include": "id,description"})):
                if each["id"] == made.id or f"project {made.id}]" in (each["description"] or ""):
                    server.client.delete(f"api/projects/{each['id']}/")

    return make


class _Builder:
    """Does what the people of the project have done, in their order."""

    def __init__(self, server: Any, people: Sequence[Any], foreign: Any) -> None:
        self.server, self.owner, self.foreign = server, server.client, foreign
        foreign.prediction = {"result": [_reading("7", score=0.6)], "score": 0.6, "model_version": "reader-3"}
        self.annotators, self.others = people[:3], people[3:]
        body = {
            "title": "Meter readings",
            "description": "Photos of meters, from the field",
            "label_config": CONFIG,
            "expert_instruction": "<p>Read the digit.</p>",
            "show_instruction": True,
            "maximum_annotations": 2,
        }
        self.id: int = self.owner.post("api/projects/", body)["id"]

    def build(self) -> LivedIn:
        right, pngs = self._digits()
        task_ids = self._import(right, [*self._upload(pngs[: N_TASKS // 2]), *self._local(pngs[N_TASKS // 2 :])])
        self._attach()
        self.owner.patch(f"api/projects/{self.id}/", {"start_training_on_annotation_update": True})
        self._work(task_ids)
        tab = {"title": "Sevens", "ordering": ["-tasks:id"], "gridWidth": 4}
        self.owner.post("api/dm/views/", {"project": self.id, "data": tab})
        return LivedIn(
            self.server,
            self.id,
            self.owner,
            self.annotators,
            *self.others,
            self.foreign,
            task_ids,
            dict(zip(task_ids, right, strict=True)),
            task_ids[N_LABELLED : N_LABELLED + 3],
            task_ids[N_LABELLED + 4 :],
        )

    def _digits(self) -> tuple[list[str], list[bytes]]:
        every = load_digits(planted_share=0)
        of_class = {name: [n for n, label in enumerate(every.right) if label == name] for name in CLASSES}
        chosen = [of_class[CLASSES[n % len(CLASSES)]][n // len(CLASSES)] for n in range(N_TASKS)]
        return [every.right[n] for n in chosen], [every.pngs[n] for n in chosen]

    def _upload(self, pngs: Sequence[bytes]) -> list[str]:
        files = [(f"meter-{n:03}.png", png) for n, png in enumerate(pngs)]
        said = self.owner.upload(f"api/projects/{self.id}/import", files, {"commit_to_project": "false"})
        listed = self.owner.get(f"api/projects/{self.id}/file-uploads", {"ids": json.dumps(said["file_upload_ids"])})
        addresses = {each["id"]: f"/data/{each['file']}" for each in listed}
        return [addresses[each] for each in said["file_upload_ids"]]

    def _local(self, pngs: Sequence[bytes]) -> list[str]:
        folder: Path = self.server.files / f"meters-{self.id}"
        folder.mkdir()
        for n, png in enumerate(pngs):
            (folder / f"{n:03}.png").write_bytes(png)
        storage = {"project": self.id, "title": "Share", "path": str(folder), "use_blob_urls": True}
        self.owner.post("api/storages/localfiles/", storage)
        return [f"/data/local-files/?d={folder.name}/{n:03}.png" for n in range(len(pngs))]

    def _import(self, right: Sequence[str], addresses: Sequence[str]) -> list[int]:
        """Import tasks with what two of the three said of each."""
        tasks = []
        for n, (label, address) in enumerate(zip(right, addresses, strict=True)):
            said = (WRONG.get(n, label), DIFFER.get(n, WRONG.get(n, label)))
            two = (self.annotators[n % 3], self.annotators[(n + 1) % 3])
            annotations = [
                {
                    "result": [_reading(says)],
                    "completed_by": who.id,
                    "lead_time": 2.5 + n / 8,
                    "ground_truth": n in (0, 1) and who is two[0],
                }
                for who, says in zip(two, said, strict=True)
            ]
            data = {"photo": address, "meter": f"M-{n:03}"}
            tasks.append({"data": data, "annotations": annotations if n < N_LABELLED else []})
        answer = self.owner.post(f"api/projects/{self.id}/import", tasks, {"return_task_ids": "true"})
        return [int(task_id) for task_id in answer["task_ids"]]

    def _attach(self) -> None:
        """Attach a backend, to which Label Studio adds a webhook, and a webhook of the team's."""
        self.owner.post("api/ml/", {"project": self.id, "url": self.foreign.url, "title": "Meter reader"})
        hook = {"url": f"{self.foreign.url}/team", "send_payload": True, "send_for_all_actions": True}
        self.owner.post("api/webhooks/", {"project": self.id, **hook, "headers": {"X-Team": "meters"}})

    def _work(self, task_ids: Sequence[int]) -> None:
        """Label once, skip, leave a draft, and take over what the model said."""
        ann, bob, cleo = (each.client for each in self.annotators)
        once, skipped, begun, taken = task_ids[N_LABELLED : N_LABELLED + 4]
        ann.post(f"api/tasks/{once}/annotations/", {"result": [_reading("0")], "lead_time": 4.25})
        bob.post(f"api/tasks/{skipped}/annotations/", {"result": [], "was_cancelled": True, "lead_time": 1.5})
        cleo.post(f"api/tasks/{begun}/drafts", {"result": [_reading("3")], "lead_time": 3.0})
        chosen = {"selectedItems": {"all": False, "included": [taken, *task_ids[:3]]}}
        self.owner.post("api/dm/actions/", chosen, {"id": "retrieve_tasks_predictions", "project": self.id})
        said = self.owner.get("api/predictions/", {"task": taken})
        for client in (ann, bob):
            took = {"result": said[0]["result"], "parent_prediction": said[0]["id"], "lead_time": 0.5}
            client.post(f"api/tasks/{taken}/annotations/", took)
