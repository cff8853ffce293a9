"""The review project on a real Label Studio."""

import json

import httpx
import pytest

from errata.errors import LabelStudioGone, UsageError
from errata.labelstudio.review_project import ReviewProject, find_review_project
from errata.labelstudio.review_setup import marker
from errata.labelstudio.review_tabs import CANNOT_TELL, CONTRADICTORY, FIXED, TO_REVIEW


@pytest.fixture
def source(project):
    return project(["truck", "truck", "truck", "car", "car"])


@pytest.fixture
def listed(label_studio):
    """List what a tab shows, as Label Studio's page asks for it."""

    def of(review_id, title):
        views = label_studio.client.get("api/dm/views/", {"project": review_id})
        (view,) = [view for view in views if view["data"]["title"] == title]
        tasks = label_studio.client.get("api/tasks/", {"view": view["id"], "project": review_id})["tasks"]
        return [task["id"] for task in tasks]

    return of


def review_tasks(label_studio, review_id):
    asked = {"project": review_id, "fields": "all", "resolve_uri": "false"}
    return list(label_studio.client.paged("api/tasks/", asked))


def test_nothing_is_made_before_something_is_inserted(queue, snapshot, source, label_studio):
    """Reading an empty queue writes nothing to Label Studio."""
    review = queue(snapshot(source))
    assert review.items() == []
    with pytest.raises(LabelStudioGone, match="has no review project"):
        review.read()
    review.mark_contradictory([])
    assert find_review_project(label_studio.client, source.id) is None


def test_insertion_order_is_serving_order(queue, snapshot, source, entries, label_studio):
    """Review tasks stand in the order they were given, and the label stream serves the first one first."""
    of = snapshot(source)
    review = queue(of)
    wanted = entries(of, [0.9, 0.7, 0.4])
    ids = review.insert(wanted)
    assert ids == sorted(ids)
    items = queue(of).items()
    assert [item.review_task_id for item in items] == ids
    assert [item.finding_key for item in items] == [entry.finding.key for entry in wanted]
    assert [item.fingerprint for item in items] == [entry.fingerprint for entry in wanted]
    assert not any(item.is_touched for item in items)
    assert label_studio.client.get(f"api/projects/{review.find()}/next")["id"] == ids[0]


def test_the_project_is_made_once(queue, snapshot, source, entries, label_studio, footprint):
    """A process that knows nothing of earlier ones finds the same project and adds no second set of tabs."""
    of = snapshot(source)
    one, *rest = entries(of, [0.9, 0.8, 0.7])
    queue(of).insert([one])
    queue(of).insert(rest)
    assert queue(of).ensure() == queue(of).find()
    review_id = queue(of).find()
    found = [
        p["id"]
        for p in label_studio.client.paged("api/projects/")
        if p["title"] == f"Review: {source.title}" and f"of project {source.id}]" in p["description"]
    ]
    assert found == [review_id]
    titles = [v["data"]["title"] for v in label_studio.client.get("api/dm/views/", {"project": review_id})]
    assert titles == [TO_REVIEW, FIXED, CANNOT_TELL, CONTRADICTORY]
    assert [(t.kind, t.ref) for t in footprint.of_project(source.id)] == [("review_project", str(review_id))]


class Overtaken:
    """Label Studio, in which something else happens right before a project is made."""

    def __init__(self, client, first):
        self._client, self._first = client, first

    def post(self, path, *arguments, **options):
        if path == "api/projects/":
            self._first()
        return self._client.post(path, *arguments, **options)

    def __getattr__(self, name):
        return getattr(self._client, name)


def test_who_makes_the_project_at_the_same_time_gets_the_same(
    queue, snapshot, source, entries, label_studio, footprint
):
    """Two processes, or two machines, both found none: the older one stays, the newer is gone with no trace."""
    of = snapshot(source)
    first = queue(of)
    late = ReviewProject(Overtaken(label_studio.client, first.ensure), of, footprint)
    late.insert(entries(of, [0.9]))
    assert late.find() == first.find()
    listed = label_studio.client.paged("api/projects/", {"include": "id,description"})
    assert [p["id"] for p in listed if marker(source.id) in (p["description"] or "")] == [first.find()]
    assert [(t.kind, t.ref) for t in footprint.of_project(source.id)] == [("review_project", str(first.find()))]
    assert len(queue(of).items()) == 1


def test_a_long_title_is_cut(queue, snapshot, project, entries, label_studio):
    """Label Studio takes 50 characters."""
    source = project(["car"], title="A project about vehicles on the roads of Europe..")
    of = snapshot(source)
    queue(of).insert(entries(of, [0.5]))
    title = label_studio.client.get(f"api/projects/{queue(of).find()}/")["title"]
    assert title == "Review: A project about vehicles on the roads of E"


