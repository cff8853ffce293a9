"""ML backends of other people's, which errata must not starve.

Label Studio asks a backend about a task when somebody opens it or is served it, and only where the task has no
prediction of any version yet. One prediction of errata's on a task that still needs annotators, and the project's own
model is never asked about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from errata.audit.ports import Footprint
from errata.labelstudio.client import LabelStudio


@dataclass(frozen=True, slots=True)
class Backends:
    """The ML backends that somebody attached to a project.

    Attributes:
        is_attached_in_form: errata is one of them, attached in Label Studio's own form and not by `errata connect`.
        others: the titles, or else the hosts, of those that are not errata.
    """

    is_attached_in_form: bool
    others: tuple[str, ...]


def read_backends(client: LabelStudio, project_id: int, public_url: str, footprint: Footprint) -> Backends:
    """Look at a project's ML backends, but for the one that errata attached.

    Args:
        client: Label Studio, which looks after the backends' health to answer this.
        project_id: the source project.
        public_url: where Label Studio sees errata.
        footprint: tells which backend errata attached.
    """
    own = {trace.ref for trace in footprint.of_project(project_id) if trace.kind == "ml_backend"}
    attached = [each for each in client.get("api/ml/", {"project": project_id}) if str(each["id"]) not in own]
    others = [each for each in attached if each["url"].rstrip("/") != public_url.rstrip("/")]
    return Backends(
        is_attached_in_form=len(others) < len(attached),
        others=tuple(str(each["title"] or urlsplit(each["url"]).hostname) for each in others),
    )
