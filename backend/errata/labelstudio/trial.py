"""Tries whether the review project's media load as its reviewers' browsers will load them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from errata.audit.snapshot import Snapshot
from errata.errors import ErrataError, LabelStudioGone, MediaError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.media import STORAGES, ProjectMedia
from errata.labelstudio.picture_types import picture_type
from errata.labelstudio.review_config import SHOWN_COLUMNS, Columns
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.review_tasks import TRIAL
from errata.labelstudio.task_list import chosen_tasks, task_filter, task_pages

_LEFT_OVER_S = 600.0  # no trial takes longer: one that stands still was left by a crash
_DATA = {"include": "id,data"}
_QUESTION = "errata tries whether pictures load here, and removes this task again. There is nothing to decide."
_HINTS = {  # part of an address below Label Studio's -> what may be wrong
    "/data/local-files/": "Label Studio serves local files if it is started with LABEL_STUDIO_LOCAL_FILES_SERVING_"
    "ENABLED=true, and only those below the path of a local storage of some project",
    "/data/upload/": "the upload is gone, or belongs to a project that the token's user cannot see",
    "/resolve/": "look into the settings of the source project's storage, and into Label Studio's log",
}
_OWN_MEDIA = re.compile(
    r"(?P<root>https?://[^?#]*)/(?P<path>tasks/\d+/resolve/\?fileuri=.*|data/local-files/\?d=.*)", re.ASCII
)
_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class MediaTrial:
    """How a trial went.

    Attributes:
        is_loaded: a picture was fetched by the address that the review project gives to browsers.
        address: that address, without its query; "" where the project has no picture to try.
        problem: why it was not loaded, and what to do about it; None where it was.
        is_served_by_errata: Label Studio could not give it to them, and errata can.
    """

    is_loaded: bool
    address: str
    problem: str | None
    is_served_by_errata: bool = False


def try_media(
    client: LabelStudio, snapshot: Snapshot, review: ReviewProject, media: ProjectMedia, max_pixels: int
) -> MediaTrial:
    """Post a review task of the first source task that has a picture, load that as a browser would, remove the task.

    The task is never work: Label Studio counts it as done from the start, so that no label stream and no list of
    what is to be reviewed holds it. Its finding's key begins with `TRIAL`, by which it is no finding and no answer.

    Args:
        client: Label Studio.
        snapshot: the source.
        review: its review project, made where there is none.
        media: fetches files with the token, as a browser does with its session.
        max_pixels: largest picture.
    """
    review_id = review.ensure()
    remove_left_trials(client, review_id, review.columns)
    found = _first_picture(client, snapshot)
    if found is None:
        return MediaTrial(False, "", f"No task of project {snapshot.project_id} has a picture to try yet.")
    task_id, key = found
    body = _trial_task(review.source_data(task_id), review.columns, _annotators(client, review_id))
    said = client.post(f"api/projects/{review_id}/import", [body], params={"return_task_ids": "true"})
    (trial_id,) = said["task_ids"]
    try:
        (task,) = chosen_tasks(client, review_id, [trial_id], {**_DATA, "resolve_uri": "true"})
        return _load(client, review_id, str(task["data"].get(key, "")), media, max_pixels)
    finally:
        with suppress(LabelStudioGone):  # not by the list's action, which deletes all tabs with the last task
            client.delete(f"api/tasks/{trial_id}/")


def remove_left_trials(client: LabelStudio, review_id: int, columns: Columns) -> None:
    """Remove the tasks of trials that a crash has cut off."""
    finding = columns("finding")
    marked = task_filter(f"data.{finding}", "contains", "String", TRIAL)
    for page in task_pages(client, review_id, _DATA, [marked]):
        for task in page:
            if _is_left(str(task["data"].get(finding))):
                client.delete(f"api/tasks/{task['id']}/")


def _is_left(key: str) -> bool:
    """Say whether this is a trial's key, and an old one; it says when the trial began."""
    began = key.removeprefix(TRIAL)
    return key.startswith(TRIAL) and began.isdecimal() and abs(time.time() - int(began)) > _LEFT_OVER_S


