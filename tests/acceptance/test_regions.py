"""Boxes on a real Label Studio: found, decided about as its page submits it, written, and taken back."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from errata.audit.progress import LineProgress
from errata.wiring import BeliefOptions

CONFIG = """<View><Image name="image" value="$image"/>
<RectangleLabels name="box" toName="image"><Label value="car"/><Label value="bus"/></RectangleLabels>
<Choices name="seen" toName="image" perRegion="true"><Choice value="whole"/><Choice value="half"/></Choices></View>"""
QUIET = LineProgress(lambda _: None)
N_TASKS, WRONG, MOVED, MISSING, SPURIOUS = 24, 3, 6, 9, 12
PLACES = {"car": (10.0, 10.0, 20.0, 15.0), "bus": (55.0, 50.0, 30.0, 25.0)}


def part(region_id: str, type_: str, name: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    size = {"original_width": 640, "original_height": 480, "image_rotation": 0}
    return {"id": region_id, "from_name": name, "to_name": "image", "type": type_, "value": value, **size, **more}


def at(x: float, y: float, width: float, height: float) -> dict[str, float]:
    return {"x": x, "y": y, "width": width, "height": height, "rotation": 0}


def box(region_id: str, label: str, place: tuple[float, ...], **more: Any) -> dict[str, Any]:
    return part(region_id, "rectanglelabels", "box", {**at(*place), "rectanglelabels": [label]}, **more)


def given(n: int) -> list[dict[str, Any]]:
    """Return what a person drew on image n: two boxes, with an answer about the first, and a relation."""
    labels = ("bus", "bus") if n == WRONG else ("car", "bus")
    places = [PLACES["car"], PLACES["bus"]]
    if n == MOVED:
        places[0] = (19.0, 16.0, 20.0, 15.0)
    boxes = [
        box(f"r{n}-{k}", label, place, origin="manual")
        for k, (label, place) in enumerate(zip(labels, places, strict=True))
    ]
    seen = part(f"r{n}-0", "choices", "seen", {**at(*places[0]), "choices": ["half"]})
    relation = {"type": "relation", "from_id": f"r{n}-0", "to_id": f"r{n}-1", "direction": "right"}
    if n == MISSING:
        return [boxes[1]]
    more = [box(f"r{n}-2", "car", (70.0, 5.0, 12.0, 9.0), meta={"text": ["far"]})] if n == SPURIOUS else []
    return [boxes[0], seen, boxes[1], relation, *more]


def predicted(n: int) -> list[dict[str, Any]]:
    shift = (n % 5) / 10
    return [
        box(f"p{n}-{k}", label, (x + shift, y, width, height), score=0.95 - (n % 4) / 50)
        for k, (label, (x, y, width, height)) in enumerate(PLACES.items())
    ]


@pytest.fixture
def project(make_project: Callable[..., int]) -> int:
    """Make a project of boxes and predictions."""
    tasks = [
        {
            "data": {"image": f"https://errata.invalid/{n}.png", "n": n},
            "annotations": [{"result": given(n)}],
            "predictions": [{"model_version": "theirs", "score": 0.9, "result": predicted(n)}],
        }
        for n in range(N_TASKS)
    ]
    return make_project("Boxes", CONFIG, tasks)


def filled_in(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the form of a review task opens with, as the page submits it."""
    (prediction,) = [each for each in task["predictions"] if each["model_version"] == "given label"]
    return [each | ({} if each["type"] == "relation" else {"origin": "prediction"}) for each in prediction["result"]]


def answer(client: Any, task: dict[str, Any], choice: str, result: list[dict[str, Any]]) -> None:
    about = {"id": "v", "from_name": "errata_verdict", "to_name": "image", "type": "choices"}
    body = {"result": [*result, {**about, "value": {"choices": [choice]}}], "lead_time": 3.0}
    client.post(f"api/tasks/{task['id']}/annotations/", body)


def test_boxes_are_audited_reviewed_fixed_and_put_back(
    label_studio: Any, make_errata: Any, review_tasks: Any, results: Any, project: int
) -> None:
    """All sorts of mistakes are found; what reviewers confirm is written, other edits on request; undo is exact."""
    client, errata = label_studio.client, make_errata()
    before = results(project)
    audit = ("audit", str(project), "--belief", "stored")
    errata.run(*audit)
    again = errata.ask(*audit)
    assert (again["inserted"], again["moved"], again["withdrawn"]) == (0, 0, 0)
    queue = {(task["data"]["n"], task["data"]["region"]): task for task in review_tasks(project)}
    wrong, moved = queue[WRONG, f"r{WRONG}-0"], queue[MOVED, f"r{MOVED}-0"]
    missing, spurious = queue[MISSING, ""], queue[SPURIOUS, f"r{SPURIOUS}-2"]
    assert {n for n, _ in queue} == {WRONG, MOVED, MISSING, SPURIOUS}
    assert 'Marked "bus" at the top left (red)' in wrong["data"]["question"]
    assert 'Not marked: "car" at the top left (turquoise)' in missing["data"]["question"]

    answer(client, wrong, "take_proposal", filled_in(wrong))
    by_hand = (10.2, 10.1, 20.1, 15.0)
    kept = [each for each in filled_in(moved) if each.get("id") not in (None, f"r{MOVED}-1")]  # one deleted, too
    edited = [box(f"r{MOVED}-0", "car", by_hand) if each["from_name"] == "box" else each for each in kept]
    answer(client, moved, "fix", edited)
    answer(client, missing, "take_proposal", filled_in(missing))
    answer(client, spurious, "fix", [each for each in filled_in(spurious) if each.get("id") != f"r{SPURIOUS}-2"])

    said = errata.run("plan", str(project))
    for words in ('"bus" -> "car"', 'redraw "car"', 'add "car"', 'remove "car"', "not asked for: task", 'remove "bus"'):
        assert words in said
    assert "4 labels to change" in said
    assert "1 other edits by reviewers (--with-other-edits takes those too)" in said
    applied = errata.ask("apply", str(project))
    assert (applied["written"], applied["conflicts"], applied["stopped"]) == (4, [], None)

    expected = copy.deepcopy(before)
    expected[WRONG][0]["value"]["rectanglelabels"] = ["car"]
    for each in expected[MOVED][:2]:
        each["value"] |= at(*by_hand)
    del expected[SPURIOUS][4]
    after = results(project)
    added = after[MISSING].pop()
    assert after == expected
    assert (added["from_name"], added["value"]["rectanglelabels"]) == ("box", ["car"])
    assert added["value"]["x"] == pytest.approx(10, abs=0.5)
    assert (added["original_width"], added["original_height"], added["origin"]) == (640, 480, "manual")
    assert errata.ask("apply", str(project))["written"] == 0  # once is enough

    assert errata.ask("apply", str(project), "--with-other-edits")["written"] == 1
    assert [each["id"] for each in results(project)[MOVED]] == [f"r{MOVED}-0", f"r{MOVED}-0"]
    assert errata.ask(*audit)["open"] == 1  # the box that a reviewer deleted beside their question, and the belief has

    undone = errata.ask("undo", "--all", str(project))
    assert (undone["restored"], undone["conflicts"]) == (5, [])
    assert results(project) == before


