"""Whether Label Studio reaches errata, found out by Label Studio itself."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from errata.errors import ErrataError, LabelStudioGone, LabelStudioRefused, SettingError
from errata.labelstudio.client import LabelStudio

TRIAL_PATH = "/trial"
# Label Studio asks /health and then /setup of a backend that is to be added. Below TRIAL_PATH errata is healthy and
# refuses /setup with a status that nobody else would choose: Label Studio tells that it got there, and adds nothing.
TRIAL_STATUS = 409
_TRIAL_TITLE = "errata, a trial that is taken away at once"
_REACHED = f"Reason: {TRIAL_STATUS} "


def can_reach(client: LabelStudio, project_id: int, *, public_url: str, user: str, password: str | None) -> str | None:
    """Let Label Studio try to reach errata; nothing is added to Label Studio by that.

    Args:
        client: Label Studio.
        project_id: any project that the token's user may change.
        public_url: how Label Studio sees errata.
        user: of HTTP Basic authentication.
        password: of HTTP Basic authentication; None where errata asks for none.

    Returns:
        None where Label Studio reaches errata, else what stands in the way, with its remedy.

    Raises:
        SettingError: `public_url` is no address.
        LabelStudioRefused: the token may not change the project.
        ServiceError: Label Studio itself cannot be reached.
    """
    url = checked_url(public_url)
    return _try_webhook(client, project_id, url) or _try_backend(client, project_id, url, user, password)


def checked_url(public_url: str) -> str:
    """Return the address without a slash at its end.

    Raises:
        SettingError: it is no address that a service can have.
    """
    parts = urlsplit(public_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(
            f"ERRATA_PUBLIC_URL is wrong because {public_url!r} is no http:// or https:// address; set it to how "
            "Label Studio sees errata."
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise SettingError(
            "ERRATA_PUBLIC_URL is wrong because it has a user, a query or a fragment; give scheme, host, port and "
            "path alone (ERRATA_BACKEND_USER and ERRATA_BACKEND_PASSWORD are the user and the password)."
        )
    return public_url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Say whether an address means the machine that asks."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _try_webhook(client: LabelStudio, project_id: int, url: str) -> str | None:
    """Offer a webhook with an action that does not exist: Label Studio looks at the address first, and makes none."""
    offered = {"project": project_id, "url": url + "/webhook", "actions": ["ERRATA_TRIAL"]}
    try:
        made = client.post("api/webhooks/", offered)
    except ErrataError as error:
        said = str(error)
        if "url: Enter a valid URL" in said:
            return _without_a_dot(url)
        if "ERRATA_TRIAL" in said:
            return None
        return _refused(url, error)
    client.delete(f"api/webhooks/{made['id']}/")
    return None


def _try_backend(client: LabelStudio, project_id: int, url: str, user: str, password: str | None) -> str | None:
    place = url + TRIAL_PATH
    try:
        client.post("api/ml/", backend_entry(project_id, place, _TRIAL_TITLE, user, password))
    except ErrataError as error:
        said = str(error)
        if _REACHED in said:
            return None
        if "Successfully connected" in said:
            return _not_errata(url)
        if "authentication parameters" in said:
            return (
                f"errata at {url} does not take the user and the password that Label Studio was given. Start "
                "`errata serve` with the same ERRATA_BACKEND_USER and ERRATA_BACKEND_PASSWORD as here."
            )
        if "health check failed" in said:
            return _no_health(url, said)
        return _refused(url, error)
    _take_away(client, project_id, place)
    return _not_errata(url)


def backend_entry(project_id: int, url: str, title: str, user: str, password: str | None) -> dict[str, object]:
    """Return an ML backend entry as Label Studio takes it."""
    entry: dict[str, object] = {"project": project_id, "url": url, "title": title, "auth_method": "NONE"}
    if password is None:
        return entry
    return entry | {"auth_method": "BASIC_AUTH", "basic_auth_user": user, "basic_auth_pass": password}


def _take_away(client: LabelStudio, project_id: int, place: str) -> None:
    """Remove what Label Studio added because something that is not errata took the trial for a real one."""
    for path, slash in (("api/ml/", ""), ("api/webhooks/", "/")):
        for each in client.get(path, {"project": project_id}):
            if each["url"] in (place, place + "/webhook"):
                client.delete(f"{path}{each['id']}{slash}")
    # Label Studio puts the entry's title as the project's model version, where there was none.
    if client.get(f"api/projects/{project_id}/").get("model_version") == _TRIAL_TITLE:
        client.patch(f"api/projects/{project_id}/", {"model_version": ""})


def _refused(url: str, error: ErrataError) -> str:
    said = str(error)
    if isinstance(error, LabelStudioRefused) and "private addresses" in said:
        return (
            f"Label Studio refuses {url} because it is a private address (so does every Label Studio since 1.23.1). "
            "Start Label Studio with ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false, or set "
            "ERRATA_PUBLIC_URL to a public https:// address."
        )
    if "resolve hostname" in said:
        return (
            f'Label Studio\'s host does not know the name "{urlsplit(url).hostname}". Set ERRATA_PUBLIC_URL to an '
            "address of errata that it knows."
        )
    if "object does not exist" in said:
        raise LabelStudioGone("Label Studio does not have the project that it was to try this on.") from error
    raise error


def _without_a_dot(url: str) -> str:
    host = urlsplit(url).hostname
    return (
        f'Label Studio makes no webhook to a host without a dot ("{host}"). Give that host an alias with one, such as '
        f'"{host}.internal" (Docker: a network alias), or its IP address, and set ERRATA_PUBLIC_URL to that.'
    )


def _not_errata(url: str) -> str:
    return (
        f"What answers Label Studio at {url} is not errata, or an older one. Set ERRATA_PUBLIC_URL to where "
        "`errata serve` is seen from Label Studio's host, and restart `errata serve` after an update."
    )


def _no_health(url: str, said: str) -> str:
    if "Client Error" in said or "Server Error" in said or "Redirect" in said:
        if "403 Client Error" in said:
            return (
                f"errata at {url} does not take requests for that host. Start `errata serve` with the same "
                "ERRATA_PUBLIC_URL as here, or with ERRATA_BACKEND_PASSWORD."
            )
        return _not_errata(url)
    return (
        f"Label Studio cannot connect to {url}. Does `errata serve` run there, does it listen where Label Studio's "
        "host can reach it (ERRATA_HOST, a firewall), and is ERRATA_PUBLIC_URL its address as seen from there?"
    )
