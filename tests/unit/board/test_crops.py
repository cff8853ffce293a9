from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from errata.boards.crops import Crop, render_crop
from errata.boards.decoded import DecodedPictures
from errata_model.encoders.decoding import UnusableImage
from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Polygon, Span

MOST = 10**8
SHAPES: dict[str, Any] = {
    "box": Box(0.25, 0.25, 0.25, 0.25),
    "turned box": Box(0.4, 0.2, 0.25, 0.25, 30),
    "ellipse": Ellipse(0.4, 0.4, 0.15, 0.1),
    "polygon": Polygon(((0.25, 0.25), (0.6, 0.3), (0.4, 0.6))),
    "point": Point(0.5, 0.5),
    "mask": Mask(np.ones((100, 100), bool), 100, 100, 400, 400),
}


def scene(width: int = 400, height: int = 400) -> Image.Image:
    """Return a picture whose red tells the column, and whose green the row, both from 0 to 250."""
    x, y = np.meshgrid(np.linspace(0, 250, width), np.linspace(0, 250, height))
    return Image.fromarray(np.dstack((x, y, np.full_like(x, 128))).round().astype(np.uint8))


def file(picture: Image.Image, sort: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, sort, **options)
    return buffer.getvalue()


def crop(content: bytes, *args: Any, **options: Any) -> Image.Image:
    return Image.open(io.BytesIO(render_crop(content, Crop(*args, **options), MOST)))


SMALL = file(scene(200, 100))


def corners(picture: Image.Image) -> list[int]:
    """Return the scene's column and row, 0 to 250, at the upper left and the lower right."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    return [*pixels[1, 1, :2].tolist(), *pixels[-2, -2, :2].tolist()]


@pytest.mark.parametrize(
    ("context", "size", "where"),
    [
        ("0", (100, 100), [62, 62, 125, 125]),
        ("25", (150, 150), [47, 47, 141, 141]),
        ("100", (300, 300), [0, 0, 187, 187]),
        ("scene", (400, 400), [0, 0, 250, 250]),
    ],
)
@pytest.mark.parametrize("sort", ["PNG", "JPEG"])
def test_a_crop_is_the_region_and_what_is_around_it(
    context: str, size: tuple[int, int], where: list[int], sort: str
) -> None:
    """Context is a share of the longer side on each side, cut at the picture's edges; what is small stays small."""
    content = file(scene(), sort, quality=95) if sort == "JPEG" else file(scene())
    shown = crop(content, SHAPES["box"], context, 640, False)
    assert shown.size == size
    assert corners(shown) == pytest.approx(where, abs=5)


