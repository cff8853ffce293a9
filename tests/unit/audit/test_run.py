"""One audit over fakes: what is written when, and what a failure leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from errata.audit.beliefs import Artefact
from errata.audit.believe import Belief
from errata.audit.embed import Embedded
from errata.audit.ports import Prediction, ReviewEntry, ReviewItem
from errata.audit.run import Outlets, examine, run_audit
from errata.audit.snapshot import Snapshot
from errata.errors import AuditRunning, LabelStudioUnreachable, NothingToLearn
from errata.labelstudio.codecs import Codecs
from errata_model.records import Finding

ROWS = [(0.02, 0.98, 0), (1, 0, 0), (0, 1, 0)]


@dataclass
class Diary:
    """Every outlet of an audit in one: writes down what is asked of it, and fails where it should."""

    did: list[str] = field(default_factory=list)
    breaks_at: str | None = None
    problem: BaseException = field(default_factory=lambda: LabelStudioUnreachable("Label Studio is down."))
    is_held: bool = False

    def do(self, what: str) -> None:
        self.did.append(what)
        if what.split(maxsplit=1)[0] == self.breaks_at:
            raise self.problem

    # AuditLog
    @contextmanager
    def exclusive(self, project_id: int) -> Iterator[None]:
        if self.is_held:
            raise AuditRunning("An audit is under way already.")
        self.is_held = True
        yield
        self.is_held = False

    def begin(self, snapshot: Snapshot) -> int:
        self.do("begin")
        return 5

    def finish(self, audit_id: int, version: str, summary: Mapping[str, Any]) -> None:
        assert audit_id == 5
        self.do(f"finish {version} {summary['suspects']} {summary['newest_change']}")

    def fail(self, audit_id: int, reason: str) -> None:
        self.did.append(f"fail {reason}")

    def missing_regions(self, project_id: int) -> list[Finding]:
        return []

    def record(self, project_id: int, findings: Sequence[Finding]) -> None:
        assert project_id == 1
        self.do(f"record {len(findings)}")

    def selected(self, project_id: int) -> dict[str, Finding]:
        return {}

    def published(self, placed: Mapping[str, int]) -> None: ...

    def withdrawn(self, keys: Sequence[str]) -> None: ...

    def decided(self, project_id: int) -> set[str]:
        return set()

    def versions(self, project_id: int) -> list[str]:
        return []

    # Artefacts
    def save(self, project_id: int, artefact: Artefact) -> None:
        self.do(f"save {artefact.version}")

    def find(self, project_id: int, version: str) -> Artefact | None:
        return None

    def parts(self, project_id: int, version: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ()

    def load(self, project_id: int, version: str) -> Artefact:
        raise KeyError(version)

    def active(self, project_id: int) -> str | None:
        return None

    # PredictionSink
    def push(self, version: str, predictions: Sequence[Prediction]) -> int:
        self.do(f"push {len(predictions)}")
        return len(predictions)

    def retire(self, keep: Sequence[str]) -> int:
        return 0

    def withdraw(self, task_ids: Sequence[int]) -> int:
        return 0

    def announce(self, version: str) -> None:
        self.do("announce")

    # ReviewQueue
    def items(self) -> list[ReviewItem]:
        return []

    def insert(self, entries: Sequence[ReviewEntry]) -> list[int]:
        self.do(f"insert {len(entries)}")
        return list(range(len(entries)))

    def delete(self, review_task_ids: Sequence[int]) -> list[int]:
        return []


@dataclass
class Given:
    """A source and a believer that say what they were given."""

    snapshot: Snapshot
    belief: Belief | Exception

    def read(self, progress: Any) -> Snapshot:
        return self.snapshot

    def believe(self, snapshot: Snapshot, progress: Any) -> Belief:
        if isinstance(self.belief, Exception):
            raise self.belief
        return self.belief


def audit(diary: Diary, given: Given, told: Any) -> Any:
    outlets = Outlets(diary, diary, lambda _: diary, lambda _: diary)
    return run_audit(1, given, given, Codecs(), outlets, "all", told)


@pytest.fixture
def given(project: Any, believed: Any) -> Given:
    snapshot = project("cat", "cat", "dog", newest_change="2026-01-01T00:00:00Z")
    return Given(snapshot, believed(ROWS))


def test_results_go_to_the_source_as_it_was_read(given: Given, told: Any) -> None:
    """Where the label config changed right before the audit read it, predictions are checked against the new one."""
    diary, seen = Diary(), []

    def outlet(snapshot: Snapshot) -> Diary:
        seen.append(snapshot)
        return diary

    run_audit(1, given, given, Codecs(), Outlets(diary, diary, outlet, outlet), "all", told)
    assert [snapshot is given.snapshot for snapshot in seen] == [True, True]


def test_what_is_written_when(given: Given, told: Any) -> None:
    """The belief and the findings are kept before Label Studio is told of them; the end is written last."""
    diary = Diary()
    examination, published, n_predictions = audit(diary, given, told)
    assert diary.did == [
        "begin",
        "save errata-1",
        "record 1",
        "push 3",
        "announce",
        "record 1",
        "insert 1",
        "finish errata-1 1 2026-01-01T00:00:00Z",
    ]
    assert (published.n_inserted, n_predictions) == (1, 3)
    assert [f.given.task_id for f in examination.findings.suspects] == [1]
    assert not diary.is_held


@pytest.mark.parametrize("moment", ["save", "record", "push", "announce", "insert"])
def test_failure_is_written_down_with_its_reason(given: Given, told: Any, moment: str) -> None:
    """Whatever fails, the audit has ended badly, with words that are safe to show, and never well."""
    diary = Diary(breaks_at=moment)
    with pytest.raises(LabelStudioUnreachable):
        audit(diary, given, told)
    assert diary.did[-1] == "fail Label Studio is down."
    assert not any(each.startswith("finish") for each in diary.did)


def test_unexpected_failure_is_written_down_without_its_text(given: Given, told: Any) -> None:
    """The text of an exception that is not errata's own may hold anything: its name alone is kept."""
    diary = Diary(breaks_at="push", problem=RuntimeError("token 1234"))
    with pytest.raises(RuntimeError):
        audit(diary, given, told)
    assert diary.did[-1] == "fail stopped by RuntimeError"


