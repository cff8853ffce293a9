"""What a cold audit of large pictures costs beside the encoder alone: files read, decoded and encoded, overlapped.

    python benchmarks/cold.py [--quick]

Drawn photographs of one megapixel as JPEG, and ResNet-50 (its weights drawn too: they cost as much as any). The bare
loop gets the pictures decoded and brought to size beforehand; errata gets files in a folder and an empty cache, which
it fills on disk. Batches of both take turns, so that a busy moment hits both.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from rich.console import Console
from rich.table import Table

from errata.audit.embed import BATCH, ImageEmbedder
from errata.audit.ports import UsedEncoder
from errata.audit.progress import LineProgress
from errata.labelstudio.media import FolderMedia
from errata.store.embeddings import EmbeddingFolder
from errata.wiring.embedding import NoIndex
from errata_model.encoders.images import ImageEncoder, decode_image, load_image_encoder

SIZE_WH = (1152, 868)
ROUNDS = 4


def draw(folder: Path, n: int) -> list[str]:
    """Write n different photographs: smooth shapes and grain, which JPEG makes about 300 kB of."""
    rng = np.random.default_rng(0)
    names = []
    for number in range(n):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(SIZE_WH, 3)
        grain = rng.normal(0, 12, (SIZE_WH[1], SIZE_WH[0], 1))
        picture = Image.fromarray((np.asarray(coarse) + grain).clip(0, 255).astype(np.uint8))
        picture.save(folder / f"{number:05}.jpg", quality=90)
        names.append(f"{number:05}.jpg")
    return names


def load(folder: Path) -> ImageEncoder:
    torch.manual_seed(0)
    file = folder / "resnet50.pth"
    torch.save(torchvision.models.resnet50(weights=None).state_dict(), file)
    return load_image_encoder("resnet50", file)


def bare(encoder: ImageEncoder, pictures: list[bytes]) -> float:
    prepared = [encoder.prepare(decode_image(content, 10**7)) for content in pictures]
    begun = time.perf_counter()
    for start in range(0, len(prepared), BATCH):
        encoder.encode(prepared[start : start + BATCH])
    return time.perf_counter() - begun


def audited(encoder: ImageEncoder, media: Path, names: list[str], cache: Path) -> float:
    embeddings = EmbeddingFolder(cache, encoder.identity, encoder.width)
    used = UsedEncoder(encoder.identity, "resnet50")
    embedder = ImageEmbedder(FolderMedia(media), NoIndex(), [(encoder, embeddings)], 10**7, used)
    begun = time.perf_counter()
    embedded = embedder.embed(dict(enumerate(names)), LineProgress(lambda _: None))
    seconds = time.perf_counter() - begun
    assert embedded.rows.shape == (len(names), encoder.width), embedded.unusable
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="What a cold audit of large pictures costs beside the encoder alone.")
    parser.add_argument("--quick", action="store_true", help="256 pictures")
    is_quick = parser.parse_args().quick
    n = 256 if is_quick else 2000
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        names = draw(folder, n)
        encoder = load(folder)
        encoder.encode([encoder.prepare(Image.open(io.BytesIO((folder / names[0]).read_bytes())))])  # begins slowly
        alone, whole = [], []
        for number in range(ROUNDS):
            part = names[number * n // ROUNDS : (number + 1) * n // ROUNDS]
            alone.append(bare(encoder, [(folder / name).read_bytes() for name in part]))
            whole.append(audited(encoder, folder, part, folder / f"cache{number}"))
    line = {
        "pictures": n,
        "encoder_s": round(sum(alone), 1),
        "errata_s": round(sum(whole), 1),
        "ratio": round(sum(whole) / sum(alone), 3),
    }
    table = Table(*(name.replace("_", " ") for name in line))
    table.add_row(*map(str, line.values()))
    Console().print(table)
    print(json.dumps({"benchmark": "cold", "quick": is_quick, "load": os.getloadavg()[0], **line}))


if __name__ == "__main__":
    main()