@pytest.mark.parametrize("longest", [160, 320])
@pytest.mark.parametrize("sort", ["PNG", "JPEG"])
def test_a_large_scene_is_made_smaller(longest: int, sort: str) -> None:
    """The longer side has as many pixels as were asked for, proportions stay, and so does what is where."""
    content = file(scene(3000, 1500), sort)
    whole = crop(content, None, "25", longest)
    assert whole.size == (longest, longest // 2)
    assert corners(whole) == pytest.approx([0, 0, 250, 250], abs=6)
    part = crop(content, Box(0.5, 0.5, 0.25, 0.5), "0", longest, False)
    assert part.size == (longest, longest)
    assert corners(part) == pytest.approx([125, 125, 187, 250], abs=6)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("longest", [160, 1600])
def test_regions_are_where_the_upright_picture_has_them(orientation: int, longest: int) -> None:
    """As browsers, and so annotators, see it: whichever way the file itself lies, decoded in full or in part."""
    upright = scene(800, 400)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # PIL's transpositions that lay the file down as EXIF says
    lying = upright.transpose(Image.Transpose(undo[orientation])) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = file(lying, "JPEG", quality=95, exif=exif)
    shown = crop(content, Box(0.5, 0.25, 0.25, 0.5), "0", longest, False)
    assert shown.size == (min(200, longest), min(200, longest))
    assert corners(shown) == pytest.approx([125, 62, 187, 187], abs=6)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("ground", [0, 128, 255])
@pytest.mark.parametrize("is_dashed", [False, True])
def test_an_outline_is_seen_on_any_ground(name: str, ground: int, is_dashed: bool) -> None:
    """Light and dark pixels beside each other; the inside of the region keeps its own; a broken line has fewer."""
    content = file(Image.new("RGB", (400, 400), (ground, ground, ground)))
    pixels = np.asarray(crop(content, SHAPES[name], "100", 640, is_dashed=is_dashed).convert("L")).astype(int)
    light, dark = np.count_nonzero(pixels > 200), np.count_nonzero(pixels < 50)
    drawn = np.count_nonzero(np.abs(pixels - ground) > 60)
    assert drawn > 10
    if ground == 128:
        assert min(light, dark) > 5
    whole = np.asarray(crop(content, SHAPES[name], "100", 640).convert("L")).astype(int)
    if is_dashed and name != "point":
        assert 0.3 < drawn / np.count_nonzero(np.abs(whole - ground) > 60) < 0.85
    if name == "box":
        assert np.abs(pixels[120:180, 120:180] - ground).max() < 10


@pytest.mark.parametrize("shape", [Box(0.5, 0.5, 0.03, 0.03), Mask(np.ones((12, 12), bool), 200, 200, 400, 400)])
@pytest.mark.parametrize("is_dashed", [False, True])
def test_an_outline_does_not_hide_a_small_object(shape: Any, is_dashed: bool) -> None:
    """The line stands around the region, and is thin beside it: what is small is enlarged, also without context."""
    picture = Image.new("RGB", (400, 400), "grey")
    picture.paste((255, 0, 0), (200, 200, 212, 212))
    shown = np.asarray(crop(file(picture), shape, "0", 160, is_dashed=is_dashed)).astype(int)
    is_red = (shown[..., 0] > 180) & (shown[..., 1] < 90)
    assert max(shown.shape) == 128
    assert np.count_nonzero(is_red) > 0.8 * (12 / 20 * 128) ** 2
    for side in (shown[:, :64], shown[:, 64:], shown[:64], shown[64:]):
        assert np.count_nonzero(side.min(axis=2) > 200) > 20, "a part of the line on every side"


def test_a_mask_s_outline_runs_around_its_own_pixels() -> None:
    """Around a hole too, and where mask and picture have not the same size."""
    bitmap = np.ones((40, 40), bool)
    bitmap[15:25, 15:25] = False
    content = file(Image.new("RGB", (400, 400), "grey"))
    pixels = np.asarray(crop(content, Mask(bitmap, 30, 30, 100, 100), "25", 640).convert("L")).astype(int)
    assert pixels.shape == (240, 240)
    assert abs(pixels[108:132, 108:132] - 128).max() < 12  # the hole's middle
    for line in (pixels[120, 100:106], pixels[120, 134:140], pixels[120, 34:40]):
        assert line.min() < 50 < 200 < line.max()
    assert abs(pixels[60:90, 60:90] - 128).max() < 12  # the mask itself


def test_what_is_transparent_lies_on_neither_black_nor_white() -> None:
    """Ink of either colour is seen."""
    picture = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    picture.paste((255, 255, 255, 255), (0, 0, 50, 50))
    picture.paste((0, 0, 0, 255), (50, 50, 100, 100))
    shown = np.asarray(crop(file(picture), None, "scene", 160).convert("L")).astype(int)
    assert (shown[10, 10], shown[90, 90]) == pytest.approx((255, 0), abs=5)
    assert 150 < shown[10, 90] < 230


@pytest.mark.parametrize(
    "shape",
    [
        Box(float("nan"), 0.1, 0.1, 0.1),
        Box(-5, -5, 1, 1),
        Box(3, 3, 1, 1),
        Box(0.5, 0.5, 0, 0),
        Box(0.5, 0.5, -0.2, 0.1),
        Box(-1e9, -1e9, 2e9, 2e9, 20),
        Polygon(()),
        Polygon(((0.1, 0.1),)),
        Ellipse(0.5, 0.5, float("inf"), 0.1),
        Point(7, 7),
        Mask(np.zeros((1, 1), bool), 0, 0, 1, 1),
        Mask(np.ones((9, 9), bool), 500, 500, 600, 600),
        Span(1, 2),
    ],
    ids=repr,
)
def test_strange_regions_give_a_picture_all_the_same(shape: Any) -> None:
    """Outside of the picture, without extent or with coordinates that are no numbers."""
    content = file(scene())
    for context in ("0", "25", "100", "scene"):
        for is_dashed in (False, True):
            shown = crop(content, shape, context, 160, is_dashed=is_dashed)
            assert 1 <= min(shown.size) <= max(shown.size) <= 160


ANY = st.floats(width=64)


@st.composite
def any_masks(draw: st.DrawFn) -> Mask:
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    bitmap = np.array(draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width)))
    top, left = draw(st.integers(0, 50)), draw(st.integers(0, 50))
    return Mask(bitmap.reshape(height, width), top, left, draw(st.integers(1, 60)), draw(st.integers(1, 60)))


