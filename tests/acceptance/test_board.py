"""Decisions on the scan board, on a real Label Studio: the review project follows, and so do plan, apply and undo."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from errata.audit.progress import LineProgress
from errata.boards.actions import Action, Mark, Outcome, Reviewer
from errata.boards.decisions import Decisions
from errata.boards.known_rows import KnownRows
from errata.boards.shelf import Shelf
from errata.errors import LabelStudioUnreachable
from errata.settings import ProjectSettings
from errata.store.board_log import BoardLog
from errata.store.verdict_figures import VerdictFigures
from errata.wiring import BeliefOptions, Wiring

QUIET = LineProgress(lambda _: None)
CONFIG = """<View><Text name="text" value="$text"/>
<Choices name="label" toName="text"><Choice value="cat"/><Choice value="dog"/><Choice value="cow"/></Choices></View>"""
WRONG = (1, 4, 7, 10)  # tasks whose label is not what the predictions say
BOXES = """<View><Image name="image" value="$image"/>
<RectangleLabels name="box" toName="image">
<Label value="car"/><Label value="bus"/><Label value="van"/></RectangleLabels>
</View>"""
THIRD = (60.0, 10.0, 20.0, 15.0)
PLACES = {"car": (10.0, 10.0, 20.0, 15.0), "bus": (55.0, 50.0, 30.0, 25.0)}


@dataclass
class Person:
    """Somebody who decides on the board."""

    errata: Wiring
    project_id: int
    reviewer: Reviewer
    n_actions: int = field(default=0)

    @property
    def board(self) -> Decisions:
        """A new one each time, as after a restart."""
        errata = self.errata
        rows = KnownRows(errata.boards, Shelf(errata.boards, VerdictFigures(errata.engine)))
        return Decisions(rows, errata.audits, BoardLog(errata.engine), errata.codecs)

    def decides(self, *marks: Mark, kind: Any = "decide") -> Outcome:
        self.n_actions += 1
        action = Action(f"{self.reviewer.id}-{self.n_actions}", kind, marks, 2.0 * len(marks))
        return self.board.take(self.project_id, self.reviewer, [action])

    def sees(self, key: str) -> Any:
        return self.board.standings(self.project_id, self.reviewer, [key])[key]


@pytest.fixture
def people(label_studio: Any) -> Iterator[list[dict[str, Any]]]:
    """Return two users of Label Studio."""
    names = [f"board-{secrets.token_hex(4)}" for _ in range(2)]
    client = label_studio.client
    made = [client.post("api/users/", {"username": name, "email": f"{name}@example.com"}) for name in names]
    yield made
    for each in made:
        client.delete(f"api/users/{each['id']}/")


@pytest.fixture
def answered(label_studio: Any, review_tasks: Callable[[int], list[dict[str, Any]]]) -> Callable[..., Any]:
    """Return finding -> the annotations of its review task."""

    def read(project_id: int) -> dict[str, list[dict[str, Any]]]:
        return {task["data"]["finding"]: task["annotations"] for task in review_tasks(project_id)}

    return read


def said(annotation: dict[str, Any], control: str) -> Any:
    (value,) = [each["value"] for each in annotation["result"] if each["from_name"] == control]
    return next(value[key] for key in ("choices", "text", "rectanglelabels") if key in value)


def test_choices_decided_on_the_board_close_the_review_tasks_and_go_into_the_plan(
    label_studio: Any, open_errata: Any, make_project: Any, results: Any, people: Any, answered: Any
) -> None:
    """Either place follows the other: by decision, change, deletion and undo; then plan, apply, undo."""
    client = label_studio.client
    project_id = make_project("Animals", CONFIG, text_tasks())
    before = results(project_id)
    with open_errata() as errata:
        errata.audit(project_id, BeliefOptions(belief="stored"), QUIET)
        ann, bob = (Person(errata, project_id, Reviewer(each["id"], each["email"])) for each in people)
        first, second, third, fourth = answered(project_id)
        quiet = next(key for key in all_keys(errata, project_id) if key not in answered(project_id))

        outcome = ann.decides(Mark(first, "take_proposal"), Mark(second, "fix", "cow"), Mark(third, "keep"))
        assert (len(outcome.accepted), outcome.refused, outcome.depth.undo) == (1, (), 1)
        ann.decides(Mark(fourth, "keep", strength="scan"), Mark(quiet, "wrong", reason="missing"))
        errata.close_review_tasks()
        there = answered(project_id)
        assert [len(there[key]) for key in (first, second, third, fourth)] == [1, 1, 1, 0]
        assert {each[0]["completed_by"] for each in there.values() if each} == {ann.reviewer.id}
        assert said(there[first][0], "errata_verdict") == ["take_proposal"]
        assert (said(there[second][0], "errata_verdict"), said(there[second][0], "label")) == (["fix"], ["cow"])
        assert there[first][0]["lead_time"] == pytest.approx(2.0)

        records = errata.verdicts.of_project(project_id)
        taken = errata.take_verdicts(project_id)
        assert (taken.changed, taken.forgotten, taken.contradictory) == (0, 0, 0)
        assert errata.verdicts.of_project(project_id) == records
        assert {each.finding_key for each in records} == {first, second, third, quiet}
        errata.close_review_tasks()
        assert answered(project_id) == there  # once is enough

        # Somebody changes the answer there: it takes the decision's place.
        changed = copy.deepcopy(there[third][0]["result"])
        for each in changed:
            if each["from_name"] == "errata_verdict":
                each["value"]["choices"] = ["wrong"]
        client.patch(f"api/annotations/{there[third][0]['id']}/", {"result": changed})
        assert errata.take_verdicts(project_id).changed == 1
        assert ann.sees(third).mine.decision == "wrong"
        assert bob.sees(third).others[0].decision == "wrong"
        errata.close_review_tasks()
        assert len(answered(project_id)[third]) == 1

        # Somebody deletes one there: the decision is withdrawn.
        client.delete(f"api/annotations/{there[first][0]['id']}/")
        assert errata.take_verdicts(project_id).forgotten == 1
        assert ann.sees(first).mine is None
        errata.close_review_tasks()
        assert answered(project_id)[first] == []

        # Undone on the board: open there again; and decided anew.
        assert ann.decides(kind="undo").depth.undo == 1
        outcome = ann.decides(kind="undo")
        assert (outcome.depth.undo, outcome.depth.redo) == (0, 2)
        errata.close_review_tasks()
        there = answered(project_id)
        assert [len(there[key]) for key in (first, second, third, fourth)] == [0, 0, 1, 0]
        assert errata.take_verdicts(project_id).total == 1
        ann.decides(kind="redo")
        errata.close_review_tasks()
        assert [len(answered(project_id)[key]) for key in (first, second)] == [1, 1]

        # Decided there: it stands here.
        answer = {"result": [choice("errata_verdict", "keep")], "completed_by": bob.reviewer.id}
        tasks_of = {task["data"]["finding"]: task["id"] for task in listed(client, errata, project_id)}
        client.post(f"api/tasks/{tasks_of[fourth]}/annotations/", answer)
        errata.take_verdicts(project_id)
        assert (bob.sees(fourth).mine.decision, ann.sees(fourth).others[0].reviewer) == ("keep", bob.reviewer.email)

        # Two who differ: both are kept, nothing of it is planned, and the task is to be looked at again.
        bob.decides(Mark(second, "keep"))
        assert ann.sees(second).is_contradictory
        errata.take_verdicts(project_id)
        errata.close_review_tasks()
        assert len(answered(project_id)[second]) == 2
        again = [task["data"]["finding"] for task in listed(client, errata, project_id) if task["data"]["look_again"]]
        assert again == [second]
        status = errata.status(project_id)
        assert [each.review_task_id for each in status.contradictions] == [tasks_of[second]]
        assert [(change.finding_key, change.new_label) for change in errata.plan(project_id).changes] == [
            (first, dict_of(errata, first).proposal.label)
        ]
        bob.decides(kind="undo")
        assert len(errata.plan(project_id).changes) == 2

        applied = errata.apply(project_id)
        assert (len(applied.written), applied.conflicts) == (2, ())
        assert sum(a != b for a, b in zip(before, results(project_id), strict=True)) == 2
        assert errata.plan(project_id).changes == ()
        errata.audit(project_id, BeliefOptions(belief="stored"), QUIET)  # what is decided stays closed
        assert len(errata.undo(project_id, None).restored) == 2
        assert results(project_id) == before


def test_boxes_decided_on_the_board_are_relabelled_where_they_are(
    label_studio: Any, open_errata: Any, make_project: Any, results: Any, people: Any, answered: Any
) -> None:
    """A box gets another label and stays as it is drawn; a missing one is added; undo brings all back."""
    client = label_studio.client
    project_id = make_project("Boxes", BOXES, box_tasks())
    before = results(project_id)
    with open_errata() as errata:
        errata.audit(project_id, BeliefOptions(belief="stored"), QUIET)
        (ann, _) = (Person(errata, project_id, Reviewer(each["id"], each["email"])) for each in people)
        found = {key: dict_of(errata, key) for key in answered(project_id)}
        wrong = next(key for key, each in found.items() if each.given.label == "bus")
        missing = next(key for key, each in found.items() if each.given.label is None)
        right = next(
            key
            for key, each in all_keys(errata, project_id).items()
            if key not in found and each.given.region_id == "r2-0"
        )
        outcome = ann.decides(
            Mark(wrong, "fix", "van"),
            Mark(missing, "take_proposal"),
            Mark(right, "fix", "bus"),
            Mark(right, "fix", "cow"),
        )
        assert [(each.key, "no label" in each.why) for each in outcome.refused] == [(right, True)]
        assert outcome.standings[wrong].mine.label == "van"
        errata.close_review_tasks()
        there = answered(project_id)
        assert said(there[wrong][0], "errata_verdict") == ["fix"]
        region = next(each for each in there[wrong][0]["result"] if each["id"] == found[wrong].given.region_id)
        assert region["value"]["rectanglelabels"] == ["van"]
        assert errata.take_verdicts(project_id).changed == 0
        for key in (wrong, missing):  # touched by somebody, and read as what was decided
            touched = with_note(there[key][0]["result"], "Looked again.")
            client.patch(f"api/annotations/{there[key][0]['id']}/", {"result": touched})
        taken = errata.take_verdicts(project_id)
        assert (taken.changed, taken.contradictory) == (2, 0)

        planned = {(change.old_label, change.new_label) for change in errata.plan(project_id).changes}
        assert planned == {("bus", "van"), (None, "car"), ("car", "bus")}
        assert len(errata.apply(project_id).written) == 3
        assert (errata.plan(project_id).changes, errata.plan(project_id).applied) == ((), 3)
        after = results(project_id)
        expected = copy.deepcopy(before)
        expected[3][0]["value"]["rectanglelabels"] = ["van"]
        expected[2][0]["value"]["rectanglelabels"] = ["bus"]
        assert after[9].pop()["value"]["rectanglelabels"] == ["car"]
        assert after == expected
        assert len(errata.undo(project_id, None).restored) == 3
        assert results(project_id) == before
        assert errata.plan(project_id).changes == ()  # undone, and not decided anew
        ann.decides(kind="undo")
        ann.decides(kind="redo")
        assert len(errata.plan(project_id).changes) == 3  # decided anew


def test_what_is_written_for_the_board_is_read_as_the_same_decisions(
    label_studio: Any, open_errata: Any, make_project: Any, results: Any, people: Any, answered: Any
) -> None:
    """Of several findings in one task: it is answered once all are decided, and read alike when it is touched."""
    client = label_studio.client
    project_id = make_project("Items", BOXES, box_tasks(several=True))
    with open_errata() as errata:
        errata.project_settings.put(project_id, ProjectSettings(review_by="item"))
        errata.audit(project_id, BeliefOptions(belief="stored"), QUIET)
        ann, bob = (Person(errata, project_id, Reviewer(each["id"], each["email"])) for each in people)
        (item,) = [task for task in listed(client, errata, project_id) if task["data"]["n"] == 3]
        found = {each["finding"]: dict_of(errata, each["finding"]) for each in item["data"]["findings"]}
        assert len(found) == 4, [(each.given.region_id, each.proposal) for each in found.values()]
        wrong = next(key for key, each in found.items() if each.given.region_id == "r3-0")
        spurious = next(key for key, each in found.items() if each.given.region_id == "r3-2")
        missing = next(key for key, each in found.items() if each.given.label is None)
        (moved,) = found.keys() - {wrong, spurious, missing}
        ann.decides(Mark(wrong, "fix", "van"), Mark(spurious, "take_proposal"), Mark(missing, "take_proposal"))
        errata.close_review_tasks()
        assert annotations(client, errata, project_id, 3) == []
        bob.decides(Mark(moved, "wrong", reason="boundary"))
        errata.close_review_tasks()
        there = annotations(client, errata, project_id, 3)
        assert {each["completed_by"] for each in there} == {ann.reviewer.id, bob.reviewer.id}
        errata.take_verdicts(project_id)
        before = {(each.finding_key, each.reviewer, each.decision) for each in errata.verdicts.of_project(project_id)}
        planned = errata.plan(project_id).changes
        assert (len(before), len(planned)) == (4, 3)

        for each in there:
            client.patch(f"api/annotations/{each['id']}/", {"result": with_note(each["result"], "Looked again.")})
        assert errata.take_verdicts(project_id).contradictory == 0
        records = errata.verdicts.of_project(project_id)
        assert {(each.finding_key, each.reviewer, each.decision) for each in records} == before
        assert not any(each.is_of_board for each in records)
        assert [(c.finding_key, c.new_label) for c in errata.plan(project_id).changes] == [
            (c.finding_key, c.new_label) for c in planned
        ]
        ann.decides(kind="undo")  # what was changed there is theirs
        errata.close_review_tasks()
        assert len(annotations(client, errata, project_id, 3)) == 2
        assert len(errata.apply(project_id).written) == 3
        assert [each["value"]["rectanglelabels"] for each in results(project_id)[3]] == [["van"], ["bus"], ["car"]]


def test_a_review_task_is_closed_once_whatever_breaks_in_between(
    open_errata: Any, make_project: Any, people: Any, answered: Any, wire: Any
) -> None:
    """Label Studio is away, or gone right after it took the answer: the verdict stands, and the next look mends it."""
    project_id = make_project("Animals", CONFIG, text_tasks())
    with open_errata(wire.url) as errata:
        errata.audit(project_id, BeliefOptions(belief="stored"), QUIET)
        ann = Person(errata, project_id, Reviewer(people[0]["id"], people[0]["email"]))
        first, second, third, fourth = answered(project_id)
        ann.decides(Mark(first, "wrong"))
        wire.break_at(r"POST /api/tasks/\d+/annotations", 1, "before", lambda: None)
        with pytest.raises(LabelStudioUnreachable):
            errata.close_review_tasks()
        assert (answered(project_id)[first], len(errata.verdicts.of_project(project_id))) == ([], 1)
        errata.close_review_tasks()
        assert [len(answered(project_id)[key]) for key in (first, second)] == [1, 0]

        ann.decides(Mark(second, "wrong"))
        wire.break_at(r"POST /api/tasks/\d+/annotations", 1, "after", lambda: None)
        with pytest.raises(LabelStudioUnreachable):
            errata.close_review_tasks()
        assert wire.broken.is_set()
        assert len(answered(project_id)[second]) == 1
        records = errata.verdicts.of_project(project_id)
        assert errata.take_verdicts(project_id).changed == 0  # errata's own, though it does not know yet
        assert errata.verdicts.of_project(project_id) == records
    with open_errata(wire.url) as errata:
        errata.close_review_tasks()
        assert len(answered(project_id)[second]) == 1
        ann = replace(ann, errata=errata)

        ann.decides(Mark(third, "keep"))  # and undone before errata knew that it was written
        wire.break_at(r"POST /api/tasks/\d+/annotations", 1, "after", lambda: None)
        with pytest.raises(LabelStudioUnreachable):
            errata.close_review_tasks()
        ann.decides(kind="undo")
        errata.close_review_tasks()
        assert [len(answered(project_id)[key]) for key in (first, second, third, fourth)] == [1, 1, 0, 0]
        ann.decides(kind="redo")
        ann.decides(Mark(first, "take_proposal"), Mark(second, None))
        errata.close_review_tasks()
        there = answered(project_id)
        assert [len(there[key]) for key in (first, second, third, fourth)] == [1, 0, 1, 0]
        assert said(there[first][0], "errata_verdict") == ["take_proposal"]
        assert errata.take_verdicts(project_id).total == 2


def test_the_service_takes_decisions_and_closes_review_tasks_behind_them(
    label_studio: Any, make_errata: Any, make_project: Any, answered: Any, wait: Any
) -> None:
    """Who signs in with their token decides under their name; what was decided before a kill is closed after it."""
    project_id, errata = make_project("Animals", CONFIG, text_tasks()), make_errata()
    errata.run("audit", str(project_id), "--belief", "stored")
    first, second, *_ = answered(project_id)
    errata.serve()
    headers = {"X-Errata": "board"}
    with httpx.Client(base_url=f"{errata.url}/board/api/", headers=headers, trust_env=False, timeout=60) as browser:
        who = browser.post("session", json={"token": label_studio.token}).json()["user"]
        (row,) = [each for each in browser.get("projects").json()["projects"] if each["id"] == project_id]
        assert row["decided"] == 0

        def decide(name: str, key: str) -> Any:
            marks = [{"key": key, "decision": "take_proposal", "label": None, "reason": None, "strength": "verdict"}]
            action = {"id": name, "kind": "decide", "at": "2026-01-01T00:00:00Z", "seconds": 1.5, "marks": marks}
            return browser.post(f"projects/{project_id}/actions", json={"actions": [action]}).json()

        assert decide("a", first)["standings"][first]["mine"]["decision"] == "take_proposal"
        wait(lambda: answered(project_id)[first], "closing a review task")
        decide("b", second)
        errata.kill()
        errata.stop()
        errata.serve()
        again = decide("b", second)  # the answer may have been lost
        assert (again["accepted"], again["undo"]) == (["b"], 2)
        wait(lambda: answered(project_id)[second], "closing a review task after a kill")
        there = answered(project_id)
        assert [len(there[key]) for key in (first, second)] == [1, 1]
        assert there[first][0]["completed_by"] == who["id"]
        assert browser.get(f"projects/{project_id}/history").json()["decided"] == 2
    state = errata.ask("status", str(project_id))
    assert (state["reviewed"], state["wrong"], state["pending"]) == (2, 2, 2)


def text_tasks() -> list[dict[str, Any]]:
    """Return texts, of which four have another label than the predictions say."""
    labels = ["cat" if n % 2 else "dog" for n in range(24)]
    believed = [other(label) if n in WRONG else label for n, label in enumerate(labels)]
    return [
        {
            "data": {"text": f"text {n}"},
            "annotations": [{"result": [choice("label", labels[n])]}],
            "predictions": [{"model_version": "theirs", "score": 0.9, "result": [choice("label", believed[n])]}],
        }
        for n in range(24)
    ]


def choice(control: str, label: str) -> dict[str, Any]:
    value = {"from_name": control, "to_name": "text", "type": "choices", "value": {"choices": [label]}}
    return {"id": f"g-{control}", **value}


def other(label: str) -> str:
    return "dog" if label == "cat" else "cat"


def box(region_id: str, label: str, place: tuple[float, ...], **more: Any) -> dict[str, Any]:
    x, y, width, height = place
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": 0, "rectanglelabels": [label]}
    about = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    return {**about, "value": value, "original_width": 640, "original_height": 480, "image_rotation": 0, **more}


def box_tasks(*, several: bool = False) -> list[dict[str, Any]]:
    """Return images with two boxes; one has a wrong class, one misses a box; with `several` all is wrong with one."""
    return [
        {
            "data": {"image": f"https://errata.invalid/{n}.png", "n": n},
            "annotations": [{"result": all_wrong() if several and n == 3 else drawn(n)}],
            "predictions": [{"model_version": "theirs", "score": 0.9, "result": predicted(n, three=several)}],
        }
        for n in range(24)
    ]


def all_wrong() -> list[dict[str, Any]]:
    """Return a car called a bus, a bus off its place, and one box too many; the third car is missing."""
    return [
        box("r3-0", "bus", PLACES["car"]),
        box("r3-1", "bus", (59.0, 53.0, 30.0, 25.0)),
        box("r3-2", "car", (5.0, 70.0, 12.0, 9.0)),
    ]


def with_note(result: list[dict[str, Any]], note: str) -> list[dict[str, Any]]:
    return [{**each, "value": {"text": [note]}} if each["from_name"] == "errata_note" else each for each in result]


def annotations(client: Any, errata: Wiring, project_id: int, n: int) -> list[dict[str, Any]]:
    (task,) = [task for task in listed(client, errata, project_id) if task["data"]["n"] == n]
    return list(task["annotations"])


def drawn(n: int) -> list[dict[str, Any]]:
    labels = ("bus", "bus") if n == 3 else ("car", "bus")
    boxes = [
        box(f"r{n}-{k}", label, place, origin="manual", meta={"text": [f"note {n}"]})
        for k, (label, place) in enumerate(zip(labels, PLACES.values(), strict=True))
    ]
    return boxes[1:] if n == 9 else boxes


def predicted(n: int, *, three: bool = False) -> list[dict[str, Any]]:
    places = [*PLACES.items(), *([("car", THIRD)] if three and n == 3 else [])]
    return [
        box(f"p{n}-{k}", label, (x + (n % 5) / 10, y, width, height), score=0.95 - (n % 4) / 50)
        for k, (label, (x, y, width, height)) in enumerate(places)
    ]


def all_keys(errata: Wiring, project_id: int) -> dict[str, Any]:
    version = errata.boards.active(project_id)
    table = errata.boards.load(project_id, version)
    details = errata.boards.details(project_id, version, range(len(table)))
    return {key.decode(): detail.finding for key, detail in zip(table.keys, details, strict=True)}


def dict_of(errata: Wiring, key: str) -> Any:
    return errata.audits.get([key])[key]


def listed(client: Any, errata: Wiring, project_id: int) -> list[dict[str, Any]]:
    (trace,) = [each for each in errata.footprint.of_project(project_id) if each.kind == "review_project"]
    return list(client.paged("api/tasks/", {"project": trace.ref, "fields": "all"}))
