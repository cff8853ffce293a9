"""What a cold audit of large pictures costs beside the bare encoder on decoded tensors.

    python benchmarks/cold.py [--quick]

Drawn photographs of one megapixel as JPEG, each with a label of four classes, and ResNet-50 (its weights drawn too:
they cost as much as any). The bare loop is torchvision's own network, without its last layer, over tensors that were
made beforehand, 32 at a time, channels last (in torch's usual order it takes half as long again).

errata's side is the whole audit of an export but for the start of the process: reading the export, fetching, decoding
and encoding the files, near-duplicates, learning, scores and reasons, with a data folder that is empty. (The files were
written shortly before: the disk's own time is not in it.) The bare loop runs over one half of the pictures before the
audit and over the other half after it, so that a busy moment hits both. Processor seconds are shown beside; where the
machine has other work too they grow on both sides, as torch's threads wait for each other by spinning.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from errata.audit.progress import LineProgress
from errata.settings import Settings
from errata.wiring import BeliefOptions, Wiring
from errata_model.encoders.images import decode_image, load_image_encoder

SIZE_WH = (1152, 868)
CLASSES = ("dawn", "noon", "dusk", "night")
BATCH = 32
TARGET = 1.25
CONFIG = f"""<View>
  <Image name="image" value="$image"/>
  <Choices name="time" toName="image">{"".join(f'<Choice value="{each}"/>' for each in CLASSES)}</Choices>
</View>"""


Times = NDArray[np.float64]  # seconds passed, and those of processors


def now() -> Times:
    return np.array([time.perf_counter(), time.process_time()])


def draw(folder: Path, n: int) -> list[str]:
    """Write n different photographs: smooth shapes and grain, which JPEG makes about 300 kB of."""
    rng = np.random.default_rng(0)
    names = []
    for number in range(n):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(SIZE_WH, 3)
        grain = rng.normal(0, 12, (SIZE_WH[1], SIZE_WH[0], 1))
        light = 1 - 0.2 * (number % len(CLASSES))
        picture = Image.fromarray((np.asarray(coarse) * light + grain).clip(0, 255).astype(np.uint8))
        picture.save(folder / f"{number:05}.jpg", quality=90)
        names.append(f"{number:05}.jpg")
    return names


def write_export(names: Sequence[str], folder: Path) -> tuple[Path, Path]:
    """Write what Label Studio exports of tasks with a label each, and their label config."""
    tasks = []
    for number, name in enumerate(names):
        value = {"choices": [CLASSES[number % len(CLASSES)]]}
        result = [{"id": "r", "type": "choices", "from_name": "time", "to_name": "image", "value": value}]
        annotations = [{"id": number + 1, "completed_by": 1, "result": result}]
        tasks.append({"id": number + 1, "data": {"image": name}, "annotations": annotations})
    export, config = folder / "export.json", folder / "config.xml"
    export.write_text(json.dumps(tasks))
    config.write_text(CONFIG)
    return export, config


def load(weights: Path) -> torch.nn.Module:
    torch.manual_seed(0)
    network = torchvision.models.resnet50(weights=None)
    torch.save(network.state_dict(), weights)
    network.fc = torch.nn.Identity()
    return network.eval().to(memory_format=torch.channels_last)


def bare(network: torch.nn.Module, weights: Path, files: Sequence[Path]) -> Times:
    """Encode and nothing else."""
    encoder = load_image_encoder("resnet50", weights)
    tensors = torch.empty(len(files), 3, 224, 224)
    for number, file in enumerate(files):
        prepared = encoder.prepare(decode_image(file.read_bytes(), 10**7))
        tensors[number] = torch.from_numpy(prepared) / 255
    tensors = tensors.contiguous(memory_format=torch.channels_last)
    begun = now()
    with torch.inference_mode():
        for part in tensors.split(BATCH):
            network(part)
    return now() - begun


def audited(weights: Path, media: Path, names: Sequence[str], data: Path) -> Times:
    """Audit with nothing known beforehand."""
    data.mkdir()
    export, config = write_export(names, data)
    wiring = Wiring(Settings(data_dir=data, encoder="resnet50", weights=weights))
    begun = now()
    examined = wiring.examine_export(export, config, media, BeliefOptions(), LineProgress(lambda _: None))
    taken = now() - begun
    wiring.close()
    assert len(examined.snapshot.tasks) == len(names)
    assert not examined.skipped, examined.skipped
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description="What a cold audit of large pictures costs beside the bare encoder.")
    parser.add_argument("--quick", action="store_true", help="256 pictures")
    is_quick = parser.parse_args().quick
    n = 256 if is_quick else 2000
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        names = draw(folder, n)
        files = [folder / name for name in names]
        weights = folder / "resnet50.pth"
        network = load(weights)
        bare(network, weights, files[:BATCH])  # both begin slowly
        audited(weights, folder, names[:BATCH], folder / "warm")
        alone = bare(network, weights, files[: n // 2])
        whole = audited(weights, folder, names, folder / "data")
        alone = alone + bare(network, weights, files[n // 2 :])
    line: dict[str, float] = {"pictures": n}
    for number, unit in enumerate(("s", "processor_s")):
        line |= {
            f"encoder_{unit}": round(float(alone[number]), 1),
            f"errata_{unit}": round(float(whole[number]), 1),
            f"ratio_{unit}": round(float(whole[number] / alone[number]), 3),
        }
    line["target"] = TARGET
    table = Table(*(name.replace("_", " ") for name in line))
    table.add_row(*map(str, line.values()))
    Console(width=120).print(table)
    print(json.dumps({"benchmark": "cold", "quick": is_quick, "load": round(os.getloadavg()[0], 1), **line}))


if __name__ == "__main__":
    main()
