"""Regions held against predictions that the project has: what is found, and that it is found again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest

from errata.audit.believe_elsewhere import StoredBeliever
from errata.audit.missing_regions import recognise_missing
from errata.audit.run import examine
from errata.audit.snapshot import Snapshot
from errata.audit.suspect import Findings
from errata.errors import NothingToLearn
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.tasks import TaskReader
from errata_model.records import Proposal

CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    '<Label value="car"/><Label value="bus"/></RectangleLabels></View>'
)
WITH_CHOICE = CONFIG.replace(
    "</View>", '<Choices name="light" toName="image"><Choice value="day"/><Choice value="night"/></Choices></View>'
)
N_TASKS, SWAPPED, LACKING = 30, 4, 9
Box = tuple[float, float, str]


def region(region_id: str, at: Box, score: float | None = None) -> dict[str, Any]:
    x, y, label = at
    value = {"x": x, "y": y, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": [label]}
    made = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels", "value": value}
    return made if score is None else {**made, "score": score}


def task(n: int, given: Sequence[Box], predicted: Sequence[Box], score: float = 0.9) -> dict[str, Any]:
    result = [region(f"g{n}x{k}", at) for k, at in enumerate(given)]
    said = [region(f"p{n}x{k}", at, score) for k, at in enumerate(predicted)]
    return {
        "id": n,
        "data": {"image": f"{n}.png"},
        "annotations": [{"id": 100 + n, "completed_by": 1, "result": result}],
        "predictions": [{"id": 500 + n, "model_version": "detector", "result": said}],
    }


def tasks(moved: float = 0.0) -> list[dict[str, Any]]:
    """Return tasks of two boxes each; one label is wrong, one box is missing."""
    made = []
    for n in range(1, N_TASKS + 1):
        right: list[Box] = [(5 + n, 10, "car"), (60, 20 + n, "bus")]
        given = [(right[0][0], right[0][1], "bus"), right[1]] if n == SWAPPED else right
        predicted = [(x + moved, y, label) for x, y, label in right]
        made.append(task(n, given[1:] if n == LACKING else given, predicted))
    return made


@pytest.fixture
def snapshot() -> Callable[..., Snapshot]:
    """Read tasks as Label Studio lists them."""

    def read(raw: Sequence[dict[str, Any]], config: str = CONFIG) -> Snapshot:
        served = read_label_config(config)
        reader = TaskReader(served.controls)
        read = tuple(reader.read(each) for each in raw)
        return Snapshot("http://ls/", 7, "Cars", config, served.controls, served.refused, read, reader.skipped())

    return read


@pytest.fixture
def find(told: Any) -> Callable[[Snapshot], Findings]:
    """Hold labels against the stored predictions."""
    return lambda snapshot: examine(snapshot, StoredBeliever(), Codecs(), told).findings


def test_a_belief_that_knows_nothing_of_the_regions_is_named_and_fills_no_queue(snapshot: Any, told: Any) -> None:
    """Predictions of other tasks: a remark says that they find nothing, right regions are no suspects, and nothing is
    missing that is hardly likelier than any error is.
    """
    raw = tasks()
    for row, each in enumerate(raw):
        each["predictions"] = [{**raw[row - N_TASKS // 3]["predictions"][0], "id": 900 + row}]
        each["predictions"][0]["result"] = [
            {**result, "score": 0.05, "value": {**result["value"], "rectanglelabels": ["car"]}}
            for result in each["predictions"][0]["result"]
        ]
    examined = examine(snapshot(raw), StoredBeliever(), Codecs(), told)
    assert any('"box" finds' in each and "--belief own" in each for each in examined.belief.remarks)
    assert all(finding.disagreement > 0.04 for finding in examined.findings.suspects)
    assert all(finding.disagreement < 0.5 for finding in examined.findings.all)
    assert not any(
        '"box" finds' in each for each in examine(snapshot(tasks()), StoredBeliever(), Codecs(), told).belief.remarks
    )


def test_the_wrong_and_the_missing_region_are_the_suspects(snapshot: Any, find: Any) -> None:
    """With what would put them right; every marked region is scored, and those that are right stand far behind."""
    findings = find(snapshot(tasks()))
    assert {(f.given.task_id, f.given.region_id) for f in findings.suspects} == {(SWAPPED, "g4x0"), (LACKING, None)}
    wrong, missing = sorted(findings.suspects, key=lambda f: f.given.task_id)
    assert max(wrong.detectors, key=wrong.detectors.__getitem__) == "wrong_class"
    assert (wrong.given.label, wrong.proposal.action, wrong.proposal.label) == ("bus", "replace", "car")
    assert (wrong.proposal.value["id"], wrong.proposal.value["value"]["rectanglelabels"]) == ("g4x0", ["car"])
    assert max(missing.detectors, key=missing.detectors.__getitem__) == "missing_region"
    assert (missing.given.label, missing.proposal.action, missing.proposal.label) == (None, "add", "car")
    assert missing.proposal.value["value"]["x"] == pytest.approx(5 + LACKING)
    marked = [f for f in findings.all if f.given.label is not None]
    assert len(marked) == 2 * N_TASKS - 1
    least = min(f.disagreement for f in findings.suspects)
    assert all(f.disagreement < least / 2 for f in marked if f.key != wrong.key)


def test_a_region_that_is_missing_still_is_the_same_finding(snapshot: Any, find: Any) -> None:
    """Where a later belief draws it a little elsewhere; far away, or of another class, it is another one."""
    first = find(snapshot(tasks()))
    (before,) = [f for f in first.suspects if f.given.label is None]
    later = snapshot(tasks(moved=2.0))
    found = find(later)
    (unnamed,) = [f for f in found.suspects if f.given.label is None]
    assert unnamed.key != before.key
    known = recognise_missing(later, found, [before], Codecs())
    (named,) = [f for f in known.suspects if f.given.label is None]
    assert (named.key, named.given.value_hash) == (before.key, before.given.value_hash)
    assert named in known.all
    assert len(known.all) == len(found.all)
    elsewhere = replace(before, given=replace(before.given, annotation_id=1))
    assert recognise_missing(later, found, [elsewhere], Codecs()) == found
    far = snapshot(tasks(moved=15.0))
    assert recognise_missing(far, find(far), [before], Codecs()) == find(far)


def test_no_two_findings_get_one_key(snapshot: Any, find: Any) -> None:
    """A region went from place to place and kept its key; now another one is missing where it was at first."""
    first = snapshot(tasks())
    (before,) = (f for f in find(first).all if f.given.label is None)
    raw = tasks()
    x, y = 5 + LACKING, 10
    raw[LACKING - 1]["predictions"][0]["result"].append(region("other", (x + 25, y, "car"), 0.8))
    now = snapshot(raw)
    found = find(now)
    other = next(f for f in found.all if f.given.label is None and f.key != before.key)
    moved = replace(before, proposal=other.proposal)
    again = recognise_missing(now, found, [moved], Codecs())
    assert {f.key for f in again.all if f.given.label is None} == {before.key, other.key}


def test_a_control_that_nobody_used_is_left_alone(snapshot: Any, find: Any, told: Any) -> None:
    """Its predictions are not held against people who were not asked; with nothing else to audit, that is said."""
    raw = tasks()
    for each in raw:
        each["annotations"][0]["result"] = [
            {"id": "c", "from_name": "light", "to_name": "image", "type": "choices", "value": {"choices": ["day"]}}
        ]
        said = {**each["annotations"][0]["result"][0], "score": 0.8}
        each["predictions"][0]["result"].append(said)
    findings = find(snapshot(raw, WITH_CHOICE))
    assert {f.given.control for f in findings.all} == {"light"}
    assert any('nobody has marked a region for "box"' in line for line in told.said)
    with pytest.raises(NothingToLearn, match='nobody has marked a region for "box"'):
        find(snapshot(raw))
    assert {f.given.control for f in find(snapshot(tasks(), WITH_CHOICE)).all} == {"box"}
    assert told.said[-1] == 'Left alone: nobody has answered "light".'


def test_an_annotation_without_a_region_says_that_there_is_none(snapshot: Any, find: Any) -> None:
    """What is predicted there is missing; skipped annotations say nothing."""
    raw = [*tasks(), task(77, [], [(40, 40, "car")]), task(78, [], [(40, 40, "car")])]
    raw[-1]["annotations"][0]["was_cancelled"] = True
    missing = [f for f in find(snapshot(raw)).suspects if f.given.label is None]
    assert {f.given.task_id for f in missing} == {LACKING, 77}


def test_a_region_is_of_the_control_that_labels_it(snapshot: Any, find: Any) -> None:
    """Two <Labels> share a <Rectangle>: what one labels is no region of the other; what none labels is named."""
    config = (
        '<View><Image name="image" value="$image"/><Rectangle name="drawn" toName="image"/><Labels name="box" '
        'toName="image"><Label value="car"/><Label value="bus"/></Labels><Labels name="sign" toName="image">'
        '<Label value="stop"/></Labels></View>'
    )

    def split(each: dict[str, Any], name: str | None) -> list[dict[str, Any]]:
        place = {key: said for key, said in each["value"].items() if key != "rectanglelabels"}
        about = {key: each[key] for key in ("id", "to_name", "score") if key in each}
        drawing = {**about, "from_name": "drawn", "type": "rectangle", "value": place}
        label = "stop" if name == "sign" else each["value"]["rectanglelabels"][0]
        labelling = {**about, "from_name": name, "type": "labels", "value": {**place, "labels": [label]}}
        return [drawing, labelling] if name else [drawing]

    raw = tasks()
    for each in raw:
        for about in (each["annotations"][0], each["predictions"][0]):
            about["result"] = [part for one in about["result"] for part in split(one, "box")]
        at: Box = (80, 80, "")
        each["annotations"][0]["result"] += split(region("sign", at), "sign")
        each["predictions"][0]["result"] += split(region("sign", at, 0.9), "sign")
    raw[0]["annotations"][0]["result"] += split(region("forgotten", (30, 70, "")), None)
    read = snapshot(raw, config)
    assert any(what.startswith("regions without a label (annotation 101") for what in read.skipped)
    findings = find(read)
    assert {f.given.label for f in findings.all if f.given.control == "sign"} == {"stop"}
    assert {f.given.label for f in findings.all if f.given.control == "box"} == {"car", "bus", None}
    assert {(f.given.task_id, f.given.region_id) for f in findings.suspects} == {(SWAPPED, "g4x0"), (LACKING, None)}


def test_what_is_predicted_twice_is_missing_once(snapshot: Any, find: Any) -> None:
    """One finding, one review task: findings of one audit have keys of their own."""
    raw = tasks()
    said = raw[LACKING - 1]["predictions"][0]["result"]
    said.append({**said[0], "id": "again", "score": 0.4})
    found = find(snapshot(raw)).all
    assert len({f.key for f in found}) == len(found)
    assert [f.proposal.value["score"] for f in found if f.given.label is None] == [0.9]


def test_a_missing_region_has_an_id_that_no_region_of_the_annotation_has(snapshot: Any, find: Any) -> None:
    """Who accepts a predicted region and drags it elsewhere keeps its id; what misses then is another region."""
    raw = tasks()
    (missing,) = (f for f in find(snapshot(raw)).all if f.given.label is None)
    dragged = region(missing.proposal.value["id"], (70, 75, "car"))
    raw[LACKING - 1]["annotations"][0]["result"].append(dragged)
    (still,) = (f for f in find(snapshot(raw)).all if f.given.label is None)
    assert still.key == missing.key
    assert still.proposal.value["id"] != dragged["id"]
    assert still.proposal.value["value"] == missing.proposal.value["value"]


def test_what_cannot_be_read_is_named_and_counted(snapshot: Any, find: Any) -> None:
    """Boxes of no size and outside the image, labels that the config lost, predictions without a score."""
    raw = tasks()
    raw[0]["annotations"][0]["result"][0]["value"]["width"] = 0
    raw[1]["annotations"][0]["result"][0]["value"]["x"] = 140
    raw[2]["predictions"][0]["result"][0]["value"]["rectanglelabels"] = ["tram"]
    for each in raw[3]["predictions"][0]["result"]:
        del each["score"]
    read = snapshot(raw)
    said = " ".join(read.skipped)
    assert "of no size (annotation 101)" in said
    assert "outside the image (annotation 102)" in said
    assert 'predicted regions of "detector" with a label that the config does not have: "tram"' in said
    findings = find(read)
    assert {(SWAPPED, "g4x0"), (LACKING, None)} <= {(f.given.task_id, f.given.region_id) for f in findings.suspects}
    assert all(0 <= f.disagreement <= 1 for f in findings.all)
    assert not any(f.proposal and f.proposal.label == "tram" for f in findings.all)


def test_what_is_missing_is_written_when_it_is_read(snapshot: Any, find: Any) -> None:
    """Each time the same, with the id that its key is of; kept and read back it is an ordinary proposal."""
    missing = [each for each in find(snapshot(tasks())).all if each.given.label is None]
    assert missing
    for finding in missing:
        assert finding.proposal == finding.proposal
        said = asdict(finding)["proposal"]
        assert Proposal(**said) == Proposal("add", finding.proposal.value, finding.proposal.top)
        assert said["value"]["id"]
        assert Codecs().region_hash([said["value"]], read_label_config(CONFIG).controls[0]) == finding.given.value_hash
