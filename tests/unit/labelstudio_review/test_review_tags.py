"""Review tasks about tags, written and read back."""

from __future__ import annotations

from typing import Any

import pytest

from errata.audit.review_order import review_entry
from errata.audit.snapshot import Snapshot, Task
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.review_config import Columns
from errata.labelstudio.review_tasks import GIVEN, SUGGESTION, read_answers, review_task
from errata_model.records import Control, Finding, GivenLabel, Proposal

CODECS = Codecs()
TAGS = Control("tags", "tags", "image", "image", "image", ("sun", "sea", "road"))
PATHS = Control("tags", "tags", "image", "image", "image", ("A", "A > sun", "A > sea", "road"), type="taxonomy")
SNAPSHOT = Snapshot("http://ls/", 3, "Views", "<View/>", (TAGS,), (), ())
NOTE = {"from_name": "note", "to_name": "image", "type": "textarea", "value": {"text": ["x"]}}


def region(*tags: str, control: Control = TAGS) -> dict[str, Any]:
    stored = [tag.split(" > ") for tag in tags] if control.type == "taxonomy" else list(tags)
    said = {"from_name": "tags", "to_name": "image", "type": control.type, "value": {control.type: stored}}
    return {"id": "drawn", **said}


def posted(tag: str, proposal: Proposal | None, result: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the review task of a finding about a tag as the annotation has it."""
    label = CODECS.label(result, "tags", None, tag)
    given = GivenLabel(5, 8, "1", "tags", None, "tags", label, str(CODECS.value_hash(result, "tags", None, tag)))
    finding = Finding("f1", given, {}, 0.9, None, "why", proposal, "suspect", "v1")
    entry = review_entry(finding, Task(5, {}, (), True), None)
    return review_task(SNAPSHOT, entry, Columns(), {"image": "a.png"}, result)


def answered(task: dict[str, Any], *result: dict[str, Any]) -> Any:
    """Read back what a reviewer submitted for a review task."""
    verdict = {"from_name": "errata_verdict", "type": "choices", "value": {"choices": ["fix"]}}
    annotation = {
        "id": 1,
        "result": [*result, verdict],
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "created_username": "Ann ann@example.com, 3",
    }
    (answer,) = read_answers(
        {"id": 7, "project": 4, **task, "annotations": [annotation]}, Columns(), "errata_verdict", "n"
    )
    return answer


@pytest.mark.parametrize("control", [TAGS, PATHS], ids=["choices", "taxonomy"])
def test_all_given_tags_are_filled_in_and_one_is_suggested_otherwise(control: Control) -> None:
    """Taken away where it is doubted, added where it is missing; every other region stands in both."""
    doubted, other, missing = ("A > sun", "A", "A > sea") if control is PATHS else ("sun", "road", "sea")
    result = [NOTE, region(other, doubted, control=control)]
    removal = posted(doubted, CODECS.removal(control, doubted, 0.03), result)
    addition = posted(missing, CODECS.addition(control, [(missing, 0.94)]), result)
    for task, tags in ((removal, {other}), (addition, {other, doubted, missing})):
        first, second = task["predictions"]
        assert (first["model_version"], first["result"]) == (GIVEN, result)
        assert (second["model_version"], second["result"][0]) == (SUGGESTION, NOTE)
        assert CODECS.tags(second["result"], "tags") == tags
        assert task["data"]["given_tags"] == sorted([other, doubted])
    labels = [(task["data"]["given_label"], task["data"]["proposed_label"]) for task in (removal, addition)]
    assert labels == [(doubted, "(none)"), ("(none)", missing)]


def test_a_tag_is_suggested_where_there_is_none() -> None:
    task = posted("sea", CODECS.addition(TAGS, [("sea", 0.94)]), [NOTE])
    assert task["predictions"][0]["result"] == [NOTE]
    assert CODECS.tags(task["predictions"][1]["result"], "tags") == {"sea"}
    assert task["data"]["given_tags"] == []


def test_a_tag_without_a_proposal_stands_alone() -> None:
    task = posted("sun", None, [region("sun")])
    assert len(task["predictions"]) == 1
    assert task["data"]["proposed_label"] == ""


@pytest.mark.parametrize("control", [TAGS, PATHS], ids=["choices", "taxonomy"])
def test_what_became_of_the_tags_is_read_back(control: Control) -> None:
    """Each tag that was changed, with the hash of what it was; with every tag taken away no region is left."""
    a, b, c = ("A > sun", "A", "A > sea") if control is PATHS else ("sun", "road", "sea")
    result = [region(a, b, control=control)]
    task = posted(a, CODECS.removal(control, a, 0.03), result)
    changed = answered(task, region(b, c, control=control))
    assert [(each.tag, each.is_given) for each in changed.tag_changes] == sorted([(a, False), (c, True)])
    for each in changed.tag_changes:
        assert each.old_hash == CODECS.value_hash(result, "tags", None, each.tag)
    assert changed.form == {"id": "drawn", "from_name": "tags", "to_name": "image", "type": control.type}
    assert changed.label is None
    assert answered(task, region(b, a, control=control)).tag_changes == ()
    assert [(each.tag, each.is_given) for each in answered(task).tag_changes] == sorted([(a, False), (b, False)])


def test_an_annotation_that_changed_since_is_not_filled_in_as_it_was() -> None:
    """The tag that was doubted is gone: the form holds that one alone."""
    given = GivenLabel(5, 8, "1", "tags", None, "tags", "sun", "hash")
    finding = Finding("f1", given, {}, 0.9, None, "why", CODECS.removal(TAGS, "sun", 0.1), "suspect", "v1")
    task = review_task(SNAPSHOT, review_entry(finding, Task(5, {}, (), True), None), Columns(), {}, [region("sea")])
    assert task["data"]["given_tags"] == ["sun"]
