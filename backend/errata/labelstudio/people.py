"""Who the people are that Label Studio knows by numbers."""

from __future__ import annotations

from errata.errors import ServiceError
from errata.labelstudio.client import LabelStudio


def names_of_users(client: LabelStudio) -> dict[str, str]:
    """Return user id -> e-mail address, of those in the token's organisation; nobody where the token may not ask."""
    try:
        return {str(user["id"]): str(user["email"]) for user in client.get("api/users/") if user.get("email")}
    except ServiceError:
        return {}
