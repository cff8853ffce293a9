"""Reads what Label Studio sends; what cannot be read is refused with a text that says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import HTTPException
from starlette.requests import Request

LARGEST_BODY = 128 * 2**20  # bytes; 2,500 tasks with their annotations are a few MiB


async def read_json(request: Request, largest: int = LARGEST_BODY) -> dict[str, Any]:
    """Return the body, a JSON object. orjson refuses nesting beyond 1,024 levels.

    Args:
        request: its body was not read yet.
        largest: so many bytes it may have.

    Raises:
        HTTPException: 413 where it is too large, 400 where it is no JSON object.
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > largest:
        raise _too_large(largest)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > largest:
            raise _too_large(largest)
        chunks.append(chunk)
    try:
        body = orjson.loads(b"".join(chunks))
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, "The body must be JSON.") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "The body must be a JSON object.")
    return body


def _too_large(largest: int) -> HTTPException:
    return HTTPException(413, f"The body must be at most {largest // 2**10:,} KiB.")


def project_id(value: object) -> int:
    """Read "12.1795219264" (project and when it was made), "12" or 12.

    Raises:
        HTTPException: 400, it is none of these.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    else:
        text = value.partition(".")[0] if isinstance(value, str) else ""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise HTTPException(400, 'The body must name a project, such as {"project": "12.1795219264"}.')
    return int(text)


@dataclass(frozen=True, slots=True)
class AskedTask:
    """A task as Label Studio asks about it. What is not as it should be is empty, so that it still gets an answer.

    Attributes:
        data: its data; texts are replaced by marks once they are read, see `web.texts`.
        held: its data as they came.
    """

    id: int | None
    data: Mapping[str, Any]
    is_labeled: bool
    held: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """The body of POST /predict."""

    project_id: int
    tasks: tuple[AskedTask, ...]
    label_config: str | None  # None where the request has none
    is_interactive: bool = False  # an annotator is at work on the task and waits
    context: tuple[Mapping[str, Any], ...] = ()  # the results that the annotator has just drawn


def predict_request(body: Mapping[str, Any]) -> PredictRequest:
    """Read the body of POST /predict.

    Raises:
        HTTPException: 400, project or tasks are missing.
    """
    tasks = body.get("tasks")
    if not isinstance(tasks, list):
        raise HTTPException(400, 'The body must have a list of tasks: {"tasks": [...], "project": "12"}.')
    label_config, params = body.get("label_config"), body.get("params")
    context = params.get("context") if isinstance(params, dict) else None
    drawn = context.get("result") if isinstance(context, dict) else None
    return PredictRequest(
        project_id(body.get("project")),
        tuple(map(_asked, tasks)),
        label_config if isinstance(label_config, str) and label_config else None,
        bool(context),
        tuple(each for each in drawn if isinstance(each, dict)) if isinstance(drawn, list) else (),
    )


def _asked(task: object) -> AskedTask:
    if not isinstance(task, dict):
        return AskedTask(None, {}, False)
    task_id, data = task.get("id"), task.get("data")
    held = data if isinstance(data, dict) else {}
    return AskedTask(task_id if isinstance(task_id, int) else None, held, task.get("is_labeled") is True, held)
