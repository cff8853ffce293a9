"""compose.yaml says what the code and the images know."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml
from typer.main import get_command

from errata.cli.app import app
from errata.demo.label_studio import VERSION, cache_dir, install
from errata.settings import Settings

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "docker" / "compose.yaml").read_text()
NEEDED = {
    "ERRATA_LABEL_STUDIO_URL": "http://label-studio.localhost:8080",
    "ERRATA_LABEL_STUDIO_TOKEN": "0123456789abcdef0123456789abcdef01234567",
    "ERRATA_BACKEND_PASSWORD": "pass-word",
}
SETTINGS = {f"ERRATA_{name.upper()}" for name in Settings.model_fields}
OF_COMPOSE = {"ERRATA_IMAGE", "LABEL_STUDIO_NETWORK", "TORCH", "POSTGRES_PASSWORD", "LABEL_STUDIO_PASSWORD"}

# The Compose Specification's schema (compose-spec.json), reduced to what compose.yaml uses: other keys are mistakes.
TEXT, TEXTS = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
DURATION = {"type": "string", "pattern": r"^\d+(ms|s|m|h)$"}


def only(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def each(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "patternProperties": {r"^[a-zA-Z0-9._-]+$": schema}, "additionalProperties": False}


SERVICE = only(
    "image",
    image=TEXT,
    build=only("context", context=TEXT, dockerfile=TEXT, args=each(TEXT)),
    command=TEXTS,
    init={"type": "boolean"},
    restart={"enum": ["no", "always", "on-failure", "unless-stopped"]},
    profiles=TEXTS,
    ports=TEXTS,
    volumes=TEXTS,
    env_file={"type": "array", "items": only("path", path=TEXT, required={"type": "boolean"})},
    environment=each(TEXT),
    networks=each(only(aliases=TEXTS)),
    depends_on=each(only("condition", condition={"enum": ["service_started", "service_healthy"]})),
    healthcheck=only(
        test=TEXTS, interval=DURATION, timeout=DURATION, start_period=DURATION,
        retries={"type": "integer"}, disable={"type": "boolean"},
    ),
)  # fmt: skip
SCHEMA = only(
    "services",
    name={"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
    services=each(SERVICE),
    networks=each(only(name=TEXT, external={"type": "boolean"})),
    volumes=each({"type": "null"}),
    **{"x-errata": {}},
)


@pytest.fixture
def demo(compose: Any) -> dict[str, Any]:
    said = compose("--profile", "demo", **NEEDED)
    assert isinstance(said, dict), said
    return said


def test_the_file_keeps_to_the_specification() -> None:
    """Keys and types are the Compose Specification's, anchors resolved."""
    jsonschema.validate(yaml.safe_load(SOURCE), SCHEMA)


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_what_has_to_be_set_says_what_to_set(compose: Any, missing: str) -> None:
    """Without one of the three the file cannot be used, and the message says what it is; nothing else is needed."""
    said = compose(**{name: value for name, value in NEEDED.items() if name != missing})
    assert isinstance(said, str)
    assert re.search(rf"{missing}.*set it to", said)
    assert isinstance(compose(**NEEDED), dict)


def test_without_the_profile_no_label_studio_comes(compose: Any) -> None:
    """Beside somebody's own Label Studio run errata, a worker and Redis."""
    running = {name for name, service in compose(**NEEDED)["services"].items() if not service.get("profiles")}
    assert running == {"errata", "worker", "redis"}


def test_services_refer_to_what_there_is(demo: dict[str, Any]) -> None:
    """Volumes, networks and services that a service names are declared; who is waited for has a health check."""
    for name, service in demo["services"].items():
        assert {volume.split(":")[0] for volume in service.get("volumes", ())} <= demo["volumes"].keys()
        assert set(service.get("networks", ())) <= demo["networks"].keys()
        for other in service.get("depends_on", ()):
            check = demo["services"][other].get("healthcheck", {})
            assert check.get("test") or demo["services"][other].get("build"), (
                f"{name} waits for {other}"
            )  # or the image's
            assert not check.get("disable")