def test_nothing_to_learn_writes_nothing(given: Given, told: Any) -> None:
    """An audit without a belief touches neither Label Studio nor the artefacts."""
    diary = Diary()
    with pytest.raises(NothingToLearn):
        audit(diary, replace(given, belief=NothingToLearn("Too few labels.")), told)
    assert diary.did == ["begin", "fail Too few labels."]


def test_one_audit_at_a_time(given: Given, told: Any) -> None:
    """A project that is being audited is left alone."""
    diary = Diary(is_held=True)
    with pytest.raises(AuditRunning):
        audit(diary, given, told)
    assert diary.did == []


def test_summary_counts_what_was_left_out(given: Given, told: Any) -> None:
    """What the source skipped and media that cannot be used are counted together, each with its reason."""
    assert isinstance(given.belief, Belief)
    about = given.belief.artefact.beliefs[0]
    seen = Embedded(
        about.task_ids, about.content_keys, about.probabilities, {8: "the file is empty", 9: "the file is empty"}
    )
    unsaid = Counter({"labelled tasks without a usable prediction": 4})
    belief = replace(given.belief, embedded={"image": seen}, skipped=unsaid)
    snapshot = replace(
        given.snapshot, skipped=Counter({"annotations that are empty": 1}), refused=("<Rating> is not.",)
    )
    summary = examine(snapshot, replace(given, belief=belief), Codecs(), told).summary()
    assert summary["skipped"] == {
        "labelled tasks without a usable prediction": 4,
        "media: the file is empty": 2,
        "annotations that are empty": 1,
    }
    assert summary["refused_controls"] == ["<Rating> is not."]
    assert (summary["tasks"], summary["labels"], summary["doubted"], summary["suspects"]) == (3, 3, 1, 1)
