"""Connecting and disconnecting on a real Label Studio, with a service that answers as errata does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from errata.audit.ports import Trace
from errata.audit.progress import LineProgress
from errata.errors import LabelStudioRefused, LabelStudioUnreachable, UsageError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.connection import SECRET_HEADER
from errata.labelstudio.disconnection import pending
from errata.labelstudio.other_backends import read_backends
from errata.labelstudio.review_project import find_review_project
from errata.settings import ProjectSettings
from errata.wiring import BeliefOptions


def hooks(seen):
    return [(each["url"], each["headers"]) for each in seen["webhooks"]]


def backends(seen):
    return [(each["url"], each["title"], each["auth_method"]) for each in seen["backends"]]


def kinds(errata, project_id):
    return sorted(trace.kind for trace in errata.footprint.of_project(project_id))


def form_entry(source, service, **changes):
    """Return what Label Studio's own backend form sends."""
    entry = {"project": source.id, "url": service.url, "title": "mine", "auth_method": "BASIC_AUTH"}
    return {**entry, "basic_auth_user": "errata", "basic_auth_pass": service.password, **changes}


@pytest.fixture
def lived_in(label_studio, source, service):
    """Make the project somebody's: predictions of theirs, a version, a webhook, overlap, training, a tab."""
    client = label_studio.client
    rows = [{"task": task, "result": [], "score": 0.5, "model_version": "theirs"} for task in source.task_ids]
    client.post(f"api/projects/{source.id}/import/predictions", rows)
    changes = {"model_version": "theirs", "maximum_annotations": 2, "min_annotations_to_start_training": 1}
    client.patch(f"api/projects/{source.id}/", changes)
    hook = {"project": source.id, "url": "http://127.0.0.1:9/theirs?key=secret", "send_for_all_actions": True}
    client.post("api/webhooks/", hook)
    client.post("api/dm/views/", {"project": source.id, "data": {"title": "Theirs"}})
    return source


def test_connecting_twice_is_connecting_once(open_errata, state, source, service, label_studio):
    """One webhook a project with the secret, one backend with Basic auth, one review project; each can change."""
    errata = open_errata()
    errata.connect(source.id)
    once = state(source.id)
    review_id = find_review_project(label_studio.client, source.id)["id"]
    review_once = state(review_id)
    traces = errata.footprint.of_project(source.id)
    open_errata().connect(source.id)
    assert state(source.id) == once
    assert state(review_id) == review_once
    assert errata.footprint.of_project(source.id) == traces
    assert hooks(once) == [(service.url + "/webhook", {SECRET_HEADER: service.secret})]
    assert backends(once) == [(service.url, "errata", "BASIC_AUTH")]
    assert backends(review_once) == []
    assert len(review_once["webhooks"]) == 1
    assert kinds(errata, source.id) == ["ml_backend", "predictions", "review_project", "webhook", "webhook"]

    # Every event carries the secret, and no other webhook doubles it.
    service.calls.clear()
    body = {"result": [], "was_cancelled": False}
    label_studio.client.post(f"api/tasks/{source.task_ids[0]}/annotations/", body)
    assert service.events() == [("ANNOTATION_CREATED", service.secret)]

    # Connecting with another address mends what was made with the first one.
    moved = service.url.replace("127.0.0.1", "localhost")
    errata = open_errata(public_url=moved + "/")
    errata.connect(source.id)
    after = state(source.id)
    assert [url for url, _ in hooks(after)] == [moved + "/webhook"]
    assert [url for url, *_ in backends(after)] == [moved]

    # Connecting again without the backend takes the entry away and leaves the webhooks.
    lines = errata.connect(source.id, attach_backend=False)
    after = state(source.id)
    assert any("detached" in line for line in lines)
    assert (len(after["webhooks"]), after["backends"]) == (1, [])

    # What somebody deleted by hand is said to be gone, and the rest still goes.
    label_studio.client.delete(f"api/projects/{review_id}/")
    lines = errata.disconnect(source.id)
    assert sum("was gone already." in line for line in lines) == 1  # the webhook of the review project
    assert kinds(errata, source.id) == ["review_project"]


