"""Label Studio cannot reach errata: its address block is on, as it is by default, and errata is on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from errata.audit.progress import LineProgress
from errata.demo.digits import Digits, load_digits
from errata.demo.reviewer import answer_findings, label_of, source_state, without_labels
from errata.demo.source_project import make_source_project
from errata.errors import ErrataError
from errata.labelstudio.reachability import can_reach
from errata.labelstudio.review_project import find_review_project

N_DIGITS = 100
QUIET = LineProgress(lambda _: None)


@pytest.fixture(scope="module")
def closed_label_studio(start_label_studio: Callable[..., Any]) -> Iterator[Any]:
    with start_label_studio(ML_BLOCK_LOCAL_IP="true", SSRF_PROTECTION_ENABLED="true") as server:
        yield server


def test_the_loop_runs_by_push_and_poll(
    closed_label_studio: Any, foreign: Any, make_errata: Callable[..., Any], wait: Callable[..., Any]
) -> None:
    """No backend and no webhook is left where none could be called; predictions are pushed, verdicts fetched."""
    client = closed_label_studio.client
    every = load_digits(seed=4, planted_share=0.1)
    digits = Digits(every.pngs[:N_DIGITS], every.given[:N_DIGITS], every.right[:N_DIGITS])
    project_id, task_ids = make_source_project(client, digits, QUIET)
    before, settings = source_state(client, project_id), client.get(f"api/projects/{project_id}/")
    errata = make_errata(
        closed_label_studio.url, ERRATA_LABEL_STUDIO_TOKEN=closed_label_studio.pat, ERRATA_APPLY="auto"
    )
    errata.serve()
    told = can_reach(client, project_id, public_url=foreign.url, user="errata", password="a-password")
    assert told is not None
    assert "ML_BLOCK_LOCAL_IP=false" in told  # both switches, and the other way out
    assert "SSRF_PROTECTION_ENABLED=false" in told
    assert foreign.calls == []
    with pytest.raises(ErrataError):
        client.post("api/ml/", {"project": project_id, "url": errata.url, "title": "errata"})
    said = errata.run("connect", str(project_id), "--yes")
    assert "outbound only" in said.lower()
    assert "SSRF_PROTECTION_ENABLED=false" in said  # what to change where webhooks are wanted
    review_id = find_review_project(client, project_id)["id"]

    def nothing_to_call() -> bool:
        ids = (project_id, review_id)
        return not any(client.get(path, {"project": n}) for path in ("api/webhooks/", "api/ml/") for n in ids)

    assert nothing_to_call()
    errata.ask("audit", str(project_id))
    first_audit = errata.ask("status", str(project_id))["last_audit"]["id"]
    assert nothing_to_call()
    listed = list(client.paged("api/tasks/", {"project": project_id, "fields": "all"}))
    assert all(len(task["predictions"]) == 1 for task in listed)
    judged_wrong = answer_findings(client, review_id, dict(zip(task_ids, digits.right, strict=True)), QUIET)
    assert judged_wrong
    # Nobody but the polling service brings these back: no command is run.
    wait(lambda: judged_wrong.items() <= labels(client, project_id).items(), "the fixes")
    after = source_state(client, project_id)
    assert without_labels(after) == without_labels(before)
    # Labels have changed by that, and an audit follows by itself.
    wait(lambda: last_good_audit(errata, project_id) > first_audit, "an audit of the changed labels")
    errata.run("disconnect", str(project_id), "--delete-review", "--yes")
    assert find_review_project(client, project_id) is None
    assert client.get(f"api/projects/{project_id}/") == settings
    assert not list(client.get("api/predictions/", {"project": project_id}))
    assert judged_wrong.items() <= labels(client, project_id).items()


def last_good_audit(errata: Any, project_id: int) -> int:
    """Return the number of the latest audit, 0 while it runs."""
    last = errata.last_audit(project_id)
    return int(last.id) if last.finished_at and not last.problem else 0


def labels(client: Any, project_id: int) -> dict[int, str]:
    return {task_id: label_of(task) for task_id, task in source_state(client, project_id).items()}
