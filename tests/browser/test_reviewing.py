"""A reviewer decides in Label Studio's own page."""

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture
def review(project, snapshot, entries, queue):
    """A review project of three trucks that the model takes for cars."""
    of = snapshot(project(["truck", "truck", "truck"]))
    opened = queue(of)
    opened.insert(entries(of, [0.9, 0.8, 0.7]))
    return opened


@pytest.fixture
def label_all(page: Page, label_studio, review):
    """Open the review project and press "Label All Tasks"."""
    page.goto(f"{label_studio.url}projects/{review.find()}/data")
    page.get_by_role("button", name="Label All Tasks").click()
    page.get_by_role("dialog").or_(page.get_by_text("Labeling Instructions")).first.wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Labeling Instructions")).to_be_hidden()
    return page


def quick_view(page: Page, label_studio, review, task_id: int) -> Page:
    page.goto(f"{label_studio.url}projects/{review.find()}/data?task={task_id}")
    return page


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


def test_everything_is_in_sight_without_scrolling(label_all: Page):
    """Question, picture, label, decision and the submit button fit into a laptop's window."""
    expect_the_question(label_all)
    for seen in (box(label_all, "truck[2]"), box(label_all, "Can't tell[n]"), label_all.locator("canvas").first):
        expect(seen).to_be_in_viewport(ratio=1)


def test_the_label_stream_prefills_and_takes_a_decision_by_key(label_all: Page, review):
    """Label All Tasks: most likely error first, the given label filled in, one key, submit, and the next one."""
    first, second, _ = (item.review_task_id for item in review.items())
    for key, text in (("q", "The label is right[q]"), ("w", "Use the suggestion[w]")):
        expect_the_question(label_all)
        label_all.keyboard.press(key)
        expect(box(label_all, text)).to_be_checked()
        expect(box(label_all, "truck[2]")).to_be_checked()
        submit(label_all)
    expect_the_question(label_all)
    answers = review.read()
    assert [(answer.review_task_id, answer.choice, answer.label) for answer in answers] == [
        (first, "keep", "truck"),
        (second, "take_proposal", "truck"),
    ]
    assert all(answer.seconds for answer in answers)


def test_quick_view_prefills_too_and_takes_a_correction(page: Page, label_studio, review):
    """A click on a row: the given label is filled in, the suggestion stands beside it, a corrected label is read."""
    task_id = review.items()[1].review_task_id
    quick_view(page, label_studio, review, task_id)
    expect_the_question(page)
    page.keyboard.press("1")
    page.keyboard.press("r")
    expect(box(page, "car[1]")).to_be_checked()
    expect(box(page, "I corrected it above[r]")).to_be_checked()
    submit(page)
    expect(page.locator("button", has_text="Update")).to_be_visible()
    (answer,) = review.read()
    assert (answer.review_task_id, answer.choice, answer.label) == (task_id, "fix", "car")


@pytest.mark.parametrize(
    ("key", "text", "choice"),
    [
        ("w", "Use the suggestion[w]", "take_proposal"),
        ("x", "Wrong, but I do not know what it is[x]", "wrong"),
        ("e", "Cannot be used[e]", "unusable"),
        ("n", "Can't tell[n]", "unclear"),
    ],
)
def test_every_key_chooses_its_decision(page: Page, label_studio, review, key, text, choice):
    """The keys that are shown are the keys that work, and none is taken by Label Studio itself."""
    quick_view(page, label_studio, review, review.items()[0].review_task_id)
    expect_the_question(page)
    page.keyboard.press(key)
    expect(box(page, text)).to_be_checked()
    submit(page)
    expect(page.locator("button", has_text="Update")).to_be_visible()
    assert [answer.choice for answer in review.read()] == [choice]


def test_a_decision_is_required(page: Page, label_studio, review):
    """Without one nothing is submitted, and the page says what is missing."""
    quick_view(page, label_studio, review, review.items()[0].review_task_id)
    expect_the_question(page)
    page.locator("button", has_text="Submit").click()
    expect(page.get_by_text("Choose your decision first.")).to_be_visible()
    assert review.read() == []


def test_what_has_no_label_can_still_be_judged(page: Page, label_studio, review):
    """The source requires a label; a task that cannot be used needs none here."""
    quick_view(page, label_studio, review, review.items()[0].review_task_id)
    expect_the_question(page)
    page.keyboard.press("2")  # takes the given label away
    expect(box(page, "truck[2]")).not_to_be_checked()
    page.keyboard.press("e")
    submit(page)
    (answer,) = review.read()
    assert (answer.choice, answer.label) == ("unusable", None)