def test_connecting_twice_at_the_same_moment_is_connecting_once(open_errata, state, source, label_studio):
    """Somebody was impatient, or two people had the same idea."""
    first, second = open_errata(), open_errata()
    with ThreadPoolExecutor() as pool:
        for connecting in [pool.submit(errata.connect, source.id) for errata in (first, second)]:
            connecting.result()
    seen = state(source.id)
    review = state(find_review_project(label_studio.client, source.id)["id"])
    assert (len(seen["webhooks"]), len(seen["backends"]), len(review["webhooks"])) == (1, 1, 1)
    assert len(review["views"]) == len({view["data"]["title"] for view in review["views"]})
    assert kinds(first, source.id) == ["ml_backend", "predictions", "review_project", "webhook", "webhook"]


def test_a_lived_in_project_is_as_it_was(open_errata, state, lived_in, service):
    """Settings, backends, webhooks, predictions, versions and tabs are those of before, to the last field."""
    before = state(lived_in.id)
    errata = open_errata()
    errata.connect(lived_in.id, ProjectSettings(predictions="all", shows_version=True))
    errata.footprint.add(lived_in.id, Trace("predictions", "errata-1"))
    rows = [{"task": task, "result": [], "score": 0.5, "model_version": "errata-1"} for task in lived_in.task_ids]
    errata.client.post(f"api/projects/{lived_in.id}/import/predictions", rows)
    assert state(lived_in.id) != before
    assert "2 predictions of version errata-1 deleted." in errata.disconnect(lived_in.id)
    assert state(lived_in.id) == before
    assert kinds(errata, lived_in.id) == ["review_project"]
    assert errata.disconnect(lived_in.id) == []


def test_what_attaching_makes_label_studio_do_is_taken_back(open_errata, label_studio, state, source, service):
    """It names a new backend as model version, asks it for predictions, and takes all that wants to be one."""
    before = state(source.id)
    errata = open_errata()

    def is_attached_in_form() -> bool:
        return read_backends(label_studio.client, source.id, service.url, errata.footprint).is_attached_in_form

    assert not is_attached_in_form()
    errata.connect(source.id)
    assert not is_attached_in_form()
    assert state(source.id)["project"]["model_version"] == ""  # at once, unless the user lets errata choose
    # Predictions that Label Studio asked the backend for were never pushed, and are errata's all the same.
    rows = [{"task": source.task_ids[0], "result": [], "score": 0.0, "model_version": "errata-none"}]
    errata.client.post(f"api/projects/{source.id}/import/predictions", rows)
    errata.disconnect(source.id)
    assert state(source.id) == before
    errata.connect(source.id, ProjectSettings(shows_version=True))
    assert state(source.id)["project"]["model_version"] == "errata"
    errata.disconnect(source.id)
    assert state(source.id) == before

    # What somebody attached in Label Studio's own form wants predictions everywhere, and is kept; its webhook, which
    # has no secret, gets one as long as errata is connected.
    label_studio.client.post("api/ml/", form_entry(source, service))
    assert is_attached_in_form()
    before = state(source.id)
    assert [headers for _, headers in hooks(before)] == [{}]
    errata.connect(source.id, ProjectSettings(shows_version=False))
    after = state(source.id)
    assert [headers for _, headers in hooks(after)] == [{SECRET_HEADER: service.secret}]
    assert after["backends"] == before["backends"]
    errata.disconnect(source.id)
    assert state(source.id) == before


def test_a_version_that_is_gone_is_not_put_back(open_errata, label_studio, source):
    """Label Studio takes no version without predictions: the field is emptied, and the line says why."""
    errata = open_errata()
    client = label_studio.client
    rows = [{"task": source.task_ids[0], "result": [], "score": 0.5, "model_version": "errata-1"}]
    client.post(f"api/projects/{source.id}/import/predictions", rows)
    client.patch(f"api/projects/{source.id}/", {"model_version": "errata-1"})
    errata.footprint.add(source.id, Trace("model_version", "project", {"before": "theirs"}))
    assert any('"theirs", which it was, has no predictions' in line for line in errata.disconnect(source.id))
    assert client.get(f"api/projects/{source.id}/")["model_version"] == ""


