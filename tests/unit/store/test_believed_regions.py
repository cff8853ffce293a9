"""Beliefs about regions as they are kept in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from errata.audit.beliefs import Artefact, RegionBelief, UsedEncoder
from errata.store.artefacts import ArtefactFolder
from errata_model.records import Control, TextForm
from errata_model.regions.records import Believed, Region
from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Polygon, Span

BITS = np.random.default_rng(0).random((7, 11)) > 0.5
SHAPES = (
    Box(0.1, 0.2, 0.3, 0.4, 5.0),
    Ellipse(0.5, 0.5, 0.1, 0.2, 30.0),
    Point(0.25, 0.75),
    Polygon(((0.0, 0.0), (1.0, 0.0), (0.5, 1.0))),
    Span(3, 9),
    Span(0.5, 1.25, 1),
)


def test_beliefs_about_regions_come_back_as_they_went(tmp_path: Path) -> None:
    """Shapes of every sort, evidence of any length, what was learned, and tasks of which nothing is marked."""
    control = Control(
        "mark", "boxes", "image", "image", "it", ("a", "b"), TextForm("Text"), "labels", drawn_by=(("r", "rectangle"),)
    )
    masks = [Region("m1", "a", Mask(BITS, 3, 4, 20, 30), 0.5), Region("m2", "b", Mask(BITS[:3], 0, 0, 20, 30), 0.25)]
    shown = (
        Believed(
            tuple(Region(f"r{n}", "a", shape, n / 10) for n, shape in enumerate(SHAPES)),
            {"tokens": np.arange(6).reshape(3, 2), "sure": np.ones((3, 3), np.float16)},
        ),
        Believed((), {"tokens": np.zeros((0, 2), np.int64), "sure": np.zeros((0, 3), np.float16)}),
        Believed(tuple(masks), {"tokens": np.ones((1, 2), np.int64), "sure": np.zeros((1, 3), np.float16)}),
    )
    encoder = UsedEncoder("net@1", "net")
    belief = RegionBelief(
        control,
        np.array([5, 2, 9]),
        ("x", "", "y"),
        shown,
        {"fold": np.array([1.5, 2.5])},
        ((30, 20), None, (30, 20)),
        {"weights": np.eye(2)},
        encoder,
    )
    bare = RegionBelief(control, np.array([1]), ("",), (Believed(()),), {}, (None,))
    folder = ArtefactFolder(tmp_path)
    folder.save(7, Artefact("v1", (), (belief, bare)))
    loaded = folder.load(7, "v1")
    found, empty = loaded.region_beliefs
    assert (found.control, found.content_keys, found.sizes, found.encoder) == (
        control,
        belief.content_keys,
        belief.sizes,
        encoder,
    )
    assert found.task_ids.tolist() == [5, 2, 9]
    assert found.believed[0].regions == shown[0].regions
    assert found.believed[1].regions == ()
    for before, after in zip(shown[2].regions, found.believed[2].regions, strict=True):
        assert isinstance(before.shape, Mask)
        assert isinstance(after.shape, Mask)
        np.testing.assert_array_equal(after.shape.bitmap, before.shape.bitmap)
        assert (after.shape.top, after.shape.left, after.shape.height) == (before.shape.top, before.shape.left, 20)
        assert (after.id, after.label, after.score) == (before.id, before.label, before.score)
    for before, after in zip(shown, found.believed, strict=True):
        for name in ("tokens", "sure"):
            np.testing.assert_array_equal(after.evidence[name], before.evidence[name])
            assert after.evidence[name].dtype == before.evidence[name].dtype
    assert found.calibration["fold"].tolist() == [1.5, 2.5]
    assert found.model is not None
    np.testing.assert_array_equal(found.model["weights"], np.eye(2))
    assert (empty.model, empty.encoder, empty.believed[0].regions, empty.sizes) == (None, None, (), (None,))
