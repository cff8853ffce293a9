"""What an encoder makes of items, and what a learner learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

Features: TypeAlias = "NDArray[np.float32] | csr_array"
"""(N, D) float32, finite: embeddings of images or sentences, or the counts of what a text holds (sparse, >= 0)."""
