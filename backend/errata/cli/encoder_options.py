"""Options about what sees images and reads texts, of `errata audit` and `errata connect`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from errata.errors import UsageError

Encoder = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[,NAME]...",
        help="For images: a torchvision backbone, pixels, or package.module:Class of your own; several "
        "are learned from side by side.",
    ),
]
TextEncoder = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[,NAME]...",
        help="For texts: words, characters or both; or sentence-transformers models, or package.module:Class of your "
        "own.",
    ),
]
Weights = Annotated[
    Path | None, typer.Option(help="The image encoder's weights: a file, or a folder that holds NAME.pth of each.")
]
Embeddings = Annotated[
    Path | None,
    typer.Option(help="Embeddings of your own by task id, in place of an encoder: .npz, .npy or .parquet."),
]


def check_embeddings(embeddings: Path | None, belief: str | None, encoders: Mapping[str, object]) -> None:
    """Raise UsageError where embeddings are given together with what they take the place of, by option."""
    if embeddings is None:
        return
    if belief not in (None, "own"):
        raise UsageError("--embeddings are what errata's own belief learns from: leave out --belief.")
    for option, value in encoders.items():
        if value is not None:
            raise UsageError(f"--embeddings take the place of an encoder's: leave out {option}.")
