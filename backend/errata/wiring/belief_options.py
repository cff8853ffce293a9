"""How an audit forms its belief, as the command line and the project's connection say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from errata.settings import ProjectSettings


@dataclass(frozen=True, slots=True)
class BeliefOptions:
    """How an audit forms its belief: what the command line says beyond the settings, None where it says nothing."""

    # own, stored, stored:VERSION, annotators, a CSV or parquet file, the URL of an ML backend, or package.module:Class
    belief: str | None = None
    encoder: str | None = None
    weights: Path | None = None
    minutes: float | None = None
    seed: int = 0
    limit: int | None = None
    text_encoder: str | None = None
    embeddings: Path | None = None  # of the user's own, in place of an encoder
    group_by: str | None = None  # a field of tasks' data whose equal values must not vouch for one another
    fine_tune: bool = False  # whether encoders of images learn the labels too


def lost_file(said: ProjectSettings) -> str | None:
    """Return the option, with its file, that a project was connected with where that file is gone."""
    option, file = ("--belief", said.belief) if said.embeddings is None else ("--embeddings", str(said.embeddings))
    is_file = file is not None and Path(file).is_absolute()  # connect keeps files so, and all else as it is
    return f"{option} {file}" if is_file and not Path(str(file)).is_file() else None
