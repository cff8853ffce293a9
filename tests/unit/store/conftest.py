"""A database and records to put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from errata.audit.snapshot import Snapshot
from errata.review.records import Settle, Settled, Verdict
from errata.store.audits import AuditStore
from errata.store.database import open_database
from errata_model.records import Finding, GivenLabel, Proposal


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'errata.db'}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def audits(engine: Engine, tmp_path: Path) -> AuditStore:
    return AuditStore(engine, tmp_path / "data")


@pytest.fixture
def snapshot() -> Snapshot:
    return Snapshot("http://ls/", 7, "Cars", "<View/>", (), (), ())


@pytest.fixture
def make_finding() -> Callable[..., Finding]:
    def make(key: str, disagreement: float = 0.5, reason: str = "why") -> Finding:
        given = GivenLabel(10, 1, "ann", "kind", None, "choices", "truck", "hash")
        proposal = Proposal("replace", {"value": {"choices": ["car"]}}, (("car", 0.9), ("bus", 0.1)))
        return Finding(key, given, {"d": 0.4}, disagreement, None, reason, proposal, "suspect", "v1")

    return make


@pytest.fixture
def make_verdict() -> Callable[..., Verdict]:
    def make(id_: int, key: str = "f", **more: Any) -> Verdict:
        values: dict[str, Any] = {
            "finding_key": key,
            "project_id": 7,
            "task_id": 10,
            "annotation_id": 1,
            "control": "kind",
            "region_id": None,
            "reviewer": "rev@example.com",
            "decided_at": datetime(2026, 1, 1, 0, id_ % 60, id_ // 60 % 60, 123, tzinfo=timezone.utc),
            "seconds": 4.5,
            "stream": "suspect",
            "inclusion": None,
            "detectors": {"d": 0.4},
            "disagreement": 0.1 + 0.2,
            "model_version": "v1",
            "suggestion_shown": True,
            "old_label": "truck",
            "old_hash": "hash",
            "decision": "keep",
            "reason": None,
            "strength": "verdict",
            "new_label": None,
            "note": "ü",
            "contradiction": None,
            "review_project_id": 70,
            "review_task_id": 100,
            "review_annotation_id": id_,
        }
        return Verdict(**{**values, **more})

    return make


@pytest.fixture
def settle() -> Settle:
    """Let each verdict stand by itself."""

    def by_itself(said: Sequence[Verdict]) -> list[Settled]:
        return [Settled(verdict, verdict, verdict.strength) for verdict in said]

    return by_itself
