"""Which encoders are looked at: those that audits of the projects would use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from errata.doctor.needed import Needed
from errata.errors import LabelStudioGone
from errata.settings import ProjectSettings, Settings

IMAGES = """<View><Image name="image" value="$image"/>
<Choices name="animal" toName="image"><Choice value="cat"/><Choice value="dog"/></Choices></View>"""
TEXTS = """<View><Text name="text" value="$text"/>
<Choices name="tone" toName="text"><Choice value="rude"/><Choice value="kind"/></Choices></View>"""
BOTH = IMAGES.replace("</View>", TEXTS.removeprefix("<View>"))
HERE = Path("weights")


@dataclass
class Projects:
    """Label Studio with these label configs, and what the projects were connected with. Counts what is asked."""

    configs: dict[int, str]
    said: dict[int, ProjectSettings] = field(default_factory=dict)
    weights: Path | None = None
    n_asked: int = 0

    @property
    def settings(self) -> Settings:
        return Settings(encoder="resnet50", weights=self.weights, _env_file=None)

    @property
    def client(self) -> Any:
        return self

    @property
    def project_settings(self) -> Any:
        return self

    def get(self, asked: Any) -> Any:
        if isinstance(asked, int):
            return self.said.get(asked, ProjectSettings())
        self.n_asked += 1
        project_id = int(asked.split("/")[2])
        if project_id not in self.configs:
            raise LabelStudioGone("There is no such project.")
        return {"label_config": self.configs[project_id]}


Names = tuple[list[str], list[str]]


@pytest.fixture
def names() -> Callable[..., Names]:
    """Return the names of the encoders of images and of texts that are looked at."""

    def look(projects: Projects, *project_ids: int, is_up: bool = True) -> Names:
        needed = Needed(
            projects, project_ids or list(projects.configs), set(project_ids or projects.configs), is_up=is_up
        )
        images, texts = needed.image_encoders, needed.text_encoders
        return [e.name for e in images if needed.is_needed(e)], [e.name for e in texts if needed.is_needed(e)]

    return look


def test_projects_of_texts_need_no_encoder_of_images(names: Callable[..., Names]) -> None:
    """And the other way round; one project of either, or one with both, needs both."""
    texts = "words,characters"
    assert names(Projects({1: TEXTS, 2: TEXTS})) == ([], [texts])
    assert names(Projects({1: IMAGES})) == (["resnet50"], [])
    assert names(Projects({1: IMAGES, 2: TEXTS})) == (["resnet50"], [texts])
    assert names(Projects({1: BOTH})) == (["resnet50"], [texts])


def test_each_project_needs_its_own(names: Callable[..., Names]) -> None:
    """What it was connected with, not what the environment says; each encoder is looked at once."""
    said = {
        1: ProjectSettings(encoder="resnet18,pixels", weights=HERE),
        2: ProjectSettings(encoder="resnet18,pixels", weights=HERE),
        3: ProjectSettings(text_encoder="mine:Own", encoder="vit_b_16"),
    }
    assert names(Projects({1: IMAGES, 2: IMAGES, 3: TEXTS}, said)) == (["resnet18,pixels"], ["mine:Own"])
    needed = Needed(Projects({1: IMAGES}, said), [1], {1}, is_up=True)
    assert needed.image_encoders[0].weights == HERE


def test_embeddings_of_the_users_own_need_none(names: Callable[..., Names]) -> None:
    """Neither of images nor of texts."""
    said = {1: ProjectSettings(embeddings=Path("mine.npz"))}
    assert names(Projects({1: BOTH}, said)) == ([], [])


def test_a_belief_from_elsewhere_is_compared_on_pixels(names: Callable[..., Names]) -> None:
    """Unless an encoder or its weights were named."""
    said = {1: ProjectSettings(belief="stored")}
    assert names(Projects({1: IMAGES}, said))[0] == ["pixels"]
    assert names(Projects({1: IMAGES}, said, weights=HERE))[0] == ["resnet50"]
    said = {1: ProjectSettings(belief="stored", encoder="resnet18")}
    assert names(Projects({1: IMAGES}, said))[0] == ["resnet18"]


def test_without_projects_it_is_what_the_environment_says(names: Callable[..., Names]) -> None:
    """Before the first is connected."""
    assert names(Projects({})) == (["resnet50"], ["words,characters"])


def test_a_project_that_cannot_be_asked_may_show_anything(names: Callable[..., Names]) -> None:
    """One that is gone, or all where Label Studio does not answer, which is asked nothing then."""
    assert names(Projects({1: TEXTS}), 1, 2) == (["resnet50"], ["words,characters"])
    silent = Projects({1: TEXTS})
    assert names(silent, is_up=False) == (["resnet50"], ["words,characters"])
    assert silent.n_asked == 0
