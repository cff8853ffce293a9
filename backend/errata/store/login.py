"""Which Label Studio this data folder is about, and the token, as `errata connect` was told them."""

from __future__ import annotations

import json
from pathlib import Path

from errata.store.files import private_folder, write_whole


def remember_login(data_dir: Path, url: str, token: str) -> None:
    """Keep them in a file that its owner alone can read.

    Args:
        data_dir: the data folder.
        url: of Label Studio, ending in a slash.
        token: a personal access token or a legacy token.
    """
    write_whole(private_folder(data_dir) / "login.json", [json.dumps({"url": url, "token": token}).encode()])


def remembered_login(data_dir: Path) -> tuple[str, str] | None:
    """Return URL and token, None where none are kept."""
    try:
        kept = json.loads((data_dir / "login.json").read_bytes())
        return str(kept["url"]), str(kept["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget_login(data_dir: Path) -> None:
    """Delete them."""
    (data_dir / "login.json").unlink(missing_ok=True)
