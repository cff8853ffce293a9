"""Answers that are no labels beside others that read the same."""

from __future__ import annotations

from typing import Any

import pytest

from errata.audit.snapshot import Snapshot, Task
from errata.audit.value_findings import find_values
from errata.audit.wording import question
from errata.labelstudio.codecs import Codecs
from errata_model.kinds.values.records import Answered, Opinion, ValueBelief
from errata_model.records import Control, GivenLabel

BOX = Control("box", "values", "video", "video", "video", ("car",), type="videorectangle")


def moving(x: float) -> list[dict[str, Any]]:
    """Return what one car on a video is, in Label Studio's JSON."""
    key = {"frame": 1, "enabled": True, "rotation": 0, "x": x, "y": 10, "width": 20, "height": 20, "time": 0.1}
    value = {"framesCount": 20, "duration": 2, "sequence": [key], "labels": ["car"]}
    return [{"id": "a", "from_name": "box", "to_name": "video", "type": "videorectangle", "value": value}]


@pytest.mark.parametrize(("theirs", "other"), [("model", None), ("a person", "2")])
def test_objects_that_read_the_same_are_doubted_only_where_they_hardly_overlap(theirs: str, other: str | None) -> None:
    """Nobody could see what is asked about a box a little beside another one; of one elsewhere that is said."""
    codecs = Codecs()
    mine, near, far = (codecs.answer_in(moving(x), BOX)[0] for x in (10, 12, 70))
    given = GivenLabel(1, 2, "1", "box", None, "values", codecs.in_words(mine, BOX), "h")
    task = Task(1, {}, (given,), True, answered=(Answered(given, mine),))
    snapshot = Snapshot("", 1, "Cars", "<View/>", (BOX,), (), (task,))
    found = {}
    for name, said in (("near", near), ("far", far)):
        belief = ValueBelief(BOX, {1: [Opinion(said, 0.9 if other is None else 1.0, other)]}, None)
        ((finding, is_doubted),) = find_values(snapshot, belief, "v", codecs)
        assert (finding.proposal is not None, bool(finding.detectors)) == (is_doubted, is_doubted)
        found[name] = finding, is_doubted
    assert not found["near"][1]
    assert found["near"][0].disagreement > 0
    assert found["far"][1]
    assert "elsewhere in the picture" in found["far"][0].reason
    assert question(found["far"][0]).endswith("that elsewhere. Is it right as it is?")
