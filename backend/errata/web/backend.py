"""Label Studio's ML backend contract: each answer within the time that Label Studio waits for it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

import orjson
from fastapi import HTTPException
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from errata import __version__
from errata.audit.beliefs import NO_VERSION
from errata.errors import QueueUnreachable
from errata.jobs.queue import Queue
from errata.labelstudio.reachability import TRIAL_STATUS
from errata.web.beliefs import Beliefs
from errata.web.bodies import predict_request, project_id, read_json
from errata.web.predictions import Predictions
from errata.web.projects import ProjectBook
from errata.web.webhook import Webhooks, job_status

SETUP_S = 1.5  # Label Studio waits 3 s for /setup
JOB_STATUS_S = 0.8  # and 1 s for /job_status


@dataclass(frozen=True, slots=True)
class Backend:
    """The endpoints, each a request in and a response out."""

    beliefs: Beliefs
    predictions: Predictions
    webhooks: Webhooks
    projects: ProjectBook
    queue: Queue
    started_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    async def health(self, _: Request) -> Response:
        """GET /health, within 1 s."""
        return _json({"status": "UP", "model_class": "errata"})

    async def setup(self, request: Request) -> Response:
        """POST /setup: the version that /predict would answer with. The token in the body is not read."""
        asked = project_id((await read_json(request)).get("project"))
        self.projects.attach(asked)
        version = await self.beliefs.version(asked, SETUP_S)
        return _json({"model_version": version or NO_VERSION})

    async def trial(self, _: Request) -> Response:
        """POST /trial/setup: refused, so that Label Studio says that it got here and adds nothing; see `can_reach`."""
        raise HTTPException(TRIAL_STATUS, "This is errata, and Label Studio reaches it.")

    async def predict(self, request: Request) -> Response:
        """POST /predict, within 100 s; with `params.context` (interactive) the answer is the same."""
        asked = predict_request(await read_json(request))
        return _json({"results": await self.predictions.answer(asked)})

    async def webhook(self, request: Request) -> Response:
        """POST /webhook: acknowledged at once, the work is a job's."""
        job = self.webhooks.take(await read_json(request))
        return _json({} if job is None else {"job": job})

    async def versions(self, _: Request) -> Response:
        """GET /versions: Label Studio does not say of which project."""
        served = {belief.version for belief in self.beliefs.served().values()}
        return _json({"versions": sorted(served) or [NO_VERSION]})

    async def job_status(self, request: Request) -> Response:
        """POST /job_status: how the job that START_TRAINING began stands."""
        wanted = (await read_json(request)).get("job")
        if not isinstance(wanted, str):
            raise HTTPException(400, 'The body must name a job, such as {"job": "audit-12"}.')
        try:
            status = await asyncio.wait_for(run_in_threadpool(job_status, self.queue, wanted), JOB_STATUS_S)
        except (QueueUnreachable, asyncio.TimeoutError) as error:
            raise HTTPException(503, "The job queue cannot be asked now; see errata's log.") from error
        return _json({"job_status": status})

    async def status(self, _: Request) -> Response:
        """GET /: what is served, what is under way, and when webhooks last came."""
        served = self.beliefs.served()
        projects = [
            {"project": number, "model_version": belief.version, "tasks": belief.n_tasks}
            for number, belief in sorted(served.items())
        ]
        about: dict[str, Any] = {
            "status": "UP",
            "model_class": "errata",
            "version": __version__,
            "started_at": self.started_at.isoformat(),
            "projects": projects,
            "webhooks": self.webhooks.about(),
        }
        try:
            about["jobs"] = [asdict(state) for state in await run_in_threadpool(self.queue.states)]
        except QueueUnreachable as error:
            about |= {"jobs": [], "problem": str(error)}
        return _json(about)


def _json(content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
