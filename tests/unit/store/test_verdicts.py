from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from sqlalchemy import Engine, select, update

from errata.review.records import RegionChange, Settle, TagChange, Verdict
from errata.store.database import writing
from errata.store.tables import VERDICTS
from errata.store.verdicts import VerdictStore

Make = Callable[..., Verdict]


def test_only_what_changed_is_counted(engine: Engine, tmp_path: Path, make_verdict: Make, settle: Settle) -> None:
    """The same verdict again is no change; another one of the same answer replaces it."""
    store = VerdictStore(engine, tmp_path)
    verdicts = [make_verdict(i) for i in range(2000)]
    assert store.put(verdicts, settle) == 2000
    assert store.put(verdicts, settle) == 0
    assert store.put([make_verdict(3, decision="fix", new_label="car"), make_verdict(4)], settle) == 1
    assert len(store.of_project(7)) == 2000


def test_verdicts_come_back_as_they_went_oldest_first(
    engine: Engine, tmp_path: Path, make_verdict: Make, settle: Settle
) -> None:
    """Times keep their zone and microseconds, numbers their bits; another project's stay apart."""
    store = VerdictStore(engine, tmp_path)
    late, early = make_verdict(1), make_verdict(2, decided_at=make_verdict(1).decided_at - timedelta(days=1))
    store.put([late, early, make_verdict(1, project_id=8)], settle)
    assert store.of_project(7) == [early, late]
    store.remove([late], settle)
    assert store.of_project(7) == [early]
    assert len(store.of_project(8)) == 1


def test_a_verdict_on_tags_comes_back_as_it_went(
    engine: Engine, tmp_path: Path, make_verdict: Make, settle: Settle
) -> None:
    """A tag that was missing, what else the fix changed, and the region to add it in."""
    form = {"id": "r", "from_name": "tags", "to_name": "image", "type": "choices"}
    also = (TagChange("sea", False, "a"), TagChange("sun", True, "b"))
    about = {"old_label": None, "new_label": "road", "decision": "fix", "tag": "road", "also": also, "form": form}
    store, verdict = VerdictStore(engine, tmp_path), make_verdict(1, **about)
    assert store.put([verdict], settle) == 1
    assert store.put([verdict], settle) == 0
    assert store.of_project(7) == [verdict]


def test_a_verdict_on_a_region_comes_back_as_it_went(
    engine: Engine, tmp_path: Path, make_verdict: Make, settle: Settle
) -> None:
    """What the region becomes, the id that a missing one gets, and what the reviewer made of others."""
    value = ({"id": "n", "from_name": "box", "value": {"x": 0.1, "rectanglelabels": ["car"]}},)
    others = (RegionChange("box", "a", "car", "h", None, ()), RegionChange("box", "b", None, "", "bus", value))
    about = {"old_label": None, "new_label": "car", "decision": "fix", "new_value": value, "new_region_id": "n"}
    store = VerdictStore(engine, tmp_path)
    verdict = make_verdict(1, **about, known_regions=("a", "c"), other_edits=others)
    removal = make_verdict(2, decision="fix", new_value=())
    assert store.put([verdict, removal], settle) == 2
    assert store.put([verdict, removal], settle) == 0
    assert sorted(store.of_project(7), key=lambda each: each.review_annotation_id) == [verdict, removal]


def test_one_answer_is_verdicts_about_several_findings(
    engine: Engine, tmp_path: Path, make_verdict: Make, settle: Settle
) -> None:
    """They stand beside one another; one is forgotten, or changed, without the others."""
    store = VerdictStore(engine, tmp_path)
    several = [make_verdict(1, finding_key=key) for key in "abc"]
    assert store.put(several, settle) == 3
    assert store.put([several[0], make_verdict(1, finding_key="b", decision="wrong")], settle) == 1
    store.remove([several[2]], settle)
    assert [(each.finding_key, each.decision) for each in store.of_project(7)] == [
        ("a", several[0].decision),
        ("b", "wrong"),
    ]


def test_verdicts_of_schema_3_are_read(engine: Engine, tmp_path: Path, make_verdict: Make, settle: Settle) -> None:
    """They know nothing of tags and regions."""
    store, verdict = VerdictStore(engine, tmp_path), make_verdict(1)
    store.put([verdict], settle)
    with writing(engine) as connection:
        (row,) = connection.execute(select(VERDICTS.c.verdict)).scalars()
        later = ("tag", "also", "form", "new_value", "new_region_id", "known_regions", "other_edits")
        earlier = {key: value for key, value in row.items() if key not in later}
        connection.execute(update(VERDICTS).values(verdict=earlier))
    assert store.of_project(7) == [verdict]


def test_one_takes_a_project_s_verdicts_at_a_time(engine: Engine, tmp_path: Path) -> None:
    """Other processes and threads wait; another project is free."""
    store = VerdictStore(engine, tmp_path)
    with store.exclusive(7), store.exclusive(8):
        lock = FileLock(tmp_path / "locks" / "verdicts-7.lock", timeout=0)
        with pytest.raises(Timeout), lock:
            pass
