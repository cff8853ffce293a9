"""What each project was connected with."""

from __future__ import annotations

from sqlalchemy import Engine, delete, select

from errata.settings import ProjectSettings
from errata.store.database import upsert, writing
from errata.store.tables import PROJECT_SETTINGS


class ProjectSettingsStore:
    """Keeps the settings of each project."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, project_id: int) -> ProjectSettings:
        """Return a project's settings; all None where it has none."""
        return self.every().get(project_id, ProjectSettings())

    def every(self) -> dict[int, ProjectSettings]:
        """Return project id -> settings for those that have some."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(PROJECT_SETTINGS)).all()
        return {row.project_id: ProjectSettings.model_validate(row.settings) for row in rows}

    def put(self, project_id: int, settings: ProjectSettings) -> None:
        """Keep a project's settings in place of those it had."""
        row = {"project_id": project_id, "settings": settings.model_dump(mode="json", exclude_none=True)}
        with writing(self._engine) as connection:
            upsert(connection, PROJECT_SETTINGS, [row])

    def remove(self, project_id: int) -> None:
        """Forget a project's settings."""
        with writing(self._engine) as connection:
            connection.execute(delete(PROJECT_SETTINGS).where(PROJECT_SETTINGS.c.project_id == project_id))