def test_the_given_label_prefills_and_the_suggestion_is_second(queue, snapshot, source, entries, label_studio):
    """The label stream serves the label as it is now; the suggestion stands beside it in quick view."""
    of = snapshot(source)
    review = queue(of)
    review.insert(entries(of, [0.9]))
    served = label_studio.client.get(f"api/projects/{review.find()}/next")
    assert [p["model_version"] for p in served["predictions"]] == ["given label"]
    assert [region["value"]["choices"] for region in served["predictions"][0]["result"]] == [["truck"]]
    (task,) = review_tasks(label_studio, review.find())
    assert {p["model_version"]: p["result"][0]["value"]["choices"] for p in task["predictions"]} == {
        "given label": ["truck"],
        "errata suggestion": ["car"],
    }


class Forgetful:
    """Label Studio on SQLite while others write: importing is tried again by itself, then without predictions."""

    def __init__(self, client):
        self._client = client

    def post(self, path, json=None, **options):
        if path.endswith("/import"):
            json = [{"data": task["data"]} for task in json]
        return self._client.post(path, json, **options)

    def __getattr__(self, name):
        return getattr(self._client, name)


def test_predictions_that_label_studio_forgot_are_sent_again(snapshot, source, entries, label_studio, footprint):
    """A review task opens with the given label all the same."""
    of = snapshot(source)
    review = ReviewProject(Forgetful(label_studio.client), of, footprint)
    review.insert(entries(of, [0.9, 0.8]))
    for task in review_tasks(label_studio, review.find()):
        assert sorted(p["model_version"] for p in task["predictions"]) == ["errata suggestion", "given label"]
    served = label_studio.client.get(f"api/projects/{review.find()}/next")
    assert [region["value"]["choices"] for region in served["predictions"][0]["result"]] == [["truck"]]


def test_the_whole_source_result_prefills(queue, snapshot, project, entries, label_studio):
    """What else the annotator answered is there too, also where errata does not audit it."""
    config = (
        '<View><Image name="image" value="$image"/><Choices name="label" toName="image">'
        '<Choice value="car"/><Choice value="truck"/></Choices>'
        '<TextArea name="remark" toName="image"/></View>'
    )
    source = project(["truck"], label_config=config)
    path = f"api/annotations/{source.annotation_ids[0]}/"
    result = label_studio.client.get(path)["result"]
    remark = {"id": "t", "from_name": "remark", "to_name": "image", "type": "textarea", "value": {"text": ["x"]}}
    label_studio.client.patch(path, {"result": [*result, remark]})
    of = snapshot(source)
    review = queue(of)
    review.insert(entries(of, [0.9]))
    (task,) = review_tasks(label_studio, review.find())
    for prediction in task["predictions"]:
        assert [region["from_name"] for region in prediction["result"]] == ["label", "remark"]


def test_data_columns_are_flat_and_name_no_annotator(queue, snapshot, source, entries, label_studio):
    """A reviewer sees what is asked and why; who gave the label is not in the project at all."""
    of = snapshot(source)
    review = queue(of)
    (entry,) = entries(of, [0.87654])
    review.insert([entry])
    (task,) = review_tasks(label_studio, review.find())
    assert task["data"] == {
        "image": of.tasks[0].data["image"],
        "question": entry.question.replace(" %", "\N{NO-BREAK SPACE}%"),
        "why": entry.finding.reason,
        "disagreement": entry.shown,
        "given_label": "truck",
        "proposed_label": "car",
        "source_url": f"{label_studio.url}projects/{source.id}/data?task={source.task_ids[0]}",
        "finding": entry.finding.key,
        "source_task": source.task_ids[0],
        "source_annotation": source.annotation_ids[0],
        "control": "label",
        "region": "",
        "stream": "suspect",
        "fingerprint": entry.fingerprint,
        "look_again": "",
    }
    assert "somebody@example.com" not in json.dumps(task)


def test_columns_are_prefixed_where_the_source_has_such_a_key(queue, snapshot, project, entries, label_studio, decide):
    """A source with a key "question" keeps it; a later process reads the prefixed columns all the same."""
    source = project(["truck", "car"], extra_data={"question": "theirs"})
    of = snapshot(source)
    (task_id, _) = queue(of).insert(entries(of, [0.9, 0.8]))
    data = review_tasks(label_studio, queue(of).find())[0]["data"]
    assert data["question"] == "theirs"
    assert data["errata_question"].startswith('Labelled "truck".')
    decide(task_id, "unclear")
    (answer,) = queue(of).read()
    assert answer.finding_key == data["errata_finding"]


def test_media_is_readable_from_the_review_project(queue, snapshot, source, entries, label_studio):
    """A member who follows the address in a review task gets the source's file; nothing is uploaded again."""
    of = snapshot(source)
    review = queue(of)
    review.insert(entries(of, [0.9]))
    (task,) = review_tasks(label_studio, review.find())
    headers = {"Authorization": f"Token {label_studio.token}"}
    said = httpx.get(label_studio.url + task["data"]["image"].lstrip("/"), headers=headers, trust_env=False)
    assert said.headers["content-type"] == "image/png"


