"""ML backends of other people's, which errata must not starve.

Label Studio asks a backend about a task when somebody opens it or is served it, and only where the task has no
prediction of any version yet. One prediction of errata's on a task that still needs annotators, and the project's own
model is never asked about it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from errata.audit.ports import Footprint
from errata.labelstudio.client import LabelStudio


def other_backends(client: LabelStudio, project_id: int, public_url: str, footprint: Footprint) -> list[str]:
    """Return the titles, or else the hosts, of the project's ML backends that are not errata.

    Args:
        client: Label Studio, which looks after the backends' health to answer this.
        project_id: the source project.
        public_url: where Label Studio sees errata.
        footprint: tells which backend errata attached.
    """
    own = {trace.ref for trace in footprint.of_project(project_id) if trace.kind == "ml_backend"}
    return [
        str(each["title"] or urlsplit(each["url"]).hostname)
        for each in client.get("api/ml/", {"project": project_id})
        if str(each["id"]) not in own and each["url"].rstrip("/") != public_url.rstrip("/")
    ]
