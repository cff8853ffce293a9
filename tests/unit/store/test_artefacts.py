from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from errata.audit.beliefs import Artefact, ControlBelief, RegionBelief, UsedEncoder
from errata.errors import UsageError
from errata.store.artefacts import ArtefactFolder
from errata_model.kinds.values.records import Opinion, ValueBelief
from errata_model.records import Control, TextForm, ValueForm
from errata_model.regions.records import Believed, Region
from errata_model.regions.shapes import Box

USED = UsedEncoder("resnet50@abc,pixels:2", "resnet50,pixels", "/weights", (("resnet50@abc", 4), ("pixels:2", 3)))


def artefact(version: str, **model: np.ndarray) -> Artefact:
    control = Control("kind/ü", "choices", "image", "image", "image", ("car", "truck"))
    rows = np.array([[0.1, 0.9], [0.5, 0.5]], np.float32)
    belief = ControlBelief(
        control,
        np.array([3, 1], np.int64),
        ("ab" * 32, ""),
        rows,
        model or None,
        USED,
    )
    return Artefact(version, (belief,))


def test_an_artefact_comes_back_as_it_went(tmp_path: Path) -> None:
    """Names, labels, arrays and their types; also without a model."""
    folder = ArtefactFolder(tmp_path)
    assert folder.active(7) is None
    folder.save(7, artefact("v1", **{"alpha/1": np.eye(2), "labels": np.array(["x", "yy"])}))
    folder.save(8, artefact("v1"))
    loaded = folder.load(7, "v1")
    (belief,), (expected,) = loaded.beliefs, artefact("v1").beliefs
    assert loaded.version == "v1"
    assert (belief.control, belief.content_keys) == (expected.control, expected.content_keys)
    assert belief.encoder == USED
    assert belief.task_ids.tolist() == [3, 1]
    np.testing.assert_array_equal(belief.probabilities, expected.probabilities)
    assert belief.probabilities.dtype == np.float32
    assert belief.model is not None
    np.testing.assert_array_equal(belief.model["alpha/1"], np.eye(2))
    assert belief.model["labels"].tolist() == ["x", "yy"]
    assert folder.load(8, "v1").beliefs[0].model is None
    assert (folder.active(7), folder.has(7, "v1"), folder.has(7, "v2")) == ("v1", True, False)


def test_answers_that_are_no_labels_come_back_as_they_went(tmp_path: Path) -> None:
    """Whoever gave them, on whatever scale, and of a video with its keyframes."""
    stars = Control("stars", "values", "video", "v", "v", (), type="rating", value=ValueForm(1, 5))
    box = Control("box", "values", "video", "v", "v", (), type="videorectangle", takes_none=True, value=ValueForm())
    track = {"labels": ["car"], "sequence": [{"frame": 1, "x": 0.5}], "frames": 9, "value": {"duration": 1.5}}
    beliefs = (
        ValueBelief(stars, {3: (Opinion(4, 0.5),)}, 2.5, "theirs"),
        ValueBelief(box, {3: (Opinion([track], 1.0, "7"), Opinion([], 1.0, "8"))}),
    )
    folder = ArtefactFolder(tmp_path)
    folder.save(7, Artefact("v1", (), (), beliefs))
    assert folder.load(7, "v1").value_beliefs == beliefs


def test_what_other_annotators_marked_stays_with_its_annotation(tmp_path: Path) -> None:
    """A belief of people has a row an annotation; one of a model a row a task."""
    box = Control("box", "boxes", "image", "image", "image", ("car",), type="rectanglelabels")
    believed = (Believed((Region("", "car", Box(0.1, 0.1, 0.2, 0.2), 0.5),)), Believed(()))
    of_people = RegionBelief(
        box, np.array([3, 3]), ("", ""), believed, {}, (None, None), annotation_ids=np.array([7, 8], np.int64)
    )
    folder = ArtefactFolder(tmp_path)
    folder.save(7, Artefact("v1", (), (of_people, replace(of_people, annotation_ids=None))))
    people, model = folder.load(7, "v1").region_beliefs
    assert people.annotation_ids is not None
    assert (people.annotation_ids.tolist(), people.believed, people.is_of_people) == ([7, 8], believed, True)
    assert not model.is_of_people


