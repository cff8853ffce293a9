from __future__ import annotations

from sqlalchemy import Engine

from errata.audit.ports import Trace
from errata.store.footprint import FootprintStore


def test_traces_are_kept_once_in_order(engine: Engine) -> None:
    """The same kind and ref again replaces the details and keeps its place; what is removed is gone."""
    store = FootprintStore(engine)
    store.add(7, Trace("webhook", "3", {"before": None}))
    store.add(7, Trace("review_project", "9"))
    store.add(7, Trace("webhook", "3", {"before": "x"}))
    store.add(8, Trace("webhook", "3"))
    assert store.of_project(7) == [Trace("webhook", "3", {"before": "x"}), Trace("review_project", "9")]
    assert store.every() == {7: store.of_project(7), 8: store.of_project(8)}
    store.remove(7, "webhook", "3")
    store.remove(7, "webhook", "3")
    assert store.of_project(7) == [Trace("review_project", "9")]
    assert store.of_project(8) == [Trace("webhook", "3")]
