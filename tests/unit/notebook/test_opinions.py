"""What a DataFrame says against its own labels."""

from __future__ import annotations

import pandas as pd

from errata.labelstudio.codecs import Codecs
from errata.notebook.columns import Columns, ids_of
from errata.notebook.frame import SHOWN, read_frame
from errata.notebook.opinions import Opinion, belief_of, findings_of

COLUMNS = Columns("label", None, "text", None, None)
MARKUP = '<b>"x"\n&'


def test_what_is_proposed_or_doubtful_is_suspect_in_order_of_disagreement() -> None:
    """Where something is proposed that differs; where nothing is, at half and more."""
    frame = pd.DataFrame({"label": ["cat"] * 7 + [None], "text": [f"text {n}" for n in range(8)]})
    said = [
        Opinion("dog", 0.2), Opinion("cat", 0.9), Opinion(None, 0.5), Opinion(None, 0.49),
        Opinion("dog", None), Opinion("cat", None), Opinion(None, None), Opinion("dog", 1.0),
    ]  # fmt: skip
    ids = ids_of(frame.index)
    snapshot = read_frame(frame.assign(proposed="dog"), ids, Columns("label", None, "text", "proposed", None), 7, "t")
    found = findings_of(snapshot, dict(zip(ids, said, strict=True)), "v1", Codecs())
    assert [finding.given.task_id - 1 for finding in found.suspects] == [4, 2, 0]
    assert [finding.proposal.label if finding.proposal else None for finding in found.suspects] == ["dog", None, "dog"]
    assert [finding.given.task_id - 1 for finding in found.all] == [4, 1, 2, 3, 0, 5, 6]
    assert [finding.disagreement for finding in found.all] == [1.0, 0.9, 0.5, 0.49, 0.2, 0.0, 0.0]
    first, last = found.suspects[0].reason, found.suspects[2].reason
    assert first == 'The DataFrame has "cat" here and proposes "dog".'
    assert last == 'The DataFrame has "cat" here and proposes "dog", with a disagreement of 0.20.'


def test_another_opinion_is_another_version() -> None:
    """The same opinions have the same version, in whatever order."""
    one, other = Opinion("dog", 0.2), Opinion(None, None)
    version = belief_of({1: one, 2: other}).artefact.version
    assert belief_of({2: other, 1: one}).artefact.version == version
    assert belief_of({1: one, 2: one}).artefact.version != version


def test_labels_and_cells_are_taken_as_they_are() -> None:
    """Labels are words, markup among them; other columns are data, without what JSON cannot hold."""
    index = pd.Index(["a", "b", "c"], name="id")
    frame = pd.DataFrame(
        {"label": [MARKUP, 3, None], "text": ["one", None, "three"], "day": pd.to_datetime(["2026-01-02"] * 3), "n": 1},
        index=index,
    )
    snapshot = read_frame(frame, ids_of(frame.index), COLUMNS, 7, "title")
    assert snapshot.controls[0].labels == ("3", MARKUP)
    assert [[label.label for label in task.labels] for task in snapshot.tasks] == [[MARKUP], ["3"], []]
    assert snapshot.tasks[0].data == {"index": "a", "day": "2026-01-02 00:00:00", "n": 1, SHOWN: "one"}
    assert snapshot.tasks[1].data[SHOWN] == ""
