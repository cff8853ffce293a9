"""Ratings, numbers, dates, texts and videos: held against predictions, or against the other annotators."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Any]

RATED = """<View><Text name="text" value="$text"/><Rating name="stars" toName="text"/>
<TextArea name="summary" toName="text"/><Number name="price" toName="text"/></View>"""
TRACKED = """<View><Video name="video" value="$video"/><VideoRectangle name="box" toName="video"/>
<Labels name="object" toName="video"><Label value="car"/><Label value="bus"/></Labels></View>"""
KEYS = {"rating": "rating", "textarea": "text", "number": "number", "videorectangle": "sequence"}


def said(name: str, type_: str, value: Any, **more: Any) -> dict[str, Any]:
    """Return a result as Label Studio's page stores it."""
    return {"id": name, "from_name": name, "to_name": "text", "type": type_, "value": {KEYS[type_]: value}, **more}


def stars(n: float, **more: Any) -> dict[str, Any]:
    return said("stars", "rating", n, **more)


class Values:
    """An export whose tasks are answered by people and predicted by models."""

    def __init__(self, folder: Path, config: str = RATED) -> None:
        self.folder, self.config = folder, config
        self.tasks: list[dict[str, Any]] = []
        (folder / "media").mkdir()

    def add(self, answers: Mapping[int, list[dict[str, Any]]], *predicted: tuple[float | None, list[Any]]) -> int:
        """Add a task: annotator -> result, and predictions (score, result) of "theirs"."""
        task_id = len(self.tasks) + 1
        annotations = [
            {"id": 100 * task_id + who, "completed_by": who, "result": result} for who, result in answers.items()
        ]
        predictions = [{"model_version": "theirs", "score": score, "result": result} for score, result in predicted]
        data = {"text": f"text {task_id}", "video": "v.mp4"}
        self.tasks.append({"id": task_id, "data": data, "annotations": annotations, "predictions": predictions})
        return task_id


def by_place(findings: list[dict[str, Any]]) -> dict[tuple[int, str], dict[str, Any]]:
    return {(each["annotation"], each["control"]): each for each in findings}


def test_predictions_contradict_answers_of_every_sort_control_by_control(audit: Make, tmp_path: Path) -> None:
    """The answer that a sure model contradicts most comes first; each is told in words, with a proposal."""
    made = Values(tmp_path)
    made.add({1: [stars(1), said("price", "number", 3)]}, (0.9, [stars(4), said("price", "number", 3)]))
    made.add({1: [stars(4)]}, (0.9, [stars(4)]))
    made.add(
        {1: [stars(3), said("summary", "textarea", ["a red car"])]},
        (0.9, [stars(4, score=0.6), said("summary", "textarea", ["a red cat"])]),
    )
    heard = audit(made, "--belief", "stored", "--json", "--all")
    found = by_place(heard.findings)
    first = heard.findings[0]
    assert (first["annotation"], first["control"], first["kind"], first["label"]) == (101, "stars", "values", "1")
    assert first["disagreement"] == pytest.approx(0.9 * 0.75)
    assert first["reason"] == 'The prediction "theirs" says "4" (90 %), the annotator "1".'
    assert first["detectors"] == {"prediction_conflict": first["disagreement"]}
    assert first["proposal"]["action"] == "replace"
    assert first["proposal"]["value"]["value"] == {"rating": 4}
    assert found[201, "stars"]["disagreement"] == 0
    assert found[201, "stars"]["proposal"] is None
    assert found[301, "stars"]["disagreement"] == pytest.approx(0.6 * 0.25)
    assert found[301, "summary"]["disagreement"] == pytest.approx(0.9 / 9)
    assert heard.summary["suspects"] == 3


def test_a_task_disagrees_as_all_its_answers_together(audit: Make, tmp_path: Path) -> None:
    """A task's disagreement is the noisy-or of its controls': one that is wrong twice is likelier wrong."""
    made = Values(tmp_path)
    wrong, right = [stars(1), said("summary", "textarea", ["x"])], [stars(3), said("summary", "textarea", ["y"])]
    made.add({1: wrong}, (0.5, right))
    audit(made, "--belief", "stored", "--tasks-out", str(tmp_path / "tasks.jsonl"))
    assert (tmp_path / "tasks.jsonl").read_text() == '{"task":1,"disagreement":0.625}\n'


def test_other_annotators_contradict_an_answer(audit: Make, tmp_path: Path) -> None:
    """Of three the one who differs is doubted, of two both; nobody is held against themselves."""
    made = Values(tmp_path)
    made.add({1: [stars(5)], 2: [stars(5)], 3: [stars(1)]})
    made.add({1: [stars(1)], 2: [stars(5)]})
    made.add({1: [stars(1)]})
    heard = audit(made, "--belief", "annotators", "--json", "--all")
    found = by_place(heard.findings)
    assert found.keys() == {(each, "stars") for each in (101, 102, 103, 201, 202)}
    assert found[103, "stars"]["disagreement"] == pytest.approx(2 / 3, abs=1e-5)
    assert found[103, "stars"]["reason"] == 'All 2 other annotators say "5", this one "1".'
    assert found[103, "stars"]["proposal"]["value"]["value"] == {"rating": 5}
    assert found[101, "stars"]["proposal"] is None
    assert found[201, "stars"]["disagreement"] == found[202, "stars"]["disagreement"] == 0.5
    assert found[202, "stars"]["reason"] == 'The other annotator says "1", this one "5".'
    assert heard.summary["remarks"] == ['"stars" is held against what other annotators of 2 tasks answered.']