@settings(max_examples=100)
@given(
    shape=st.one_of(
        st.builds(Box, ANY, ANY, ANY, ANY, ANY),
        st.builds(Ellipse, ANY, ANY, ANY, ANY, ANY),
        st.builds(Point, ANY, ANY),
        st.builds(Polygon, st.lists(st.tuples(ANY, ANY), max_size=6).map(tuple)),
        any_masks(),
    ),
    context=st.sampled_from(["0", "25", "100", "scene"]),
    is_dashed=st.booleans(),
)
def test_any_region_gives_a_picture(shape: Any, context: Any, is_dashed: bool) -> None:
    """Whatever numbers a file holds: the pages show something, within the size that was asked for."""
    shown = crop(SMALL, shape, context, 160, is_dashed=is_dashed)
    assert 1 <= min(shown.size) <= max(shown.size) <= 160


@pytest.mark.parametrize(
    "content", [b"", b"no picture", file(scene())[:200], b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_what_is_no_picture_is_refused_in_words(content: bytes) -> None:
    """A broken file is an error that says so, whatever is asked of it."""
    with pytest.raises(UnusableImage, match=r"\w+ \w+"):
        render_crop(content, Crop(None, "scene", 320), MOST)
    with pytest.raises(UnusableImage, match="allowed"):
        render_crop(file(scene()), Crop(None, "scene", 320), 400 * 400 - 1)


def test_another_crop_has_another_key() -> None:
    """Each part of what is asked tells crops apart, and so does the content; the same is the same."""
    shapes = [None, *SHAPES.values(), Mask(np.ones((100, 100), bool), 100, 101, 400, 400)]
    crops = [Crop(shape, context, 320) for shape in shapes for context in ("0", "scene")]
    crops += [Crop(None, "0", 160), Crop(None, "0", 320, False), Crop(None, "0", 320, True, True)]
    keys = {each.key(content) for each in crops for content in ("a", "b")}
    assert len(keys) == 2 * len(crops)
    assert {each.key(content) for each in crops for content in ("a", "b")} == keys


def test_a_large_scene_is_decoded_once_for_its_tiles() -> None:
    """By one thread while the others wait; crops are the same as without, and a broken file breaks each of them."""
    content, seen = file(scene(400, 400)), DecodedPictures(most_pixels=400_000, fewest_pixels=100_000)
    crops = [Crop(Box(0.05 * n, 0.1, 0.3, 0.3), "25", 160) for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        kept = list(pool.map(lambda each: render_crop(content, each, MOST, "scene", seen), crops))
    assert kept == [render_crop(content, each, MOST) for each in crops]
    n_decoded = []

    def decode() -> Image.Image:
        n_decoded.append(1)
        return scene(400, 400)

    def get(name: str, n_pixels: int = 160_000) -> Image.Image:
        return seen.get((name, 1), n_pixels, decode)

    get("scene")
    assert n_decoded == []
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(get, ["other"] * 6))
    assert len(n_decoded) == 1
    get("third")  # there is room for two
    get("other")
    assert len(n_decoded) == 2
    get("scene")
    assert len(n_decoded) == 3
    get("small", 99_999), get("small", 99_999)
    assert len(n_decoded) == 5
    for _ in range(2):
        with pytest.raises(UnusableImage, match="broken"):
            render_crop(content[:500], crops[0], MOST, "broken", seen)


@pytest.mark.parametrize("longest", [160, 640, 1600])
def test_what_was_decoded_for_one_crop_serves_others(longest: int) -> None:
    """A JPEG that was decoded in part serves those that need no more, and no others."""
    content, seen = file(scene(1600, 800), "JPEG"), DecodedPictures(fewest_pixels=1)
    for crop_ in (Crop(None, "scene", longest), Crop(Box(0.2, 0.2, 0.2, 0.2), "25", longest), Crop(None, "scene", 320)):
        assert render_crop(content, crop_, MOST, "scene", seen) == render_crop(content, crop_, MOST)
