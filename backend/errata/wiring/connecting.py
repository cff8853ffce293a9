"""What ties a project to errata, tied and untied."""

from __future__ import annotations

from errata.labelstudio.connection import connect, disconnect
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.source import describe_project
from errata.review.records import Project
from errata.wiring.adapters import Adapters


class Connecting(Adapters):
    """Connections on the adapters."""

    def connect(self, project_id: int, attach_backend: bool = True) -> list[str]:
        """Add errata's webhooks and backend entry; see `connection.connect`."""
        settings = self.settings
        snapshot = describe_project(self.client, project_id)
        self.audits.connected(Project(project_id, snapshot.title, snapshot.url))
        password = settings.backend_password
        return connect(
            self.client,
            project_id,
            public_url=self.public_url,
            user=settings.backend_user,
            password=password.get_secret_value() if password else None,
            webhook_secret=self.secret,
            footprint=self.footprint,
            attach_backend=attach_backend,
        )

    def disconnect(self, project_id: int) -> list[str]:
        """Take away what errata added but the review project; see `connection.disconnect`."""
        self.audits.disconnected(project_id)
        return disconnect(self.client, project_id, self.footprint)

    def review_project_id(self, project_id: int) -> int:
        """Return the id of a project's review project; makes it where there is none."""
        return ReviewProject(self.client, describe_project(self.client, project_id), self.footprint).ensure()
