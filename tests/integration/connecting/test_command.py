"""`errata connect` and `errata disconnect` as people type them, answers coming through a pipe."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from errata.errors import UsageError
from errata.labelstudio.review_project import find_review_project
from errata.settings import Settings
from errata.store.project_settings import ProjectSettingsStore
from errata.wiring import BeliefOptions, Wiring


@dataclass
class Ended:
    code: int
    said: str
    told: str


Type = Callable[..., Ended]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def errata(data_dir: Path, tmp_path: Path, service, forked_errata) -> Type:
    """Run a command with answers on its standard input; no login is known at first."""

    def run(*arguments: str, answers: str = "", **variables: str) -> Ended:
        ours = {
            "ERRATA_DATA_DIR": str(data_dir),
            "ERRATA_ENCODER": "pixels",
            "ERRATA_PUBLIC_URL": service.url,
            "ERRATA_BACKEND_PASSWORD": service.password,
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")}
        given = {f"ERRATA_{name.upper()}": value for name, value in variables.items()}
        done = forked_errata.run(*arguments, env=inherited | ours | given, cwd=tmp_path, answers=answers)
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


def test_a_newcomer_is_asked_for_what_is_not_known(errata, label_studio, source, data_dir, state) -> None:
    """Token, predictions, version, consent; the token is kept for its owner alone, and shown nowhere."""
    page = f"{label_studio.url}projects/{source.id}/data?tab=1"
    connected = errata("connect", page, answers=f"{label_studio.pat}\nn\nn\ny\n")
    assert connected.code == 0, connected.told
    assert f"as {label_studio.email} by a personal access token." in connected.said
    assert "  label (Choices, single): 2 labels, 2 classes, rarest 1; audit under 1 min" in connected.said
    assert 'the project "Review: Vehicles"' in connected.said
    assert f"Next: errata audit {source.id}" in connected.said
    for question in ("Token (", "see predictions while they label", "choose the project's model version", "Add this?"):
        assert question in connected.told
    assert label_studio.pat not in connected.said + connected.told
    login = data_dir / "login.json"
    assert json.loads(login.read_text()) == {"url": label_studio.url, "token": label_studio.pat}
    assert stat.S_IMODE(login.stat().st_mode) == 0o600
    assert len(state(source.id)["backends"]) == 1

    again = errata("connect", str(source.id))  # nothing is left to ask
    assert again.code == 0, again.told
    assert "Everything that errata adds to Label Studio is there already." in again.said

    left = errata("disconnect", str(source.id))
    assert left.code == 0, left.told
    assert login.exists()  # the review project is still there, and fixes can be undone
    assert errata("disconnect", str(source.id)).code == 0  # twice is once
    assert errata("disconnect", str(source.id), "--delete-review", "--yes").code == 0
    assert not login.exists()
    assert errata("disconnect", str(source.id)).code == 0  # and needs no login


def test_nobody_answers(errata, label_studio, source, state) -> None:
    """The end of input is wrong use, and the way out is named; nothing was added."""
    before = state(source.id)
    unasked = errata("connect", f"{label_studio.url}projects/{source.id}/")
    assert (unasked.code, "ERRATA_LABEL_STUDIO_TOKEN" in unasked.told) == (2, True)
    ended = errata("connect", f"{label_studio.url}projects/{source.id}/", answers=f"{label_studio.token}\nn\nn\n")
    assert (ended.code, "use --yes" in ended.told) == (2, True)
    assert state(source.id) == before


def test_no_is_an_answer(errata, label_studio, source, state) -> None:
    """Nothing is added, and it is no error."""
    before = state(source.id)
    declined = errata("connect", f"{label_studio.url}projects/{source.id}/", answers=f"{label_studio.token}\n\n\n\n")
    assert (declined.code, declined.said.splitlines()[-1].strip()) == (0, "Nothing was written.")
    assert state(source.id) == before
    assert find_review_project(label_studio.client, source.id) is None


def test_a_dry_run_writes_nothing_anywhere(errata, label_studio, source, state, data_dir) -> None:
    """Not to Label Studio, and not to the data folder, which is not even made."""
    before = state(source.id)
    page = f"{label_studio.url}projects/{source.id}/"
    looked = errata("connect", page, "--dry-run", "--json", label_studio_token=label_studio.token)
    assert looked.code == 0, looked.told
    said = json.loads(looked.said)
    assert said["label_studio"]["token_kind"] == "legacy token"
    (about,) = said["projects"]
    assert (about["project"], about["title"], about["tasks"], about["reach"]) == (source.id, "Vehicles", 2, "both ways")
    control = {"name": "label", "tag": "Choices", "kind": "choices", "labels": 2, "classes": 2, "rarest": 1}
    assert [{k: v for k, v in each.items() if k != "minutes"} for each in about["controls"]] == [control]
    kinds = ["review_project", "webhook", "webhook", "ml_backend", "predictions"]
    assert [each["kind"] for each in about["adds"]] == kinds
    assert (about["done"], about["dry_run"], about["settings"]) == ([], True, {"predictions": "labelled"})
    assert label_studio.token not in looked.said + looked.told
    assert state(source.id) == before
    assert find_review_project(label_studio.client, source.id) is None
    assert not data_dir.exists()


def test_options_answer_beforehand(errata, label_studio, source, data_dir) -> None:
    """What was said is kept, a file by its whole path, and who serves the pictures; what was not said is not."""
    (data_dir.parent / "beliefs.csv").write_text("task,label\n")
    options = ("--predictions", "none", "--no-model-version", "--belief", "beliefs.csv", "--apply", "auto", "--yes")
    login = {"label_studio_url": label_studio.url, "label_studio_token": label_studio.token}
    assert errata("connect", str(source.id), *options, "--group-by", "page", **login).code == 0
    wiring = Wiring(Settings(data_dir=data_dir))
    kept = ProjectSettingsStore(wiring.engine).get(source.id)
    wiring.close()
    assert kept.model_dump(exclude_none=True) == {
        "predictions": "none",
        "shows_version": False,
        "belief": str(data_dir.parent / "beliefs.csv"),
        "group_by": "page",
        "apply": "auto",
        "media": "label_studio",
    }
    assert not (data_dir / "login.json").exists()  # tokens of the environment stay there


def test_several_projects_and_one_that_cannot_be(errata, label_studio, project) -> None:
    """The others are connected all the same; the exit code says that something was wrong, the JSON what."""
    good = project()
    bad = project(label_config='<View><Image name="image" value="$image"/><Rectangle name="t" toName="image"/></View>')
    login = {"label_studio_url": label_studio.url, "label_studio_token": label_studio.token}
    ended = errata("connect", str(bad.id), str(good.id), "999999", "--yes", "--json", **login)
    assert ended.code == 2
    first, second, third = json.loads(ended.said)["projects"]
    assert "<Rectangle" in first["problem"]
    assert first["refused"]
    assert second["problem"] is None
    assert any("Review project" in line for line in second["done"])
    assert "999999" in third["problem"]


def test_label_studios_address_alone_lists_what_there_is(errata, label_studio, source, data_dir) -> None:
    """The login is kept, review projects are not offered."""
    login = {"label_studio_url": label_studio.url, "label_studio_token": label_studio.token}
    assert errata("connect", str(source.id), "--yes", **login).code == 0
    listed = errata("connect", label_studio.url, answers=f"{label_studio.pat}\n")
    assert listed.code == 0, listed.told
    assert f"  {source.id}  Vehicles: 2 tasks" in listed.said
    assert "Review: Vehicles" not in listed.said
    assert json.loads((data_dir / "login.json").read_text())["token"] == label_studio.pat


def test_a_token_that_does_not_count_is_not_kept(errata, label_studio, data_dir) -> None:
    """The error names the pages where tokens are."""
    ended = errata("connect", label_studio.url, answers="0" * 40 + "\n")
    assert (ended.code, "Account & Settings > Personal Access Token" in ended.told) == (3, True)
    assert not (data_dir / "login.json").exists()


def test_another_label_studio_does_not_take_the_place_of_the_one_that_is_known(
    errata, label_studio, source, data_dir
) -> None:
    """Its token would be kept where `errata serve` then finds a Label Studio that its database is not about."""
    first = errata("connect", f"{label_studio.url}projects/{source.id}/", "--yes", answers=f"{label_studio.token}\n")
    assert first.code == 0, first.told
    kept = (data_dir / "login.json").read_text()
    elsewhere = label_studio.url.replace("127.0.0.1", "localhost")
    refused = errata("connect", f"{elsewhere}projects/{source.id}/", "--yes", answers=f"{label_studio.pat}\n")
    assert (refused.code, "what errata has written down here is about" in refused.told) == (2, True)
    assert (data_dir / "login.json").read_text() == kept


def test_leaving_for_good(errata, label_studio, open_errata, project, data_dir) -> None:
    """The review project goes when that is answered with yes, the journal is exported, and nothing else is known."""
    source = project(["car"] * 6 + ["truck"] * 6)
    login = {"label_studio_url": label_studio.url, "label_studio_token": label_studio.token}
    assert errata("connect", str(source.id), "--yes", **login).code == 0
    wiring = open_errata()
    audited = wiring.audit(source.id, BeliefOptions(), _Silent())[0]
    review_id = wiring.review_project_id(source.id)
    written = _fix_one(wiring, label_studio, source.id, review_id)
    embeddings = sorted(path.name for path in (data_dir / "embeddings").rglob("*"))
    kept = errata("disconnect", str(source.id), "--delete-review", answers="n\n", **login)
    assert kept.code == 0, kept.told
    assert f"Delete review project {review_id} with the 1 decisions in it?" in kept.told
    assert find_review_project(label_studio.client, source.id) is not None
    gone = errata("disconnect", str(source.id), "--delete-review", "--purge", "--yes", "--json", **login)
    assert gone.code == 0, gone.told
    (said,) = json.loads(gone.said)["projects"]
    assert find_review_project(label_studio.client, source.id) is None
    lines = [json.loads(line) for line in Path(said["journal"]).read_text().splitlines()]
    assert [line["annotation_id"] for line in lines] == [written]
    assert lines[0]["before"]["result"]
    assert lines[0]["intended_at"].endswith("+00:00")
    assert wiring.audits.projects() == []
    assert wiring.footprint.of_project(source.id) == []
    assert not wiring.artefacts.has(source.id, audited.belief.artefact.version)
    assert sorted(path.name for path in (data_dir / "embeddings").rglob("*")) == embeddings
    with pytest.raises(UsageError, match="does not know project"):
        wiring.disconnect(source.id)


class _Silent:
    def stage(self, name: str, total: int | None = None) -> None: ...

    def advance(self, n: int = 1) -> None: ...

    def say(self, text: str) -> None: ...


def _fix_one(wiring: Wiring, label_studio, project_id: int, review_id: int) -> int:
    """Post a label for review, decide that it is another one, and apply that; return the annotation's id."""
    client = label_studio.client
    task = next(iter(client.paged("api/tasks/", {"project": project_id, "fields": "all"})))
    wiring.send(project_id, [task["id"]], _Silent())
    (posted,) = client.paged("api/tasks/", {"project": review_id, "fields": "all"})
    given = task["annotations"][0]["result"][0]["value"]["choices"][0]
    other = {"car": "truck", "truck": "car"}[given]
    result = [
        {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": [value]}}
        for name, value in (("label", other), ("errata_verdict", "fix"))
    ]
    client.post(f"api/tasks/{posted['id']}/annotations/", {"result": result, "lead_time": 1.0})
    wiring.take_verdicts(project_id)
    applied = wiring.apply(project_id)
    assert len(applied.written) == 1
    return int(task["annotations"][0]["id"])