def _first_picture(client: LabelStudio, snapshot: Snapshot) -> tuple[int, str] | None:
    """Return the first source task with a picture, and the key of its data that holds it."""
    keys = [control.data_key for control in snapshot.controls if control.modality == "image"]
    for page in task_pages(client, snapshot.project_id, _DATA, page_size=50):
        for task in page:
            for key in keys:
                if isinstance(task["data"].get(key), str) and task["data"][key]:
                    return int(task["id"]), key
    return None


def _annotators(client: LabelStudio, review_id: int) -> Sequence[int | None]:
    """Return who has to have answered for a task of the review project to count as done; None is the token's user."""
    n_wanted = int(client.get(f"api/projects/{review_id}/").get("maximum_annotations") or 1)
    if n_wanted == 1:
        return [None]
    return [int(user["id"]) for user in client.get("api/users/")][:n_wanted]


def _trial_task(data: Mapping[str, Any], columns: Columns, annotators: Sequence[int | None]) -> dict[str, Any]:
    # Label Studio's tabs keep the order in which columns came first.
    own: dict[str, Any] = dict.fromkeys(SHOWN_COLUMNS, "")
    own |= {"disagreement": 0, "question": _QUESTION, "finding": f"{TRIAL}{int(time.time())}"}
    answer: dict[str, Any] = {"result": [], "ground_truth": False}
    return {
        "data": {**data, **{columns(name): value for name, value in own.items()}},
        "annotations": [answer | ({"completed_by": who} if who is not None else {}) for who in annotators],
    }


def _load(client: LabelStudio, review_id: int, address: str, media: ProjectMedia, max_pixels: int) -> MediaTrial:
    page, url = _seen_by_browser(client, review_id, address)
    is_inline = url.lower().startswith("data:")
    shown = "data:" if is_inline else urlsplit(url)._replace(query="", fragment="").geturl()
    try:
        _check_address(client, page, url)
        _check_picture(media.read_as_page(url, page), max_pixels)
    except ErrataError as error:
        hint = next((f" ({said})" for part, said in _HINTS.items() if part in url), "") if client.owns(url) else ""
        return MediaTrial(False, shown, f"{'The picture in the task' if is_inline else shown}: {error}{hint}")
    return MediaTrial(True, shown, None)


def _seen_by_browser(client: LabelStudio, review_id: int, address: str) -> tuple[str, str]:
    """Return the addresses of the reviewer's page and of the picture, the latter as errata can ask for it.

    Where Label Studio's own setting (LABEL_STUDIO_HOST) names it otherwise than errata does, browsers come by that
    name: their pages have its origin, and what is below it is asked for below the address that errata knows.
    """
    page = f"{client.url}projects/{review_id}/data"
    url = urljoin(page, address)
    own = None if client.owns(url) else _OWN_MEDIA.fullmatch(url)
    if own is None:
        return page, url
    return f"{own['root']}/projects/{review_id}/data", client.url + own["path"]


def _check_address(client: LabelStudio, page: str, url: str) -> None:
    of_page, of_picture = urlsplit(page), urlsplit(url)
    if of_page.scheme == "https" and of_picture.scheme == "http" and of_picture.hostname not in _LOCAL:
        raise MediaError("browsers load nothing by http:// into a page that came by https://; it needs https:// too")
    if of_picture.scheme in STORAGES:
        raise MediaError("no storage of the source project (its settings, Cloud Storage) covers it")
    if of_picture[:2] == urlsplit(client.url)[:2] and not client.owns(url):
        raise MediaError(
            f"browsers look for it there, outside of Label Studio at {client.url}: the tasks' data lack its sub-path"
        )


def _check_picture(content: bytes, max_pixels: int) -> None:
    from errata_model.encoders.decoding import UnusableImage, decode_image  # noqa: PLC0415 (few commands try media)

    try:
        decode_image(content, max_pixels)
    except UnusableImage as error:
        raise MediaError(str(error)) from error
    if picture_type(content) is None:
        raise MediaError("browsers do not show pictures of its format; PNG, JPEG, WebP and GIF are shown by all")