def test_each_control_keeps_its_encoder_and_how_its_text_is_held(tmp_path: Path) -> None:
    """A picture and a dialogue in one project, and one that predictions from elsewhere say something about."""
    dialogue = Control(
        "tone", "choices", "text", "talk", "talk", ("rude", "kind"), TextForm("Paragraphs", "url", "who")
    )
    rows, no_tasks = np.zeros((0, 2), np.float32), np.zeros(0, np.int64)
    beliefs = (
        *artefact("v1").beliefs,
        ControlBelief(dialogue, no_tasks, (), rows, {}, UsedEncoder("words:1", "words")),
        ControlBelief(dialogue, no_tasks, (), rows, None),
    )
    folder = ArtefactFolder(tmp_path)
    folder.save(7, Artefact("v1", beliefs))
    loaded = folder.load(7, "v1").beliefs
    assert [each.control for each in loaded] == [each.control for each in beliefs]
    names = [each.encoder.name if each.encoder else None for each in loaded]
    assert names == [USED.name, "words", None]


@pytest.mark.parametrize("encoder", [UsedEncoder("resnet50@abc", "resnet50"), None])
def test_what_an_earlier_errata_kept_is_still_served(tmp_path: Path, encoder: UsedEncoder | None) -> None:
    """It named one encoder for all controls, and knew of no texts."""
    folder = ArtefactFolder(tmp_path)
    folder.save(7, artefact("v1"))
    (path,) = tmp_path.glob("models/7/*/artefact.json")
    about = json.loads(path.read_text())
    (row,) = about["beliefs"]
    del row["encoder"], row["control"]["text"]
    about |= {"encoder": encoder.identity if encoder else None, "encoder_name": encoder.name if encoder else None}
    path.write_text(json.dumps(about))
    (loaded,) = folder.load(7, "v1").beliefs
    assert (loaded.control, loaded.encoder) == (artefact("v1").beliefs[0].control, encoder)


def test_the_last_two_versions_are_kept(tmp_path: Path) -> None:
    """The active one and the one before; saving twice is once; going back makes the older one active."""
    folder = ArtefactFolder(tmp_path)
    for version in ("v1", "v2", "v2", "v3"):
        folder.save(7, artefact(version))
    assert [folder.has(7, version) for version in ("v1", "v2", "v3")] == [False, True, True]
    folder.save(7, artefact("v2"))
    assert (folder.active(7), folder.has(7, "v3")) == ("v2", True)


def test_what_a_crash_left_is_neither_seen_nor_kept(tmp_path: Path) -> None:
    """A half-written folder goes with the next save."""
    half = tmp_path / "models" / "7" / ".new-half"
    half.mkdir(parents=True)
    folder = ArtefactFolder(tmp_path)
    folder.save(7, artefact("../odd/version"))
    assert folder.load(7, "../odd/version").version == "../odd/version"
    assert not half.exists()
    assert stat.S_IMODE((tmp_path / "models" / "7" / "active").stat().st_mode) == 0o600


def test_a_version_that_is_missing_or_damaged_names_the_remedy(tmp_path: Path) -> None:
    """The text says which command makes it again."""
    folder = ArtefactFolder(tmp_path)
    with pytest.raises(UsageError, match="errata audit 7"):
        folder.load(7, "v1")
    folder.save(7, artefact("v1"))
    (path,) = tmp_path.glob("models/7/*/arrays.npz")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UsageError, match="errata audit 7"):
        folder.load(7, "v1")
    assert folder.find(7, "v1") is None
    folder.save(7, artefact("v1"))  # as that command does
    assert folder.find(7, "v1") is not None


def test_parts_are_read_without_the_arrays(tmp_path: Path) -> None:
    """Who looks for one of them need not read the whole; of what is not kept there are none."""
    folder = ArtefactFolder(tmp_path)
    parts = (("errata-a", ("kind", "view")), ("errata-b", ()))
    folder.save(7, replace(artefact("v1"), parts=parts))
    (path,) = tmp_path.glob("models/7/*/arrays.npz")
    path.unlink()
    assert (folder.parts(7, "v1"), folder.parts(7, "v2")) == (parts, ())


def test_python_objects_are_refused(tmp_path: Path) -> None:
    """Nothing is ever pickled, and nothing is left behind."""
    folder = ArtefactFolder(tmp_path)
    with pytest.raises(ValueError, match="plain arrays"):
        folder.save(7, artefact("v1", bad=np.array([{}], object)))
    assert (folder.active(7), folder.has(7, "v1")) == (None, False)
