"""Training on submit, paused while errata writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from filelock import Timeout

from errata.labelstudio.training import paused_training, restore_training
from errata.store.files import locked
from errata.wiring.adapters import Adapters


class Training(Adapters):
    """The pause on the adapters."""

    @contextmanager
    def paused_training(self, project_id: int) -> Iterator[None]:
        """Turn training off, and on again afterwards; see `labelstudio.training`."""
        held = locked(self.settings.data_dir, f"training-{project_id}")
        with held, paused_training(self.client, project_id, self.footprint):
            yield

    def restore_training(self, project_id: int) -> None:
        """Turn training on where a killed `errata apply` left it off, but not under one that is at work."""
        held = locked(self.settings.data_dir, f"training-{project_id}", timeout_s=0)
        with suppress(Timeout), held:
            restore_training(self.client, project_id, self.footprint)
