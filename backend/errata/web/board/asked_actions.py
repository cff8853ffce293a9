"""Reads what the pages send about decisions; an action that cannot be read is refused by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from fastapi import HTTPException

from errata.boards.actions import Action, Mark, Refusal, Strength
from errata.errors import UsageError
from errata.review.records import DECISIONS

MOST_ACTIONS = 500  # a request
MOST_MARKS = 1_000  # an action
MOST_KEYS = 10_000  # a request
_LONGEST_ID, _LONGEST_TEXT = 64, 1_000
_MOST_SECONDS = 86_400.0
_STRENGTHS: Mapping[object, Strength] = MappingProxyType({"verdict": "verdict", "scan": "scan"})


def read_actions(body: Mapping[str, Any]) -> tuple[list[Action], list[Refusal]]:
    """Return the actions of a request, and those that cannot be taken as they are.

    Raises:
        HTTPException: 400, it is no list of actions with ids, or too long a one.
    """
    asked = body.get("actions")
    if not isinstance(asked, list) or not all(isinstance(each, dict) and _is_id(each.get("id")) for each in asked):
        raise HTTPException(400, 'The body must have a list of actions, each with an id: {"actions": [{"id": ...}]}.')
    if len(asked) > MOST_ACTIONS:
        raise HTTPException(400, f"A request takes at most {MOST_ACTIONS} actions; send the others in another one.")
    actions, refused = [], []
    for each in asked:
        try:
            actions.append(_action(each))
        except UsageError as error:
            refused.append(Refusal(each["id"], str(error)))
    return actions, refused


def read_keys(body: Mapping[str, Any], most: int = MOST_KEYS) -> list[str]:
    """Return the keys of a request, each once.

    Raises:
        HTTPException: 400, it has no list of keys, or too long a one.
    """
    keys = body.get("keys")
    if not isinstance(keys, list) or not all(_is_id(key) for key in keys):
        raise HTTPException(400, 'The body must have a list of keys: {"keys": [...]}.')
    if len(keys) > most:
        raise HTTPException(400, f"A request takes at most {most:,} keys; send the others in another one.")
    return list(dict.fromkeys(keys))


def _action(said: Mapping[str, Any]) -> Action:
    kind = said.get("kind")
    if kind not in ("decide", "undo", "redo"):
        raise UsageError('The kind of an action must be "decide", "undo" or "redo".')
    marks = said.get("marks", []) if kind == "decide" else []
    if not isinstance(marks, list) or not all(isinstance(mark, dict) for mark in marks):
        raise UsageError("The marks of an action must be a list of objects.")
    if len(marks) > MOST_MARKS:
        raise UsageError(f"An action takes at most {MOST_MARKS:,} marks.")
    return Action(said["id"], kind, tuple(map(_mark, marks)), _seconds(said.get("seconds")), _time(said.get("at")))


def _mark(said: Mapping[str, Any]) -> Mark:
    key, decision, strength = said.get("key"), said.get("decision"), said.get("strength") or "verdict"
    if not isinstance(key, str) or not _is_id(key):
        raise UsageError("A mark must have a key.")
    if decision is not None and decision not in DECISIONS:
        raise UsageError(f"A decision must be one of {', '.join(DECISIONS)}, or null.")
    if strength not in _STRENGTHS:
        raise UsageError('The strength of a decision must be "verdict" or "scan".')
    label, reason, proposal = (_text(said.get(name)) for name in ("label", "reason", "proposal"))
    return Mark(key, decision, label, reason, _STRENGTHS[strength], proposal)


def _text(said: object) -> str | None:
    if said is None or said == "":
        return None
    if not isinstance(said, str) or len(said) > _LONGEST_TEXT or not _can_be_written(said):
        raise UsageError(f"A label or reason must be text of at most {_LONGEST_TEXT:,} characters.")
    return said


def _seconds(said: object) -> float | None:
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        raise UsageError("The seconds of an action must be a number.")
    return min(max(float(said), 0.0), _MOST_SECONDS)


def _time(said: object) -> datetime | None:
    if said is None:
        return None
    try:
        moment = datetime.fromisoformat(str(said).replace("Z", "+00:00"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError("The time of an action must be in ISO 8601 with its zone.")
    return moment


def _is_id(said: object) -> bool:
    return isinstance(said, str) and 0 < len(said) <= _LONGEST_ID and said.isascii() and said.isprintable()


def _can_be_written(said: str) -> bool:
    return "\x00" not in said and said == said.encode(errors="replace").decode()
