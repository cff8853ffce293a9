"""A reviewer decides about ratings, numbers, dates, texts and preferences in Label Studio's own page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from errata.audit.progress import LineProgress
from errata.labelstudio.review_setup import marker
from errata.review.wording import change_words
from errata.wiring import BeliefOptions, Wiring

CONFIG = """<View><Text name="text" value="$text"/><Text name="other" value="$other"/>
<Rating name="stars" toName="text"/><Number name="price" toName="text" min="0" max="10"/>
<DateTime name="day" toName="text" only="date" min="2020-01-01" max="2020-12-31"/>
<TextArea name="note" toName="text"/><TextArea name="said" toName="text"/>
<Pairwise name="better" toName="text,other"/><List name="items" value="$items"/><Ranker name="order" toName="items"/>
</View>"""
KEYS = {"stars": ("rating", "rating"), "price": ("number", "number"), "day": ("datetime", "datetime")}
KEYS |= {"note": ("textarea", "text"), "said": ("textarea", "text"), "better": ("pairwise", "selected")}
KEYS |= {"order": ("ranker", "ranker")}
# Control -> what a person answered, and what the prediction says; a task each.
CASES: dict[str, tuple[Any, Any]] = {
    "stars": (1, 4),
    "price": (2, 9),
    "day": ("2020-01-03", "2020-11-03"),
    "note": (["a red car"], ["two blue bikes"]),
    "said": (["yes", "no"], ["yes", "perhaps not"]),
    "better": ("left", "right"),
    "order": ({"order": ["a", "b", "c"]}, {"order": ["c", "b", "a"]}),
}
ITEMS = [{"id": name, "title": f"item {name}"} for name in "abc"]


def answer(control: str, value: Any) -> dict[str, Any]:
    type_, key = KEYS[control]
    to_name = {"better": control, "order": "items"}.get(control, "text")
    return {"id": f"r{control}", "from_name": control, "to_name": to_name, "type": type_, "value": {key: value}}


def predicted(control: str, value: Any) -> dict[str, Any]:
    """Return what a prediction may say: of a preference not what the page stores."""
    return {**answer(control, value), **({"to_name": "text"} if control == "better" else {})}


@pytest.fixture
def reviewed(
    label_studio: Any, errata: Wiring, make_project: Callable[..., int]
) -> tuple[int, dict[str, dict[str, Any]]]:
    """Make a project of answers and predictions, and audit it; return its id and its review tasks by control."""
    client = label_studio.client
    tasks = [
        {
            "data": {"text": f"left {control}", "other": f"right {control}", "items": ITEMS},
            "annotations": [{"result": [answer(control, given)]}],
            "predictions": [{"model_version": "theirs", "result": [predicted(control, said)]}],
        }
        for control, (given, said) in CASES.items()
    ]
    project_id = make_project("Answers", CONFIG, tasks)
    errata.audit(project_id, BeliefOptions(belief="stored"), LineProgress(lambda _: None))
    listed = client.paged("api/projects/", {"include": "id,description"})
    (review_id,) = (each["id"] for each in listed if marker(project_id) in (each["description"] or ""))
    queue = client.paged("api/tasks/", {"project": review_id, "fields": "all"})
    return project_id, {task["data"]["control"]: task for task in queue}


def test_answers_stand_in_the_form_and_corrections_of_them_are_planned(
    page: Page,
    errata: Wiring,
    results: Any,
    open_filled: Any,
    decide: Any,
    reviewed: tuple[int, dict[str, dict[str, Any]]],
) -> None:
    """Every sort of answer is filled in; the suggestion is taken, another answer given, or the answer is kept."""
    project_id, asked = reviewed
    assert asked.keys() == CASES.keys()

    form = page.locator(".lsf-editor")  # the list of tasks beside it shows the same words

    def open_form(control: str, filled: Locator) -> None:
        open_filled(asked[control], filled)

    open_form("stars", page.locator(".ant-rate-star-full"))
    expect(page.locator(".ant-rate-star-full")).to_have_count(1)
    decide("Use the suggestion")

    open_form("price", page.locator("input[name=price][value='2']"))
    page.fill("input[name=price]", "7")
    decide("I corrected it above")

    open_form("day", page.locator("input[name=day-date][value='2020-01-03']"))
    page.fill("input[name=day-date]", "2020-05-06")
    decide("I corrected it above")

    open_form("note", form.get_by_text("a red car", exact=True))
    decide("The label is right")

    open_form("better", form.get_by_text("right better", exact=True))
    form.get_by_text("right better", exact=True).last.click()
    decide("I corrected it above")

    open_form("said", form.get_by_text("no", exact=True))
    decide("Use the suggestion")

    open_form("order", form.get_by_text("item a", exact=True))
    decide("Use the suggestion")

    taken = errata.take_verdicts(project_id)
    assert (taken.total, taken.contradictory) == (7, 0)
    plan = errata.plan(project_id)
    assert plan.conflicts == ()
    assert sorted(change_words(change.old_label, change.new_label) for change in plan.changes) == [
        '"1" -> "4"',
        '"2" -> "7"',
        '"2020-01-03" -> "2020-05-06"',
        '"a, b, c" -> "c, b, a"',
        '"left" -> "right"',
        '"yes\nno" -> "yes\nperhaps not"',
    ]
    applied = errata.apply(project_id)
    fixed = {"stars": 4, "price": 7, "day": "2020-05-06", "note": ["a red car"], "said": ["yes", "perhaps not"]}
    fixed |= {"better": "right", "order": {"order": ["c", "b", "a"]}}
    assert results(project_id) == [[answer(*each)] for each in fixed.items()]
    errata.undo(project_id, applied.changeset_id)
    assert results(project_id) == [[answer(name, given)] for name, (given, _) in CASES.items()]
