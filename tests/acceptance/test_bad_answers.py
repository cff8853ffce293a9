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


@pytest.fixture
def mislabelled(project: Any, label_studio: Any) -> Any:
    """Return a project of twenty pictures, the first of which says "truck" and is a car."""
    source = project(GOOD)
    wrong = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["truck"]}}
    label_studio.client.patch(f"api/annotations/{source.annotation_ids[0]}/", {"result": [wrong]})
    return source


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


@pytest.mark.parametrize("is_accepted", [False, True], ids=["refused", "accepted"])
@pytest.mark.parametrize("moment", [PUSH, PUBLISH], ids=["pushing predictions", "publishing findings"])
def test_label_studio_fails_at_a_bulk_write(
    mislabelled: Any,
    audit: Any,
    open_errata: Any,
    wire: Any,
    review_tasks: Any,
    predictions: Any,
    assert_nothing_is_twice: Any,
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
    assert_nothing_is_twice(mislabelled.id)


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
