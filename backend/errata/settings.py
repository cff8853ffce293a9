"""Everything that the environment says to errata; the only reader of it."""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from errata.errors import SettingError
from errata_model.encoders.text import DEFAULT_TEXT_ENCODER

PredictionsMode = Literal["all", "labelled", "none"]
ApplyMode = Literal["manual", "auto"]
ReviewBy = Literal["finding", "item"]
MediaServer = Literal["label_studio", "errata"]

_OWN_HEADERS = frozenset(
    {"accept", "authorization", "connection", "content-length", "content-type", "host", "transfer-encoding"}
)


class ProjectSettings(BaseModel):
    """What `errata connect` was told about one project. None leaves it to the environment, or to the default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    predictions: PredictionsMode | None = None
    belief: str | None = None  # own, stored, a file, an ML backend's URL, or package.module:Class
    encoder: str | None = None
    text_encoder: str | None = None
    weights: Path | None = None
    embeddings: Path | None = None  # of the user's own, in place of an encoder
    apply: ApplyMode | None = None
    group_by: str | None = None  # a field of tasks' data whose equal values must not vouch for one another
    review_by: ReviewBy | None = None  # item: all findings about its regions are one review task
    shows_version: bool | None = None  # errata may fill the project's model version where it is empty
    media: MediaServer | None = None  # who serves the review project's media

    def changed(self, said: ProjectSettings) -> ProjectSettings:
        """Return these with what was said anew, also that something is left to the environment again."""
        return self.model_copy(update=said.model_dump(exclude_unset=True))

    def shown(self) -> dict[str, Any]:
        """Return what is set as JSON, without the user and the password of an ML backend that is believed."""
        said = self.model_dump(mode="json", exclude_none=True)
        if "@" in said.get("belief", ""):
            said["belief"] = re.sub(r"^(https?://)[^/]*@", r"\1", said["belief"], flags=re.IGNORECASE)
        return said


class Settings(BaseSettings):
    """errata's settings: `ERRATA_` and the name in capitals, in the environment or a `.env` file."""

    model_config = SettingsConfigDict(env_prefix="ERRATA_", env_file=".env", extra="ignore", frozen=True)

    label_studio_url: str | None = Field(None, description="where Label Studio is, with any sub-path")
    label_studio_token: SecretStr | None = Field(
        None, description="a personal access token or a legacy token (Label Studio: Account & Settings)"
    )
    label_studio_token_file: Path | None = Field(None, description="a file with the token, in place of the token")
    label_studio_headers: dict[str, SecretStr] = Field(
        {}, description='headers that every request to Label Studio carries, as JSON: {"X-Gateway-Key": "..."}'
    )
    ca_bundle: Path | None = Field(
        None, description="a PEM file of certificate authorities to trust besides the system's"
    )
    public_url: str | None = Field(
        None,
        description="how Label Studio sees errata; by default http://HOST:PORT where Label Studio is on this machine",
    )
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
        default_factory=lambda: user_data_path("errata"),
        description="database, embeddings, models, and what the pages show",
    )
    database_url: str | None = Field(None, description="SQLAlchemy URL; SQLite in the data folder by default")
    redis_url: str | None = Field(None, description="runs jobs by RQ (`errata worker`) instead of child processes")
    encoder: str = Field(
        "resnet50",
        description="what sees images: any torchvision backbone, `pixels`, or `package.module:Class` of "
        "your own; several with commas between",
    )
    text_encoder: str = Field(
        DEFAULT_TEXT_ENCODER,
        description="what reads texts: `words`, `characters` or both, which need nothing; or the name or folder of a "
        "sentence-transformers model (`pip install 'errata[text]'`), or `package.module:Class` of your own, several "
        "with commas between",
    )
    weights: Path | None = Field(None, description="a file, or a folder of NAME.pth, instead of a download")
    predictions: PredictionsMode | None = Field(
        None,
        description="which tasks get predictions: all, labelled (those done by their annotators) or none; by default "
        "all where errata was attached in Label Studio's own form, labelled elsewhere",
    )
    apply: ApplyMode = Field("manual", description="auto: fixes are applied as verdicts come in")
    poll_s: float = Field(60, gt=0, description="seconds between looks for verdicts that no webhook told of")
    audit_delay_s: float = Field(60, ge=0, description="seconds of quiet after a label changed before an audit")
    media_hosts: tuple[str, ...] = Field(
        (), description='hosts besides Label Studio that media may come from, as JSON: ["images.example.com"]'
    )
    media_max_bytes: int = Field(64 * 2**20, gt=0, description="largest media file in bytes")
    media_max_pixels: int = Field(64_000_000, gt=0, description="largest image in pixels")
    media_timeout_s: float = Field(30, gt=0, description="seconds that one media file may take")

    @field_validator("label_studio_headers")
    @classmethod
    def _can_be_sent(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
                raise PydanticCustomError("header", "a header's name has characters that no header's has")
            if name.lower() in _OWN_HEADERS:
                raise PydanticCustomError("header", "{name} is errata's own to send", {"name": name})
            if not re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", value.get_secret_value()):
                raise PydanticCustomError(
                    "header", "the value of {name} is empty or has characters that no header has", {"name": name}
                )
        return headers

    @property
    def gateway_headers(self) -> dict[str, str]:
        """The headers of ERRATA_LABEL_STUDIO_HEADERS, as they are sent."""
        return {name: value.get_secret_value() for name, value in self.label_studio_headers.items()}

    @cached_property
    def database(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'errata.db'}"

    @property
    def local_url(self) -> str:
        """Where `errata serve` is for this machine; loopback where it listens on all addresses."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def of_project(self, project: ProjectSettings) -> Settings:
        """Return the settings with those of one project over them."""
        said = project.model_dump(exclude_none=True)
        return self.model_copy(update={name: value for name, value in said.items() if name in Settings.model_fields})

    def label_studio(self, remembered: tuple[str, str] | None = None) -> tuple[str, str]:
        """Label Studio's URL, ending in a slash, and the token.

        Args:
            remembered: URL and token as `errata connect` was told them; used for what the environment leaves out.

        Raises:
            SettingError: one of them is not known.
        """
        url = self.label_studio_url or (remembered[0] if remembered else None)
        if not url:
            raise SettingError(
                "ERRATA_LABEL_STUDIO_URL is not set; set it to where Label Studio is, or run `errata connect URL`."
            )
        if not url.startswith(("http://", "https://")):
            raise SettingError("ERRATA_LABEL_STUDIO_URL is wrong because it has no http:// or https://; add it.")
        url = url.rstrip("/") + "/"
        token = self._token() or (remembered[1] if remembered and remembered[0] == url else None)
        if not token:
            raise SettingError(
                "ERRATA_LABEL_STUDIO_TOKEN is not set; copy one from Label Studio's Account & Settings page, "
                "or run `errata connect`, which asks for it."
            )
        return url, token

    def _token(self) -> str | None:
        if self.label_studio_token is not None and self.label_studio_token.get_secret_value():
            return self.label_studio_token.get_secret_value()
        if self.label_studio_token_file is None:
            return None
        try:
            return self.label_studio_token_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(
                f"ERRATA_LABEL_STUDIO_TOKEN_FILE is wrong because {self.label_studio_token_file} cannot be read "
                f"({type(error).__name__}); give a file that holds the token and nothing else."
            ) from error


def read_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingError: names the variable, what is wrong with it and its description.
    """
    try:
        return Settings()
    except (ValidationError, SettingsError) as error:
        raise SettingError(_sentences(error)[0]) from error


def wrong_settings() -> list[str]:
    """Return a sentence for every setting that is wrong, as `read_settings` says it of the first."""
    try:
        Settings()
    except (ValidationError, SettingsError) as error:
        return _sentences(error)
    return []


def named_variables() -> dict[str, Path | None]:
    """Return every `ERRATA_` variable that is set, known to errata or not, and the file that it is in.

    The file is None where the variable is in the environment, which wins.
    """
    file = Path(str(Settings.model_config["env_file"])).absolute()
    found: dict[str, Path | None] = {}
    if file.is_file():
        found = {name.upper(): file for name in dotenv_values(file) if name.upper().startswith("ERRATA_")}
    return found | {name.upper(): None for name in os.environ if name.upper().startswith("ERRATA_")}


def _sentences(error: ValidationError | SettingsError) -> list[str]:
    if isinstance(error, SettingsError):  # what should be JSON and is not; its cause may hold the value
        named = re.search(r'field "(\w+)"', str(error))
        return [_sentence(named[1] if named else "?", "it is not JSON")]
    return [_sentence(str(wrong["loc"][0]) if wrong["loc"] else "?", wrong["msg"]) for wrong in error.errors()]


def _sentence(name: str, why: str) -> str:
    field = Settings.model_fields.get(name)
    about = f" It is: {field.description}." if field else ""
    return f"ERRATA_{name.upper()} is wrong because {why}.{about}"