def test_what_contradicts_itself_or_was_edited_since_is_left_alone(
    label_studio: Any, open_errata: Any, review_tasks: Any, results: Any, project: int
) -> None:
    """A decision that the edits belie is listed; a box that somebody moved meanwhile, or drew, is theirs."""
    client = label_studio.client
    with open_errata() as errata:
        errata.connect(project)
        errata.audit(project, BeliefOptions(belief="stored"), QUIET)
        queue = {task["data"]["n"]: task for task in review_tasks(project)}
        answer(
            client,
            queue[SPURIOUS],
            "keep",
            [each for each in filled_in(queue[SPURIOUS]) if each.get("id") != f"r{SPURIOUS}-2"],
        )
        answer(client, queue[MOVED], "fix", filled_in(queue[MOVED]))
        answer(client, queue[WRONG], "take_proposal", filled_in(queue[WRONG]))
        answer(client, queue[MISSING], "take_proposal", filled_in(queue[MISSING]))
        assert errata.take_verdicts(project).contradictory == 2

        annotations = {
            task["data"]["n"]: task["annotations"][0]
            for task in client.paged("api/tasks/", {"project": project, "fields": "all"})
        }
        theirs = copy.deepcopy(annotations[WRONG]["result"])
        theirs[0]["value"]["x"] = 11.5
        drawn = [*annotations[MISSING]["result"], box("theirs", "car", PLACES["car"])]
        for n, result in ((WRONG, theirs), (MISSING, drawn)):
            client.patch(f"api/annotations/{annotations[n]['id']}/", {"result": result})
        plan = errata.plan(project)
        assert plan.changes == ()
        assert sorted(conflict.why for conflict in plan.conflicts) == [
            "somebody changed where the region is since",
            'somebody drew a "car" there since',
        ]
        status = errata.status(project)
        assert sorted(each.why.split(",")[0] for each in status.contradictions) == [
            "said to be corrected",
            "said to be right",
        ]
        now = results(project)
        assert errata.apply(project).written == ()
        assert results(project) == now


def test_drawings_begin_and_end_empty_and_are_sent_by_hand(
    label_studio: Any, open_errata: Any, review_tasks: Any, results: Any, project: int
) -> None:
    """Nothing was marked where something is; all that is marked is wrong; a region that nobody doubts is sent."""
    client = label_studio.client
    tasks = {task["data"]["n"]: task for task in client.paged("api/tasks/", {"project": project, "fields": "all"})}
    for n, result in ((0, []), (1, [box("alone", "car", (80.0, 80.0, 5.0, 5.0))])):
        client.patch(f"api/annotations/{tasks[n]['annotations'][0]['id']}/", {"result": result})
    before = results(project)
    with open_errata() as errata:
        errata.connect(project)
        errata.audit(project, BeliefOptions(belief="stored"), QUIET)
        sent = errata.send(project, [tasks[20]["id"]], QUIET)
        assert (sent.labels, sent.sent) == (2, 2)
        of_task: dict[int, dict[str, dict[str, Any]]] = {}
        for task in review_tasks(project):
            of_task.setdefault(task["data"]["n"], {})[task["data"]["region"] or task["data"]["proposed_label"]] = task
        assert of_task[0].keys() == {"car", "bus"}
        assert "alone" in of_task[1]
        sent_by_hand = of_task[20]["r20-1"]
        assert sent_by_hand["data"]["question"].startswith('Marked "bus" at the right (red).')
        answer(client, of_task[0]["car"], "take_proposal", filled_in(of_task[0]["car"]))
        answer(client, of_task[1]["alone"], "take_proposal", filled_in(of_task[1]["alone"]))
        answer(client, sent_by_hand, "keep", filled_in(sent_by_hand))
        assert errata.take_verdicts(project).total == 3
        assert len(errata.apply(project).written) == 2
        after = results(project)
        assert [each["value"]["rectanglelabels"] for each in after[0]] == [["car"]]
        assert after[1:] == [[], *before[2:]]
        errata.undo(project, None)
        assert results(project) == before
