"""Answers the pages' requests that decide: actions, what stands of them, and what is sent to the review project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from errata.boards.actions import ChangeMarked, Opinion, Outcome, Refusal, Reviewer, Standing
from errata.boards.decisions import Decisions
from errata.web.board.asked_actions import read_actions, read_keys
from errata.web.board.visitors import ApiRoute, Visitor
from errata.web.bodies import read_json
from errata_model.records import Finding

# Posts labels into a project's review project; returns how many are new there, and its address.
Send = Callable[[int, Sequence[Finding]], tuple[int, str]]
LARGEST_BODY = 4 * 2**20  # bytes: 500 actions of a mark each are 150 KB, a page of 1,000 marks likewise
MOST_SENT = 1_000  # keys: some seconds of Label Studio's time
_THREADS = 4  # that write at once; SQLite takes one writer at a time anyway
_SENDING = 2  # threads that wait for Label Studio: decisions do not wait for these


class Deciding:
    """The addresses of what people decide.

    Args:
        decisions: takes it.
        send: posts labels into a project's review project.
    """

    def __init__(self, decisions: Decisions, send: Send) -> None:
        self._decisions = decisions
        self._send = send
        self._threads, self._sending = CapacityLimiter(_THREADS), CapacityLimiter(_SENDING)

    def routes(self) -> list[ApiRoute]:
        """Return the addresses."""
        project = "projects/{project:int}"
        return [
            ApiRoute(f"{project}/actions", "POST", self.actions),
            ApiRoute(f"{project}/history", "GET", self.history),
            ApiRoute(f"{project}/standings", "POST", self.standings),
            ApiRoute(f"{project}/marks", "GET", self.marks),
            ApiRoute(f"{project}/send", "POST", self.send),
        ]

    async def actions(self, request: Request, visitor: Visitor) -> Response:
        """Take actions; an action that is sent twice is one.

        A browser has one cookie for all its tabs: a page that somebody opened before another person signed in says
        whose actions it sends, so that none is recorded as another person's.
        """
        body = await read_json(request, LARGEST_BODY)
        if body.get("reviewer") not in (None, visitor.id):
            raise HTTPException(401, f"{visitor.name} signed in meanwhile; sign in as the person who decided this.")
        asked, refused = read_actions(body)
        project_id, reviewer = request.path_params["project"], _reviewer(visitor)
        outcome = await self._in_thread(self._decisions.take, project_id, reviewer, asked)
        return JSONResponse(_outcome(outcome, refused))

    async def history(self, request: Request, visitor: Visitor) -> Response:
        """Say how much there is to undo and redo, and how much was done."""
        depth, tally = await self._in_thread(
            self._decisions.history, request.path_params["project"], _reviewer(visitor)
        )
        return JSONResponse(
            {"undo": depth.undo, "redo": depth.redo, "decided": tally.decided, "scanned": tally.scanned}
        )

    async def standings(self, request: Request, visitor: Visitor) -> Response:
        """Say what stands about labels."""
        keys = read_keys(await read_json(request, LARGEST_BODY))
        project_id = request.path_params["project"]
        found = await self._in_thread(self._decisions.standings, project_id, _reviewer(visitor), keys)
        return JSONResponse({"standings": {key: standing_json(standing) for key, standing in found.items()}})

    async def marks(self, request: Request, visitor: Visitor) -> Response:
        """Say what was marked, by the change that it asks for."""
        changes = await self._in_thread(self._decisions.marks, request.path_params["project"], _reviewer(visitor))
        return JSONResponse(
            {"changes": [_change(change) for change in changes], "total": sum(len(change.keys) for change in changes)}
        )

    async def send(self, request: Request, visitor: Visitor) -> Response:
        """Post labels into the review project."""
        keys = read_keys(await read_json(request, LARGEST_BODY), MOST_SENT)
        project_id = request.path_params["project"]
        sent, review_url = await to_thread.run_sync(self._post, project_id, keys, limiter=self._sending)
        return JSONResponse({"sent": sent, "there": len(keys) - sent, "review_url": review_url})

    def _post(self, project_id: int, keys: Sequence[str]) -> tuple[int, str]:
        return self._send(project_id, self._decisions.findings(project_id, keys))

    async def _in_thread(self, answer: Any, *asked: Any) -> Any:
        return await to_thread.run_sync(answer, *asked, limiter=self._threads)


def standing_json(standing: Standing) -> dict[str, Any]:
    """Return a `Standing` as the pages take it."""
    return {
        "mine": _opinion(standing.mine) if standing.mine else None,
        "others": [
            {"reviewer": each.reviewer, "at": each.at.isoformat(), **_opinion(each)} for each in standing.others
        ],
        "is_contradictory": standing.is_contradictory,
    }


def _opinion(said: Opinion) -> dict[str, Any]:
    return {"decision": said.decision, "label": said.label, "reason": said.reason, "strength": said.strength}


def _outcome(outcome: Outcome, refused: list[Refusal]) -> dict[str, Any]:
    return {
        "accepted": list(outcome.accepted),
        "refused": [
            {"id": each.action_id, "why": each.why, **({"key": each.key} if each.key else {})}
            for each in (*refused, *outcome.refused)
        ],
        "standings": {key: standing_json(standing) for key, standing in outcome.standings.items()},
        "undo": outcome.depth.undo,
        "redo": outcome.depth.redo,
    }


def _change(change: ChangeMarked) -> dict[str, Any]:
    return {
        "control": change.control,
        "given": change.given,
        "to": change.to,
        "decision": change.decision,
        "reason": change.reason,
        "n": len(change.keys),
        "keys": list(change.keys),
    }


def _reviewer(visitor: Visitor) -> Reviewer:
    return Reviewer(visitor.id, visitor.email)
