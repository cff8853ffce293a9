from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from errata.audit.snapshot import Snapshot
from errata.errors import AuditRunning
from errata.review.records import Annotation, Change, FindingCounts, Project, Settle, Verdict
from errata.store.audits import AuditStore
from errata.store.journal import JournalStore
from errata.store.verdicts import VerdictStore
from errata_model.records import Finding, GivenLabel, finding_key

Make = Callable[..., Finding]


def test_an_audit_is_remembered(audits: AuditStore, snapshot: Snapshot) -> None:
    """When it began and ended, its version and its summary; the project's title and address."""
    assert audits.last(7) is None
    audit_id = audits.begin(snapshot)
    running = audits.last(7)
    assert running is not None
    assert (running.finished_at, running.version) == (None, None)
    audits.finish(audit_id, "v1", {"findings": 3})
    last = audits.last(7)
    assert last is not None
    assert (last.version, last.summary, last.problem) == ("v1", {"findings": 3}, None)
    assert last.finished_at is not None
    assert last.finished_at >= last.started_at
    assert audits.projects() == [Project(7, "Cars", "http://ls/")]


def test_a_disconnected_project_is_left_alone_until_it_is_connected_again(
    audits: AuditStore, snapshot: Snapshot
) -> None:
    """An audit by hand does not bring it back; it is remembered all the same."""
    audits.begin(snapshot)
    assert audits.watched() == [Project(7, "Cars", "http://ls/")]
    for _ in range(2):
        audits.disconnected(7)
    audits.begin(snapshot)
    assert (audits.watched(), [project.id for project in audits.projects()]) == ([], [7])
    audits.connected(Project(7, "Cars", "http://ls/"))
    assert [project.id for project in audits.watched()] == [7]


def test_the_last_good_audit_is_known_beside_the_last(audits: AuditStore, snapshot: Snapshot) -> None:
    """Later ones that failed or died do not hide it."""
    assert audits.last_good(7) is None
    audits.finish(audits.begin(snapshot), "v1", {})
    audits.fail(audits.begin(snapshot), "Label Studio is down.")
    audits.begin(snapshot)
    good = audits.last_good(7)
    assert good is not None
    assert good.version == "v1"


def test_an_audit_that_died_is_told_by_the_next(audits: AuditStore, snapshot: Snapshot) -> None:
    """One that failed keeps its reason; one without an end gets one when the next begins."""
    audits.fail(audits.begin(snapshot), "Label Studio is down.")
    last = audits.last(7)
    assert last is not None
    assert last.problem == "Label Studio is down."
    died = audits.begin(snapshot)
    audits.finish(audits.begin(snapshot), "v2", {})
    assert died != audits.last(7)
    assert audits.versions(7) == ["v2"]


def test_versions_are_newest_first_and_each_once(audits: AuditStore, snapshot: Snapshot) -> None:
    """Going back to an old version makes it the newest."""
    for version in ("v1", "v2", "v1"):
        audits.finish(audits.begin(snapshot), version, {})
    assert audits.versions(7) == ["v1", "v2"]
    assert audits.versions(8) == []


def test_one_audit_a_project(audits: AuditStore, engine: Engine, tmp_path: Path) -> None:
    """A second holder is told what to do; another project is free, and so is this one afterwards."""
    other = AuditStore(engine, tmp_path / "data")
    with audits.exclusive(7):
        with pytest.raises(AuditRunning, match="project 7 is under way already; wait"), other.exclusive(7):
            pass
        with other.exclusive(8):
            pass
    with other.exclusive(7):
        pass


def test_findings_come_back_as_they_went(audits: AuditStore, snapshot: Snapshot, make_finding: Make) -> None:
    """Recorded, they are equal; recorded again, the newest word wins; unknown keys are absent."""
    audits.begin(snapshot)
    audits.record(7, [make_finding("a", 0.2), make_finding("b", 0.8)])
    assert audits.get(["a", "b", "c"]) == {"a": make_finding("a", 0.2), "b": make_finding("b", 0.8)}
    audits.record(7, [make_finding("a", 0.9), make_finding("a", 0.95)])
    assert audits.get(["a"])["a"].disagreement == 0.95


def test_a_finding_goes_through_its_states(audits: AuditStore, snapshot: Snapshot, make_finding: Make) -> None:
    """Open, published, withdrawn, and open again when it is suspected again; published ones stay so."""
    audits.begin(snapshot)
    audits.record(7, [make_finding(key) for key in "abc"])
    assert audits.counts(7) == FindingCounts(3, 0, 0)
    audits.published({"a": 100, "b": 101})
    audits.withdrawn(["b", "c"])
    assert audits.counts(7) == FindingCounts(0, 1, 2)
    assert set(audits.in_review(7)) == {"a"}
    audits.record(7, [make_finding(key) for key in "ab"])
    assert audits.counts(7) == FindingCounts(1, 1, 1)


