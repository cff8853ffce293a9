"""A project of boxes for a picture of its review: coins, one of which nobody marked.

The photograph is scikit-image's, of Greek coins from Pompeii (Brooklyn Museum, no known copyright restrictions).
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.data import coins
from skimage.filters import sobel
from skimage.measure import label, regionprops
from skimage.segmentation import watershed

from errata.labelstudio.client import LabelStudio

CONFIG = """<View>
  <Image name="photo" value="$image"/>
  <RectangleLabels name="things" toName="photo"><Label value="coin" background="#b45f06"/></RectangleLabels>
</View>"""
DARK, BRIGHT = 30, 150  # what is ground for sure, and what is coin
LEAST_AREA = 200
SIZE = 1152, 909  # three times that of the photograph
OVERLOOKED = 9  # of the coins, from the top left


def make_project(client: LabelStudio) -> int:
    """Make the project, with predictions for every coin; return its id."""
    picture = coins()
    boxes = find_coins(picture)
    project = int(client.post("api/projects/", {"title": "Coins", "label_config": CONFIG})["id"])
    png = io.BytesIO()
    Image.fromarray(picture).resize(SIZE, Image.Resampling.LANCZOS).save(png, "PNG")
    files = [("coins.png", png.getvalue())]
    answer = client.upload(f"api/projects/{project}/import", files, {"commit_to_project": "false"})
    address = client.get(f"api/projects/{project}/file-uploads", {"ids": str(answer["file_upload_ids"])})[0]["file"]
    seen = [{**to_result(box, picture.shape, f"coin-{n}"), "score": 0.97} for n, box in enumerate(boxes)]
    drawn = [to_result(box, picture.shape, f"coin-{n}") for n, box in enumerate(boxes) if n != OVERLOOKED]
    task = {
        "data": {"image": f"/data/{address}"},
        "annotations": [{"result": drawn}],
        "predictions": [{"result": seen, "score": 0.97, "model_version": "watershed"}],
    }
    client.post(f"api/projects/{project}/import", [task])
    return project


def find_coins(picture: NDArray[np.uint8]) -> list[tuple[int, int, int, int]]:
    """Return top, left, bottom, right of each coin, row by row."""
    seeds = np.where(picture > BRIGHT, 2, np.where(picture < DARK, 1, 0))
    areas = regionprops(label(watershed(sobel(picture), seeds) == 2))
    return sorted(area.bbox for area in areas if area.area > LEAST_AREA)


def to_result(box: tuple[int, int, int, int], shape: tuple[int, ...], region: str) -> dict[str, Any]:
    """Return a box as Label Studio stores it."""
    (top, left, bottom, right), (height, width) = box, shape
    return {
        "id": region,
        "from_name": "things",
        "to_name": "photo",
        "type": "rectanglelabels",
        "original_width": SIZE[0],
        "original_height": SIZE[1],
        "value": {
            "x": 100 * left / width,
            "y": 100 * top / height,
            "width": 100 * (right - left) / width,
            "height": 100 * (bottom - top) / height,
            "rotation": 0,
            "rectanglelabels": ["coin"],
        },
    }
