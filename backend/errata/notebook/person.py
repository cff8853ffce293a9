"""The person at the notebook, who need not sign in: the address that is shown there is known to nobody else."""

from __future__ import annotations

from datetime import datetime, timezone

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from errata.labelstudio.account import shows_project
from errata.web.board.presence import Present
from errata.web.board.signing_in import InThread
from errata.web.board.visitors import Visitor


class OnePerson:
    """Whoever asks: `web.board.presence.KnownVisitors`.

    Args:
        visitor: who that is.
    """

    def __init__(self, visitor: Visitor) -> None:
        always = datetime.max.replace(tzinfo=timezone.utc)
        self._present = Present(visitor, always, read_at=0.0, confirmed_at=0.0)
        self._shown: set[int] = set()

    def known(self, number: str) -> Present:
        """See `KnownVisitors.known`."""
        return self._present

    def find(self, number: str) -> Present:
        """See `KnownVisitors.find`."""
        return self._present

    def sign_out(self, number: str) -> None:
        """Leave all as it is: nobody signed in."""

    def knows_shown(self, present: Present, project_id: int) -> bool:
        """See `KnownVisitors.knows_shown`."""
        return project_id in self._shown

    def is_shown(self, present: Present, project_id: int) -> bool:
        """See `KnownVisitors.is_shown`."""
        client = present.visitor.label_studio
        is_shown = client is None or shows_project(client, project_id)
        if is_shown:
            self._shown.add(project_id)
        return is_shown

    def is_confirmed(self, present: Present) -> bool:
        """See `KnownVisitors.is_confirmed`."""
        return True

    def confirm(self, present: Present) -> None:
        """See `KnownVisitors.confirm`."""


class NoSignIn:
    """Answers `api/session` where nobody signs in: `SignIn`."""

    async def sign_in(self, request: Request, in_thread: InThread[tuple[str, Present]]) -> Response:
        """Refuse."""
        raise HTTPException(403, "Nobody signs in to the pages of a notebook: whoever has their address is in.")

    async def sign_out(self, request: Request, in_thread: InThread[None]) -> Response:
        """Refuse."""
        raise HTTPException(403, "Nobody signs out of the pages of a notebook: they end with `close()`.")

    def describe(self, present: Present) -> Response:
        """Say who it is."""
        who = present.visitor
        return JSONResponse(
            {
                "user": {"id": who.id, "email": who.email, "name": who.name},
                "expires_at": None,
                "label_studio": None if who.label_studio is None else who.label_studio.url,
            }
        )


class OneSession:
    """The session that every request belongs to: `SessionNumber`."""

    def read(self, request: Request) -> str:
        """See `SessionNumber.read`."""
        return "notebook"

    def take(self, response: Response) -> None:
        """See `SessionNumber.take`."""
