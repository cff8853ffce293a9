"""All findings of an image in one review task on a real Label Studio, decided region by region."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

CONFIG = """<View><Image name="image" value="$image"/>
<RectangleLabels name="box" toName="image"><Label value="car"/><Label value="bus"/></RectangleLabels></View>"""
N_TASKS, ODD, LESS = 24, 3, 6
PLACES = {
    "a": ("car", (10.0, 10.0, 20.0, 15.0)),
    "b": ("bus", (55.0, 50.0, 30.0, 25.0)),
    "c": ("car", (60.0, 10.0, 20.0, 15.0)),
}
EXTRA = ("car", (5.0, 70.0, 12.0, 9.0))


def at(x: float, y: float, width: float, height: float) -> dict[str, float]:
    return {"x": x, "y": y, "width": width, "height": height, "rotation": 0}


def box(region_id: str, label: str, place: tuple[float, ...], **more: Any) -> dict[str, Any]:
    about = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    size = {"original_width": 640, "original_height": 480, "image_rotation": 0}
    return {**about, "value": {**at(*place), "rectanglelabels": [label]}, **size, **more}


def given(n: int) -> list[dict[str, Any]]:
    """Return what a person drew on image n; one has a wrong class, a box off its place, none at c, one extra."""
    boxes = {name: box(f"{name}{n}", label, place, origin="manual") for name, (label, place) in PLACES.items()}
    if n == ODD:
        boxes["a"] = box(f"a{n}", "bus", PLACES["a"][1], origin="manual")
        boxes["b"]["value"] |= at(63.0, 57.0, 30.0, 25.0)
        boxes["x"] = box(f"x{n}", *EXTRA, origin="manual")
    if n in (ODD, LESS):
        del boxes["c"]
    return list(boxes.values())


def predicted(n: int) -> list[dict[str, Any]]:
    shift = (n % 5) / 10
    return [
        box(f"p{name}{n}", label, (place[0] + shift, *place[1:]), score=0.95 - (n % 4) / 50)
        for name, (label, place) in PLACES.items()
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
    return make_project("Items", CONFIG, tasks)


def filled_in(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the form of a review task opens with, as the page submits it."""
    (prediction,) = [each for each in task["predictions"] if each["model_version"] == "given label"]
    return [each | {"origin": "prediction"} for each in prediction["result"]]


def decision(region: dict[str, Any], choice: str) -> dict[str, Any]:
    """Return a decision about a region, as the page submits it: beside the region, with its place."""
    place = {key: region["value"][key] for key in ("x", "y", "width", "height", "rotation")}
    about = {"from_name": "errata_region_verdict", "type": "choices", "value": {**place, "choices": [choice]}}
    return {**region, **about}


def test_each_finding_of_an_image_is_decided_at_its_region(
    label_studio: Any, make_errata: Any, review_tasks: Any, results: Any, project: int
) -> None:
    """One is right, a missing one is taken, one is moved by hand, one is left open: planned, written and put back."""
    client, errata = label_studio.client, make_errata()
    before = results(project)
    errata.run("connect", str(project), "--review-by", "item", "--yes", "--no-backend")
    audit = ("audit", str(project), "--belief", "stored")
    first, again = errata.ask(*audit), errata.ask(*audit)
    assert (again["inserted"], again["moved"], again["withdrawn"]) == (0, 0, 0)
    queue = {task["data"]["n"]: task for task in review_tasks(project)}
    assert queue.keys() == {ODD, LESS}
    findings, lines = queue[ODD]["data"]["findings"], queue[ODD]["data"]["question"].splitlines()[1:]
    assert {each["region"] for each in findings} == {f"a{ODD}", f"b{ODD}", f"x{ODD}", None}
    assert first["open"] == len(findings) + 1 == len(lines) + 1
    (missing,) = [n for n, line in enumerate(lines, 1) if line.startswith(f'{n}. Not marked: "car" at the top right')]

    shown = {each["id"]: each for each in filled_in(queue[ODD])}
    by_hand = (55.2, 50.1, 30.1, 25.0)
    shown[f"b{ODD}"] = box(f"b{ODD}", "bus", by_hand)
    suggested = shown[f"errata-suggested-{missing}"]
    said = [(shown[f"a{ODD}"], "keep"), (suggested, "take_proposal"), (shown[f"b{ODD}"], "fix")]
    result = [*shown.values(), *(decision(region, choice) for region, choice in said)]
    client.post(f"api/tasks/{queue[ODD]['id']}/annotations/", {"result": result, "lead_time": 9.0})

    plan = errata.run("plan", str(project))
    assert "2 labels to change" in plan
    assert 'redraw "bus"' in plan
    assert 'add "car"' in plan
    applied = errata.ask("apply", str(project))
    assert (applied["written"], applied["conflicts"], applied["stopped"]) == (2, [], None)
    after = results(project)
    added = after[ODD].pop()
    expected = copy.deepcopy(before)
    expected[ODD][1]["value"] |= at(*by_hand)
    assert after == expected
    assert (added["value"]["rectanglelabels"], added["from_name"]) == (["car"], "box")
    assert added["value"]["x"] == pytest.approx(60, abs=0.5)
    assert errata.ask("apply", str(project))["written"] == 0

    left = errata.ask(*audit)  # those that were left open, and the image that nobody looked at
    assert (left["inserted"], left["withdrawn"]) == (0, 0)
    assert 2 <= left["open"] <= len(findings) - 2
    errata.run("connect", str(project), "--review-by", "finding", "--yes", "--no-backend")
    errata.ask(*audit)
    by_finding = {task["data"]["n"]: task for task in review_tasks(project)}
    assert by_finding[ODD]["id"] == queue[ODD]["id"]  # touched: it stays, and what it leaves open is asked there
    assert "findings" not in by_finding[LESS]["data"]
    form = client.get(f"api/projects/{by_finding[LESS]['project']}/")["label_config"]
    assert "errata_region_verdict" in form  # what was decided at regions can be looked at, and changed
    assert errata.ask(*audit)["moved"] == 0

    undone = errata.ask("undo", "--all", str(project))
    assert (undone["restored"], undone["conflicts"]) == (2, [])
    assert results(project) == before
