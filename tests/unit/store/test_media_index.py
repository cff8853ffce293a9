from __future__ import annotations

from sqlalchemy import Engine, text

from errata.store.media_index import MediaIndexStore


def test_five_thousand_addresses_are_remembered(engine: Engine) -> None:
    """More than one statement can take; unknown ones are absent; the newest content wins."""
    index = MediaIndexStore(engine)
    found = {f"/data/upload/7/{i}.jpg?signature=secret": f"key{i}" for i in range(5000)}
    index.remember(found)
    assert index.known([*found, "other"]) == found
    index.remember({"/data/upload/7/0.jpg?signature=secret": "new"})
    assert index.known(["/data/upload/7/0.jpg?signature=secret"]) == {"/data/upload/7/0.jpg?signature=secret": "new"}
    assert index.known([]) == {}
    index.remember({})


def test_addresses_themselves_are_not_kept(engine: Engine) -> None:
    """An address may carry a signature: only its hash is in the database."""
    MediaIndexStore(engine).remember({"https://x/?signature=secret": "key"})
    with engine.begin() as connection:
        assert "secret" not in str(connection.execute(text("SELECT * FROM media")).all())
