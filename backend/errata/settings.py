"""Everything that the environment says to errata; the only reader of it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from errata.errors import SettingError

PredictionsMode = Literal["all", "labelled", "none"]


class Settings(BaseSettings):
    """errata's settings: `ERRATA_` and the name in capitals, in the environment or a `.env` file."""

    model_config = SettingsConfigDict(env_prefix="ERRATA_", env_file=".env", extra="ignore", frozen=True)

    label_studio_url: str | None = Field(None, description="where Label Studio is, with any sub-path")
    label_studio_token: SecretStr | None = Field(
        None, description="a personal access token or a legacy token (Label Studio: Account & Settings)"
    )
    public_url: str | None = Field(None, description="how Label Studio sees errata; http://HOST:PORT by default")
    host: str = Field("127.0.0.1", description="the address that `errata serve` listens on")
    port: int = Field(9090, ge=0, le=65535, description="the port that `errata serve` listens on")
    backend_user: str = Field("errata", description="user of HTTP Basic authentication")
    backend_password: SecretStr | None = Field(
        None, description="password that Label Studio sends to errata; required unless listening on loopback"
    )
    webhook_secret: SecretStr | None = Field(
        None, description="what errata's webhooks carry; made and kept in the data folder by default"
    )
    data_dir: Path = Field(
        default_factory=lambda: user_data_path("errata"), description="database, embeddings and models"
    )
    database_url: str | None = Field(None, description="SQLAlchemy URL; SQLite in the data folder by default")
    redis_url: str | None = Field(None, description="runs jobs by RQ (`errata worker`) instead of child processes")
    encoder: str = Field("resnet50", description="any torchvision classification backbone, or `pixels`")
    weights: Path | None = Field(None, description="a file, or a folder of NAME.pth, instead of a download")
    predictions: PredictionsMode | None = Field(
        None,
        description="which tasks get predictions: all, labelled (those done by their annotators) or none; by default "
        "all where errata was attached in Label Studio's own form, labelled elsewhere",
    )
    apply: Literal["manual", "auto"] = Field("manual", description="auto: fixes are applied as verdicts come in")
    poll_s: float = Field(60, gt=0, description="seconds between looks for verdicts that no webhook told of")
    audit_delay_s: float = Field(60, ge=0, description="seconds of quiet after a label changed before an audit")
    media_hosts: tuple[str, ...] = Field(
        (), description='hosts besides Label Studio that media may come from, as JSON: ["images.example.com"]'
    )
    media_max_bytes: int = Field(64 * 2**20, gt=0, description="largest media file in bytes")
    media_max_pixels: int = Field(64_000_000, gt=0, description="largest image in pixels")
    media_timeout_s: float = Field(30, gt=0, description="seconds that one media file may take")

    @cached_property
    def database(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'errata.db'}"

    def label_studio(self) -> tuple[str, str]:
        """Label Studio's URL, ending in a slash, and the token.

        Raises:
            SettingError: one of them is not set.
        """
        if not self.label_studio_url:
            raise SettingError("ERRATA_LABEL_STUDIO_URL is not set; set it to where Label Studio is.")
        if not self.label_studio_url.startswith(("http://", "https://")):
            raise SettingError("ERRATA_LABEL_STUDIO_URL is wrong because it has no http:// or https://; add it.")
        if self.label_studio_token is None or not self.label_studio_token.get_secret_value():
            raise SettingError(
                "ERRATA_LABEL_STUDIO_TOKEN is not set; copy one from Label Studio's Account & Settings page."
            )
        return self.label_studio_url.rstrip("/") + "/", self.label_studio_token.get_secret_value()


def read_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingError: names the variable, what is wrong with it and its description.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        name = str(wrong["loc"][0]) if wrong["loc"] else "?"
        field = Settings.model_fields.get(name)
        about = f" It is: {field.description}." if field else ""
        raise SettingError(f"ERRATA_{name.upper()} is wrong because {wrong['msg']}.{about}") from error
