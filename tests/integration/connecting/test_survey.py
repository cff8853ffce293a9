"""What errata finds in projects of a real Label Studio before it touches them."""

from __future__ import annotations

from typing import Any

import pytest

from errata.audit.progress import LineProgress
from errata.errors import LabelStudioGone, LabelStudioRefused
from errata.labelstudio.account import read_account
from errata.labelstudio.client import LabelStudio
from errata.wiring import BeliefOptions

SILENT = LineProgress(lambda _: None)
LABELS = ["car"] * 5 + ["truck"] * 3
CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="label" toName="image"><Choice value="car"/><Choice value="truck"/><Choice value="bus"/></Choices>
<TextArea name="note" toName="image"/><Brush name="brush" toName="image"/></View>"""


class Listening:
    """Progress that remembers the stages."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, name: str, total: int | None = None) -> None:
        self.stages.append(name)

    def advance(self, n: int = 1) -> None: ...

    def say(self, text: str) -> None: ...


def answer(label: str, **fields: Any) -> dict[str, Any]:
    value = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [label]}}
    return {"result": [value], **fields}


@pytest.fixture
def errata(open_errata):
    return open_errata()


def test_imported_labels_are_counted_by_reading_them(errata, project):
    """Label Studio's own counts leave out what was imported."""
    source = project(LABELS, label_config=CONFIG)
    seen = Listening()
    survey = errata.survey(source.id, seen)
    assert seen.stages == ["Counting labels"]
    control, note = survey.controls
    assert control.sentence == "label (Choices, single): 8 labels, 3 classes, rarest 0"
    assert note.sentence == "note (TextArea): 0 answers, held against predictions or other annotators"
    assert (control.rarest, survey.title, survey.n_tasks) == ("bus", "Vehicles", 8)
    assert survey.refused == ('<Brush name="brush"> is not audited because errata audits no <Brush>.',)


def test_regions_are_counted(errata, make_project):
    """Spans too, whose places are checked against their texts."""
    labels = '<Label value="PER"/><Label value="LOC"/>'
    config = f'<View><Text name="text" value="$text"/><Labels name="span" toName="text">{labels}</Labels></View>'
    value = {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}
    region = {"id": "a", "from_name": "span", "to_name": "text", "type": "labels", "value": value}
    tasks = [{"data": {"text": "Ann met Bob"}, "annotations": [{"result": [region]}]}] * 2
    (control,) = errata.survey(make_project("Names", config, tasks), SILENT).controls
    assert control.sentence == "span (Labels, regions): 2 labels, 2 classes, rarest 0"


def test_labels_given_in_label_studio_are_counted_by_it(errata, project, label_studio):
    """Nothing is read then; edited and deleted ones are counted as they are now, and skipped ones not at all."""
    source = project(LABELS, label_config=CONFIG.replace('<Choice value="bus"/>', ""))
    client = label_studio.client
    for imported in source.annotation_ids:
        client.delete(f"api/annotations/{imported}/")
    for task in source.task_ids:
        client.post(f"api/tasks/{task}/annotations/", answer("car"))
    made = client.post(f"api/tasks/{source.task_ids[0]}/annotations/", answer("car"))
    note = {"from_name": "note", "to_name": "image", "type": "textarea", "value": {"text": ["blurred"]}}
    client.patch(f"api/annotations/{made['id']}/", {"result": [*answer("truck")["result"], note]})
    client.post(f"api/tasks/{source.task_ids[1]}/annotations/", {"result": [], "was_cancelled": True})
    seen = Listening()
    control, note_control = errata.survey(source.id, seen).controls
    assert seen.stages == []
    assert note_control.n_labels == 1
    assert (control.n_labels, control.n_rarest, control.rarest) == (9, 1, "truck")


def test_counts_that_label_studio_keeps_wrongly_are_not_taken(errata, project, label_studio):
    """Skipped annotations with an answer, and imported ones beside others, make its counts disagree."""
    source = project(LABELS)
    client = label_studio.client
    client.post(f"api/tasks/{source.task_ids[0]}/annotations/", answer("truck"))
    client.post(f"api/tasks/{source.task_ids[1]}/annotations/", answer("truck", was_cancelled=True))
    (control,) = errata.survey(source.id, SILENT).controls
    assert (control.n_labels, control.n_rarest) == (9, 4)


