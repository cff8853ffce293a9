"""Visitors who are signed in, and what Label Studio shows them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Protocol

from errata.errors import LabelStudioRefused
from errata.labelstudio.account import read_person, shows_project
from errata.labelstudio.client import LabelStudio
from errata.store.sessions import Session, SessionStore
from errata.web.board.visitors import Visitor

_REREAD_S = 10.0  # another process may have ended a session
_REMEMBERED_S = 60.0  # for so long what Label Studio said holds
_MOST_VISITORS = 500  # in memory; the others are opened again when they come


@dataclass(slots=True, eq=False)
class Present:
    """A visitor, and what Label Studio said about them lately."""

    visitor: Visitor
    expires_at: datetime  # with its zone, UTC
    read_at: float  # when the session was last seen in the database
    confirmed_at: float  # when Label Studio last took the token
    shown: dict[int, float] = field(default_factory=dict)  # project -> when Label Studio last showed it


class KnownVisitors(Protocol):
    """Who asks, by the number that their browser has, and what they are shown. Thread-safe."""

    def known(self, number: str) -> Present | None:
        """Return who has this number where that was read a moment ago, else None. Quick."""

    def find(self, number: str) -> Present | None:
        """Read who has this number; None where nobody has it (any more)."""

    def sign_out(self, number: str) -> None:
        """End a session."""

    def knows_shown(self, present: Present, project_id: int) -> bool:
        """Say whether a project was shown to a visitor a moment ago. Quick."""

    def is_shown(self, present: Present, project_id: int) -> bool:
        """Say whether a project is shown to a visitor; as `Presence`."""

    def is_confirmed(self, present: Present) -> bool:
        """Say whether a visitor may look, as was found a moment ago. Quick."""

    def confirm(self, present: Present) -> None:
        """Make sure of it; as `Presence`."""


class Presence:
    """Signs in and out, and asks Label Studio on behalf of visitors. Thread-safe.

    Args:
        sessions: keeps who is signed in.
        open_label_studio: makes a client with a visitor's token.
        clock: seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        sessions: SessionStore,
        open_label_studio: Callable[[str], LabelStudio],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._open = open_label_studio
        self._clock = clock
        self._present: dict[str, Present] = {}
        self._lock = threading.Lock()

    def sign_in(self, token: str) -> tuple[str, Present]:
        """Return the number of a new session, which the browser keeps, and who it is.

        Raises:
            SettingError: no token looks like that.
            LabelStudioRefused: Label Studio does not take it.
            LabelStudioUnreachable: Label Studio does not answer.
        """
        client = self._open(token)
        try:
            person = read_person(client)
        except BaseException:
            client.close()
            raise
        number, session = self._sessions.open(person.id, person.email, person.name, token)
        present = self._arrived(session, client, confirmed_at=self._clock())
        return number, self._remember(number, present)

    def known(self, number: str) -> Present | None:
        """Return who has this number where that was read a moment ago, else None. Quick: nothing is read."""
        present = self._present.get(number)
        if present is None or present.expires_at <= datetime.now(timezone.utc):
            return None
        return present if self._clock() < present.read_at + _REREAD_S else None

    def find(self, number: str) -> Present | None:
        """Read who has this number; None where the session has ended, or never was."""
        session = self._sessions.find(number)
        if session is None:
            self._forget(number)
            return None
        present = self._present.get(number)
        if present is None:
            return self._remember(number, self._arrived(session, self._open(session.token), confirmed_at=float("-inf")))
        present.read_at = self._clock()
        return present

    def sign_out(self, number: str) -> None:
        """End a session."""
        self._sessions.close(number)
        self._forget(number)

    def knows_shown(self, present: Present, project_id: int) -> bool:
        """Say whether Label Studio showed a project to a visitor a moment ago. Quick: nobody is asked."""
        return self._is_fresh(present.shown.get(project_id))

    def is_shown(self, present: Present, project_id: int) -> bool:
        """Say whether Label Studio shows a project to a visitor; ask it where that is not known.

        Raises:
            LabelStudioRefused: Label Studio does not take the visitor's token any more.
            LabelStudioUnreachable: Label Studio does not answer.
        """
        if self.knows_shown(present, project_id):
            return True
        present.shown.pop(project_id, None)
        try:
            is_shown = shows_project(_client_of(present), project_id)
        except LabelStudioRefused:  # the token, or this project alone
            self.confirm(present)
            return False
        if is_shown:
            present.shown[project_id] = present.confirmed_at = self._clock()
        return is_shown

    def is_confirmed(self, present: Present) -> bool:
        """Say whether Label Studio took a visitor's token a moment ago. Quick: nobody is asked."""
        return self._is_fresh(present.confirmed_at)

    def confirm(self, present: Present) -> None:
        """Ask Label Studio whether it still takes a visitor's token.

        Raises:
            LabelStudioRefused: it does not.
            LabelStudioUnreachable: Label Studio does not answer.
        """
        person = read_person(_client_of(present))
        if person.id != present.visitor.id:
            raise LabelStudioRefused("The token is another person's by now.")
        present.confirmed_at = self._clock()

    def _is_fresh(self, said_at: float | None) -> bool:
        return said_at is not None and self._clock() < said_at + _REMEMBERED_S

    def _arrived(self, session: Session, client: LabelStudio, confirmed_at: float) -> Present:
        visitor = Visitor(session.user_id, session.email, session.name, client)
        return Present(visitor, session.expires_at, read_at=self._clock(), confirmed_at=confirmed_at)

    def _remember(self, number: str, present: Present) -> Present:
        with self._lock:
            kept = self._present.setdefault(number, present)
            if len(self._present) > _MOST_VISITORS:
                del self._present[next(iter(self._present))]
        return kept

    def _forget(self, number: str) -> None:
        with self._lock:
            self._present.pop(number, None)


def _client_of(present: Present) -> LabelStudio:
    if present.visitor.label_studio is None:
        raise ValueError("`present` must be somebody who signed in with a token")
    return present.visitor.label_studio
