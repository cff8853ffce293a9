from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from errata.store.media_index import TRUSTED, MediaIndexStore


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


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1)

    def __call__(self) -> datetime:
        return self.now


def test_addresses_that_may_hold_another_file_are_read_again(engine: Engine) -> None:
    """An audit believes them for a week, reads them again in the week after, some each day, and then all were read."""
    clock = Clock()
    audits, requests = MediaIndexStore(engine, TRUSTED, clock), MediaIndexStore(engine)
    found = {f"s3://bucket/{n}.png": f"key{n}" for n in range(700)}
    audits.remember(found)
    clock.now += TRUSTED / 2
    assert audits.known([*found]) == found
    each_day = []
    for _ in range(7):
        clock.now += timedelta(days=1)
        due = found.keys() - audits.known([*found]).keys()
        each_day.append(len(due))
        audits.remember(dict.fromkeys(due, "read again"))
    assert all(50 < n < 150 for n in each_day)
    assert sum(each_day) == len(found)
    assert set(requests.known([*found]).values()) == {"read again"}


def test_what_never_changes_is_believed_for_ever(engine: Engine) -> None:
    """Uploads of Label Studio and what stands in the address itself; but no look-alike on another host."""
    clock = Clock()
    audits = MediaIndexStore(engine, TRUSTED, clock)
    staying = {
        "/data/upload/1/a.png": "a",
        "/label-studio/data/upload/1/a.png": "b",
        "data:image/png;base64,AAAA": "c",
    }
    changing = {
        "/data/local-files/?d=a.png": "d",
        "s3://bucket/a.png": "e",
        "https://x/data/upload/1/a.png": "f",
        "//x/y": "g",
    }
    audits.remember(staying | changing)
    clock.now += 10 * TRUSTED
    assert audits.known([*staying, *changing]) == staying
    assert MediaIndexStore(engine).known([*changing]) == changing


def test_what_was_read_before_times_were_kept_is_read_again(engine: Engine) -> None:
    """Nobody knows how old that is."""
    MediaIndexStore(engine).remember({"s3://bucket/a.png": "a"})
    with engine.begin() as connection:
        connection.execute(text("UPDATE media SET read_at = NULL"))
    assert MediaIndexStore(engine, TRUSTED).known(["s3://bucket/a.png"]) == {}
    assert MediaIndexStore(engine).known(["s3://bucket/a.png"]) == {"s3://bucket/a.png": "a"}
