"""The demo's data: scikit-learn's handwritten digits with wrong labels planted."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDE_PX = 128
PLANTED_SHARE = 0.05
LABELS = tuple(str(digit) for digit in range(10))


@dataclass(frozen=True, slots=True)
class Digits:
    """Images with the labels as given and as they should be.

    Attributes:
        pngs: N grey images of 128 x 128 pixels, as PNG.
        given: N labels, some of them wrong.
        right: N labels.
    """

    pngs: tuple[bytes, ...]
    given: tuple[str, ...]
    right: tuple[str, ...]

    @property
    def planted(self) -> frozenset[int]:
        """The positions whose given label is wrong."""
        return frozenset(n for n, (g, r) in enumerate(zip(self.given, self.right, strict=True)) if g != r)


def load_digits(seed: int = 0, planted_share: float = PLANTED_SHARE) -> Digits:
    """Return the 1,797 digits, `planted_share` of them given another label, drawn evenly with `seed`.

    Source: the test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998), as
    scikit-learn ships it: 8 x 8 pixels of 17 greys.
    """
    from sklearn.datasets import load_digits as sklearn_digits  # noqa: PLC0415 (only the demo needs it)

    images, right = sklearn_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    wrong = rng.choice(len(right), size=round(planted_share * len(right)), replace=False)
    given = right.copy()
    given[wrong] = (right[wrong] + rng.integers(1, 10, size=len(wrong))) % 10
    return Digits(
        tuple(_png(image) for image in images.reshape(-1, 8, 8)),
        tuple(LABELS[digit] for digit in given),
        tuple(LABELS[digit] for digit in right),
    )


def _png(grey: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> bytes:
    image = Image.fromarray((255 - grey * (255 / 16)).astype(np.uint8)).resize(
        (SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC
    )
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
