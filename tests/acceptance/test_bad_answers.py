"""Label Studio answers with something else than usual, or changes while errata works."""

from __future__ import annotations

from typing import Any

import pytest

from errata.errors import LabelStudioRefused, LabelStudioUnreachable

GOOD = ("car", "truck") * 10
PUSH = r"POST /api/projects/\d+/import/predictions"
PUBLISH = r"POST /api/projects/\d+/import\?return_task_ids"
HTML = "text/html", b"<html>Please log in</html>"
JSON = "application/json"


def mislabel(client: Any, source: Any, n: int = 0) -> int:
    """Say "truck" of a picture of a car; return its task."""
    wrong = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["truck"]}}
    client.patch(f"api/annotations/{source.annotation_ids[n]}/", {"result": [wrong]})
    return int(source.task_ids[n])


@pytest.fixture
def mislabelled(project: Any, label_studio: Any) -> Any:
    """Return a project of twenty pictures, the first of which says "truck" and is a car."""
    source = project(GOOD)
    mislabel(label_studio.client, source)
    return source


def test_answers_that_are_not_label_studio_s(project: Any, audit: Any, wire: Any) -> None:
    """HTML, 500, 403 and half an answer are errors that name the request, and what to look at."""
    source = project()
    for answer, error, words in (
        ((200, *HTML), LabelStudioUnreachable, "text/html instead of JSON.*ERRATA_LABEL_STUDIO_URL"),
        ((404, *HTML), LabelStudioUnreachable, "text/html instead of JSON.*ERRATA_LABEL_STUDIO_URL"),
        ((500, *HTML), LabelStudioUnreachable, r"failed at GET .* \(500\)"),
        ((500, JSON, b'{"detail": "boom"}'), LabelStudioUnreachable, r"failed at GET .* \(500: boom\)"),
        ((403, JSON, b'{"detail": "No permission."}'), LabelStudioRefused, "does not allow .* may change the project"),
        ((200, JSON, b'{"id": '), LabelStudioUnreachable, "instead of JSON"),
    ):
        wire.faults.clear()
        wire.misbehave("", times=1000, answer=answer)
        with pytest.raises(error, match=words) as raised:
            audit(source.id, wire.url)
        assert getattr(raised.value, "exit_code", 0) == 3, words


def test_what_passes_is_waited_for(
    mislabelled: Any, audit: Any, wire: Any, review_tasks: Any, assert_nothing_is_twice: Any
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
    assert_nothing_is_twice(mislabelled.id)


def test_label_studio_fails_at_a_bulk_write(
    mislabelled: Any,
    audit: Any,
    open_errata: Any,
    wire: Any,
    review_tasks: Any,
    predictions: Any,
    assert_nothing_is_twice: Any,
) -> None:
    """A 500, whether Label Studio stored what it was sent or not: written down, and made good by the next audit."""
    for moment, is_accepted, n_predictions, is_published in (
        (PUSH, False, 0, False),
        (PUSH, True, 1, False),
        (PUBLISH, False, 1, False),
        (PUBLISH, True, 1, True),
    ):
        wire.misbehave(moment, answer=(500, *HTML), is_accepted=is_accepted)
        with pytest.raises(LabelStudioUnreachable, match=r"Label Studio failed at POST .* \(500\)"):
            audit(mislabelled.id, wire.url)
        with open_errata(wire.url) as errata:
            assert "(500)" in errata.audits.last(mislabelled.id).problem
        assert set(predictions(mislabelled.id).values()) == {n_predictions}
        assert bool(review_tasks(mislabelled.id)) == is_published
    done = audit(mislabelled.id, wire.url)
    review = review_tasks(mislabelled.id)
    assert mislabelled.task_ids[0] in {task["data"]["source_task"] for task in review}
    assert len(review) == done["open"]
    assert set(predictions(mislabelled.id).values()) == {1}
    assert_nothing_is_twice(mislabelled.id)


def test_task_deleted_during_the_audit(
    project: Any, label_studio: Any, audit: Any, wire: Any, review_tasks: Any
) -> None:
    """Whenever it goes, the audit goes on with the rest, and after the next one nothing of the task is left."""
    client, source = label_studio.client, project(GOOD)

    def suspected() -> set[int]:
        return {task["data"]["source_task"] for task in review_tasks(source.id)}

    def predicted(version: str) -> dict[int, int]:
        listed = client.paged("api/tasks/", {"project": source.id, "fields": "all"})
        return {t["id"]: [p["model_version"] for p in t["predictions"]].count(version) for t in listed}

    deleted: list[int] = []
    for moment in (r"GET /data/upload/", PUSH, PUBLISH):
        gone = mislabel(client, source, 2 * len(deleted))
        wire.misbehave(moment, act=lambda gone=gone: client.delete(f"api/tasks/{gone}/"))
        done = audit(source.id, wire.url)
        assert wire.faults[-1].times == 0, moment
        assert done["tasks"] == len(GOOD) - len(deleted)
        assert not suspected().intersection(deleted)
        deleted.append(gone)
        assert predicted(done["model_version"]) == dict.fromkeys(set(source.task_ids) - set(deleted), 1)
    again = audit(source.id, wire.url)
    assert again["tasks"] == len(GOOD) - len(deleted)
    assert not suspected().intersection(deleted)
    assert len(review_tasks(source.id)) == again["open"]