def test_reviewers_are_judged_by_what_they_were_shown(
    audits: AuditStore, snapshot: Snapshot, make_finding: Make
) -> None:
    """A later audit that thinks otherwise does not change a finding that stands in the review project, until its
    review task is made anew."""
    audits.begin(snapshot)
    audits.record(7, [make_finding("a", reason="old")])
    audits.published({"a": 100})
    audits.record(7, [make_finding("a", reason="new")])
    audits.published({"a": 100})
    assert audits.get(["a"])["a"].reason == "old"
    audits.published({"a": 200})
    assert audits.get(["a"])["a"].reason == "new"


def test_labels_that_a_person_sent_are_known(audits: AuditStore, snapshot: Snapshot, make_finding: Make) -> None:
    """Before any audit too; each as it is shown, a suspect as a suspect, and only once however often it was sent."""
    sent = replace(make_finding("a"), stream="selected")
    audits.mark_selected(snapshot, ["a"], [sent])
    assert (audits.selected(7), audits.selected(8)) == ({"a": sent}, {})
    assert (audits.counts(7), [project.id for project in audits.watched()]) == (FindingCounts(1, 0, 0), [7])
    audits.record(7, [make_finding("b"), make_finding("c")])
    audits.mark_selected(snapshot, ["a", "b"], [])
    assert {key: finding.stream for key, finding in audits.selected(7).items()} == {"a": "selected", "b": "suspect"}


def test_a_finding_with_a_verdict_is_decided(
    audits: AuditStore, engine: Engine, tmp_path: Path, make_verdict: Callable[..., Verdict], settle: Settle
) -> None:
    """Of its own project only."""
    VerdictStore(engine, tmp_path).put([make_verdict(1, "a"), make_verdict(2, "b", project_id=8)], settle)
    assert audits.decided(7) == {"a"}


def test_a_label_that_errata_wrote_is_decided(
    audits: AuditStore, engine: Engine, snapshot: Snapshot, tmp_path: Path
) -> None:
    """What it wrote last at a place is decided, what it wrote before or took back is not."""

    def key(value_hash: str) -> str:
        return finding_key(snapshot.url, 7, GivenLabel(10, 1, "ann", "kind", None, "choices", "any", value_hash))

    audits.begin(snapshot)
    journal = JournalStore(engine, tmp_path)
    change = Change("f", 7, 10, 1, "kind", None, "truck", "h0", "car", "rev", datetime.now(timezone.utc), "why")
    annotation = Annotation(1, 10, (), change.decided_at, {})
    first, second = (
        journal.intend(journal.open_changeset(7, "me"), [change], annotation, [], [written]) for written in ("h1", "h2")
    )
    assert audits.decided(7) == set()
    journal.settle(first.id, "written")
    assert audits.decided(7) == {key("h1")}
    journal.settle(second.id, "written")
    assert audits.decided(7) == {key("h2")}
    journal.settle(second.id, "undone")
    journal.settle(first.id, "undone")
    assert audits.decided(7) == set()


def test_two_tags_that_errata_wrote_are_both_decided(
    audits: AuditStore, engine: Engine, snapshot: Snapshot, tmp_path: Path
) -> None:
    """Each tag of an annotation has a place of its own: one that was added, and one that was taken away."""
    audits.begin(snapshot)
    journal = JournalStore(engine, tmp_path)
    now = datetime.now(timezone.utc)
    added = Change("f", 7, 10, 1, "tags", None, None, "h0", "sea", "rev", now, "why", tag="sea")
    removed = Change("g", 7, 10, 1, "tags", None, "sun", "h1", None, "rev", now, "why", tag="sun")
    opened, before = journal.open_changeset(7, "me"), Annotation(1, 10, (), now, {})
    entry = journal.intend(opened, [added, removed], before, [], ["given", "missing"])
    journal.settle(entry.id, "written")
    places = [GivenLabel(10, 1, "ann", "tags", None, "tags", None, written) for written in ("given", "missing")]
    assert audits.decided(7) == {finding_key(snapshot.url, 7, given) for given in places}
    assert journal.entries(7)[0].changes == (added, removed)


def test_many_findings_are_kept_some_at_a_time(
    audits: AuditStore, engine: Engine, snapshot: Snapshot, make_finding: Callable[..., Finding]
) -> None:
    """SQLite has one writer: who decides on the pages meanwhile waits for a part of them, not for all."""
    audits.begin(snapshot)
    largest = held = 0

    def count(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        nonlocal largest, held
        if statement.startswith("INSERT INTO findings"):
            held += len(parameters)
            largest = max(largest, held)

    def ended(_: Any) -> None:
        nonlocal held
        held = 0

    event.listen(engine, "before_cursor_execute", count)
    event.listen(engine, "commit", ended)
    audits.record(7, [make_finding(f"{n:020x}") for n in range(2500)])
    assert audits.counts(7).open == 2500
    assert 0 < largest <= 1000