def test_errata_says_that_it_has_no_learner_and_what_would_do(audit: Make, tmp_path: Path) -> None:
    """Where nobody else answers, a config with such controls alone cannot be audited; names the beliefs that would."""
    made = Values(tmp_path)
    made.add({1: [stars(5)]})
    told = audit(made, code=2).told
    assert 'errata has no learner for "stars" (rating), "price" (number), and neither predictions nor several' in told
    assert '"summary": texts that the form does not ask for may be notes.' in told
    assert "--belief stored or --belief URL" in told
    assert "--belief annotators" in told
    assert "No task of" in audit(made, "--belief", "annotators", code=2).told


def test_each_control_is_audited_by_what_serves_it(audit: Make, tmp_path: Path) -> None:
    """Without a learner predictions or annotators serve, whoever speaks about more tasks; the rest is left alone."""
    made = Values(tmp_path)
    price = said("price", "number", 3)
    for _ in range(3):
        made.add({1: [stars(1), price]}, (0.8, [stars(5)]))
    made.add({1: [stars(1), price], 2: [stars(1), said("price", "number", 9)]})
    heard = audit(made, "--json", "--all")
    remarks = " ".join(heard.summary["remarks"])
    assert 'errata has no learner for rating: "stars" is held against what "theirs" predicts for 3 tasks.' in remarks
    assert '"price" is held against what other annotators of 1 task answered.' in remarks
    assert 'Left alone: "summary": texts that the form does not ask for may be notes.' in remarks
    assert {each["control"] for each in heard.findings} == {"stars", "price"}


def test_an_empty_annotation_is_an_answer_beside_a_note(audit: Make, tmp_path: Path) -> None:
    """A form with a box for notes is no form that asks for one: nothing marked on a video still says so."""
    made = Values(tmp_path, TRACKED.replace("<Labels", '<TextArea name="note" toName="video"/><Labels'))
    key = {"frame": 1, "x": 1, "y": 1, "width": 9, "height": 9, "enabled": True}
    value = {"framesCount": 9, "duration": 1.0, "sequence": [key], "labels": ["car"]}
    seen = [{"id": "t", "from_name": "box", "to_name": "video", "type": "videorectangle", "value": value}]
    made.add({1: []}, (0.9, seen))
    heard = audit(made, "--belief", "stored", "--json", "--all")
    assert [(each["control"], each["label"]) for each in heard.findings] == [("box", "nothing")]
    assert not any("empty" in what for what in heard.summary["skipped"])


def test_labels_beside_are_learned_where_annotators_are_asked(audit: Make, tmp_path: Path) -> None:
    """Who asks what annotators say of a rating gets the labels of the same project audited as ever."""
    choices = '<Choices name="topic" toName="text"><Choice value="cat"/><Choice value="dog"/></Choices></View>'
    made = Values(tmp_path, RATED.replace("</View>", choices))
    for n in range(20):
        label = {"choices": ["dog" if n % 2 else "cat"]}
        topic = {"id": "t", "from_name": "topic", "to_name": "text", "type": "choices", "value": label}
        made.add({1: [stars(1), topic], 2: [stars(5)]})
        made.tasks[-1]["data"]["text"] = f"a {'barking dog' if n % 2 else 'purring cat'} {n}"
    heard = audit(made, "--belief", "annotators", "--json", "--all")
    assert {each["control"] for each in heard.findings} == {"stars", "topic"}
    assert {each["disagreement"] for each in heard.findings if each["control"] == "stars"} == {0.5}


def test_bad_answers_and_predictions_are_named_and_the_rest_is_ranked(audit: Make, tmp_path: Path) -> None:
    """What cannot be read is counted with its annotation; a prediction without a score counts as sure."""
    made = Values(tmp_path)
    made.add({1: [stars(1)]}, (None, [stars(5)]))
    made.add({1: [said("stars", "rating", "four")]}, (0.9, [stars(5)]))
    made.add({1: [stars(2), stars(3)]}, (0.9, [stars(5)]))
    made.add({1: [stars(2)]}, (0.9, [said("stars", "rating", None)]))
    made.add({1: [stars(2)]}, (0.9, []))
    heard = audit(made, "--belief", "stored", "--json", "--all")
    assert [each["annotation"] for each in heard.findings] == [101]
    assert heard.findings[0]["disagreement"] == 1
    skipped = heard.summary["skipped"]
    assert skipped['annotations with an answer for "stars" that cannot be read (annotation 201)'] == 1
    assert skipped['annotations with several answers for "stars", where Label Studio takes one (annotation 301)'] == 1
    assert skipped['predictions of "theirs" with an answer for "stars" that cannot be read'] == 1
    assert skipped['labelled tasks without a usable prediction of "theirs" for "stars"'] == 2


