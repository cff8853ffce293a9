"""Checks of a project's media: one is fetched and decoded, and the hosts that others are on are named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from errata.audit.ports import Media
from errata.doctor.checks import Check, look, not_asked, ok, wrong
from errata.doctor.label_studio import Api
from errata.errors import MediaError
from errata.labelstudio.label_config import serveable
from errata.settings import Settings
from errata_model.encoders.images import UnusableImage, decode_image

N_TASKS = 50  # whose addresses are looked at


class MediaApi(Api, Protocol):
    """Label Studio, which also knows which addresses are its own."""

    def owns(self, url: str) -> bool:
        """Say whether an absolute URL is below Label Studio's own."""


def check_media(api: MediaApi, media: Media, project: Mapping[str, Any], settings: Settings) -> Iterator[Check]:
    """Say whether errata can use the project's media.

    Args:
        api: Label Studio.
        media: fetches them.
        project: as Label Studio describes it.
        settings: those of the project.

    Raises:
        ConfigNotServed: errata can audit nothing of the project.
    """
    controls = serveable(project["label_config"]).controls
    asked = {"project": project["id"], "page": 1, "page_size": N_TASKS, "resolve_uri": "false", "include": "id,data"}
    tasks = api.get("api/tasks/", asked)["tasks"]
    keys = dict.fromkeys(control.data_key for control in controls)
    uris = [(str(task["data"][key]), int(task["id"])) for task in tasks for key in keys if task["data"].get(key)]
    if not uris:
        yield not_asked("media", "the project has no task with media")
    else:
        yield from _foreign_hosts(api, [uri for uri, _ in uris], settings.media_hosts)
        yield _one(media, *uris[0], settings.media_max_pixels)


def check_reviewers_media(served_by: str | None) -> Check:
    """Say who serves the review project's media; whether a browser sees them was tried by `errata connect`."""
    who = {"label_studio": "Label Studio serves them to reviewers", "errata": "errata serves them, by signed addresses"}
    if served_by is None:
        return not_asked("review media", "`errata connect` has not tried yet who can serve them to reviewers")
    return ok("review media", who[served_by])


def _foreign_hosts(api: MediaApi, uris: Sequence[str], allowed: Sequence[str]) -> Iterator[Check]:
    hosts: Counter[str] = Counter()
    for uri in uris:
        if uri.startswith(("http://", "https://")) and not api.owns(uri):
            hosts[_host(uri)] += 1
    missing = sorted(host for host in hosts if host and {host, host.partition(":")[0]}.isdisjoint(allowed))
    if missing:
        named = ", ".join(f"{host} ({hosts[host]} of {len(uris)})" for host in missing)
        setting = "[" + ", ".join(f'"{host}"' for host in (*allowed, *missing)) + "]"
        yield look(
            "media hosts",
            f"media on {named} are not fetched",
            f"Where you trust these hosts: ERRATA_MEDIA_HOSTS='{setting}'",
        )


def _one(media: Media, uri: str, task_id: int, max_pixels: int) -> Check:
    try:
        content = media.read(uri, task_id)
        image = decode_image(content, max_pixels)
    except (MediaError, UnusableImage) as error:
        return wrong(
            "media",
            f"the image of task {task_id} cannot be used: {error}",
            "Open that task in Label Studio: is its image shown? Then see ERRATA_MEDIA_HOSTS and the ERRATA_MEDIA_MAX "
            "settings; else mend its storage.",
        )
    return ok("media", f"the image of task {task_id}: {image.width} x {image.height}, {len(content):,} bytes")


def _host(uri: str) -> str:
    """Return the host and, where there is one, the port of an address; "" where it is none."""
    try:
        parts = urlsplit(uri)
        return f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        return ""
