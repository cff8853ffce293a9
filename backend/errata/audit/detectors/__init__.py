"""Ways to suspect a label beside the belief, one module each. All of them look at every control."""

from __future__ import annotations

from errata.audit.detectors import annotator_conflict, near_duplicate, out_of_place
from errata.audit.detectors.scene import Detector, Scene, Signal

DETECTORS: tuple[Detector, ...] = (annotator_conflict, near_duplicate, out_of_place)

__all__ = ["DETECTORS", "Detector", "Scene", "Signal"]
