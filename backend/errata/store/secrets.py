"""The secret that errata's webhooks carry."""

from __future__ import annotations

from pathlib import Path
from secrets import token_urlsafe

from errata.store.files import locked, private_folder, write_whole


def webhook_secret(data_dir: Path) -> str:
    """Return the secret of this data folder, made at the first call. Safe when several processes ask at once."""
    path = private_folder(data_dir) / "webhook-secret"
    with locked(data_dir, "webhook-secret"):
        if not path.exists():
            write_whole(path, [token_urlsafe(32).encode()])
        return path.read_text().strip()
