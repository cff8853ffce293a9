"""errata's own belief about regions, over media that are a dict and a learner that remembers its lesson."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from errata.audit.beliefs import Artefact, UsedEncoder
from errata.audit.believe import Belief
from errata.audit.believe_pictures import PictureLearner
from errata.audit.believe_regions import Learned, Lesson, OwnRegionBeliever
from errata.audit.embed import Embedded
from errata.audit.snapshot import Drawn, Snapshot, Task
from errata.errors import MediaError, NothingToLearn
from errata_model.records import Control, GivenLabel
from errata_model.regions.records import Believed, FittedRegions, Region
from errata_model.regions.shapes import Box

CARS = Control("car", "boxes", "image", "image", "image", ("car", "bus"), type="rectanglelabels")
SIZE = (40, 30)


@dataclass
class DictArtefacts:
    kept: dict[str, Artefact] = field(default_factory=dict)

    def save(self, project_id: int, artefact: Artefact) -> None:
        self.kept[artefact.version] = artefact

    def find(self, project_id: int, version: str) -> Artefact | None:
        return self.kept.get(version)

    def parts(self, project_id: int, version: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ()

    def load(self, project_id: int, version: str) -> Artefact:
        return self.kept[version]

    def active(self, project_id: int) -> str | None:
        return next(reversed(self.kept), None)


@dataclass
class Attentive:
    """Believes that there is a car in the middle of everything; remembers what it was taught."""

    identity: str = "attentive 1"
    unusable: Mapping[int, str] = field(default_factory=dict)
    lessons: list[Lesson] = field(default_factory=list)

    def learn(self, lesson: Lesson, progress: Any) -> Learned:
        self.lessons.append(lesson)
        if not lesson.is_labelled.any():
            raise ValueError("nothing is marked")
        believed = tuple(Believed((box("", "car", 0.25, 0.9),)) for _ in lesson.task_ids)
        model = {"weights": np.arange(3)}
        encoder = UsedEncoder("colour:1", "colour")
        return Learned(FittedRegions(believed, model), (SIZE,) * len(believed), self.unusable, encoder)


def box(region_id: str, label: str, x: float = 0.1, score: float | None = None) -> Region:
    return Region(region_id, label, Box(x, 0.1, 0.5, 0.5), score)


def task(n: int, *annotations: Sequence[Region], suggested_by: str | None = None, **data: Any) -> Task:
    """Describe a task with these annotations of its image."""
    drawn = []
    for number, regions in enumerate(annotations):
        answer = GivenLabel(n, 10 * n + number, "1", "car", None, "boxes", None, "")
        labels = tuple(
            replace(answer, region_id=r.id, label=r.label, value_hash=f"{r}", suggested_by=suggested_by)
            for r in regions
        )
        drawn.append(Drawn(answer, labels, tuple(regions), SIZE))
    labels = tuple(label for each in drawn for label in each.labels)
    return Task(n, {"image": f"{n}.png", **data}, labels, bool(drawn), drawn=tuple(drawn))


@pytest.fixture
def believe(studio: Any, png: Any) -> Callable[..., Belief]:
    """Believe about tasks whose images are of very different colours."""
    studio.media.content = {f"{n}.png": png(80 * (n % 3), 120 * (n // 3), 60 * (n % 4)) for n in range(1, 10)}

    def form(
        tasks: Sequence[Task],
        learner: Any,
        artefacts: DictArtefacts | None = None,
        controls: Sequence[Control] = (CARS,),
        **options: Any,
    ) -> Belief:
        snapshot = Snapshot("", 1, "Street", "<View/>", tuple(controls), (), tuple(tasks))
        believer = OwnRegionBeliever(lambda _: studio.embedder, lambda _: learner, artefacts, **options)
        return believer.believe(snapshot, studio.told)

    return form


def test_everything_that_can_be_seen_is_believed_about(believe: Any) -> None:
    """Labelled or not; the learner is told which tasks somebody has looked at, even where nothing is marked."""
    learner = Attentive()
    belief = believe([task(1, [box("a", "car")]), task(2, []), task(3)], learner)
    (about,) = belief.artefact.region_beliefs
    assert about.task_ids.tolist() == [1, 2, 3]
    assert [each.regions[0].label for each in about.believed] == ["car"] * 3
    assert about.sizes == (SIZE,) * 3
    assert about.model is not None
    assert about.model["weights"].tolist() == [0, 1, 2]
    assert about.encoder == UsedEncoder("colour:1", "colour")
    (lesson,) = learner.lessons
    assert lesson.is_labelled.tolist() == [True, True, False]
    assert [[region.id for region in regions] for regions in lesson.given] == [["a"], [], []]
    assert lesson.values == ("1.png", "2.png", "3.png")
    assert belief.source == "The model never saw this region."


def test_images_that_show_the_same_or_share_a_field_are_one_group(believe: Any, studio: Any, png: Any) -> None:
    """They must not vouch for one another."""
    studio.media.content["2.png"] = studio.media.content["1.png"]
    learner = Attentive()
    tasks = [
        task(1, [box("a", "car")], street="x"),
        task(2, []),
        task(3, street="y"),
        task(4, street="x"),
        task(5),
    ]
    believe(tasks, learner)
    believe(tasks, learner, group_by="street")
    plain, grouped = (each.groups.tolist() for each in learner.lessons)
    assert len(set(plain)) == 4
    assert plain[0] == plain[1]
    assert len(set(grouped)) == 3
    assert grouped[0] == grouped[1] == grouped[3]


def test_of_several_annotations_one_that_marks_a_usual_number_teaches(believe: Any) -> None:
    """Neither the one with most regions nor the one with fewest."""
    learner = Attentive()
    few, usual, many = [], [box("a", "car")], [box("b", "car"), box("c", "bus"), box("d", "bus")]
    believe([task(1, many, few, usual), task(2, few, many)], learner)
    assert [[region.id for region in regions] for regions in learner.lessons[0].given] == [["a"], []]


def test_regions_that_were_accepted_from_predictions_are_not_to_be_learned(believe: Any) -> None:
    """They keep their place without a label, where enough others teach; and that is said."""
    own = [task(n, [box(f"{n}-{k}", label) for k, label in enumerate(("car", "bus") * 5)]) for n in (1, 2, 3)]
    learner = Attentive()
    belief = believe([*own, task(4, [box("x", "car")], suggested_by="theirs")], learner)
    assert [region.label for region in learner.lessons[0].given[3]] == [""]
    assert {region.label for region in learner.lessons[0].given[0]} == {"car", "bus"}
    assert "theirs" in belief.remarks[0]
    assert believe(own, Attentive()).remarks == ()


def test_tasks_that_turn_out_unusable_have_no_belief_and_are_counted(believe: Any, studio: Any) -> None:
    """Whether the embedder finds it out or the learner."""
    studio.media.content["3.png"] = MediaError("it is gone")
    belief = believe([task(1, [box("a", "car")]), task(2, []), task(3)], Attentive(unusable={2: "it broke"}))
    assert belief.artefact.region_beliefs[0].task_ids.tolist() == [1]
    assert belief.artefact.region_beliefs[0].content_keys[0] != ""
    assert belief.skipped == {"media: it broke": 1}
    assert belief.embedded["image"].problems() == {"media: it is gone": 1}


def test_what_came_as_embeddings_is_not_recognised_by_its_content(studio: Any, believe: Any) -> None:
    """Nobody can say what a task shows that is asked about later: it is known by its id."""

    class Unnamed:
        def embed(self, values: Mapping[int, Any], progress: Any) -> Embedded:
            return replace(studio.embedder.embed(values, progress), encoder=None)

    believer = OwnRegionBeliever(lambda _: Unnamed(), lambda _: Attentive(), None)
    snapshot = Snapshot("", 1, "Street", "<View/>", (CARS,), (), (task(1, [box("a", "car")]), task(2, [])))
    (about,) = believer.believe(snapshot, studio.told).artefact.region_beliefs
    assert about.content_keys == ("", "")


def test_nothing_is_learned_twice(believe: Any) -> None:
    """The same data, learner and options have one version, under which the belief is kept; anything else another."""
    artefacts, learner = DictArtefacts(), Attentive()
    tasks = [task(1, [box("a", "car")]), task(2, [])]
    first = believe(tasks, learner, artefacts)
    artefacts.save(1, first.artefact)
    again = believe(tasks, learner, artefacts)
    assert again.artefact is first.artefact
    assert len(learner.lessons) == 1
    others = [
        believe([task(1, [box("a", "bus")]), task(2, [])], learner, artefacts),
        believe([task(1, [box("a", "car", 0.2)]), task(2, [])], learner, artefacts),
        believe([task(1, [box("a", "car")]), task(2)], learner, artefacts),
        believe(tasks, learner, artefacts, seed=1),
        believe(tasks, learner, artefacts, minutes=2),
        believe(tasks, Attentive("attentive 2"), artefacts),
    ]
    assert len({first.artefact.version, *(each.artefact.version for each in others)}) == 7


def test_minutes_are_for_all_controls_together(believe: Any) -> None:
    """Each learner gets its share."""
    learner = Attentive()
    vans = replace(CARS, name="van")
    believe([task(1, [box("a", "car")]), task(2, [])], learner, controls=(CARS, vans), minutes=10)
    assert [(each.control.name, each.minutes) for each in learner.lessons] == [("car", 5), ("van", 5)]


def test_too_little_to_learn_from_is_named_by_its_control(believe: Any, studio: Any) -> None:
    """The rest is believed about; where nothing is left, the error says why."""
    controls = (CARS, replace(CARS, name="van"))
    belief = believe([task(1, [box("a", "car")]), task(2, [])], Attentive(), controls=controls)
    assert [about.control.name for about in belief.artefact.region_beliefs] == ["car"]
    assert any('"van": nothing is marked' in said for said in studio.told.said)
    with pytest.raises(NothingToLearn, match='control "car": nothing is marked'):
        believe([task(1), task(2)], Attentive())


def test_pictures_are_fetched_as_they_are_asked_for_and_bad_ones_are_none(studio: Any, png: Any) -> None:
    """In the order of the tasks, each with its size; what cannot be used is said by its task."""
    contents = [png(10, 20, n) for n in range(40)]
    studio.media.content = {f"{n}.png": content for n, content in enumerate(contents)}
    studio.media.content["7.png"] = MediaError("it is gone")
    studio.media.content["9.png"] = b"<svg/>"
    seen: list[Image.Image | None] = []

    def fit(pictures: Any, lesson: Lesson, told: Callable[[int, int], None]) -> FittedRegions:
        seen.extend(pictures)
        told(1, 4)
        told(4, 4)
        return FittedRegions((Believed(()),) * len(lesson.task_ids), {})

    learner = PictureLearner(fit, studio.media, 100, UsedEncoder("colour:1", "colour"), "boxes 1")
    ids = tuple(range(40))
    values = tuple(f"{n}.png" for n in ids)
    lesson = Lesson(CARS, ids, values, ((),) * 40, np.ones(40, dtype=bool), np.arange(40))
    learned = learner.learn(lesson, studio.told)
    assert learner.identity == "boxes 1:colour:1"
    assert learned.unusable == {7: "it is gone", 9: "SVG drawings are not supported"}
    assert [n for n, picture in enumerate(seen) if picture is None] == [7, 9]
    assert [picture.getpixel((0, 0))[2] for picture in seen if picture is not None] == [
        n for n in range(40) if n not in (7, 9)
    ]
    assert learned.sizes[0] == (4, 4)
    assert learned.sizes[7] is None
    assert studio.told.stages == [("Reading images", 40), ('Learning "car"', 4)]
    assert studio.told.n_done == 44


def test_large_pictures_are_handed_over_smaller_with_the_size_that_they_have(studio: Any) -> None:
    """So that many of them fit into memory."""
    file = io.BytesIO()
    Image.new("RGB", (2600, 20)).save(file, "PNG")
    studio.media.content = {"large": file.getvalue()}
    seen: list[Image.Image | None] = []

    def fit(pictures: Any, lesson: Lesson, told: Callable[[int, int], None]) -> FittedRegions:
        seen.extend(pictures)
        return FittedRegions((Believed(()),), {})

    lesson = Lesson(CARS, (1,), ("large",), ((),), np.ones(1, dtype=bool), np.zeros(1, dtype=np.int64))
    learned = PictureLearner(fit, studio.media, 100_000, None, "boxes 1").learn(lesson, studio.told)
    assert [picture and picture.size for picture in seen] == [(1280, 10)]
    assert learned.sizes == ((2600, 20),)
