"""Training that Label Studio starts while annotations are saved: paused while errata writes, and given back.

The project's `min_annotations_to_start_training` says it: 0 never, n whenever the number of annotations is a multiple
of n; Label Studio's page shows 1 as "Start model training on annotation submission". Each write of errata's is such a
saving, and Label Studio waits for the ML backend's answer to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from errata.audit.ports import Footprint, Trace
from errata.errors import ErrataError, LabelStudioGone
from errata.labelstudio.client import LabelStudio

TRAINING = "training"
_FIELD = "min_annotations_to_start_training"


@contextmanager
def paused_training(client: LabelStudio, project_id: int, footprint: Footprint) -> Iterator[None]:
    """Turn training off, and on again afterwards, whatever happens in between.

    After a kill it stays off, and the footprint says so: `restore_training` turns it on.

    Raises:
        ServiceError: it could not be turned off, and nothing else was done; or it could not be turned on again.
    """
    restore_training(client, project_id, footprint)
    every = int(client.get(f"api/projects/{project_id}/").get(_FIELD) or 0)
    if every:
        footprint.add(project_id, Trace(TRAINING, "project", {"before": every}))
    try:
        if every:
            client.patch(f"api/projects/{project_id}/", {_FIELD: 0})
        yield
    except BaseException:
        with suppress(ErrataError):  # what happened first is what people must hear of
            restore_training(client, project_id, footprint)
        raise
    restore_training(client, project_id, footprint)


def restore_training(client: LabelStudio, project_id: int, footprint: Footprint) -> bool:
    """Turn training on where errata turned it off and it is off still; say whether that was so.

    Raises:
        ServiceError: Label Studio failed; it is still written down that training is off.
    """
    traces = [trace for trace in footprint.of_project(project_id) if trace.kind == TRAINING]
    for trace in traces:
        with suppress(LabelStudioGone):  # and its settings with it
            put_back_training(client, project_id, trace)
        footprint.remove(project_id, trace.kind, trace.ref)
    return bool(traces)


def put_back_training(client: LabelStudio, project_id: int, trace: Trace) -> None:
    """Turn training on as the trace says it was, unless somebody did so meanwhile."""
    path = f"api/projects/{project_id}/"
    if not client.get(path).get(_FIELD):
        client.patch(path, {_FIELD: trace.details["before"]})
