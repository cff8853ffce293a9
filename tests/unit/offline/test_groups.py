"""Tasks of one patient, video or page do not vouch for one another."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

Make = Callable[..., Any]
TOPICS = ("sport", "money", "space")


@pytest.fixture
def pages(export: Make, sentence: Make) -> Any:
    """Export 20 pages of three texts a topic; every text of page 8 is about space, and labelled sport.

    The texts of a page share words that no other page has, as those of a patient share what is the patient's.
    """
    made = export()
    for page in range(60):
        topic = TOPICS[page % 3]
        own = " ".join(f"page{page}word{n}" for n in range(8))
        for _ in range(3):
            label = "sport" if page == 8 else topic
            made.add(f"{own} {sentence(topic, 4)}", label, page=page, source="archive")
    return made


WRONG = range(8 * 3 + 1, 8 * 3 + 4)  # the tasks of page 8
GROUPED = ("--group-by", "page", "--json", "--all")


def mean_disagreement(heard: Any, tasks: Sequence[int]) -> float:
    return float(sum(heard.of(task)["disagreement"] for task in tasks) / len(tasks))


def test_what_all_of_a_group_have_wrong_is_found_only_when_grouped(pages: Any, audit: Make) -> None:
    """Three texts of a page with the same wrong label vouch for one another; left out together, all three are found."""
    alone = audit(pages)
    together = audit(pages, *GROUPED)
    assert {each["task"] for each in together.findings[:3]} == set(WRONG)
    assert mean_disagreement(together, WRONG) > max(0.6, mean_disagreement(alone, WRONG) + 0.2)
    for task in WRONG:
        assert together.of(task)["proposal"]["top"][0][0] == "space"
    assert together.summary["remarks"] == [
        'Tasks are grouped by "page": 180 tasks, 60 groups, the largest of 3.',
    ]
    assert alone.summary["remarks"] == []
    assert together.summary["model_version"] != alone.summary["model_version"]


def test_evidence_is_taken_from_other_groups(pages: Any, audit: Make) -> None:
    """The similar texts that a reason counts are not of the same page."""
    together = audit(pages, *GROUPED)
    for task in WRONG:
        assert "labelled sport" not in together.of(task)["reason"]
        assert "labelled space" in together.of(task)["reason"]


def test_a_group_is_no_copy(pages: Any, audit: Make) -> None:
    """Two texts of one page may be labelled differently: that they show nearly the same is not said of them."""
    pages.tasks[0]["annotations"][0]["result"][0]["value"]["choices"] = ["money"]
    together = audit(pages, *GROUPED)
    assert "low_self_confidence" in together.of(1)["detectors"]
    assert all("near_duplicate" not in each["detectors"] for each in together.findings)


def test_groups_merge_with_copies(export: Make, audit: Make, sentence: Make) -> None:
    """Two pages with the same wrong labels vouch for one another, unless a text of the one is one of the other."""
    made = export()
    shared = " ".join(f"sharedword{n}" for n in range(8))
    wrong = [*range(7, 10), *range(16, 19)]
    for page in range(60):
        topic, is_wrong = TOPICS[page % 3], page in (2, 5)
        own = shared if is_wrong else " ".join(f"page{page}word{n}" for n in range(8))
        for _ in range(3):
            made.add(f"{own} {sentence(topic, 4)}", "sport" if is_wrong else topic, page=page)
    alone = mean_disagreement(audit(made, *GROUPED), wrong)
    made.tasks[wrong[0] - 1]["data"]["text"] = made.tasks[wrong[-1] - 1]["data"]["text"]
    assert mean_disagreement(audit(made, *GROUPED), wrong) > max(0.6, alone + 0.2)


def test_tasks_without_the_field_stand_alone(pages: Any, audit: Make) -> None:
    """They are counted, and the others are grouped."""
    for task in pages.tasks[90:]:
        task["data"].pop("page")
    pages.tasks[90]["data"]["page"] = None
    pages.tasks[91]["data"]["page"] = " "
    heard = audit(pages, "--group-by", "page")
    grouped = (
        'Tasks are grouped by "page": 90 tasks, 30 groups, the largest of 3; 90 tasks have nothing there, and each '
    )
    assert f"{grouped}stands alone." in heard.said
    assert {each["task"] for each in heard.findings} >= set(WRONG)


def test_a_field_that_no_task_has_names_those_that_there_are(pages: Any, audit: Make) -> None:
    heard = audit(pages, "--group-by", "patient", code=2)
    assert 'No task has anything under "patient" (--group-by)' in heard.told
    assert """the tasks' data have "page" (180), "source" (180), "text" (180).""" in heard.told


def test_a_field_with_one_value_is_refused(pages: Any, audit: Make) -> None:
    """Without a task's group nothing would be left."""
    heard = audit(pages, "--group-by", "source", code=2)
    assert """All 180 tasks have the same "source" (--group-by), 'archive'""" in heard.told
    assert "nothing is left to judge it by" in heard.told


