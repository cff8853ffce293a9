"""How well wrong masks are found where errata learns masks itself, from images: nuclei-masks, as an audit does it.

    python benchmarks/kinds_masks.py [--quick]

The label maps are written as brushed regions, and `errata audit export.json --config config.xml --media media` audits
them; a task's disagreement is the noisy-or of all its findings. Beside it, on the same out-of-sample predictions,
cleanlab's softmin and the mean of 1 - p over pixels, p being the probability of what was given there: area under the
ROC curve and average precision of images, and the difference in the former with the 95 % interval of a bootstrap over
images, both methods on the same draw.

Then speed, the ratio of two times in one run: brush run lengths by errata and by Label Studio's SDK, written and read,
and doubting all masks, matched to the believed ones, beside softmin alone on the same pixels. The set is read from the
folder that ERRATA_BENCHMARKS names.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from cleanlab.segmentation.rank import get_label_quality_scores
from label_studio_sdk.converter import brush
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table
from scipy.ndimage import find_objects
from sklearn.metrics import average_precision_score, roc_auc_score

from errata.audit.findings_file import write_tasks
from errata.audit.progress import LineProgress
from errata.audit.run import Examination
from errata.labelstudio.codecs import masks
from errata.settings import Settings
from errata.wiring import BeliefOptions, Wiring
from errata_model.kinds.masks import rle
from errata_model.kinds.masks.doubts import find_doubts
from errata_model.kinds.masks.raster import crop
from errata_model.records import Control
from errata_model.regions.records import Item, Region
from errata_model.regions.shapes import Mask, Size

MINUTES = 12.0  # of learning, on 2 cores
QUICK_IMAGES, QUICK_MINUTES = 30, 1.0
CODED = 300  # masks, of which every run length is also read and written by the SDK
DRAWS = 2000  # of the bootstrap
WANTED = {"errata_auroc": 0.7, "rle_encode_ratio": 20, "rle_decode_ratio": 20, "scoring_ratio": 1}
LABEL = "nucleus"
CONTROL = Control("label", "masks", "image", "image", "image", (LABEL,), type="brushlabels")
CONFIG = (
    '<View><Image name="image" value="$image"/>'
    f'<BrushLabels name="label" toName="image"><Label value="{LABEL}"/></BrushLabels></View>'
)
PEERS = ("softmin", "mean_pixel")


def read_given(file: Path) -> list[Region]:
    """Return the regions of a label map."""
    numbers = np.asarray(Image.open(file)).astype(np.int32)
    size = numbers.shape[1], numbers.shape[0]
    windows = ((number, window) for number, window in enumerate(find_objects(numbers), 1) if window)
    return [
        Region(str(number), LABEL, crop(numbers[down, across] == number, down.start, across.start, size))
        for number, (down, across) in windows
    ]


def write_export(folder: Path, scratch: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Write what Label Studio would export, task ids being rows from 1."""
    (scratch / "media").mkdir()
    tasks = []
    for task_id, line in enumerate(lines, 1):
        name = f"{line['image']}.png"
        shutil.copy(folder / "images" / name, scratch / "media" / name)
        results = [
            part for each in read_given(folder / "given" / name) for part in masks.write(CONTROL, each, None, None)
        ]
        annotation = {"id": task_id, "completed_by": 1, "was_cancelled": False, "result": results}
        tasks.append({"id": task_id, "data": {"image": name}, "annotations": [annotation], "predictions": []})
    (scratch / "export.json").write_text(json.dumps(tasks))
    (scratch / "config.xml").write_text(CONFIG)


def examine(scratch: Path, minutes: float) -> Examination:
    """Audit the export."""
    wiring = Wiring(Settings(data_dir=scratch / "data"))
    options = BeliefOptions(belief="own", encoder="pixels", minutes=minutes)
    files = scratch / "export.json", scratch / "config.xml", scratch / "media"
    try:
        return wiring.examine_export(*files, options, LineProgress(lambda _: None))
    finally:
        wiring.close()


def by_errata(examined: Examination, scratch: Path) -> dict[int, float]:
    """Return task id -> disagreement, as --tasks-out has it."""
    out = scratch / "tasks.jsonl"
    write_tasks(out, [task.id for task in examined.snapshot.tasks], examined.findings.all)
    return {line["task"]: line["disagreement"] for line in map(json.loads, out.read_text().splitlines())}


def items_of(examined: Examination) -> dict[int, Item]:
    """Return task id -> what was given beside what is believed."""
    (belief,) = examined.belief.artefact.region_beliefs
    drawn = {task.id: task.drawn[0].regions for task in examined.snapshot.tasks}
    rows = zip(belief.task_ids.tolist(), belief.believed, belief.sizes, strict=True)
    return {task_id: Item(drawn[task_id], believed, size, task_id) for task_id, believed, size in rows}


