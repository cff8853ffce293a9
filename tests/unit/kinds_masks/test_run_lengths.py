"""Run lengths of brush masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_studio_sdk.converter.brush import decode_rle, encode_rle, mask2rle

from errata_model.kinds.masks import rle
from errata_model.regions.shapes import Mask

RUNS = st.lists(st.tuples(st.integers(0, 255), st.integers(1, 300)), max_size=30)


@st.composite
def masks(draw):
    """A mask that has a pixel, smallest crop, in an image of any size."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    pixels = rng.random((height, width)) < draw(st.sampled_from([0.02, 0.5, 1.0]))
    pixels[rng.integers(height), rng.integers(width)] = True
    return pixels


def cropped(pixels):
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    bitmap = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Mask(bitmap, int(rows[0]), int(columns[0]), *pixels.shape)


@given(RUNS)
def test_the_same_bytes_are_written_as_by_the_sdk_and_the_same_values_read(runs):
    """Any values: `encode` writes what Label Studio's SDK writes, and `decode` reads it back as that does."""
    values = np.repeat(*np.array(runs or np.zeros((0, 2)), dtype=np.int64).T).astype(np.uint8)
    stream = rle.encode(values)
    if len(values):
        assert list(stream) == encode_rle(values)
    assert np.array_equal(rle.decode(stream), values)
    assert np.array_equal(rle.decode(list(stream)), decode_rle(list(stream)))


@given(masks())
def test_masks_are_written_and_read_as_by_the_sdk(pixels):
    """Any mask: the bytes are the SDK's of the whole image, and the crop that is read is the smallest."""
    mask = cropped(pixels)
    stream = rle.encode_mask(mask)
    assert list(stream) == mask2rle((pixels * 255).astype(np.uint8))
    found = rle.decode_mask(stream, mask.width, mask.height)
    assert (found.top, found.left, found.height, found.width) == (mask.top, mask.left, mask.height, mask.width)
    assert np.array_equal(found.bitmap, mask.bitmap)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32))
@settings(max_examples=200)
def test_pixels_of_any_opacity_are_in_the_mask(height, width, seed):
    """Values as a page draws them, edges half transparent, in blocks with and without repetition: alpha counts."""
    rng = np.random.default_rng(seed)
    image = rng.choice([0, 0, 17, 255], (height, width, 4)).astype(np.uint8)
    found = rle.decode_mask(_mixed_blocks(image.ravel(), rng), width, height)
    pixels = np.zeros((height, width), dtype=bool)
    if found is not None:
        rows, columns = found.bitmap.shape
        pixels[found.top : found.top + rows, found.left : found.left + columns] = found.bitmap
        assert found.bitmap.any(axis=0)[[0, -1]].all()
        assert found.bitmap.any(axis=1)[[0, -1]].all()
    assert np.array_equal(pixels, image[:, :, 3] > 0)


def _mixed_blocks(values, rng):
    """Write values by blocks of any allowed form: in other widths of lengths, and unrepeated."""
    widths = rng.integers(1, 17, 4)
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{width - 1:04b}" for width in widths)
    at = 0
    while at < len(values):
        which = int(rng.integers(4))
        most = 1 << int(widths[which])
        same = int(np.argmax(np.append(values[at:] != values[at], True)))
        is_run = bool(rng.integers(2))
        count = int(rng.integers(1, min(most, same if is_run else len(values) - at) + 1))
        bits += f"{int(is_run)}{which:02b}{count - 1:0{widths[which]}b}"
        bits += "".join(f"{value:08b}" for value in values[at : at + (1 if is_run else count)])
        at += count
    bits += "0" * (-len(bits) % 8)
    return [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]


@pytest.mark.parametrize("speckles", [1, 500])
def test_runs_longer_than_a_block_are_split(speckles):
    """An image of a million pixels, one or many of them marked: lengths beyond 16 bits go into several blocks."""
    pixels = np.zeros((1024, 1024), dtype=bool)
    pixels[700, 3] = True
    pixels.ravel()[300_000 : 300_000 + 3 * speckles : 3] = True
    stream = rle.encode_mask(cropped(pixels))
    assert list(stream) == mask2rle((pixels * 255).astype(np.uint8))
    found = rle.decode_mask(stream, 1024, 1024)
    assert np.array_equal(found.bitmap, cropped(pixels).bitmap)
    assert (found.top, found.left) == (cropped(pixels).top, cropped(pixels).left)


def test_an_empty_mask_is_none():
    """Run lengths of an image without a marked pixel stand for no mask."""
    assert rle.decode_mask(rle.encode(np.zeros(4 * 12, dtype=np.uint8)), 4, 3) is None


@given(masks(), st.data())
def test_what_is_cut_off_is_refused(pixels, data):
    """However few of the bytes are left, the answer is an error in words, not another mask."""
    mask = cropped(pixels)
    stream = rle.encode_mask(mask)
    kept = data.draw(st.integers(0, len(stream) - 2))
    with pytest.raises(ValueError, match="run lengths"):
        rle.decode_mask(stream[:kept], mask.width, mask.height)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_in_words(stream):
    """Noise has a meaning or a ValueError, never another one, and no memory is spent on what it announces."""
    try:
        found = rle.decode_mask(stream, 5, 4)
    except ValueError as error:
        assert "run lengths" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert found is None or found.bitmap.any()


@pytest.mark.parametrize("broken", [None, "rle", [1, 2, 256], [-1], [1.5], [[1]], {"a": 1}, 7])
def test_what_is_no_list_of_bytes_is_refused(broken):
    """Anything that a JSON file may hold in the place of bytes is named as such."""
    with pytest.raises(ValueError, match="run lengths"):
        rle.decode_mask(broken, 2, 2)


def test_a_mask_of_another_size_is_refused():
    """The message tells both sizes."""
    stream = rle.encode_mask(Mask(np.ones((1, 1), dtype=bool), 0, 0, 3, 4))
    with pytest.raises(ValueError, match="48 values, where 5 x 3 pixels"):
        rle.decode_mask(stream, 5, 3)


def test_values_of_another_width_are_refused():
    """Sixteen bits a value are none of an image."""
    stream = bytearray(rle.encode(np.zeros(4, dtype=np.uint8)))
    stream[4] = 15 << 3 | stream[4] & 7
    with pytest.raises(ValueError, match="16 bits"):
        rle.decode(bytes(stream))


@pytest.mark.parametrize("values", [np.zeros((2, 2), dtype=np.uint8), np.zeros(4)])
def test_only_rows_of_bytes_are_encoded(values):
    """The error names what was given."""
    with pytest.raises(ValueError, match="must be"):
        rle.encode(values)
