"""Puts the pages together with what they stand on. Each room adds its addresses to `rooms`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from errata.audit.progress import LineProgress
from errata.boards.decisions import Decisions
from errata.boards.known_rows import KnownRows
from errata.boards.shelf import Shelf
from errata.labelstudio.client import LabelStudio
from errata.store.board_log import BoardLog
from errata.store.media_index import MediaIndexStore
from errata.store.pictures import PictureFolder
from errata.store.secrets import session_secret
from errata.store.sessions import SessionStore
from errata.store.verdict_figures import VerdictFigures
from errata.web.board.app import BoardApp
from errata.web.board.attempts import Attempts
from errata.web.board.deciding import Deciding, Send
from errata.web.board.describing import Describing
from errata.web.board.originals import Files, Originals
from errata.web.board.page_files import PageFiles
from errata.web.board.pictures import Pictures
from errata.web.board.presence import Presence
from errata.web.board.reading import Reading
from errata.web.board.signing_in import Cookie, SigningIn
from errata.web.board.visitors import ApiRoute
from errata.web.security import Credentials
from errata.wiring import Wiring
from errata_model.records import Finding

_TIMEOUT_S = 15.0  # how long a visitor waits for Label Studio


def open_board(
    wiring: Wiring,
    sessions: SessionStore,
    credentials: Credentials,
    is_secure: bool,
    decided: Callable[[], None],
) -> BoardApp:
    """Return the addresses below `board/`.

    Args:
        wiring: what they stand on.
        sessions: keeps who is signed in.
        credentials: which hosts' names count as errata's.
        is_secure: browsers reach errata by https.
        decided: is called when somebody decided something.
    """
    url, headers = wiring.client.url, wiring.settings.gateway_headers

    def open_label_studio(token: str) -> LabelStudio:
        return LabelStudio(
            url, token, network=wiring.network, headers=headers, timeout_s=_TIMEOUT_S, deadline_s=_TIMEOUT_S
        )

    rooms = open_rooms(wiring, wiring.project_media(), sending(wiring), decided)
    presence = Presence(sessions, open_label_studio)
    cookie = Cookie(session_secret(wiring.settings.data_dir), is_secure)
    signing_in = SigningIn(presence, cookie, Attempts(), url)
    return BoardApp(rooms, presence, signing_in, cookie, credentials, PageFiles())


def open_rooms(wiring: Wiring, files: Files, send: Send, decided: Callable[[], None]) -> list[ApiRoute]:
    """Return what answers below `board/api/`, but for the session.

    Args:
        wiring: what it stands on.
        files: where the files come from that rows are about.
        send: posts labels into a review project.
        decided: is called when somebody decided something.
    """
    pictures = Pictures(
        wiring.boards,
        Originals(files),
        PictureFolder(wiring.settings.data_dir),
        MediaIndexStore(wiring.engine),
        wiring.settings.media_max_pixels,
    )
    figures = VerdictFigures(wiring.engine)
    shelf = Shelf(wiring.boards, figures)
    rows = KnownRows(wiring.boards, shelf)
    decisions = Decisions(rows, wiring.audits, BoardLog(wiring.engine), wiring.codecs, decided)
    describing = Describing(wiring.boards, shelf, figures, wiring.audits)
    answering = (describing, Reading(shelf, decisions), pictures, Deciding(decisions, send))
    return [route for room in answering for route in room.routes()]


def sending(wiring: Wiring) -> Send:
    """Return what posts labels into review projects."""

    def send(project_id: int, findings: Sequence[Finding]) -> tuple[int, str]:
        sent, review_url = wiring.send_findings(project_id, findings, LineProgress(lambda _: None))
        return sent.sent, review_url

    return send