def pixels_of(item: Item) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return (h, w) what was given, 0 or 1, and (2, h, w) what is believed, at the size of the image."""
    size: Size = item.size or (1, 1)
    given = np.zeros(size[::-1], dtype=np.int64)
    for region in item.given:
        mask = region.shape
        assert isinstance(mask, Mask)
        height, width = mask.bitmap.shape
        given[mask.top : mask.top + height, mask.left : mask.left + width][mask.bitmap] = 1
    nothing = Image.fromarray(item.believed.evidence["probabilities"][..., 0]).resize(size, Image.Resampling.BILINEAR)
    believed = np.asarray(nothing, dtype=np.float64) / 255
    return given, np.stack([believed, 1 - believed])


def judge(is_wrong: NDArray[np.bool_], scores: NDArray[np.float64]) -> dict[str, float]:
    return {
        "auroc": float(roc_auc_score(is_wrong, scores)),
        "average_precision": float(average_precision_score(is_wrong, scores)),
    }


def bootstrap(is_wrong: NDArray[np.bool_], ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> dict[str, float]:
    """Return the gain in area under the ROC curve, its interval, and in how many of the draws there is one."""
    rng = np.random.default_rng(0)
    gains = []
    while len(gains) < DRAWS:
        rows = rng.integers(0, len(is_wrong), len(is_wrong))
        if 0 < is_wrong[rows].sum() < len(rows):
            gains.append(roc_auc_score(is_wrong[rows], ours[rows]) - roc_auc_score(is_wrong[rows], theirs[rows]))
    low, high = np.percentile(gains, [2.5, 97.5])
    shares = {"gain": np.mean(gains), "gain_low": low, "gain_high": high, "gain_share": np.mean(np.array(gains) > 0)}
    return {name: float(value) for name, value in shares.items()}


def times_as_long(theirs: Callable[[], object], ours: Callable[[], object]) -> float:
    """Return how many times as long the processor takes for theirs: by turns, and the best of eight each.

    Others may be at work on it.
    """
    best = {theirs: math.inf, ours: math.inf}
    for work in (theirs, ours) * 8:
        began = time.process_time()
        work()
        best[work] = min(best[work], time.process_time() - began)
    return best[theirs] / best[ours]


def code_masks(items: Sequence[Item]) -> dict[str, float]:
    """Time run lengths of a sample of the masks, both ways, and check that they are the SDK's."""
    every = [region.shape for item in items for region in item.given if isinstance(region.shape, Mask)]
    chosen = [every[row] for row in np.linspace(0, len(every) - 1, min(CODED, len(every))).astype(int)]
    whole = [np.zeros((mask.height, mask.width), dtype=np.uint8) for mask in chosen]
    for image, mask in zip(whole, chosen, strict=True):
        height, width = mask.bitmap.shape
        image[mask.top : mask.top + height, mask.left : mask.left + width] = 255 * mask.bitmap
    coded = [brush.mask2rle(image) for image in whole]
    assert coded == [list(rle.encode_mask(mask)) for mask in chosen]
    pairs = list(zip(coded, chosen, strict=True))
    return {
        "rle_encode_ratio": times_as_long(
            lambda: [brush.mask2rle(image) for image in whole],
            lambda: [list(rle.encode_mask(mask)) for mask in chosen],
        ),
        "rle_decode_ratio": times_as_long(
            lambda: [brush.decode_rle(stream) for stream in coded],
            lambda: [rle.decode_mask(stream, mask.width, mask.height) for stream, mask in pairs],
        ),
    }


def measure(quick: bool) -> dict[str, float]:
    """Audit nuclei-masks; return errata's and its peers' figures; {} without the set."""
    if "ERRATA_BENCHMARKS" not in os.environ:
        print("nuclei-masks: skipped, ERRATA_BENCHMARKS is not set")
        return {}
    folder = Path(os.environ["ERRATA_BENCHMARKS"]) / "nuclei-masks"
    lines = [json.loads(line) for line in (folder / "truth.jsonl").open()][: QUICK_IMAGES if quick else None]
    began = time.perf_counter()
    with TemporaryDirectory() as name:
        scratch = Path(name)
        write_export(folder, scratch, lines)
        examined = examine(scratch, QUICK_MINUTES if quick else MINUTES)
        minutes = (time.perf_counter() - began) / 60
        found, items = by_errata(examined, scratch), items_of(examined)
    is_wrong = np.array([lines[task_id - 1]["wrong"] for task_id in items])
    ours = np.array([found[task_id] for task_id in items])
    pixels = {task_id: pixels_of(item) for task_id, item in items.items()}

    def softmin() -> NDArray[np.float64]:
        pairs = pixels.values()
        scores = [get_label_quality_scores(given[None], p[None], method="softmin", verbose=False) for given, p in pairs]
        return np.array([1 - float(score[0][0]) for score in scores])

    mean = [1 - np.take_along_axis(p, given[None], 0).mean() for given, p in pixels.values()]
    peers = {"softmin": softmin(), "mean_pixel": np.array(mean)}
    (belief,) = examined.belief.artefact.region_beliefs
    ratio = times_as_long(softmin, lambda: [find_doubts(each, (LABEL,), belief.calibration) for each in items.values()])
    figures = {f"errata_{name}": value for name, value in judge(is_wrong, ours).items()}
    for peer, scores in peers.items():
        of_peer = judge(is_wrong, scores) | bootstrap(is_wrong, ours, scores)
        figures |= {f"{peer}_{name}": value for name, value in of_peer.items()}
    figures |= code_masks(list(items.values())) | {"scoring_ratio": ratio}
    figures |= {f"{name}_wanted": value for name, value in WANTED.items()} | {"minutes": minutes}
    return {name: round(float(value), 4) for name, value in figures.items()}


def main() -> None:
    """Print a table, and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_IMAGES} images")
    figures = measure(parser.parse_args().quick)
    table = Table("nuclei-masks", "errata", *PEERS)
    for name in ("auroc", "average_precision", "gain", "gain_low", "gain_high"):
        row = [figures.get(f"{who}_{name}") for who in ("errata", *PEERS)]
        table.add_row(name.replace("_", " "), *("" if value is None else f"{value:.3f}" for value in row))
    for name in ("rle_encode_ratio", "rle_decode_ratio", "scoring_ratio"):
        table.add_row(name.replace("_", " "), f"{figures.get(name, 0):.1f}")
    Console().print(table)
    print(json.dumps({"benchmark": "kinds, nuclei-masks", "load": os.getloadavg()[0], **figures}))


if __name__ == "__main__":
    main()
