"""What the benchmarks read of the sets with real errors, and the features that published figures rest on."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WEIGHTS = "weights/squeezenet1_0-deep-compression-fp16.pth"
SIZE_PX = 112


def read_names(folder: Path) -> list[str]:
    """Return the labels of a set's config, in its order."""
    return [choice.get("value", "") for choice in ElementTree.parse(folder / "config.xml").iter("Choice")]


def read_truth(folder: Path) -> dict[int, dict[str, Any]]:
    """Return task id -> what a human review found: `wrong`, and where the set knows it `correct`."""
    return {line["task"]: line for line in map(json.loads, (folder / "truth.jsonl").open())}


def given_labels(tasks: Sequence[dict[str, Any]], names: Sequence[str]) -> NDArray[np.int64]:
    """Return the label of each task's first annotation, as a column."""
    return np.array([names.index(task["annotations"][0]["result"][0]["value"]["choices"][0]) for task in tasks])


def squeezenet_features(images: Sequence[bytes], weights: Path) -> NDArray[np.float32]:
    """Return (N, 1024): mean and maximum of SqueezeNet's last feature map, side by side, at 112 pixels."""
    import torch  # noqa: PLC0415
    from torchvision.models import squeezenet1_0  # noqa: PLC0415

    model = squeezenet1_0().eval()
    state = torch.load(weights, map_location="cpu", weights_only=True)
    model.load_state_dict({name: values.float() for name, values in state.items()})
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    rows = []
    for begin in range(0, len(images), 64):
        pictures = (Image.open(io.BytesIO(content)).convert("RGB") for content in images[begin : begin + 64])
        pixels = np.stack([np.asarray(each.resize((SIZE_PX, SIZE_PX), Image.Resampling.BILINEAR)) for each in pictures])
        batch = torch.from_numpy(((pixels / 255 - mean) / deviation).astype(np.float32)).permute(0, 3, 1, 2)
        with torch.inference_mode():
            maps = model.features(batch)
        rows.append(torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1).numpy())
    return np.concatenate(rows)