def test_tabs_list_what_they_say(queue, snapshot, source, entries, decide, listed):
    """Undecided ones by disagreement as numbers; fixed, unclear and contradictory ones apart."""
    of = snapshot(source)
    review = queue(of)
    # As text, 0.09 would stand before 0.1 and 1.0 between them.
    a, b, c, d, e = review.insert(entries(of, [0.09, 1.0, 0.1, 0.5, 0.0001]))
    review_id = review.find()
    assert listed(review_id, TO_REVIEW) == [b, d, c, a, e]
    decide(a, "fix", "car")
    decide(b, "take_proposal", "truck")
    decide(c, "unclear", "truck")
    assert listed(review_id, TO_REVIEW) == [d, e]
    assert listed(review_id, FIXED) == [b, a]
    assert listed(review_id, CANNOT_TELL) == [c]
    assert listed(review_id, CONTRADICTORY) == []
    review.mark_contradictory([a, c])
    assert listed(review_id, CONTRADICTORY) == [c, a]
    review.mark_contradictory([c])
    assert listed(review_id, CONTRADICTORY) == [c]


def test_answers_are_read_back(queue, snapshot, source, entries, decide):
    """Decision, label, note, seconds and whose e-mail address; skipped tasks are no answers."""
    of = snapshot(source)
    review = queue(of)
    wanted = entries(of, [0.9, 0.8, 0.7])
    a, b, c = review.insert(wanted)
    first = decide(a, "fix", "car", note="It has four wheels.")
    decide(b, "keep", was_cancelled=True)
    second = decide(c, "unusable")
    one, two = queue(of).read()
    assert (one.review_annotation_id, one.review_task_id, one.finding_key) == (first, a, wanted[0].finding.key)
    assert (one.choice, one.label, one.note, one.seconds) == ("fix", "car", "It has four wheels.", 4.5)
    assert one.reviewer == "demo@example.com"
    assert one.answered_at.tzinfo is not None
    assert (two.review_annotation_id, two.choice, two.label, two.note) == (second, "unusable", None, None)


def test_answers_withdrawn_are_told_from_tasks_deleted(queue, snapshot, source, entries, decide, label_studio):
    """A task that stands says which answers it has, skipped ones apart; one that was deleted is absent."""
    of = snapshot(source)
    review = queue(of)
    a, b, c = review.insert(entries(of, [0.9, 0.8, 0.7]))
    withdrawn, kept = decide(a, "keep"), decide(b, "keep")
    decide(b, "keep", was_cancelled=True)
    label_studio.client.delete(f"api/annotations/{withdrawn}/")
    label_studio.client.delete(f"api/tasks/{c}/")
    (answer,) = review.read()
    assert answer.review_annotation_id == kept
    assert review.submitted(answer.review_project_id, [a, b, c]) == {a: set(), b: {kept}}
    assert review.submitted(answer.review_project_id + 1, [a]) == {}


def test_what_was_touched_is_not_deleted(queue, snapshot, source, entries, decide, label_studio):
    """An answer, a skip and an unsaved draft each keep a task; the others go, and what is gone counts as gone."""
    of = snapshot(source)
    review = queue(of)
    answered, skipped, drafted, open_, last = review.insert(entries(of, [0.9, 0.8, 0.7, 0.6, 0.5]))
    decide(answered, "keep", "truck")
    decide(skipped, "keep", was_cancelled=True)
    label_studio.client.post(f"api/tasks/{drafted}/drafts", {"result": [], "lead_time": 1})
    touched = {item.review_task_id: item.is_touched for item in queue(of).items()}
    assert touched == {answered: True, skipped: True, drafted: True, open_: False, last: False}
    assert queue(of).delete([answered, skipped, drafted, open_]) == [open_]
    assert queue(of).delete([open_]) == [open_]
    assert [item.review_task_id for item in queue(of).items()] == [answered, skipped, drafted, last]


def test_emptying_the_queue_keeps_its_tabs(queue, snapshot, source, entries, listed):
    """Label Studio drops every tab with the last task; they are there again."""
    of = snapshot(source)
    review = queue(of)
    ids = review.insert(entries(of, [0.9, 0.8]))
    assert review.delete(ids) == ids
    again = review.insert(entries(of, [0.3, 0.6]))
    assert listed(review.find(), TO_REVIEW) == again[::-1]


def test_a_changed_config_is_followed(queue, snapshot, source, entries, label_studio):
    """A class that was added to the source can be chosen in the review project after the next insertion."""
    of = snapshot(source)
    one, two = entries(of, [0.9, 0.8])
    queue(of).insert([one])
    config = source.label_config.replace("</Choices>", '<Choice value="bus"/></Choices>')
    label_studio.client.patch(f"api/projects/{source.id}/", {"label_config": config})
    queue(snapshot(source)).insert([two])
    reviewed = label_studio.client.get(f"api/projects/{queue(of).find()}/")["label_config"]
    assert 'value="bus"' in reviewed


def test_a_config_that_cannot_be_followed_is_named(queue, snapshot, source, entries, label_studio, decide):
    """Where reviewers used what the source's config has no longer, the error says what to do."""
    of = snapshot(source)
    one, two = entries(of, [0.9, 0.8])
    (task_id,) = queue(of).insert([one])
    decide(task_id, "fix", "car")
    renamed = source.label_config.replace('"label"', '"kind"')
    changed = snapshot(source, label_config=renamed)
    with pytest.raises(UsageError, match=r"its review project .* cannot follow"):
        queue(changed).insert([two])
