"""Secrets that errata makes itself, one file each in the data folder."""

from __future__ import annotations

from pathlib import Path
from secrets import token_urlsafe

from errata.store.files import locked, private_folder, write_whole


def webhook_secret(data_dir: Path) -> str:
    """Return what errata's webhooks carry: Label Studio knows it, and shows it to whoever may see webhooks."""
    return _secret(data_dir, "webhook-secret")


def media_secret(data_dir: Path) -> str:
    """Return what addresses of media are signed with: nobody but errata knows it."""
    return _secret(data_dir, "media-secret")


def session_secret(data_dir: Path) -> str:
    """Return one half of what visitors' tokens are encrypted with; the other half is in their browsers alone."""
    return _secret(data_dir, "session-secret")


def _secret(data_dir: Path, name: str) -> str:
    """Return a secret of this data folder, made at the first call. Safe when several processes ask at once."""
    path = private_folder(data_dir) / name
    with locked(data_dir, name):
        if not path.exists():
            write_whole(path, [token_urlsafe(32).encode()])
        return path.read_text().strip()