def test_what_a_crash_left_is_found(open_errata, state, source, service):
    """What was added and not written down yet was announced before: disconnecting takes it, connecting adopts it."""
    errata = open_errata()
    before = state(source.id)
    for kind in ("webhook", "ml_backend"):
        errata.connect(source.id)
        (trace, *_) = [t for t in errata.footprint.of_project(source.id) if t.kind == kind]
        url = service.url + ("/webhook" if kind == "webhook" else "")
        forget(errata.footprint, source.id, trace, url)
        errata.connect(source.id)
        assert trace.ref in [t.ref for t in errata.footprint.of_project(source.id) if t.kind == kind]
        forget(errata.footprint, source.id, trace, url)
        errata.disconnect(source.id)
        assert state(source.id) == before


def forget(footprint, project_id, trace, url):
    """Leave the footprint as who dies right after something was added."""
    footprint.remove(project_id, trace.kind, trace.ref)
    footprint.add(project_id, pending(trace.kind, project_id, url))


def test_projects_that_somebody_took_away(open_errata, label_studio, source):
    """Without errata's words in its description a review project is not errata's any more, and is not deleted.

    Connecting makes another one. Where somebody deleted the source, errata forgets what was there, and deletes the
    review project when asked.
    """
    errata, client = open_errata(), label_studio.client
    errata.connect(source.id)
    theirs = find_review_project(client, source.id)["id"]
    client.patch(f"api/projects/{theirs}/", {"description": "Ours."})
    assert errata.decisions(source.id) is None
    errata.disconnect(source.id, delete_review=True)
    assert client.get(f"api/projects/{theirs}/")["description"] == "Ours."
    client.delete(f"api/projects/{theirs}/")

    errata.connect(source.id)
    review_id = find_review_project(client, source.id)["id"]
    assert review_id != theirs
    client.delete(f"api/projects/{source.id}/")
    errata.disconnect(source.id, delete_review=True)
    assert errata.footprint.of_project(source.id) == []
    assert find_review_project(client, source.id) is None
    assert [each for each in client.get("api/webhooks/") if each["project"] in (source.id, review_id)] == []


def test_another_backend_is_not_replaced(open_errata, label_studio, state, source, service):
    """Label Studio asks only the first backend of a project: errata says so and stays out, even where it is told to."""
    label_studio.client.post("api/ml/", form_entry(source, service, url=service.url + "/other", title="theirs"))
    before = state(source.id)["backends"]
    errata = open_errata()
    lines = errata.connect(source.id)
    assert any('because "theirs" is there' in line for line in lines)
    with pytest.raises(UsageError, match='because "theirs" is there'):
        errata.connect(source.id, attach_backend=True)
    assert state(source.id)["backends"] == before


def test_where_label_studio_does_not_get_through_nothing_is_left_behind(open_errata, state, source, service):
    """What an earlier connection made is taken away: a webhook to nowhere costs annotators a second each time."""
    before = state(source.id)
    errata = open_errata()
    errata.connect(source.id, ProjectSettings(shows_version=True))
    lines = open_errata(public_url="http://127.0.0.1:9").connect(source.id)
    assert any("Outbound only" in line and "ERRATA_PUBLIC_URL" in line for line in lines)
    after = state(source.id)
    assert (after["webhooks"], after["backends"], after["project"]) == ([], [], before["project"])
    assert kinds(errata, source.id) == ["predictions", "review_project"]
    with pytest.raises(LabelStudioRefused, match="Label Studio cannot connect to"):
        open_errata(public_url="http://127.0.0.1:9").connect(source.id, attach_backend=True)


