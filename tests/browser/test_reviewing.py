"""A reviewer decides in Label Studio's own page."""

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture
def review(project, snapshot, entries, queue):
    """A review project of eight trucks that the model takes for cars."""
    of = snapshot(project(["truck"] * 8))
    opened = queue(of)
    opened.insert(entries(of, [0.9 - n / 100 for n in range(8)]))
    return opened


def box(page: Page, text: str):
    return page.locator("label").filter(has_text=text).locator("input[type=checkbox]")


def expect_the_question(page: Page) -> None:
    asked = 'Labelled "truck". The model suggests "car" (97 %). Is the label right?'
    for text in (asked, "9 of the 10 most similar images are labelled car.", "Your decision"):
        expect(page.get_by_role("heading", name=text)).to_be_visible()
    expect(box(page, "truck[2]")).to_be_checked()
    expect(box(page, "The label is right[q]")).not_to_be_checked()


def submit(page: Page) -> None:
    with page.expect_response(lambda said: said.request.method == "POST" and "annotations" in said.url) as said:
        page.locator("button", has_text="Submit").click()
    assert said.value.status == 201


KEYS = {
    "q": ("The label is right[q]", "keep"),
    "w": ("Use the suggestion[w]", "take_proposal"),
    "x": ("Wrong, but I do not know what it is[x]", "wrong"),
    "e": ("Cannot be used[e]", "unusable"),
    "n": ("Can't tell[n]", "unclear"),
}


def test_the_label_stream_prefills_and_takes_every_decision_by_key(page: Page, label_stream, review):
    """Label All Tasks: most likely error first, the given label filled in, one key, submit, and the next one.

    Question, picture, label, decision and the submit button fit into a laptop's window. The keys that are shown are
    the keys that work, and none is taken by Label Studio itself. The source requires a label; a task that cannot be
    used needs none here. A decision is required: without one nothing is submitted, and the page says what is missing.
    """
    next_task = label_stream(review.find())
    shown = [next_task()]
    expect_the_question(page)
    button = page.locator("button", has_text="Submit")
    for seen in (box(page, "truck[2]"), box(page, "Can't tell[n]"), page.locator("canvas").first, button):
        expect(seen).to_be_in_viewport(ratio=1)
    for key, (text, _) in KEYS.items():
        expect_the_question(page)
        page.keyboard.press(key)
        expect(box(page, text)).to_be_checked()
        expect(box(page, "truck[2]")).to_be_checked()
        submit(page)
        shown.append(next_task())

    expect_the_question(page)
    page.keyboard.press("2")  # takes the given label away
    expect(box(page, "truck[2]")).not_to_be_checked()
    page.keyboard.press("e")
    submit(page)
    next_task()

    answers = review.read()
    assert [item.review_task_id for item in review.items()][: len(shown)] == shown
    assert [answer.review_task_id for answer in answers] == shown
    decided = [(choice, "truck") for _, choice in KEYS.values()]
    assert [(answer.choice, answer.label) for answer in answers] == [*decided, ("unusable", None)]
    assert all(answer.seconds for answer in answers)

    expect_the_question(page)
    page.locator("button", has_text="Submit").click()
    expect(page.get_by_text("Choose your decision first.")).to_be_visible()
    assert len(review.read()) == len(shown)


def test_quick_view_prefills_too_and_takes_a_correction(page: Page, label_studio, review):
    """A click on a row: the given label is filled in, the suggestion stands beside it, a corrected label is read."""
    task_id = review.items()[1].review_task_id
    page.goto(f"{label_studio.url}projects/{review.find()}/data?task={task_id}")
    expect_the_question(page)
    page.keyboard.press("1")
    page.keyboard.press("r")
    expect(box(page, "car[1]")).to_be_checked()
    expect(box(page, "I corrected it above[r]")).to_be_checked()
    submit(page)
    expect(page.locator("button", has_text="Update")).to_be_visible()
    (answer,) = review.read()
    assert (answer.review_task_id, answer.choice, answer.label) == (task_id, "fix", "car")