def test_a_field_that_nobody_shares_is_said(pages: Any, audit: Make) -> None:
    heard = audit(pages, "--group-by", "text")
    assert "no two share a value, so that nothing is grouped" in heard.said


def test_a_class_of_one_group_is_said(export: Make, audit: Make, sentence: Make) -> None:
    """Nobody else's labels can support those of a page that has a class for itself."""
    made = export()
    for n in range(60):
        topic = TOPICS[n % 2]
        made.add(sentence(topic), topic, page=n // 4)
    for _ in range(5):
        made.add(sentence("space"), "space", page="only here")
    (grouped, lonely) = audit(made, *GROUPED).summary["remarks"]
    assert grouped.startswith("Tasks are grouped by")
    assert lonely == (
        'Nothing can support the labels of "label" that occur in one task or one group of tasks alone, so they are in '
        'doubt whether right or wrong: "space" (5).'
    )
    assert audit(made).summary["remarks"] == []


@pytest.mark.parametrize("n_in_second", [60, 3])
def test_two_groups(export: Make, audit: Make, sentence: Make, n_in_second: int) -> None:
    """Each of two books, be they alike in size or not, is judged by the other one alone."""
    made = export()
    for n in range(60 + n_in_second):
        topic = TOPICS[n % 3]
        made.add(sentence(topic), "sport" if n == 2 else topic, book=n < 60)
    heard = audit(made, "--group-by", "book", "--json", "--all")
    assert len(heard.findings) == 60 + n_in_second
    if n_in_second == 60:
        assert heard.findings[0]["task"] == 3


def test_labels_of_one_group_alone(pages: Any, audit: Make) -> None:
    """Where everything that is labelled belongs together nothing is left: exit 2."""
    for task in pages.tasks[3:]:
        task["annotations"] = []
    pages.tasks[0]["annotations"][0]["result"][0]["value"]["choices"] = ["money"]
    heard = audit(pages, *GROUPED, code=2)
    assert "3 labels on 180 tasks" in heard.told
    assert "every labelled task belongs to one group, so nothing is left to judge any of them by" in heard.told


def test_pictures_of_a_patient(export: Make, audit: Make, picture: Make, saved: Make) -> None:
    """The same of pictures: three pictures of a patient that differ little, all labelled wrong, are found."""
    made = export("image", ("red", "green", "blue"))
    for patient in range(40):
        hue = ("red", "green", "blue")[patient % 3]
        of_patient = picture(hue)
        label = "red" if patient == 4 else hue
        for n in range(3):
            copy = of_patient.copy()
            copy.putpixel((n, n), (255, 255, 255))
            made.add(saved(copy), label, patient=f"P{patient}")
    heard = audit(made, "--group-by", "patient", "--json", "--all")
    assert {each["task"] for each in heard.findings[:3]} == {13, 14, 15}
    assert all("near_duplicate" not in each["detectors"] for each in heard.findings)


def test_tags_of_a_page(export: Make, audit: Make, sentence: Make) -> None:
    """A tag that all texts of a page wrongly have is found when the page is left out as a whole."""
    made = export(kind='choice="multiple"')
    for page in range(60):
        topic = TOPICS[page % 3]
        own = " ".join(f"page{page}word{n}" for n in range(8))
        for _ in range(3):
            made.add(f"{own} {sentence(topic, 4)}", *({topic, "sport"} if page == 8 else {topic}), page=page)
    found = {}
    for options in (("--json", "--all"), GROUPED):
        given = {
            each["task"]: each["disagreement"] for each in audit(made, *options).findings if each["label"] == "sport"
        }
        found[options] = sum(given[task] for task in WRONG) / len(WRONG)
    assert found[GROUPED] > max(0.6, found["--json", "--all"] + 0.2)


def test_the_witness_of_a_leak_leaves_groups_out(export: Make, audit: Make, sentence: Make) -> None:
    """A fifth of the pages is labelled wrong as a whole; who repeats that is told with more labels to show for it."""
    made = export()
    for page in range(100):
        topic = TOPICS[page % 3]
        own = " ".join(f"page{page}word{n}" for n in range(8))
        for _ in range(3):
            label = TOPICS[(page + 1) % 3] if page % 5 == 0 else topic
            made.predict(made.add(f"{own} {sentence(topic, 4)}", label, page=page), "theirs", **{label: 0.9})
    n_doubted = []
    for options in (("--json",), ("--json", "--group-by", "page")):
        heard = audit(made, "--belief", "stored", *options)
        said = re.search(r"they agree with (\d+) of (\d+) labels", heard.summary["caution"] or "0 of 0")
        n_doubted.append(int(said[2]) if said else 0)
    assert n_doubted[1] > n_doubted[0] + 10
    assert heard.summary["remarks"] == [
        'Held against what "theirs" predicts for 300 tasks.',
        'Tasks are grouped by "page": 300 tasks, 100 groups, the largest of 3.',
    ]