def test_other_peoples_things_are_told(errata, project, label_studio, service):
    """Backend, webhook, version, overlap and training; a webhook's path and a backend's password are not shown."""
    source = project()
    client = label_studio.client
    backend = {"project": source.id, "url": service.url + "/theirs", "title": "theirs", "auth_method": "BASIC_AUTH"}
    client.post("api/ml/", backend | {"basic_auth_user": "errata", "basic_auth_pass": service.password})
    client.post(
        "api/webhooks/",
        {"project": source.id, "url": "http://hooks.example.com/secret?key=1", "actions": ["TASKS_CREATED"]},
    )
    client.patch(f"api/projects/{source.id}/", {"maximum_annotations": 2, "min_annotations_to_start_training": 1})
    survey = errata.survey(source.id, SILENT)
    assert [(b.title, b.url, b.is_ours) for b in survey.backends] == [("theirs", service.url + "/theirs", False)]
    places = [hook.place for hook in survey.webhooks]
    assert places == [service.url, "http://hooks.example.com"]  # the first is Label Studio's own, to the backend
    assert (survey.model_version, survey.overlap, survey.trains_on_submit) == ("theirs", 2, True)
    assert survey.foreign_backend is not None
    assert not survey.is_attached_in_form


def test_what_errata_added_is_not_other_peoples(errata, project):
    """After connecting there is no foreign backend and no foreign webhook."""
    source = project()
    errata.connect(source.id)
    survey = errata.survey(source.id, SILENT)
    assert (survey.foreign_backend, survey.webhooks) == (None, ())
    assert source.id in survey.tied


def test_everything_that_is_announced_is_added_and_no_more(errata, project):
    """The list before is the footprint afterwards, and empty the second time."""
    source = project()
    survey = errata.survey(source.id, SILENT)
    announced = errata.additions(survey, errata.said_of(source.id), is_reached=True)
    errata.connect(source.id)
    added = errata.footprint.of_project(source.id)
    assert sorted(each.kind for each in announced) == sorted(trace.kind for trace in added)
    again = errata.survey(source.id, SILENT)
    assert errata.additions(again, errata.said_of(source.id), is_reached=True) == []


def test_an_audits_length_is_timed_and_then_known(errata, project):
    """On a few images before the first audit, from the last one after it; nothing is known without media."""
    source = project(["car", "truck"] * 6)
    survey = errata.survey(source.id, SILENT)
    timed = errata.audit_minutes(survey)
    assert timed is not None
    assert 0 < timed < 5
    errata.audit(source.id, BeliefOptions(), SILENT)
    last = errata.audits.last_good(source.id)
    took_s = (last.finished_at - last.started_at).total_seconds()
    assert errata.audit_minutes(survey) == pytest.approx(took_s / 60, rel=0.01)


def test_nothing_is_known_of_an_audit_without_pictures(errata, label_studio, project):
    """It is said, not guessed."""
    source = project(["car"], extra_data={"image": "http://127.0.0.1:9/gone.png"})
    assert errata.audit_minutes(errata.survey(source.id, SILENT)) is None


@pytest.mark.parametrize(("name", "kind"), [("token", "legacy token"), ("pat", "personal access token")])
def test_a_token_is_told_by_its_sort(label_studio, name, kind):
    """And whose it is, without a word of the token itself."""
    token = getattr(label_studio, name)
    client = LabelStudio(label_studio.url, token)
    account = read_account(client, token)
    client.close()
    assert (account.user, account.token_kind, account.edition) == (label_studio.email, kind, "Community")
    assert token not in account.sentence


def test_what_the_token_cannot_see_is_told(errata):
    """The error names who looked, and where to see what there is."""
    with pytest.raises(LabelStudioGone, match=r"no project 999999 that demo@example\.com can see: `errata connect`"):
        errata.check_sight(999999)


def test_a_token_that_does_not_count_is_told_with_its_page(label_studio):
    """The remedy names the page for each sort of token."""
    client = LabelStudio(label_studio.url, "0" * 40)
    with pytest.raises(
        LabelStudioRefused, match=r"Account & Settings > Personal Access Token.*Access Token \(legacy\)"
    ):
        read_account(client, "0" * 40)
    client.close()
