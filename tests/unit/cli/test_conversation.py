"""What `errata connect` asks and says about a project, without any server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from errata.audit.ports import Progress
from errata.cli.connecting import converse
from errata.cli.conversation import Connector, Talk, Wishes, duration
from errata.errors import ConfigNotServed, ErrataError, UsageError
from errata.labelstudio.additions import Addition
from errata.labelstudio.survey import Backend, Hook, Survey, SurveyedControl
from errata.settings import PredictionsMode, ProjectSettings, Settings

LABEL = SurveyedControl("label", "Choices", "single", "choices", 4812, 10, "ship", 3)
PROJECT = Survey(12, "Vehicles", 5000, (LABEL,), (), (), (), "", 1, False, False, frozenset())
THEIRS = Backend(3, "theirs", "http://127.0.0.1:9091", is_ours=False)


@dataclass
class FakeConnector:
    """Remembers what it was to connect."""

    found: Survey = PROJECT
    before: ProjectSettings = field(default_factory=ProjectSettings)
    in_the_way: str | None = None
    adds: tuple[Addition, ...] = (Addition("review_project", 'the project "Review: Vehicles"'),)
    settings: Settings = field(default_factory=lambda: Settings.model_construct(predictions=None))
    connected: list[tuple[int, ProjectSettings | None, bool | None]] = field(default_factory=list)

    def survey(self, project_id: int, progress: Progress) -> Survey:
        return self.found

    def said_of(self, project_id: int) -> ProjectSettings:
        return self.before

    def predictions_default(self, survey: Survey) -> PredictionsMode:
        return "all" if survey.is_attached_in_form else "labelled"

    def audit_minutes(self, survey: Survey, said: ProjectSettings | None = None) -> float | None:
        return 6.2

    def obstacle(self, project_id: int) -> str | None:
        return self.in_the_way

    def additions(
        self, survey: Survey, decided: ProjectSettings, is_reached: bool, attach_backend: bool | None = None
    ) -> list[Addition]:
        return list(self.adds)

    def connect(
        self, project_id: int, decided: ProjectSettings | None = None, attach_backend: bool | None = None
    ) -> list[str]:
        self.connected.append((project_id, decided, attach_backend))
        outbound = [f"Outbound only: ... {self.in_the_way}"] if self.in_the_way else []
        return ["Review project 13: ...", *outbound]


@dataclass
class Heard:
    """How a conversation went."""

    said: str
    talk: Talk
    error: BaseException | None
    settings: ProjectSettings | None  # that the project was connected with


Talking = Callable[..., Heard]


@pytest.fixture
def talk() -> Talking:
    """Have the conversation, `answers` being what is typed."""

    def have(connector: Connector, answers: str = "", is_quiet: bool = False, **wishes: Any) -> Heard:
        app = typer.Typer()
        had = Talk(12)

        @app.command()
        def connect() -> None:
            defaults = {"said": ProjectSettings(), "attach_backend": None, "asks": True, "is_dry": False}
            converse(connector, had, Wishes(**{**defaults, **wishes}), is_quiet)

        ended = CliRunner().invoke(app, input=answers)
        error = ended.exception if isinstance(ended.exception, ErrataError) else None
        assert error or ended.exit_code == 0, ended.output
        connected = connector.connected if isinstance(connector, FakeConnector) else []
        return Heard(ended.output, had, error, connected[-1][1] if connected else None)

    return have


def test_what_was_found_is_one_line_a_control(talk: Talking) -> None:
    """The line of the reference: name, tag, labels, classes, rarest, and how long an audit takes."""
    heard = talk(FakeConnector(), "n\nn\ny\n")
    assert "  label (Choices, single): 4,812 labels, 10 classes, rarest 3; audit about 6 min\n" in heard.said


def test_what_is_in_the_way_is_said_once(talk: Talking) -> None:
    heard = talk(FakeConnector(in_the_way="Label Studio refuses it."), asks=False)
    assert heard.said.count("Label Studio refuses it.") == 1
    assert "Review project 13: ...\nNext: errata audit 12" in heard.said


@pytest.mark.parametrize(
    ("answers", "settings"),
    [
        ("n\nn\ny\n", ProjectSettings(predictions="labelled", shows_version=False)),
        ("\n\ny\n", ProjectSettings(predictions="labelled", shows_version=False)),
        ("y\ny\ny\n", ProjectSettings(predictions="all", shows_version=True)),
    ],
)
def test_answers_are_what_the_project_is_connected_with(talk: Talking, answers: str, settings: ProjectSettings) -> None:
    """No is what just Enter means."""
    assert talk(FakeConnector(), answers).settings == settings


@pytest.mark.parametrize("answers", ["n\nn\nn\n", "n\nn\n\n"])
def test_nothing_happens_without_a_yes(talk: Talking, answers: str) -> None:
    """No, and just Enter, leave everything as it is."""
    connector = FakeConnector()
    assert talk(connector, answers).said.endswith("Nothing was written.\n")
    assert connector.connected == []


@pytest.mark.parametrize("answers", ["", "n\n", "n\nn\n", "nonsense\n"])
def test_when_nobody_answers(talk: Talking, answers: str) -> None:
    """The end of input is wrong use that names --yes, and nothing was connected."""
    connector = FakeConnector()
    heard = talk(connector, answers)
    assert isinstance(heard.error, UsageError)
    assert "--yes" in str(heard.error)
    assert connector.connected == []


def test_what_is_said_is_not_asked(talk: Talking) -> None:
    """Options answer, and so does what was decided before; options win."""
    said = ProjectSettings(predictions="none")
    before = ProjectSettings(predictions="all", shows_version=False, apply="auto")
    heard = talk(FakeConnector(before=before), "y\n", said=said)
    assert heard.settings == ProjectSettings(predictions="none", shows_version=False, apply="auto")
    assert "annotators see" not in heard.said


def test_what_the_environment_says_is_not_asked_and_not_kept(talk: Talking) -> None:
    """It stays the environment's to change."""
    settings = Settings.model_construct(predictions="none")
    heard = talk(FakeConnector(settings=settings), "n\ny\n")
    assert heard.settings == ProjectSettings(shows_version=False)
    assert "annotators see" not in heard.said


