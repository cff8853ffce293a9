"""A project's detectors as plain arrays, and what they believe of new pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from errata_model.kinds.boxes.drawing import to_shape
from errata_model.kinds.boxes.trust import trust
from errata_model.regions.records import Believed, Region
from errata_model.regions.shapes import Box, Ellipse, Point
from errata_model.vision.pictures import scale

if TYPE_CHECKING:
    from errata_model.kinds.boxes.detections import Detected
    from errata_model.kinds.boxes.training import Detectors

_KINDS = {"box": Box, "ellipse": Ellipse, "point": Point}


class BoxesModel:
    """Detectors that believe about pictures.

    Args:
        detectors: trained.
        labels: K, in the order of the detectors' classes.
        side: of the longer side of the pictures that they know, in pixels.
        most: regions that a picture gets.
        draws: "box", "ellipse" or "point": what regions are.
        weights: of `learn_trust`.
    """

    def __init__(
        self,
        detectors: Detectors,
        labels: Sequence[str],
        side: int,
        most: int,
        draws: str = "box",
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        self.detectors = detectors
        self.labels = tuple(labels)
        self.side = side
        self.most = most
        self.draws = draws
        self.weights = np.zeros(0) if weights is None else weights

    def predict(self, picture: Image.Image) -> Believed:
        """Believe what all detectors together say of an RGB picture. To be called from one thread at a time."""
        (found,) = self.detect([scale(picture, self.side)], range(len(self.detectors.heads)))
        return self.believe(found, self.weights)

    def detect(self, images: Sequence[NDArray[np.uint8]], numbers: Sequence[int]) -> list[Detected]:
        """Return what some of the detectors together find on scaled images, (3, h, w) each."""
        import torch  # noqa: PLC0415 - takes seconds

        from errata_model.kinds.boxes.detections import detect  # noqa: PLC0415 - imports torch
        from errata_model.kinds.boxes.network import Answers, locate  # noqa: PLC0415
        from errata_model.kinds.boxes.training import ask  # noqa: PLC0415

        answers, width, height = ask(self.detectors, images, numbers)
        places = locate(width, height, torch.device("cpu"))
        parts = answers.logits, answers.sides, answers.quality
        return [
            detect(
                Answers(*(part[row : row + 1] for part in parts)), places, (image.shape[2], image.shape[1]), self.most
            )
            for row, image in enumerate(images)
        ]

    def believe(self, found: Detected, weights: NDArray[np.float64]) -> Believed:
        """Return what was found as regions, the most trustworthy first."""
        scores = trust(found.said, found.quality, weights)
        order = np.argsort(-scores, kind="stable")
        rows = zip(found.corners[order].tolist(), found.classes[order].tolist(), scores[order].tolist(), strict=True)
        return Believed(
            tuple(
                Region("", self.labels[k], to_shape((x0, y0, x1, y1), _KINDS[self.draws]), score)
                for (x0, y0, x1, y1), k, score in rows
            )
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that `load_boxes_model` needs. Weights are kept in half precision."""
        state = self.detectors.state_dict()
        return {
            "labels": np.array(self.labels, dtype=str),
            "side": np.array(self.side),
            "most": np.array(self.most),
            "draws": np.array(self.draws),
            "trust": self.weights,
            "backbone": np.array(self.detectors.trunks[0].name),
            "n_detectors": np.array(len(self.detectors.heads)),
            **{f"state.{name}": _to_half(values.cpu().numpy()) for name, values in state.items()},
        }


def load_boxes_model(arrays: Mapping[str, NDArray[Any]]) -> BoxesModel:
    """Return the model of `BoxesModel.arrays`.

    Raises:
        ValueError: the arrays are of no such model.
    """
    import torch  # noqa: PLC0415

    from errata_model.kinds.boxes.training import Detectors  # noqa: PLC0415
    from errata_model.vision.trunks import build_untrained  # noqa: PLC0415

    try:
        labels = [str(label) for label in arrays["labels"]]
        trunk = build_untrained(str(arrays["backbone"]))
        detectors = Detectors(trunk, len(labels), int(arrays["n_detectors"]))
        state = {
            name.removeprefix("state."): torch.from_numpy(np.array(values, copy=True))
            for name, values in arrays.items()
            if name.startswith("state.")
        }
        detectors.load_state_dict(state)
        detectors.eval()
        side, most = int(arrays["side"]), int(arrays["most"])
        return BoxesModel(detectors, labels, side, most, str(arrays["draws"]), np.asarray(arrays["trust"]))
    except (KeyError, RuntimeError, TypeError) as error:
        raise ValueError("`arrays` must be those of a model of boxes") from error


def _to_half(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float16) if values.dtype == np.float32 else values
