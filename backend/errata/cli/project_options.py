"""What `errata connect` is told about a project, checked before anything is asked of anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from errata.audit.belief_names import TAKEN, is_address
from errata.audit.user_encoder import user_image_encoder, user_text_encoder
from errata.cli.encoder_options import check_embeddings
from errata.errors import UsageError
from errata.labelstudio.predictions import is_own_version
from errata.settings import ApplyMode, PredictionsMode, ProjectSettings, ReviewBy
from errata.user_classes import is_class_name
from errata_model.encoders.backbones import own_weights
from errata_model.encoders.images import TorchvisionEncoder, WeightsUnavailable, load_image_encoders
from errata_model.encoders.naming import UnknownEncoder
from errata_model.encoders.text import load_text_encoder

_NAMED = ("own", "stored", "annotators")  # sources of belief that are neither file, address nor class
_WHO_BELIEVES = ("belief", "encoder", "text_encoder")


def project_settings(
    *,
    predictions: str | None,
    belief: str | None,
    encoder: str | None,
    text_encoder: str | None,
    weights: Path | None,
    embeddings: Path | None,
    apply: str | None,
    review_by: str | None = None,
    **others: Any,
) -> ProjectSettings:
    """Return what is said about a project; what is said nothing about is not set.

    Whoever names an encoder takes back the weights that were named before, and who names a belief or an encoder the
    embeddings; who gives embeddings lets errata believe by itself.

    Raises:
        UsageError: a value is wrong; names the option.
    """
    check_embeddings(embeddings, belief, {"--encoder": encoder, "--text-encoder": text_encoder, "--weights": weights})
    said = {
        "predictions": _one_of("--predictions", predictions, get_args(PredictionsMode)),
        "belief": _belief(belief),
        "encoder": _encoder(encoder, weights),
        "text_encoder": _text_encoder(text_encoder),
        "weights": _there("--weights", weights),
        "embeddings": _there("--embeddings", embeddings),
        "apply": _one_of("--apply", apply, get_args(ApplyMode)),
        "review_by": _one_of("--review-by", review_by, get_args(ReviewBy)),
        **others,
    }
    kept = {name: value for name, value in said.items() if value is not None}
    if "encoder" in kept:
        kept.setdefault("weights", None)
    if "embeddings" in kept:
        kept["belief"] = "own"
    elif not kept.keys().isdisjoint(_WHO_BELIEVES):
        kept["embeddings"] = None
    return ProjectSettings.model_validate(kept)


def _one_of(option: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        raise UsageError(f"{option} takes one of {', '.join(allowed)}, not {value!r}.")
    return value


def _encoder(name: str | None, weights: Path | None) -> str | None:
    if name is not None:
        try:
            for encoder in load_image_encoders(name, weights, load_other=user_image_encoder):
                if isinstance(encoder, TorchvisionEncoder):
                    own_weights(encoder.name)
        except UnknownEncoder as error:
            raise UsageError(f"--encoder is wrong because {error}") from error
        except WeightsUnavailable as error:
            raise UsageError(f"--weights is wrong: {error}") from error
    return name


def _text_encoder(name: str | None) -> str | None:
    if name is not None:
        try:
            load_text_encoder(name, user_text_encoder)
        except UnknownEncoder as error:
            raise UsageError(f"--text-encoder is wrong because {error}") from error
    return name


def _there(option: str, path: Path | None) -> Path | None:
    """Return a path so that it is found from every folder."""
    if path is not None and not path.exists():
        raise UsageError(f"{option}: there is no {path}.")
    return None if path is None else path.resolve()


def _belief(belief: str | None) -> str | None:
    """Return the source of belief so that it is found from every folder."""
    if belief is not None and belief.startswith("stored:") and is_own_version(belief.removeprefix("stored:")):
        raise UsageError(f"--belief {belief} is errata's own, which is no second opinion: use --belief own.")
    if belief is None or belief in _NAMED or belief.startswith("stored:") or is_address(belief):
        return belief
    if is_class_name(belief):
        return belief
    if not Path(belief).is_file():
        raise UsageError(f"{belief} is no file; --belief takes {TAKEN}.")
    return str(Path(belief).resolve())