class DeletesNothing(LabelStudio):
    """A Label Studio that goes away when something is deleted."""

    def delete(self, path, json=None):
        raise LabelStudioUnreachable(f"{path} is not answered.")


def test_fewer_people_see_predictions_after_another_answer(open_errata, state, source, label_studio):
    """Predictions that were stored for everybody go, and nothing is decided until they are gone.

    The next audit stores those that are still wanted. Label Studio goes on asking errata about tasks that may have
    predictions, and disconnecting knows.
    """
    errata = open_errata()
    before = state(source.id)

    def store(version: str) -> None:
        rows = [{"task": source.task_ids[0], "result": [], "score": 0.5, "model_version": version}]
        errata.client.post(f"api/projects/{source.id}/import/predictions", rows)

    errata.connect(source.id, ProjectSettings(predictions="all"))
    store("errata-1")
    unlucky = open_errata()
    unlucky.client = DeletesNothing(label_studio.url, label_studio.token)
    with pytest.raises(LabelStudioUnreachable):
        unlucky.connect(source.id, ProjectSettings(predictions="none"))
    assert list(state(source.id)["versions"]) == ["errata-1"]
    errata.connect(source.id, ProjectSettings(predictions="none"))
    assert state(source.id)["versions"] == {}

    errata.connect(source.id, ProjectSettings(predictions="all"))
    store("errata-1")
    errata.connect(source.id, ProjectSettings(predictions="labelled"))
    assert state(source.id)["versions"] == {}
    assert errata.settings_of(source.id).predictions == "labelled"
    store("errata-2")
    errata.disconnect(source.id)
    assert state(source.id) == before


def test_what_the_environment_says_of_predictions_still_holds(open_errata, state, source):
    """Another answer, about something else, takes no predictions away."""
    errata = open_errata(predictions="all")
    errata.connect(source.id)
    rows = [{"task": source.task_ids[0], "result": [], "score": 0.5, "model_version": "errata-1"}]
    errata.client.post(f"api/projects/{source.id}/import/predictions", rows)
    errata.connect(source.id, ProjectSettings(apply="auto"))
    assert list(state(source.id)["versions"]) == ["errata-1"]


def test_the_service_itself_is_reachable(service):
    """The stand-in asks for the password, so that the tests above mean something."""
    assert httpx.get(service.url + "/health", trust_env=False).status_code == 401


def test_the_field_that_tasks_are_grouped_by_is_kept(label_studio, project, open_errata) -> None:
    """What `connect` was told holds for audits that say nothing, by whoever starts them; who says another has that."""
    source = project(["truck", "car"] * 6)
    client = label_studio.client
    for n, task in enumerate(list(client.paged("api/tasks/", {"project": source.id, "fields": "all"}))):
        client.patch(f"api/tasks/{task['id']}/", {"data": {**task["data"], "page": n // 4, "book": n // 6}})
    errata = open_errata(predictions="none")
    errata.connect(source.id, ProjectSettings(group_by="page"), attach_backend=False)
    assert not any("--group-by" in line for line in errata.connect(source.id))
    (doubt,) = (line for line in errata.connect(source.id, ProjectSettings(group_by="pgae")) if "--group-by" in line)
    assert doubt.startswith('Of the first 12 tasks: No task has anything under "pgae" (--group-by); the tasks')
    errata.connect(source.id, ProjectSettings(group_by="page"))

    def remarks(options: BeliefOptions) -> tuple[str, ...]:
        examination, *_ = errata.audit(source.id, options, LineProgress(lambda _: None))
        return examination.belief.remarks

    assert remarks(BeliefOptions())[0] == 'Tasks are grouped by "page": 12 tasks, 3 groups, the largest of 4.'
    assert "2 groups, the largest of 6" in remarks(BeliefOptions(group_by="book"))[0]
    with pytest.raises(
        UsageError, match=r'No task has anything under "nowhere".*"book" \(12\), "image" \(12\), "page"'
    ):
        remarks(BeliefOptions(group_by="nowhere"))
