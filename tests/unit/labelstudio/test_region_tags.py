"""Which controls that mark regions are served, and how they are written down."""

from __future__ import annotations

import pytest

from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import read_label_config
from errata_model.regions.records import Region
from errata_model.regions.shapes import Box, Ellipse, Point

IMAGE = '<Image name="image" value="$picture"/>'
LABELS = '<Label value="car"/><Label value="person" alias="p"/>'
SHAPES = (Box(0.1, 0.2, 0.3, 0.4, 30.0), Ellipse(0.5, 0.5, 0.2, 0.1, 10.0), Point(0.25, 0.75))


def view(*parts: str) -> str:
    return f"<View>{''.join(parts)}</View>"


@pytest.mark.parametrize(
    ("object_", "tag", "kind", "modality"),
    [
        (IMAGE, "RectangleLabels", "boxes", "image"),
        (IMAGE, "EllipseLabels", "boxes", "image"),
        (IMAGE, "KeyPointLabels", "boxes", "image"),
        (IMAGE, "PolygonLabels", "masks", "image"),
        (IMAGE, "BrushLabels", "masks", "image"),
        ('<Text name="image" value="$t"/>', "Labels", "spans", "text"),
        ('<HyperText name="image" value="$t"/>', "HyperTextLabels", "spans", "text"),
        ('<Paragraphs name="image" value="$t"/>', "ParagraphLabels", "spans", "text"),
        ('<Audio name="image" value="$a"/>', "Labels", "spans", "audio"),
        ('<TimeSeries name="image" value="$s"/>', "TimeSeriesLabels", "spans", "timeseries"),
    ],
)
def test_a_tag_that_labels_regions_is_served_with_its_labels(object_: str, tag: str, kind: str, modality: str) -> None:
    """Every annotation answers it, be it with no region."""
    (control,) = read_label_config(view(object_, f'<{tag} name="r" toName="image">{LABELS}</{tag}>')).controls
    assert (control.kind, control.modality, control.labels) == (kind, modality, ("car", "p"))
    assert (control.type, control.takes_none, control.has_regions) == (tag.lower(), True, True)


def test_labels_know_the_tags_that_draw_for_them() -> None:
    """They are one control, called as the labels are."""
    drawing = '<Rectangle name="r" toName="image"/><Ellipse name="e" toName="image"/>'
    config = read_label_config(view(IMAGE, f'<Labels name="l" toName="image">{LABELS}</Labels>', drawing))
    (control,) = config.controls
    assert (control.name, control.kind, control.drawn_by) == ("l", "boxes", (("r", "rectangle"), ("e", "ellipse")))
    assert config.refused == ()


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ((f'<Labels name="l" toName="image">{LABELS}</Labels>',), "nothing draws its regions"),
        (
            (
                f'<Labels name="l" toName="image">{LABELS}</Labels>',
                '<Rectangle name="r" toName="image"/><Brush name="b" toName="image"/>',
            ),
            "both boxes and masks",
        ),
        (('<RectangleLabels name="l" toName="image"></RectangleLabels>',), "no <Label>"),
        (('<RectangleLabels name="l" toName="image" value="$labels"/>',), "come with the tasks"),
        (('<RectangleLabels name="l" toName="image"><Label value=""/></RectangleLabels>',), "no value"),
        (
            ('<RectangleLabels name="l" toName="image"><Label value="a"/><Label value="a"/></RectangleLabels>',),
            '"a" twice',
        ),
        (('<HyperTextLabels name="l" toName="image"><Label value="a"/></HyperTextLabels>',), "<HyperText> is needed"),
    ],
)
def test_what_cannot_be_audited_is_refused_with_the_reason(parts: tuple[str, ...], why: str) -> None:
    config = read_label_config(view(IMAGE, *parts))
    assert config.controls == ()
    assert any(why in reason for reason in config.refused)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("is_apart", [False, True])
def test_a_region_that_is_written_is_read_as_it_was(shape: Box | Ellipse | Point, is_apart: bool) -> None:
    """With labels and shape in one result, and in two with the same id."""
    tag = {Box: "Rectangle", Ellipse: "Ellipse", Point: "KeyPoint"}[type(shape)]
    alone = f'<{tag}Labels name="r" toName="image">{LABELS}</{tag}Labels>'
    apart = f'<Labels name="l" toName="image">{LABELS}</Labels><{tag} name="r" toName="image"/>'
    (control,) = read_label_config(view(IMAGE, apart if is_apart else alone)).controls
    written = Codecs().written(control, Region("", "car", shape, 0.75), (640, 480), None)
    assert len({result["id"] for result in written}) == 1
    assert len(written) == 1 + is_apart
    (region,), problems, size = Codecs().regions_in(written, control, None)
    assert (problems, size) == ([], (640, 480))
    assert (region.label, region.score) == ("car", 0.75)
    for name in type(shape).__dataclass_fields__:
        assert getattr(region.shape, name) == pytest.approx(getattr(shape, name))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"x": 10, "y": 10, "width": 0, "height": 5}, "of no size"),
        ({"x": 120, "y": 10, "width": 10, "height": 5}, "outside the image"),
        ({"x": 10, "y": 10, "width": "wide", "height": 5}, 'without a number for "width"'),
        ({"x": 10, "y": float("nan"), "width": 5, "height": 5}, 'without a number for "y"'),
    ],
)
def test_a_box_that_is_none_is_named_and_the_rest_is_read(value: dict[str, object], problem: str) -> None:
    tag = f'<RectangleLabels name="r" toName="image">{LABELS}</RectangleLabels>'
    (control,) = read_label_config(view(IMAGE, tag)).controls
    good = Codecs().written(control, Region("good", "p", SHAPES[0]), None, None)
    bad = {**good[0], "id": "bad", "value": {**value, "rectanglelabels": ["car"]}}
    regions, problems, size = Codecs().regions_in([bad, *good, "junk"], control, None)  # type: ignore[list-item]
    assert [region.id for region in regions] == ["good"]
    assert len(problems) == 1
    assert problem in problems[0]
    assert size is None