def test_videos_are_compared_as_a_whole_and_nothing_marked_is_an_answer(audit: Make, tmp_path: Path) -> None:
    """An object too few is half a disagreement, nothing marked a whole one; the proposal holds every object."""
    made = Values(tmp_path, TRACKED)
    key = {"frame": 1, "x": 10, "y": 10, "width": 20, "height": 20, "enabled": True, "rotation": 0, "time": 0.0}

    def track(n: int, x: float) -> dict[str, Any]:
        value = {"framesCount": 20, "duration": 1.0, "sequence": [{**key, "x": x}], "labels": ["car"]}
        return {"id": f"t{n}", "from_name": "box", "to_name": "video", "type": "videorectangle", "value": value}

    both = [track(1, 10), track(2, 60)]
    made.add({1: both}, (0.9, both))
    made.add({1: both[:1]}, (0.9, both))
    made.add({1: []}, (0.9, both))
    found = by_place(audit(made, "--belief", "stored", "--all").findings)
    assert found[101, "box"]["disagreement"] == 0
    assert found[201, "box"]["disagreement"] == pytest.approx(0.9 / 3)
    assert found[301, "box"]["disagreement"] == pytest.approx(0.9)
    assert found[301, "box"]["label"] == "nothing"
    assert found[201, "box"]["reason"].startswith('The prediction "theirs" says "car (frames 1 to 1), car')


class RatesByLength(BaseHTTPRequestHandler):
    """An ML backend: as many stars as the text's last digit says, and for task 3 something else."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        results = [
            {"score": 0.8, "result": [stars(int(task["data"]["text"][-1])) if task["id"] != 3 else {"value": 7}]}
            for task in asked.get("tasks", ())
        ]
        body = json.dumps({"model_version": "stars 1", "results": results}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def backend() -> Iterator[str]:
    """Return the address of an ML backend that answers ratings."""
    with ThreadingHTTPServer(("127.0.0.1", 0), RatesByLength) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_another_backend_is_asked(audit: Make, tmp_path: Path, backend: str) -> None:
    """Its answers are held against people's; what it says that is no rating is left out, and the rest is ranked."""
    made = Values(tmp_path)
    for given in (1, 5, 3, 4):
        made.add({1: [stars(given)]})
    heard = audit(made, "--belief", backend, "--json", "--all")
    disagreement = {each["task"]: each["disagreement"] for each in heard.findings}
    assert disagreement == {1: 0, 2: pytest.approx(0.8 * 0.75), 4: 0}
    assert heard.findings[0]["reason"] == 'The prediction "stars 1" says "2" (80 %), the annotator "5".'


def test_labels_of_sounds_are_compared_whoever_gives_them(audit: Make, tmp_path: Path) -> None:
    """Predictions, or other people, are enough for a queue of what errata cannot learn."""
    config = """<View><Audio name="text" value="$text"/><Choices name="song" toName="text" choice="multiple">
    <Choice value="bird"/><Choice value="frog"/><Choice value="cricket"/></Choices></View>"""

    def song(*labels: str) -> list[dict[str, Any]]:
        return [{"id": "c", "from_name": "song", "to_name": "text", "type": "choices", "value": {"choices": [*labels]}}]

    made = Values(tmp_path, config)
    made.add({1: song("bird", "frog")}, (0.8, song("bird", "frog")))
    made.add({1: song("frog")}, (0.8, song("bird")))
    made.add({1: song("bird"), 2: song("bird", "cricket")}, (0.8, song("bird")))
    found = by_place(audit(made, "--belief", "stored", "--all").findings)
    assert {place[0]: each["disagreement"] for place, each in found.items()} == {
        101: 0, 201: 0.8, 301: 0, 302: pytest.approx(0.8 / 3, abs=1e-6),
    }  # fmt: skip
    assert found[201, "song"]["proposal"]["value"]["value"] == {"choices": ["bird"]}
    among = by_place(audit(made, "--belief", "annotators", "--all").findings)
    assert among.keys() == {(301, "song"), (302, "song")}
    assert among[301, "song"]["reason"] == 'The other annotator says "bird, cricket", this one "bird".'


def test_a_scale_without_ends_is_as_wide_as_the_answers_spread(audit: Make, tmp_path: Path) -> None:
    """The same difference of numbers is large among close ones, whatever a single slip of the finger says."""
    made = Values(tmp_path)
    for n in range(40):
        made.add({1: [said("price", "number", 10 + n % 5)]}, (1.0, [said("price", "number", 10 + n % 5)]))
    made.add({1: [said("price", "number", 1_000_000)]}, (1.0, [said("price", "number", 12)]))
    made.add({1: [said("price", "number", 10)]}, (1.0, [said("price", "number", 12)]))
    first, second, *_ = audit(made, "--belief", "stored", "--all").findings
    assert (first["label"], first["disagreement"]) == ("1000000", 1)
    assert second["disagreement"] == pytest.approx(0.5)
