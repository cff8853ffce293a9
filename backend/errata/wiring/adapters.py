"""The adapters that the settings ask for; what is not needed is not opened."""

from __future__ import annotations

from functools import cached_property

from sqlalchemy import Engine

from errata.errors import SettingError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.network import Network
from errata.settings import Settings
from errata.store.artefacts import ArtefactFolder
from errata.store.audits import AuditStore
from errata.store.boards import BoardFolder
from errata.store.database import check_label_studio, open_database
from errata.store.footprint import FootprintStore
from errata.store.journal import JournalStore
from errata.store.login import remembered_login
from errata.store.project_settings import ProjectSettingsStore
from errata.store.secrets import webhook_secret
from errata.store.verdicts import VerdictStore


class Adapters:
    """What the use cases stand on, each opened when it is first asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.codecs = Codecs()

    @cached_property
    def network(self) -> Network:
        """The way to other hosts."""
        return Network(self.settings.ca_bundle)

    @cached_property
    def client(self) -> LabelStudio:
        """Label Studio."""
        return self.open_label_studio(*self.login)

    @property
    def login(self) -> tuple[str, str]:
        """Label Studio's URL and the token, as the environment or `errata connect` was told them."""
        return self.settings.label_studio(remembered_login(self.settings.data_dir))

    def open_label_studio(self, url: str, token: str) -> LabelStudio:
        """Return a client of a Label Studio, over the network as the settings have it."""
        return LabelStudio(url, token, network=self.network, headers=self.settings.gateway_headers)

    @cached_property
    def engine(self) -> Engine:
        """The database; it is about one Label Studio."""
        engine = open_database(self.settings.database)
        remembered = remembered_login(self.settings.data_dir)
        url = self.settings.label_studio_url or (remembered[0] if remembered else None)
        if url:
            try:
                check_label_studio(engine, url.rstrip("/") + "/")
            except SettingError:
                engine.dispose()
                raise
        return engine

    @cached_property
    def audits(self) -> AuditStore:
        """Audits, findings and the projects they are of."""
        return AuditStore(self.engine, self.settings.data_dir)

    @cached_property
    def verdicts(self) -> VerdictStore:
        """The verdict records."""
        return VerdictStore(self.engine, self.settings.data_dir)

    @cached_property
    def journal(self) -> JournalStore:
        """Every write to a source."""
        return JournalStore(self.engine, self.settings.data_dir)

    @cached_property
    def footprint(self) -> FootprintStore:
        """What errata has written where."""
        return FootprintStore(self.engine)

    @cached_property
    def artefacts(self) -> ArtefactFolder:
        """The beliefs that are served."""
        return ArtefactFolder(self.settings.data_dir)

    @cached_property
    def boards(self) -> BoardFolder:
        """What the pages show."""
        return BoardFolder(self.settings.data_dir)

    @cached_property
    def project_settings(self) -> ProjectSettingsStore:
        """What each project was connected with."""
        return ProjectSettingsStore(self.engine)

    def settings_of(self, project_id: int) -> Settings:
        """Return the settings that hold for a project."""
        return self.settings.of_project(self.project_settings.get(project_id))

    @property
    def secret(self) -> str:
        """What errata's webhooks carry."""
        given = self.settings.webhook_secret
        return given.get_secret_value() if given else webhook_secret(self.settings.data_dir)

    @property
    def public_url(self) -> str:
        """How Label Studio sees errata."""
        return self.settings.public_url or self.settings.local_url

    def close(self) -> None:
        """Close what was opened."""
        for name, end in (("client", "close"), ("engine", "dispose")):
            if name in self.__dict__:
                getattr(self.__dict__[name], end)()
