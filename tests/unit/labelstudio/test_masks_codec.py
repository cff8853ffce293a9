"""Masks and polygons, between Label Studio's JSON and regions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_studio_sdk.converter.brush import decode_rle, mask2rle
from label_studio_sdk.label_interface.interface import LabelInterface

from errata.labelstudio.codecs import masks
from errata_model.kinds.masks.raster import rasterize
from errata_model.records import Control
from errata_model.regions.records import Region
from errata_model.regions.shapes import Box, Mask, Polygon

LABELS = ("cell", "nucleus")
BRUSH = Control("tag", "masks", "image", "image", "image", LABELS, type="brushlabels")
POLYGON = Control("tag", "masks", "image", "image", "image", LABELS, type="polygonlabels")
APART = Control(
    "tag", "masks", "image", "image", "image", LABELS, type="labels", drawn_by=(("b", "brush"), ("p", "polygon"))
)
CONFIGS = {
    "brushlabels": '<BrushLabels name="tag" toName="image">{}</BrushLabels>',
    "polygonlabels": '<PolygonLabels name="tag" toName="image">{}</PolygonLabels>',
    "labels": '<Labels name="tag" toName="image">{}</Labels><Brush name="b" toName="image"/>'
    '<Polygon name="p" toName="image"/>',
}
SQUARE = Mask(np.array([[True, True], [True, False]]), 2, 3, 6, 8)
TRIANGLE = Polygon(((0.1, 0.1), (0.9, 0.1), (0.5, 0.8)))


def brush(region_id: str = "a", pixels: Any = None, **fields: Any) -> dict[str, Any]:
    """A result as Label Studio's page and SDK write it: 8 pixels wide, 6 high."""
    if pixels is None:
        pixels = np.zeros((6, 8), dtype=np.uint8)
        pixels[2, 3:5] = 255
        pixels[3, 3] = 255
    value = {"format": "rle", "rle": mask2rle(pixels), "brushlabels": ["cell"]}
    about = {"original_width": pixels.shape[1], "original_height": pixels.shape[0], "image_rotation": 0}
    return {
        "id": region_id,
        "from_name": "tag",
        "to_name": "image",
        "type": "brushlabels",
        "origin": "manual",
        **about,
        "value": value,
        **fields,
    }


def polygon(points: Any, **fields: Any) -> dict[str, Any]:
    value = {"points": points, "closed": True, "polygonlabels": ["nucleus"]}
    return {"id": "p", "from_name": "tag", "to_name": "image", "type": "polygonlabels", "value": value, **fields}


def test_a_brushed_region_is_read_as_the_smallest_crop() -> None:
    """The SDK's run lengths become the pixels that were marked, with the place and the image's size."""
    regions, problems, size = masks.decode([brush()], BRUSH, None)
    (region,) = regions
    assert (region.id, region.label, region.score, problems, size) == ("a", "cell", None, [], (8, 6))
    mask = region.shape
    assert isinstance(mask, Mask)
    assert (mask.top, mask.left, mask.height, mask.width) == (2, 3, 6, 8)
    assert mask.bitmap.tolist() == SQUARE.bitmap.tolist()


def test_a_polygon_stays_one() -> None:
    """Points become shares of the image; without an original size the image's is not known."""
    regions, problems, size = masks.decode([polygon([[10, 10], [90, 10], [50, 80]])], POLYGON, None)
    assert regions == [Region("p", "nucleus", TRIANGLE)]
    assert (problems, size) == ([], None)


@pytest.mark.parametrize("control", [BRUSH, POLYGON, APART], ids=lambda control: control.type)
@pytest.mark.parametrize("shape", [SQUARE, TRIANGLE], ids=["mask", "polygon"])
def test_what_is_written_is_valid_and_read_back(control: Control, shape: Any) -> None:
    """Label Studio's SDK finds nothing wrong with what is written, and the same area is read back, whatever drew it."""
    config = f'<View><Image name="image" value="$image"/>{CONFIGS[control.type]}</View>'
    config = config.format("".join(f'<Label value="{label}"/>' for label in LABELS))
    results = masks.write(control, Region("", "nucleus", shape, 0.25), (8, 6), None)
    errors = LabelInterface(config).validate_prediction({"result": results, "score": 0.25}, return_errors=True)
    assert not errors
    assert len({each["id"] for each in results}) == 1
    assert masks.write(control, Region("", "nucleus", shape, 0.25), (8, 6), None) == results
    (region,), problems, size = masks.decode(results, control, None)
    assert (region.label, region.score, problems, size) == ("nucleus", 0.25, [], (8, 6))
    wanted, found = rasterize(shape, (8, 6)), rasterize(region.shape, (8, 6))
    assert wanted is not None
    assert found is not None
    assert (found.top, found.left, found.bitmap.tolist()) == (wanted.top, wanted.left, wanted.bitmap.tolist())


