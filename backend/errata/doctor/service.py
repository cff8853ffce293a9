"""Checks of what works in the background: `errata serve`, its queue and its workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from errata.doctor.checks import Check, look, not_asked, ok, wrong
from errata.jobs.queue import JobState
from errata.labelstudio.reachability import is_loopback

ANSWER_S = 4.0
_SHOWN = 3  # failed jobs that are named one by one

Open = Callable[[str, float], httpx.Client]
"""Opens a client for requests to the host of a URL that wait so many seconds."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back from an address where errata may be.

    Attributes:
        about: what `GET /` of errata tells; None where it is not errata, or does not take user and password.
        problem: why there is nothing in `about`, in words.
    """

    url: str
    about: Mapping[str, Any] | None = None
    problem: str = ""


class WorkerQueue(Protocol):
    """A queue whose jobs are run by others: `jobs.rq_queue.RedisQueue`."""

    def workers(self) -> list[str]:
        """Return the hosts of the workers that are alive."""

    def states(self) -> list[JobState]:
        """Return the jobs that wait, run or have failed."""


def listen(url: str, user: str, password: str | None, open_client: Open) -> Heard:
    """Ask an address whether errata is there.

    Args:
        url: without a slash at its end.
        user: of HTTP Basic authentication.
        password: of HTTP Basic authentication, None where errata asks for none.
        open_client: opens the connection.
    """
    try:
        with open_client(url, ANSWER_S) as http:
            answer = http.get(url + "/", auth=(user, password) if password is not None else None)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return Heard(url, problem=f"nothing answers there ({type(error).__name__})")
    if answer.status_code == 401:
        return Heard(url, problem="what answers there does not take ERRATA_BACKEND_USER and ERRATA_BACKEND_PASSWORD")
    try:
        about = answer.json()
    except ValueError:
        about = None
    if answer.is_success and isinstance(about, dict) and about.get("model_class") == "errata":
        return Heard(url, about)
    if answer.status_code == 403:
        return Heard(url, problem="what answers there does not take requests for that host")
    return Heard(url, problem=f"what answers there ({answer.status_code}) is not errata")


def check_serve(heard: Sequence[Heard], is_needed: bool) -> Check:
    """Say whether `errata serve` runs.

    Args:
        heard: from each address where it may be.
        is_needed: something in Label Studio calls it.
    """
    for each in heard:
        if each.about is not None:
            return ok("errata serve", f"answers at {each.url}, version {each.about.get('version')}")
    seen = "; ".join(f"{each.url}: {each.problem}" for each in heard)
    if any("not take ERRATA" in each.problem for each in heard):
        return wrong("errata serve", seen, "Restart `errata serve` with the same settings as here.")
    if is_needed:
        return wrong("errata serve", seen, "Start `errata serve`, and see that it stays: webhooks come to nobody.")
    return look("errata serve", seen, "Start `errata serve`; without it verdicts are taken by `errata status` alone.")


def check_public_address(heard: Heard | None, label_studio_url: str) -> Check:
    """Say whether ERRATA_PUBLIC_URL can be how Label Studio sees errata, as far as can be said from here.

    Args:
        heard: from there; None where it is not set.
        label_studio_url: where Label Studio is.
    """
    name = "public address"
    if heard is None:
        return not_asked(name, "ERRATA_PUBLIC_URL is not set: errata asks Label Studio, and is not asked")
    public_url = heard.url
    host = urlsplit(public_url).hostname or ""
    if not _is_named(host):
        return wrong(
            name,
            f'{public_url}: Label Studio makes no webhook to a host without a dot ("{host}")',
            f'Give the host an alias such as "{host}.internal" (Docker: a network alias), and set ERRATA_PUBLIC_URL.',
        )
    if is_loopback(public_url) and not is_loopback(label_studio_url):
        return wrong(
            name,
            f"{public_url} is this machine's own address, but Label Studio is on {urlsplit(label_studio_url).hostname}",
            "Set ERRATA_PUBLIC_URL to how that host sees errata (and ERRATA_HOST to what it can reach).",
        )
    if heard.about is not None:
        return ok(name, f"errata answers at {public_url} from here")
    return look(
        name,
        f"{public_url}: {heard.problem}, seen from here",
        "Start `errata serve` there, or correct ERRATA_PUBLIC_URL; Label Studio may see it nevertheless.",
    )


def check_workers(queue: WorkerQueue | None) -> Check:
    """Say who runs the jobs.

    Raises:
        QueueUnreachable: Redis does not answer.
    """
    if queue is None:
        return ok("queue", "jobs are child processes of `errata serve`")
    workers = queue.workers()
    if workers:
        return ok("queue", f"Redis answers; {len(workers)} workers, on {', '.join(sorted(set(workers)))}")
    return wrong("queue", "Redis answers, but there is no worker: jobs wait", "Start `errata worker`.")


def check_jobs(jobs: Sequence[JobState] | None) -> Iterator[Check]:
    """Say which jobs wait, run or have failed; None where nobody knows."""
    if jobs is None:
        yield not_asked("jobs", "who knows them, Redis or `errata serve`, does not answer")
        return
    bad = [job for job in jobs if job.state == "failed"]
    for job in bad[:_SHOWN]:
        again = f"errata {'status' if job.name == 'verdicts' else 'audit'} {job.project_id}"
        why = (job.problem or "no reason").rstrip(".")
        yield look("jobs", f"{job.name} failed after {job.attempts} attempts: {why}", f"{again} tries again.").of(
            job.project_id
        )
    if len(bad) > _SHOWN:
        yield look("jobs", f"{len(bad) - _SHOWN} more have failed", "errata audit --all tries them all again.")
    counts = {state: sum(job.state == state for job in jobs) for state in ("running", "waiting")}
    if not bad or any(counts.values()):
        yield ok("jobs", ", ".join(f"{count} {state}" for state, count in counts.items()))


def _is_named(host: str) -> bool:
    return "." in host or ":" in host or host == "localhost"