def test_a_version_that_is_somebodys_is_not_asked_about(talk: Talking) -> None:
    """It stays, and that is said."""
    heard = talk(FakeConnector(replace(PROJECT, model_version="theirs-1")), "n\ny\n")
    assert 'its model version is "theirs-1", and stays so' in heard.said
    assert heard.settings == ProjectSettings(predictions="labelled")


def test_yes_takes_the_defaults(talk: Talking) -> None:
    """Nothing is read. Where somebody attached errata in Label Studio's form, predictions stay where they are."""
    assert talk(FakeConnector(), asks=False).settings == ProjectSettings(predictions="labelled")
    attached = FakeConnector(replace(PROJECT, is_attached_in_form=True))
    assert talk(attached, asks=False).settings == ProjectSettings(predictions="all")


def test_others_at_work_are_named(talk: Talking) -> None:
    """Their backend with what to do about it, their webhooks, training, overlap, and that errata only goes out."""
    found = replace(PROJECT, backends=(THEIRS,), webhooks=(Hook(4, "http://b", ()),), overlap=2, trains_on_submit=True)
    said = talk(FakeConnector(found, in_the_way="ERRATA_PUBLIC_URL is not set."), asks=False).said
    assert 'ML backend of others: "theirs" at http://127.0.0.1:9091.' in said
    assert "errata connect 12 --belief http://127.0.0.1:9091\n" in said
    assert "webhook of others: http://b, at all actions" in said
    assert '"start training on submit" is on' in said
    assert "2 annotators label each task" in said
    assert "outbound only: errata pushes predictions and polls for verdicts. ERRATA_PUBLIC_URL is not set." in said


@pytest.mark.parametrize(
    "connector", [FakeConnector(replace(PROJECT, backends=(THEIRS,))), FakeConnector(in_the_way="It is away.")]
)
def test_a_backend_that_is_insisted_on_and_cannot_be(talk: Talking, connector: FakeConnector) -> None:
    """Wrong use, before anything is asked or added."""
    heard = talk(connector, attach_backend=True)
    assert isinstance(heard.error, UsageError)
    assert "--backend is not to be had" in str(heard.error)
    assert connector.connected == []


def test_what_cannot_be_audited_is_named(talk: Talking) -> None:
    """By its tag; it is kept for the JSON too."""
    heard = talk(FakeConnector(replace(PROJECT, controls=(), refused=("<Rating> is not audited.",))))
    assert isinstance(heard.error, ConfigNotServed)
    assert "<Rating> is not audited." in str(heard.error)
    assert heard.talk.to_json(is_dry=False)["refused"] == ["<Rating> is not audited."]


def test_a_dry_run_connects_nothing_and_asks_nothing(talk: Talking) -> None:
    """It says what would be added."""
    connector = FakeConnector()
    heard = talk(connector, asks=False, is_dry=True)
    assert 'the project "Review: Vehicles"' in heard.said
    assert heard.said.endswith("Nothing was written (--dry-run).\n")
    assert connector.connected == []


def test_the_password_of_a_believed_backend_is_not_shown(talk: Talking) -> None:
    """It is kept with the project's settings, and stands in no output."""
    connector = FakeConnector()
    belief = "http://me:hunter2@models.example.com:9091/cars"
    heard = talk(connector, said=ProjectSettings(belief=belief), asks=False)
    assert heard.settings == ProjectSettings(belief=belief, predictions="labelled")
    assert heard.talk.to_json(False)["settings"]["belief"] == "http://models.example.com:9091/cars"


def test_a_title_does_not_steer_the_terminal(talk: Talking) -> None:
    """Whoever may name a project writes to the terminal of whoever connects it: letters, and nothing else."""
    heard = talk(FakeConnector(replace(PROJECT, title="Fähren\x1b]0;owned\x07 \x9b31m")), asks=False)
    assert 'Project 12 "Fähren\\x1b]0;owned\\x07 \\x9b31m": 5,000 tasks' in heard.said


def test_connected_already(talk: Talking) -> None:
    """There is nothing to consent to."""
    connector = FakeConnector(before=ProjectSettings(predictions="labelled", shows_version=False), adds=())
    assert "is there already" in talk(connector).said
    assert len(connector.connected) == 1


def test_quiet_for_json(talk: Talking) -> None:
    """Nothing is printed but the object that comes later."""
    heard = talk(FakeConnector(), is_quiet=True, asks=False)
    assert heard.said == ""
    about = heard.talk.to_json(is_dry=False)
    assert (about["reach"], about["problem"], about["done"]) == ("both ways", None, ["Review project 13: ..."])
    assert about["controls"][0]["minutes"] == 6.2


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(None, "not known before the first one"), (0.2, "under 1 min"), (6.4, "about 6 min"), (150, "about 2 h")],
)
def test_durations_in_words(minutes: float | None, words: str) -> None:
    """Rough, as the estimate is."""
    assert words in duration(minutes)
