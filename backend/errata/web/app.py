"""The web app: routes, and who may call them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from errata.audit.ports import MediaIndex, Regions
from errata.jobs.queue import Queue
from errata.labelstudio.reachability import TRIAL_PATH
from errata.settings import PredictionsMode
from errata.web.backend import Backend
from errata.web.beliefs import Beliefs
from errata.web.board.app import BoardApp
from errata.web.boundary import Boundary
from errata.web.contents import Patience
from errata.web.media import MEDIA_PATH, MediaRoute
from errata.web.newcomers import Encoders, Newcomers
from errata.web.predictions import Predictions, ReadControls
from errata.web.projects import ProjectBook
from errata.web.region_newcomers import RegionNewcomers
from errata.web.security import Credentials, is_from_another_site
from errata.web.webhook import Webhooks

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(
    *,
    beliefs: Beliefs,
    newcomers: Newcomers,
    region_newcomers: RegionNewcomers,
    projects: ProjectBook,
    queue: Queue,
    credentials: Credentials,
    index: MediaIndex,
    encoders: Encoders,
    regions: Regions,
    read_controls: ReadControls,
    mode_of: Callable[[int], PredictionsMode],
    audit_delay_s: float,
    media: MediaRoute | None = None,
    board: BoardApp | None = None,
    root_path: str = "",
    patience: Patience = Patience(),  # noqa: B008  frozen
) -> FastAPI:
    """Put the web app together. Beliefs, newcomers and projects are started and stopped by `server.serve`.

    Args:
        media: serves source tasks' pictures to reviewers' browsers.
        board: the pages.
        root_path: the path of errata's public URL, "" at the root; requests with and without it are served.
        patience: how long a /predict request waits for media that are new.
    """
    predictions = Predictions(
        beliefs, index, encoders, newcomers, regions, read_controls, queue, mode_of, patience, region_newcomers
    )
    webhooks = Webhooks(queue, projects, audit_delay_s)
    backend = Backend(beliefs, predictions, webhooks, projects, queue)
    app = FastAPI(title="errata", openapi_url=None, redirect_slashes=False)
    for path, method, endpoint in (
        ("/", "GET", backend.status),
        ("/health", "GET", backend.health),
        ("/setup", "POST", backend.setup),
        ("/predict", "POST", backend.predict),
        ("/versions", "GET", backend.versions),
        ("/job_status", "POST", backend.job_status),
        (f"{TRIAL_PATH}/health", "GET", backend.health),
        (f"{TRIAL_PATH}/setup", "POST", backend.trial),
    ):
        app.add_route(path, _guarded(endpoint, credentials, credentials.allow), methods=[method])

    def allow_webhook(headers: Headers) -> bool:
        if credentials.allow_webhook(headers):
            return True
        webhooks.refuse()
        return False

    app.add_route("/webhook", _guarded(backend.webhook, credentials, allow_webhook), methods=["POST"])
    if media is not None:  # not guarded: reviewers' browsers come from Label Studio's page, each address with its right
        app.add_route(MEDIA_PATH, media.serve, methods=["GET"])
    if board is not None:  # not guarded: visitors sign in with their own tokens
        app.router.routes.extend(board.routes())
    app.add_middleware(Boundary, root_path=root_path.rstrip("/"))
    return app


def _guarded(endpoint: Endpoint, credentials: Credentials, may_pass: Callable[[Headers], bool]) -> Endpoint:
    """Look at the headers before anything of the body is read."""

    async def guarded(request: Request) -> Response:
        if is_from_another_site(request.headers):
            return JSONResponse({"detail": "Other sites' pages may not call errata."}, 403)
        if not credentials.trusts_host(request.headers):
            return JSONResponse(
                {"detail": "errata has no password, so it answers to localhost and ERRATA_PUBLIC_URL's host alone."},
                403,
            )
        if not may_pass(request.headers):
            return JSONResponse(
                {"detail": "Give ERRATA_BACKEND_USER and ERRATA_BACKEND_PASSWORD as errata has them (HTTP Basic)."},
                401,
                {"WWW-Authenticate": 'Basic realm="errata", charset="UTF-8"'},
            )
        return await endpoint(request)

    return guarded
