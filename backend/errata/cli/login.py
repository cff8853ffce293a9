"""Signing in to Label Studio: what is not known is asked, and remembered once it worked."""

from __future__ import annotations

from pydantic import SecretStr

from errata.cli.console import tell
from errata.cli.questions import ask_secret, ask_text
from errata.errors import LabelStudioRefused, SettingError
from errata.labelstudio.target import read_target
from errata.settings import Settings
from errata.store.login import remember_login, remembered_login
from errata.wiring import Wiring

_URL = "Label Studio's address"
_TOKEN = "Token (Label Studio: Account & Settings > Personal Access Token; it is not shown)"


def sign_in(settings: Settings, url: str | None, is_dry: bool) -> Wiring:
    """Return errata on a Label Studio that took the token.

    Args:
        settings: of the environment.
        url: of Label Studio, as a target had it; None where none had.
        is_dry: nothing is written, no database either where there is none yet.

    Raises:
        SettingError: the environment or the data folder is about another Label Studio.
        LabelStudioRefused: the token does not count, or its rights are not enough.
    """
    remembered = remembered_login(settings.data_dir)
    url = _url(settings, url, remembered)
    told = {"label_studio_url": url} | _nowhere(settings, is_dry)
    is_given = settings.label_studio_token is not None or settings.label_studio_token_file is not None
    is_known = is_given or (remembered is not None and remembered[0] == url and remembered[1] != "")
    if is_known:
        wiring = Wiring(settings.model_copy(update=told))
        try:
            _ = wiring.account
        except LabelStudioRefused as error:
            wiring.close()
            if is_given:
                raise
            tell(f"{error}")
        else:
            if is_given and settings.label_studio_url is None and not is_dry:
                _remember(wiring, url, "")  # the token stays where it is
            return wiring
    token = ask_secret(_TOKEN)
    wiring = Wiring(settings.model_copy(update=told | {"label_studio_token": SecretStr(token)}))
    _ = wiring.account
    if not is_dry:
        _remember(wiring, url, token.strip())
    return wiring


def _remember(wiring: Wiring, url: str, token: str) -> None:
    """Keep the login, unless what is written down in the data folder is about another Label Studio: that one's stays.

    Raises:
        SettingError: it is.
    """
    _ = wiring.engine
    remember_login(wiring.settings.data_dir, url, token)


def _url(settings: Settings, url: str | None, remembered: tuple[str, str] | None) -> str:
    told = settings.label_studio_url and settings.label_studio_url.rstrip("/") + "/"
    if url and told and url != told:
        raise SettingError(
            f"ERRATA_LABEL_STUDIO_URL is {told}, but the address is one of {url}; set it to that, or give the project "
            "by its number."
        )
    known = url or told or (remembered[0] if remembered else None) or read_target(ask_text(_URL)).url
    if known is None:
        raise SettingError("That is a project's number; Label Studio's address is needed first.")
    return known


def _nowhere(settings: Settings, is_dry: bool) -> dict[str, str]:
    """Return a database in memory where a dry run would have to make one."""
    is_missing = settings.database_url is None and not (settings.data_dir / "errata.db").exists()
    return {"database_url": "sqlite://"} if is_dry and is_missing else {}
