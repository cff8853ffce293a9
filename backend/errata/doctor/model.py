"""Checks of the encoder, and of a project's model: its audit, and its version against what Label Studio stores."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from errata.audit.user_encoder import user_image_encoder, user_text_encoder
from errata.doctor.checks import Check, look, not_asked, ok, told, wrong
from errata.doctor.label_studio import Api
from errata.labelstudio.predictions import BACKEND_TITLE, is_own_version
from errata.review.records import AuditRecord
from errata.settings import ProjectSettings, Settings
from errata.user_classes import is_class_name
from errata.wiring.belief_options import lost_file
from errata_model.encoders.images import (
    ImageEncoder,
    PixelEncoder,
    TorchvisionEncoder,
    UnknownEncoder,
    WeightsUnavailable,
    load_image_encoders,
)
from errata_model.encoders.naming import encoder_names
from errata_model.encoders.text import is_counting, load_text_encoder
from errata_model.encoders.weights import check_host


def check_encoders(name: str, weights: Path | None, trust: ssl.SSLContext | None = None) -> Iterator[Check]:
    """Say whether image encoders can be had, without downloading anything. Loads what is there, which takes seconds.

    Args:
        name: one, or several with commas between.
        weights: a file, or a folder of NAME.pth; None for torchvision's own.
        trust: whose certificates count where the download's host is asked.
    """
    try:
        encoders = load_image_encoders(name, weights, trust, user_image_encoder)
        for one, encoder in zip(encoder_names(name), encoders, strict=True):
            yield _check_encoder(one, encoder, weights, trust)
    except UnknownEncoder as error:
        yield told("encoder", f"ERRATA_ENCODER is wrong because {error}")
    except WeightsUnavailable as error:
        yield told("encoder", str(error))


def _check_encoder(name: str, encoder: ImageEncoder, weights: Path | None, trust: ssl.SSLContext | None) -> Check:
    if isinstance(encoder, PixelEncoder):
        return ok("encoder", "pixels, which needs no weights")
    if not isinstance(encoder, TorchvisionEncoder):
        return ok("encoder", f"{name} loads, {encoder.width:,} numbers an image")
    url = encoder.missing_from()
    if url is not None:
        return _downloadable(name, url, trust)
    return ok("encoder", f"{name} loads ({weights or 'downloaded before'}), {encoder.width:,} numbers an image")


def check_text_encoder(name: str) -> Check:
    """Say whether what reads texts can be had, without downloading anything.

    Args:
        name: `words`, `characters` or both; or sentence-transformers models' names or folders, or classes of the
            user's own.
    """
    if is_counting(name):
        return ok("text encoder", f"{name}, which needs no weights")
    try:
        load_text_encoder(name, user_text_encoder)
    except UnknownEncoder as error:
        return told("text encoder", f"ERRATA_TEXT_ENCODER is wrong because {error}")
    names = encoder_names(name)
    if all(is_class_name(each) for each in names):
        return ok("text encoder", f"{name} loads")
    if find_spec("sentence_transformers") is None:
        return wrong(
            "text encoder", f"{name} needs sentence-transformers, which is not installed", "pip install 'errata[text]'"
        )
    return ok("text encoder", f"{name}, loaded by the first audit of texts, or downloaded where it is not here")


def _downloadable(name: str, url: str, trust: ssl.SSLContext | None) -> Check:
    try:
        check_host(url, trust=trust)
    except WeightsUnavailable as error:
        found = told("encoder", str(error))
        return look("encoder", f"{found.seen}; audits work on pixels, which find less", str(found.remedy))
    return ok("encoder", f"the weights of {name} are downloaded by the first audit; their host answers")


def check_sources(project_id: int, said: ProjectSettings) -> Iterator[Check]:
    """Say which file that a project was connected with is gone; nothing where none is."""
    lost = lost_file(said)
    if lost is not None:
        remedy = f"Put it back, or errata connect {project_id} --belief own, or with another file"
        yield wrong("belief", f"connected with {lost}: there is no such file, so that audits fail", remedy)


def check_audit(project_id: int, last: AuditRecord | None, is_running: bool) -> Check:
    """Say how a project's last audit went."""
    again = f"errata audit {project_id}"
    if is_running:
        return ok("audit", "under way")
    if last is None:
        return look("audit", "there was none yet", again)
    if last.problem or last.finished_at is None:
        why = (last.problem or "its process ended before it did").rstrip(".")
        return wrong("audit", f"the last one ({last.started_at:%Y-%m-%d %H:%M} UTC) failed: {why}", again)
    return ok("audit", f"{last.finished_at:%Y-%m-%d %H:%M} UTC, {last.summary.get('labels')} labels, {last.version}")


def check_served(project_id: int, active: str | None, about: Mapping[str, Any] | None) -> Check:
    """Compare the version that `errata serve` answers with to the active one.

    Args:
        project_id: the source project.
        active: the version of the audit's model, None before the first.
        about: what `GET /` of errata tells, None where it does not answer.
    """
    if about is None:
        return not_asked("served model", "`errata serve` does not answer")
    served = {each["project"]: each["model_version"] for each in about.get("projects", [])}.get(project_id)
    if served == active or served is None:
        return ok("served model", served or "none is loaded yet")
    return look(
        "served model",
        f"`errata serve` answers with {served}, but the data folder here has {active}",
        "Give `errata serve` the same ERRATA_DATA_DIR as here, and restart it.",
    )


def check_version(api: Api, project: Mapping[str, Any], active: str | None, settings: Settings) -> Iterator[Check]:
    """Compare the active version with the predictions that Label Studio stores, and with the one that it shows.

    Args:
        api: Label Studio.
        project: as Label Studio describes it.
        active: the version of the audit's model, None before the first.
        settings: those of the project.
    """
    name, project_id = "model version", int(project["id"])
    if active is None:
        yield not_asked(name, "there is no model yet")
        return
    stored = api.get(f"api/projects/{project_id}/model-versions/")
    shown = str(project.get("model_version") or "")
    if settings.predictions != "none" and active not in stored:
        yield look(
            name, f"Label Studio stores no prediction of {active}, the active version", f"errata audit {project_id}"
        )
    elif shown in (active, ""):
        yield ok(name, f"{stored.get(active, 0)} predictions of {active}, {'shown' if shown else 'none shown'}")
    elif shown == BACKEND_TITLE or (is_own_version(shown) and shown != active):
        yield look(
            name,
            f'the project shows "{shown}" and its predictions are {active}: the Data Manager\'s score column is empty, '
            "and sampling by uncertainty is random",
            f"Choose {active} on {api.url}projects/{project_id}/settings/annotation, or run errata audit {project_id}",
        )
    else:
        yield ok(name, f'{stored.get(active, 0)} predictions of {active}; the project shows "{shown}"')
