"""What may be wrong with media, labels, configs, tokens and Label Studio itself, and what each gets."""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr

from errata.audit.progress import LineProgress
from errata.errors import LabelStudioRefused, LabelStudioUnreachable, NothingToLearn
from errata.settings import Settings
from errata.wiring import BeliefOptions, Wiring

QUIET = LineProgress(lambda _: None)
CLASSES = ("car", "truck")
GOOD = ("car", "truck") * 10
PUSH = r"POST /api/projects/\d+/import/predictions"
PUBLISH = r"POST /api/projects/\d+/import\?return_task_ids"
HTML = "text/html", b"<html>Please log in</html>"
JSON = "application/json"
CONFIG = """<View>
  <Image name="image" value="$image"/>
  <Choices name="label" toName="image">{choices}</Choices>
</View>"""


def config(*classes: str) -> str:
    return CONFIG.format(choices="".join(f'<Choice value="{name}"/>' for name in classes))


def said(label: str) -> list[dict[str, Any]]:
    return [{"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [label]}}]


def noise(side_px: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (side_px, side_px, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def bomb(side_px: int = 30_000) -> bytes:
    """Return a PNG of a few bytes that says to be 900 megapixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


@pytest.fixture
def open_errata(label_studio: Any, tmp_path: Path) -> Callable[..., Any]:
    """Open errata in this process as a command would that has just started; one data folder a test."""

    @contextmanager
    def opened(url: str | None = None, token: str | None = None) -> Iterator[Wiring]:
        settings = Settings(
            label_studio_url=url or label_studio.url,
            label_studio_token=SecretStr(token or label_studio.token),
            data_dir=tmp_path / "data",
            encoder="pixels",
        )
        wiring = Wiring(settings)
        try:
            yield wiring
        finally:
            wiring.close()

    return opened


@pytest.fixture
def audit(open_errata: Any) -> Callable[..., dict[str, Any]]:
    """Audit a project; return the counts."""

    def run(project_id: int, url: str | None = None, **options: Any) -> dict[str, Any]:
        with open_errata(url) as errata:
            examination, published, n_predictions = errata.audit(project_id, BeliefOptions(**options), QUIET)
        counts = {"predictions": n_predictions, "inserted": published.n_inserted, "open": published.n_open}
        return examination.summary() | counts | {"withdrawn": published.n_withdrawn, "moved": published.n_moved}

    return run


@pytest.fixture
def review_tasks(label_studio: Any) -> Callable[[int], list[dict[str, Any]]]:
    def read(project_id: int) -> list[dict[str, Any]]:
        client = label_studio.client
        listed = client.paged("api/projects/", {"include": "id,description"})
        ids = [each["id"] for each in listed if f"project {project_id}]" in (each["description"] or "")]
        assert len(ids) <= 1
        return [task for each in ids for task in client.paged("api/tasks/", {"project": each, "fields": "all"})]

    return read


@pytest.fixture
def predictions(label_studio: Any) -> Callable[[int], dict[int, int]]:
    """Return task id -> how many predictions of errata's it has."""

    def count(project_id: int) -> dict[int, int]:
        listed = label_studio.client.paged("api/tasks/", {"project": project_id, "fields": "all"})
        return {t["id"]: sum(p["model_version"].startswith("errata-") for p in t["predictions"]) for t in listed}

    return count


def assert_nothing_is_twice(review: list[dict[str, Any]], n_predictions: dict[int, int]) -> None:
    findings = Counter(task["data"]["finding"] for task in review)
    assert not findings or max(findings.values()) == 1
    assert max(n_predictions.values()) <= 1


@pytest.fixture
def mislabelled(project: Any, label_studio: Any) -> Any:
    """Return a project of twenty pictures, the first of which says "truck" and is a car."""
    source = project(GOOD)
    changed = {"result": said("truck")}
    label_studio.client.patch(f"api/annotations/{source.annotation_ids[0]}/", changed)
    return source


def test_bad_media_and_odd_annotations_are_counted_and_the_audit_goes_on(
    project: Any, label_studio: Any, make_errata: Any, review_tasks: Any, predictions: Any
) -> None:
    """One project with everything that may be wrong: each reason is counted, good tasks are audited, twice is once."""
    client = label_studio.client
    source = project(GOOD)
    client.patch(f"api/annotations/{source.annotation_ids[0]}/", {"result": said("truck")})
    spare = project(("car",) * 4, images=[noise(24)[:60], bomb(), b"<html>404</html>", noise(200)])
    broken = [task["data"]["image"] for task in client.paged("api/tasks/", {"project": spare.id})]
    addresses = [
        *sorted(broken),
        f"/data/upload/{source.id}/nowhere.png",
        "https://elsewhere.example.com/image.png",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "../../etc/passwd",
        "data:image/png;base64,",
    ]
    media = [{"data": {"image": address}, "annotations": [{"result": said("car")}]} for address in addresses]
    client.post(f"api/projects/{source.id}/import", media)
    annotations = {
        2: {"result": said("car"), "was_cancelled": True},
        3: {"result": []},
        4: {"result": said("bicycle")},
        5: {"result": said("car") + said("truck")},
        6: {"result": said("car")},
    }
    for place, annotation in annotations.items():
        client.post(f"api/tasks/{source.task_ids[place]}/annotations/", annotation)
    client.post(f"api/tasks/{source.task_ids[7]}/drafts", {"result": said("car"), "lead_time": 1})
    client.patch(f"api/tasks/{source.task_ids[8]}/", {"data": {"image": ""}})

    errata = make_errata(ERRATA_MEDIA_MAX_BYTES="50000")
    done = errata.ask("audit", str(source.id))
    skipped = done["skipped"]
    assert done["tasks"] == len(GOOD) + len(addresses)
    assert sum(n for reason, n in skipped.items() if reason.startswith("media: ")) == len(addresses)
    for reason in (
        "truncated or broken",
        "pixels",
        "it is a web page, not an image",
        "larger than 50,000 bytes",
        "Label Studio answered 500",  # what 1.23 says where an upload is missing
        "elsewhere.example.com",
        "169.254.169.254",
        "file: are not read",
        "neither a URL nor a path",
        "the file is empty",
        "annotations that their annotator skipped",
        "annotations that are empty",
        'a label that the config does not have: "bicycle"',
        'an answer for "label" that is not one choice',
        'tasks without anything under "image"',
    ):
        assert any(reason in each for each in skipped), f"{reason} is not in {list(skipped)}"
    assert done["labels"] == len(GOOD)  # one task lost its image, another one has a second annotator
    review = review_tasks(source.id)
    suspected = {(task["data"]["source_task"], task["data"]["given_label"]) for task in review}
    assert {(source.task_ids[0], "truck")} <= suspected
    assert len(review) == done["open"]

    again = errata.ask("audit", str(source.id))
    assert (again["inserted"], again["predictions"], again["moved"], again["withdrawn"]) == (0, 0, 0, 0)
    assert_nothing_is_twice(review_tasks(source.id), predictions(source.id))


def test_config_that_cannot_be_served(label_studio: Any, project: Any, make_errata: Any) -> None:
    """Exit 2; the text names every tag with what it lacks, and one that would do."""
    source = project(("car", "truck"))
    multiple = """<View><Image name="image" value="$image"/>
      <Choices name="label" toName="image" choice="multiple"><Choice value="car"/><Choice value="truck"/></Choices>
      <Rating name="stars" toName="image"/></View>"""
    label_studio.client.patch(f"api/projects/{source.id}/", {"label_config": multiple})
    text = make_errata().run("audit", str(source.id), code=2)
    assert '<Choices name="label"> is not audited because it has choice="multiple"' in text
    assert '<Rating name="stars"> is not audited' in text
    assert "Served is a single choice on an image" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("labels", "n_deleted", "why"),
    [(("car",) * 4, 0, "every label is the same"), (("car",) * 2, 1, "got 1"), (("car",), 1, "0 labels on 1 tasks")],
)
def test_too_few_labels_or_classes(
    project: Any, label_studio: Any, audit: Any, review_tasks: Any, labels: tuple[str, ...], n_deleted: int, why: str
) -> None:
    """One class, one label, none: exit 2, what is missing, what to do; nothing is written."""
    source = project(labels)
    for annotation_id in source.annotation_ids[:n_deleted]:
        label_studio.client.delete(f"api/annotations/{annotation_id}/")
    with pytest.raises(NothingToLearn, match=f'"Vehicles" cannot be audited yet: .*{why}.*Label a few tasks') as raised:
        audit(source.id)
    assert raised.value.exit_code == 2
    assert review_tasks(source.id) == []


def test_two_labels_are_audited(project: Any, audit: Any) -> None:
    """Two labels of two classes are little, and no error."""
    assert audit(project(("car", "truck")).id)["labels"] == 2


def test_scores_that_are_no_probabilities(project: Any, label_studio: Any, audit: Any) -> None:
    """Stored predictions whose score is none, beyond [0, 1] or not there are counted, and the others are believed."""
    source = project(GOOD)
    stored = [
        {"task": task_id, "result": said("truck"), "score": score, "model_version": "theirs"}
        for task_id, score in zip(source.task_ids, (0.9, 0.8, 7.0, -1.0, None), strict=False)
    ]
    label_studio.client.post(f"api/projects/{source.id}/import/predictions", stored)
    done = audit(source.id, belief="stored")
    assert (done["labels"], done["open"]) == (2, 1)
    assert done["skipped"] == {'labelled tasks without a usable prediction of "theirs" for "label"': len(GOOD) - 2}


def test_token_that_is_not_taken(project: Any, make_errata: Any) -> None:
    """Exit 3; the text says where to get a token, and does not show the one given."""
    errata = make_errata()
    errata.token = "0123456789abcdef0123456789abcdef01234567"
    text = errata.run("audit", str(project().id), code=3)
    assert "Account & Settings" in text
    assert "ERRATA_LABEL_STUDIO_TOKEN" in text
    assert errata.token not in text
    assert "Traceback" not in text


def test_label_studio_that_is_down(project: Any, make_errata: Any) -> None:
    """Exit 3 in seconds; the text names the address and the setting."""
    errata = make_errata("http://127.0.0.1:9/")
    began = time.monotonic()
    text = errata.run("audit", "1", code=3)
    assert time.monotonic() - began < 15
    assert "http://127.0.0.1:9 cannot be reached" in text
    assert "ERRATA_LABEL_STUDIO_URL" in text


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((200, *HTML), LabelStudioUnreachable, "text/html instead of JSON.*ERRATA_LABEL_STUDIO_URL"),
        ((404, *HTML), LabelStudioUnreachable, "text/html instead of JSON.*ERRATA_LABEL_STUDIO_URL"),
        ((500, *HTML), LabelStudioUnreachable, r"failed at GET .* \(500\)"),
        ((500, JSON, b'{"detail": "boom"}'), LabelStudioUnreachable, r"failed at GET .* \(500: boom\)"),
        ((403, JSON, b'{"detail": "No permission."}'), LabelStudioRefused, "does not allow .* may change the project"),
        ((200, JSON, b'{"id": '), LabelStudioUnreachable, "instead of JSON"),
    ],
)
def test_answers_that_are_not_label_studio_s(
    project: Any, audit: Any, wire: Any, answer: Any, error: type[Exception], words: str
) -> None:
    """HTML, 500, 403 and half an answer are errors that name the request, and what to look at."""
    wire.misbehave("", times=1000, answer=answer)
    with pytest.raises(error, match=words) as raised:
        audit(project().id, wire.url)
    assert getattr(raised.value, "exit_code", 0) == 3


def test_what_passes_is_waited_for(
    mislabelled: Any, audit: Any, wire: Any, review_tasks: Any, predictions: Any
) -> None:
    """A few 429, 502 and 503 in between cost time and nothing else."""
    wire.misbehave(r"GET /api/projects/\d+/", times=2, answer=(502, *HTML))
    wire.misbehave(r"GET /api/tasks/", answer=(429, JSON, b"{}"))
    wire.misbehave(r"GET /data/upload/", times=3, answer=(503, *HTML))
    wire.misbehave(PUSH, answer=(429, JSON, b"{}"))
    wire.misbehave(PUBLISH, answer=(503, *HTML))
    done = audit(mislabelled.id, wire.url)
    assert [fault.times for fault in wire.faults] == [0] * 5
    assert (done["tasks"], done["skipped"]) == (len(GOOD), {})
    assert mislabelled.task_ids[0] in {task["data"]["source_task"] for task in review_tasks(mislabelled.id)}
    assert_nothing_is_twice(review_tasks(mislabelled.id), predictions(mislabelled.id))


@pytest.mark.parametrize("is_accepted", [False, True], ids=["refused", "accepted"])
@pytest.mark.parametrize("moment", [PUSH, PUBLISH], ids=["pushing predictions", "publishing findings"])
def test_label_studio_fails_at_a_bulk_write(
    mislabelled: Any,
    audit: Any,
    open_errata: Any,
    wire: Any,
    review_tasks: Any,
    predictions: Any,
    moment: str,
    is_accepted: bool,
) -> None:
    """A 500, whether Label Studio stored what it was sent or not: written down, and made good by the next audit."""
    wire.misbehave(moment, answer=(500, *HTML), is_accepted=is_accepted)
    with pytest.raises(LabelStudioUnreachable, match=r"Label Studio failed at POST .* \(500\)"):
        audit(mislabelled.id, wire.url)
    with open_errata(wire.url) as errata:
        assert "(500)" in errata.audits.last(mislabelled.id).problem
    done = audit(mislabelled.id, wire.url)
    review = review_tasks(mislabelled.id)
    assert mislabelled.task_ids[0] in {task["data"]["source_task"] for task in review}
    assert len(review) == done["open"]
    assert set(predictions(mislabelled.id).values()) == {1}
    assert_nothing_is_twice(review, predictions(mislabelled.id))


@pytest.mark.parametrize("moment", [r"GET /data/upload/", PUSH, PUBLISH], ids=["reading", "pushing", "publishing"])
def test_task_deleted_during_the_audit(
    mislabelled: Any, label_studio: Any, audit: Any, wire: Any, review_tasks: Any, predictions: Any, moment: str
) -> None:
    """Whenever it goes, the audit goes on with the rest, and after the next one nothing of the task is left."""
    client, gone = label_studio.client, mislabelled.task_ids[0]
    wire.misbehave(moment, act=lambda: client.delete(f"api/tasks/{gone}/"))
    done = audit(mislabelled.id, wire.url)
    assert done["tasks"] == len(GOOD)
    left = predictions(mislabelled.id)
    assert gone not in left
    assert set(left.values()) == {1}
    again = audit(mislabelled.id, wire.url)
    assert again["tasks"] == len(GOOD) - 1
    review = review_tasks(mislabelled.id)
    assert gone not in {task["data"]["source_task"] for task in review}
    assert len(review) == again["open"]


def test_label_config_changed_between_audit_and_verdict(
    label_studio: Any, project: Any, audit: Any, open_errata: Any, review_tasks: Any
) -> None:
    """A verdict for a label that the config lost is kept and listed, not written; when it is back, it is, once."""
    client = label_studio.client
    source = project(GOOD, label_config=config("car", "truck", "van"))
    stored = [{"task": source.task_ids[0], "result": said("van"), "score": 0.9, "model_version": "theirs"}]
    client.post(f"api/projects/{source.id}/import/predictions", stored)
    assert audit(source.id, belief="stored")["open"] == 1
    (task,) = review_tasks(source.id)
    client.patch(f"api/projects/{source.id}/", {"label_config": config("car", "truck", "bus")})
    answer = [*said("car"), {**said("take_proposal")[0], "from_name": "errata_verdict"}]
    client.post(f"api/tasks/{task['id']}/annotations/", {"result": answer, "lead_time": 1})

    with open_errata() as errata:
        assert errata.take_verdicts(source.id).total == 1
        (conflict,) = errata.plan(source.id).conflicts
        assert conflict.why == 'the label config has no "van" for "label" any more'
        assert errata.apply(source.id).written == ()
    client.patch(f"api/projects/{source.id}/", {"label_config": config("car", "truck", "van")})
    with open_errata() as errata:
        errata.take_verdicts(source.id)
        assert len(errata.apply(source.id).written) == 1
        assert len(errata.apply(source.id).written) == 0
    (changed,) = client.get(f"api/tasks/{source.task_ids[0]}/annotations/")
    assert changed["result"][0]["value"]["choices"] == ["van"]
