from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from errata.store.secrets import webhook_secret


def test_the_secret_is_made_once_and_private(tmp_path: Path) -> None:
    """Many that ask at once get the same one, long enough not to be guessed, in a file of its owner's."""
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: webhook_secret(tmp_path / "data"), range(16)))
    (secret,) = secrets
    assert len(secret) >= 40
    assert stat.S_IMODE((tmp_path / "data" / "webhook-secret").stat().st_mode) == 0o600
    assert webhook_secret(tmp_path / "other") != secret