def test_a_region_with_several_labels_keeps_them() -> None:
    """Where its place alone changes, it is written with each of them, not with one that joins them."""
    several = brush()
    several["value"]["brushlabels"] = list(LABELS)
    (region,), _, size = masks.decode([several], BRUSH, None)
    (written,) = masks.write(BRUSH, region, size, None)
    assert written["value"]["brushlabels"] == list(LABELS)


def test_a_brush_on_an_image_that_no_page_can_show_is_named() -> None:
    """What it would take to hold 900 million pixels is not taken; a small brush elsewhere does not matter."""
    huge = brush("z", original_width=30_000, original_height=30_000)
    assert masks.decode([huge], BRUSH, None)[:2] == ([], ["whose image is larger than a page can show"])


def test_labels_and_brush_apart_are_two_results_of_one_region() -> None:
    """<Labels> beside <Brush> and <Polygon>: the drawing tag is the one of the shape, and both results hold it."""
    labelled, drawn = masks.write(APART, Region("x", "cell", SQUARE), None, None)
    assert (labelled["type"], drawn["type"], drawn["from_name"]) == ("labels", "brush", "b")
    assert labelled["value"] == {**drawn["value"], "labels": ["cell"]}
    pixels = decode_rle(drawn["value"]["rle"]).reshape(6, 8, 4)[:, :, 3] > 0
    assert np.argwhere(pixels).tolist() == [[2, 3], [2, 4], [3, 3]]
    (region,), problems, _ = masks.decode([drawn, labelled], APART, None)
    assert (region.id, region.label, problems) == ("x", "cell", [])


BROKEN: list[tuple[dict[str, Any], str]] = [
    (brush("z", np.zeros((6, 8), dtype=np.uint8)), "without a pixel"),
    (brush("z", original_width=None), "that do not say how large their image is"),
    (brush("z", original_width=9), "whose image is of another size than that of the others"),
    (brush("z", np.ones((5, 8), dtype=np.uint8), original_height=6), "that cannot be read: the run lengths stand for"),
    (brush("z", value={"format": "rle", "rle": [0, 1], "brushlabels": ["cell"]}), "that cannot be read: the run"),
    (brush("z", value={"format": "rle", "rle": None, "brushlabels": ["cell"]}), "that cannot be read: the run"),
    (brush("z", value={"brushlabels": ["cell"]}), "that cannot be read: the run"),
    (brush("z", type="rectanglelabels"), 'that are drawn as "rectanglelabels"'),
]


@pytest.mark.parametrize(("broken", "problem"), BROKEN)
def test_a_broken_mask_is_named_and_the_others_are_read(broken: dict[str, Any], problem: str) -> None:
    """One broken region costs that region, and its problem is told in words."""
    regions, problems, size = masks.decode([brush("a"), broken, brush("b")], BRUSH, None)
    assert [region.id for region in regions] == ["a", "b"]
    assert len(problems) == 1
    assert problems[0].startswith(problem)
    assert size == (8, 6)


@pytest.mark.parametrize(
    ("points", "problem"),
    [
        ([[10, 10], [20, 20]], "of no size"),
        ([], "of no size"),
        ([[10, 10], [20, 10], [30, 10]], "of no size"),
        ([[110, 10], [120, 10], [130, 30]], "that lie outside the image"),
        ([[10, 10], [20, None], [30, 30]], "without a list of points"),
        ([[10, 10], [20], [30, 30]], "without a list of points"),
        ([[10, 10], [20, float("nan")], [30, 30]], "without a list of points"),
        (None, "without a list of points"),
    ],
)
def test_a_broken_polygon_is_named(points: Any, problem: str) -> None:
    """Polygons that enclose nothing, or nothing of the image, are left out in words."""
    assert masks.decode([polygon(points)], POLYGON, None)[:2] == ([], [problem])


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["rle", "points", "brushlabels", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(st.fixed_dictionaries({"id": _json, "value": _json}) | _json, max_size=3), _json, _json)
def test_any_json_is_read_without_an_exception(results: list[Any], width: Any, height: Any) -> None:
    """Whatever stands in a result, all of it is read or named, and nothing is raised."""
    about = {"from_name": "tag", "type": "brushlabels", "original_width": width, "original_height": height}
    noisy = [{**about, **each} if isinstance(each, dict) else each for each in results]
    regions, _, _ = masks.decode([*noisy, brush("last")], BRUSH, None)
    assert len(regions) <= len(noisy) + 1


def test_shapes_of_other_kinds_are_refused() -> None:
    """A box is none of what a mask's control can hold."""
    with pytest.raises(ValueError, match="must be a Mask or a Polygon"):
        masks.write(BRUSH, Region("", "cell", Box(0, 0, 1, 1)), (8, 6), None)


def test_a_polygon_cannot_be_brushed_on_an_image_of_unknown_size() -> None:
    """The error says what is missing."""
    with pytest.raises(ValueError, match="known size"):
        masks.write(BRUSH, Region("", "cell", TRIANGLE), None, None)
