"""errata's own belief about regions: a learner a kind, each region judged by what has not seen its item's labels."""

from __future__ import annotations

from errata.audit.believe import Belief
from errata.audit.ports import Progress, Snapshot
from errata.errors import NothingToLearn


class OwnRegionBeliever:
    """errata's own learners of regions."""

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`."""
        named = ", ".join(f'"{control.name}" ({control.kind})' for control in snapshot.controls)
        raise NothingToLearn(
            f"errata does not learn regions by itself yet: {named}. Hold them against predictions that the project "
            "has, --belief stored, or against another ML backend, --belief URL."
        )
