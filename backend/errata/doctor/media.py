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
from errata.labelstudio.task_texts import TaskTexts
from errata.settings import Settings
from errata_model.encoders.images import UnusableImage, decode_image
from errata_model.encoders.text import UnusableText, readable_text

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
    forms = {control.data_key: control.text for control in reversed(controls)}
    readers = {key: TaskTexts(form, media) for key, form in forms.items() if form is not None}
    held = [(key, task["data"][key], int(task["id"])) for task in tasks for key in forms if task["data"].get(key)]
    uris = [str(value) for key, value, _ in held if key not in readers or readers[key].is_far]
    yield from _foreign_hosts(api, uris, settings.media_hosts)
    pictures = [(str(value), task_id) for key, value, task_id in held if key not in readers]
    texts = [(readers[key], value, task_id) for key, value, task_id in held if key in readers]
    if pictures:
        yield _one(media, *pictures[0], settings.media_max_pixels)
    elif len(readers) < len(forms):
        yield not_asked("media", "the project has no task with media")
    if texts:
        yield _text(*texts[0])
    elif readers:
        yield not_asked("texts", "the project has no task with a text")


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


def _text(texts: TaskTexts, value: object, task_id: int) -> Check:
    try:
        text = readable_text(texts.read(value, task_id))
    except (MediaError, UnusableText) as error:
        return wrong(
            "texts",
            f"the text of task {task_id} cannot be used: {error}",
            "Open that task in Label Studio: is its text shown? Where the label config has valueType, it must say "
            "whether the data hold the text or its address.",
        )
    return ok("texts", f"the text of task {task_id}: {len(text):,} characters")


def _host(uri: str) -> str:
    """Return the host and, where there is one, the port of an address; "" where it is none."""
    try:
        parts = urlsplit(uri)
        return f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        return ""
