"""A reviewer decides about texts and tags in Label Studio's own page, and errata's plan says just that."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from errata.audit.progress import LineProgress
from errata.labelstudio.review_setup import marker
from errata.review.wording import change_words
from errata.wiring import BeliefOptions, Wiring

WORDS = {
    "animals": ("cat", "dog", "horse", "mouse", "cow"),
    "vehicles": ("car", "truck", "train", "tram", "bus"),
    "meals": ("soup", "bread", "rice", "salad", "cake"),
}
TOPICS = list(WORDS)
CHOICES = "".join(f'<Choice value="{topic}"/>' for topic in TOPICS)
PAGES = (
    '<View><HyperText name="text" value="$text"/><Choices name="topic" toName="text" required="true">'
    f"{CHOICES}</Choices></View>"
)
TAGGED = (
    '<View><Text name="text" value="$text"/><Choices name="topic" toName="text" choice="multiple">'
    f"{CHOICES}</Choices></View>"
)
HOSTILE = '<script>window.top.struck = 1</script><img src="/none" onerror="window.top.struck = 2">'
N_TASKS, PLANTED, MISSING = 60, 9, 22


def text(n: int, topics: Sequence[str]) -> str:
    """Return a text of its own about these topics."""
    return ". ".join(f"A {WORDS[t][n % 5]} and a {WORDS[t][n // 3 % 5]} by the {WORDS[t][n // 7 % 5]}" for t in topics)


@pytest.fixture
def review(
    label_studio: Any, errata: Wiring, make_project: Callable[..., int]
) -> Callable[..., tuple[int, dict[str, dict[str, Any]]]]:
    """Make a project of texts and labels, and audit it; return its id and its review tasks by their texts."""
    client = label_studio.client

    def audited(config: str, labelled: Sequence[tuple[str, Sequence[str]]]) -> tuple[int, dict[str, dict[str, Any]]]:
        about = {"id": "given", "from_name": "topic", "to_name": "text", "type": "choices"}
        tasks = [
            {"data": {"text": said}, "annotations": [{"result": [about | {"value": {"choices": list(labels)}}]}]}
            for said, labels in labelled
        ]
        project_id = make_project("Texts", config, tasks)
        errata.audit(project_id, BeliefOptions(), LineProgress(lambda _: None))
        (review_id,) = reviews_of(project_id)
        listed = client.paged("api/tasks/", {"project": review_id, "fields": "all"})
        return project_id, {task["data"]["text"]: task for task in listed}

    def reviews_of(project_id: int) -> list[int]:
        listed = client.paged("api/projects/", {"include": "id,description"})
        return [each["id"] for each in listed if marker(project_id) in (each["description"] or "")]

    return audited


@pytest.fixture
def planned(errata: Wiring) -> Callable[[int], list[str]]:
    """Return a function that says what would be written to a project."""

    def of(project_id: int) -> list[str]:
        errata.take_verdicts(project_id)
        return [change_words(change.old_label, change.new_label) for change in errata.plan(project_id).changes]

    return of


def open_form(page: Page, url: str, task: dict[str, Any]) -> None:
    """Click on a review task's row; its question is there then."""
    page.goto(f"{url}projects/{task['project']}/data?task={task['id']}")
    expect(page.get_by_role("heading", name=task["data"]["question"])).to_be_visible()


def box(page: Page, words: str) -> Locator:
    return page.locator("label").filter(has_text=re.compile(rf"^{re.escape(words)}\[")).locator("input[type=checkbox]")


def test_a_page_is_shown_as_a_page_and_its_fix_is_planned(
    page: Page, label_studio: Any, review: Any, planned: Any, decide: Any
) -> None:
    """Long HTML scrolls and does nothing to the form; label and decision are in sight; one click takes the proposal."""
    topics = [TOPICS[n % 2] for n in range(N_TASKS)]
    given = ["animals" if n == PLANTED else topic for n, topic in enumerate(topics)]
    pages = [f"<h1>Page {n}</h1><p>{text(n, [topic])}</p>" for n, topic in enumerate(topics)]
    pages[PLANTED] = f"{HOSTILE}<h1>Nine</h1>{f'<p>{text(PLANTED, [topics[PLANTED]])}</p>' * 40}"
    project_id, asked = review(PAGES, [(each, [label]) for each, label in zip(pages, given, strict=True)])
    task = asked[pages[PLANTED]]
    assert task["data"]["question"].startswith('Labelled "animals". The model suggests "vehicles"')

    open_form(page, label_studio.url, task)
    expect(page.frame_locator("iframe").get_by_role("heading", name="Nine")).to_be_visible()
    expect(box(page, "animals")).to_be_checked()
    for seen in (box(page, "animals"), box(page, "The label is right"), box(page, "Can't tell")):
        expect(seen).to_be_in_viewport(ratio=1)
    assert page.evaluate("window.struck") is None
    decide("Use the suggestion")
    assert planned(project_id) == ['"animals" -> "vehicles"']


def test_a_doubted_tag_is_taken_away_and_a_missing_one_added(
    page: Page, label_studio: Any, review: Any, planned: Any, decide: Any
) -> None:
    """Each task asks about one tag and shows all; a click on the suggestion or on the tag itself is what is planned."""
    sets = [[t for k, t in enumerate(TOPICS) if n % 7 + 1 & 1 << k] for n in range(N_TASKS)]
    given = [list(each) for each in sets]
    sets[PLANTED], given[PLANTED] = ["animals"], ["animals", "meals"]
    sets[MISSING], given[MISSING] = ["animals", "vehicles"], ["animals"]
    texts = [text(n, about) for n, about in enumerate(sets)]
    project_id, asked = review(TAGGED, list(zip(texts, given, strict=True)))

    doubted = asked[texts[PLANTED]]
    assert doubted["data"]["question"].startswith('Tagged "meals". The model suggests taking it away')
    open_form(page, label_studio.url, doubted)
    for tag in given[PLANTED]:
        expect(box(page, tag)).to_be_checked()
        expect(box(page, tag)).to_be_in_viewport(ratio=1)
    decide("Use the suggestion")

    missing = asked[texts[MISSING]]
    assert missing["data"]["question"].startswith('Not tagged "vehicles". The model suggests adding it')
    open_form(page, label_studio.url, missing)
    expect(box(page, "animals")).to_be_checked()
    expect(box(page, "vehicles")).not_to_be_checked()
    decide("vehicles", "I corrected it above")
    assert sorted(planned(project_id)) == ['add "vehicles"', 'remove "meals"']
