"""Ways to suspect a label beside the belief, one module each. All of them look at every control."""

from __future__ import annotations

from errata.audit.detectors import annotator_conflict
from errata.audit.detectors.scene import Detector, Scene, Signal

DETECTORS: tuple[Detector, ...] = (annotator_conflict,)

__all__ = ["DETECTORS", "Detector", "Scene", "Signal"]