def test_errata_and_the_worker_share_all_but_the_command(demo: dict[str, Any]) -> None:
    """Data, database, queue and settings are the same for both, and both commands exist."""
    errata, worker = demo["services"]["errata"], demo["services"]["worker"]
    for key in ("image", "volumes", "environment", "env_file"):
        assert errata[key] == worker[key], key
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert [errata["command"][0], worker["command"][0]] == ["serve", "worker"]
    assert {"serve", "worker"} <= commands.keys()


def test_settings_are_erratas(demo: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable is a setting, and errata takes the values; Label Studio can make a webhook to the public URL."""
    environment = demo["services"]["errata"]["environment"]
    assert environment.keys() <= SETTINGS
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.redis_url == "redis://redis:6379/0"
    assert settings.database.startswith("sqlite:///")
    public = urlsplit(settings.public_url or "")
    assert public.hostname in demo["services"]["errata"]["networks"]["label-studio"]["aliases"]
    assert "." in str(public.hostname), "Label Studio makes no webhook for a host without a dot"
    assert public.port == settings.port == Settings.model_fields["port"].default


def test_every_variable_of_the_files_is_known() -> None:
    """What compose.yaml and its README ask to be set is a setting of errata's, or named and used here."""
    readme = (ROOT / "docker" / "README.md").read_text()
    asked = set(re.findall(r"\$\{([A-Z_]+)", SOURCE)) | set(re.findall(r"\b(ERRATA_[A-Z_]+)\b", SOURCE + readme))
    assert asked <= SETTINGS | OF_COMPOSE
    assert set(re.findall(r"\$\{([A-Z_]+)", SOURCE)) >= OF_COMPOSE, "a variable that is no longer used"
    assert set(re.findall(r"^ {4}([A-Z_]+)=", readme, re.MULTILINE)) <= asked
    run = set(re.findall(r"exec errata errata ([a-z]+)", readme))
    assert run <= get_command(app).commands.keys()  # type: ignore[attr-defined]


def label_studio_source() -> Iterator[str]:
    """Yield the modules of the Label Studio that the tests run against."""
    python = install(cache_dir() / "venv", print)
    find = "import importlib.util as u; print(u.find_spec('label_studio').submodule_search_locations[0])"
    done = subprocess.run([str(python), "-I", "-c", find], capture_output=True, text=True, check=True)
    package = Path(done.stdout.strip())
    for part in ("core/settings/base.py", "core/settings/label_studio.py", "server.py", "core/argparser.py"):
        yield (package / part).read_text()


def test_the_demos_label_studio_knows_its_variables(demo: dict[str, Any]) -> None:
    """Version, database, first user and switches are what that Label Studio reads, and fit those of PostgreSQL."""
    label_studio, postgres = demo["services"]["label-studio"], demo["services"]["postgres"]
    assert label_studio["image"] == f"heartexlabs/label-studio:{VERSION}"
    source = "\n".join(label_studio_source())
    environment = label_studio["environment"]
    for name in environment:
        bare = name.removeprefix("LABEL_STUDIO_")
        assert re.search(rf"['\"]({bare}|{name})['\"]", source), name
    for ours, theirs in (("POSTGRE_NAME", "POSTGRES_DB"), ("POSTGRE_USER", "POSTGRES_USER")):
        assert environment[ours] == postgres["environment"][theirs]
    assert environment["POSTGRE_PASSWORD"] == postgres["environment"]["POSTGRES_PASSWORD"]
    assert environment["POSTGRE_HOST"] in demo["services"]
    assert environment["ML_BLOCK_LOCAL_IP"] == environment["SSRF_PROTECTION_ENABLED"] == "false"
    assert environment["LABEL_STUDIO_USER_TOKEN"] == NEEDED["ERRATA_LABEL_STUDIO_TOKEN"]
    address = urlsplit(environment["LABEL_STUDIO_HOST"])
    assert address.geturl() == NEEDED["ERRATA_LABEL_STUDIO_URL"]  # as the README has it
    assert address.geturl() in (ROOT / "docker" / "README.md").read_text()
    assert address.hostname in label_studio["networks"]["label-studio"]["aliases"]
    assert label_studio["ports"] == [f"127.0.0.1:{address.port}:{address.port}"]
