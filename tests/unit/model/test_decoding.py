import io
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from errata_model.encoders.images import UnusableImage, decode_image

LIMIT = 1_000_000


def saved(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def gradient(mode="RGB"):
    values = np.linspace(0, 255, 20 * 30).reshape(20, 30).astype(np.uint8)
    return Image.fromarray(values).convert(mode)


def png_without_pixels(width, height, bits=8, colour=2):
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 1000) + b"IDAT" + b"\x78\x9c"


@pytest.mark.parametrize(
    "kind",
    [
        *("1/PNG", "L/PNG", "LA/PNG", "P/PNG", "RGB/PNG", "RGBA/PNG", "P/GIF", "L/JPEG", "RGB/JPEG", "CMYK/JPEG"),
        *("YCbCr/JPEG", "RGB/WEBP", "RGBA/WEBP", "RGB/BMP", "LAB/TIFF", "CMYK/TIFF", "I/TIFF", "F/TIFF"),
        *("RGB/PPM", "RGB/JPEG2000"),
    ],
)
def test_every_mode_becomes_rgb(kind):
    """Dark stays dark and bright stays bright, whatever the mode."""
    mode, _, form = kind.partition("/")
    found = decode_image(saved(gradient(mode), form), LIMIT)
    assert (found.mode, found.size) == ("RGB", (30, 20))
    values = np.asarray(found).mean(axis=2)
    assert values[0].mean() < 60
    assert values[-1].mean() > 190


def test_sixteen_bits_are_stretched():
    """A microscope's 12 bits in a 16-bit file are not almost black."""
    deep = Image.fromarray(np.linspace(100, 4000, 64).reshape(8, 8).astype(np.uint16))
    values = np.asarray(decode_image(saved(deep), LIMIT))
    assert (values.min(), values.max()) == (0, 255)


@pytest.mark.parametrize("values", [[0.0, np.nan], [np.inf, 1.0], [-3e38, 3e38], [5.0, 5.0]])
def test_floats_of_any_size_decode(values):
    """NaN, infinity, extremes and constants."""
    image = Image.fromarray(np.array([values], dtype=np.float32))
    assert decode_image(saved(image, "TIFF"), LIMIT).size == (2, 1)


def test_floats_that_are_all_nan_are_refused():
    """There is nothing to see."""
    image = Image.fromarray(np.full((2, 2), np.nan, dtype=np.float32))
    with pytest.raises(UnusableImage, match="not supported"):
        decode_image(saved(image, "TIFF"), LIMIT)


def test_transparency_is_laid_over_white():
    """Black ink on a transparent page is not black on black."""
    page = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    page.putpixel((1, 1), (0, 0, 0, 255))
    for form in ("PNG", "WEBP"):
        options = {"lossless": True} if form == "WEBP" else {}
        found = decode_image(saved(page, form, **options), LIMIT)
        assert found.getpixel((0, 0)) == (255, 255, 255)
        assert found.getpixel((1, 1)) == (0, 0, 0)
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 10, 10, 10])
    palette.putpixel((1, 0), 1)
    found = decode_image(saved(palette, transparency=0), LIMIT)
    assert [found.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (10, 10, 10)]


def test_exif_orientation_is_applied():
    """What a camera stored on its side stands upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_image(saved(gradient(), "JPEG", exif=exif), LIMIT).size == (20, 30)


def test_a_broken_exif_block_is_no_reason_to_drop_an_image():
    """Browsers show it, too."""
    assert decode_image(saved(gradient(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff"), LIMIT).size == (30, 20)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(form):
    """Every time, not the last one."""
    red, blue = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    r, _, b = decode_image(saved(red, form, save_all=True, append_images=[blue]), LIMIT).getpixel((4, 4))
    assert r > 200 > b


def test_a_bomb_is_refused_by_its_header():
    """Nothing of it is decoded: the file holds a header and no pixels at all."""
    with pytest.raises(UnusableImage, match="2000 x 1000 pixels are more than the 1000000 allowed"):
        decode_image(png_without_pixels(2000, 1000), LIMIT)
    for side in (10_000, 60_000, 2**31 - 1):
        with pytest.raises(UnusableImage, match="pixels"):
            decode_image(png_without_pixels(side, side), LIMIT)
    assert decode_image(saved(Image.new("L", (1000, 1000))), LIMIT).size == (1000, 1000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"hello", "not an image"),
        (b"<!DOCTYPE html><html>log in</html>", "web page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"%PDF-1.4", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (png_without_pixels(10, 10), "truncated or broken"),
        (saved(gradient())[:-40], "truncated or broken"),
        (saved(gradient(), "JPEG")[:400], "broken"),
        (saved(gradient(), "GIF")[:60], "broken"),
        (saved(gradient(), "WEBP")[:60], "broken|not an image"),
    ],
)
def test_what_is_no_image_says_so(content, message):
    """The reason is short and in words."""
    with pytest.raises(UnusableImage, match=message):
        decode_image(content, LIMIT)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "TGA", "JPEG2000"])
def test_damaged_files_decode_or_say_why(form):
    """Nothing but UnusableImage ever comes out of damaged content."""
    seed = 7
    print("seed", seed)
    rng = random.Random(seed)
    whole = saved(gradient(), form)
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        try:
            found = decode_image(bytes(content[: rng.randint(1, len(content))]), 100_000)
        except UnusableImage:
            continue
        assert found.mode == "RGB"


def photograph(mode="RGB", size_wh=(1200, 900)):
    colours = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize(size_wh, Image.Resampling.BICUBIC).convert(mode)


def difference(one, other):
    """Return the root mean square difference of two images, brought to one size, in grey values of 255."""
    small = [np.asarray(each.resize((64, 48), Image.Resampling.BOX), dtype=float) for each in (one, other)]
    return np.sqrt(((small[0] - small[1]) ** 2).mean())


@pytest.mark.parametrize(
    ("least_side", "size"),
    [(None, (1200, 900)), (600, (1200, 900)), (450, (600, 450)), (224, (300, 225)), (1, (150, 113))],
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_large_jpeg_is_decoded_no_larger_than_needed(mode, least_side, size):
    """To no less than what is needed either way, with the same picture in it."""
    content = saved(photograph(mode), "JPEG", quality=95)
    found = decode_image(content, 10_000_000, least_side)
    assert (found.mode, found.size) == ("RGB", size)
    assert difference(found, decode_image(content, 10_000_000)) < 4


def test_a_jpeg_on_its_side_is_turned_when_it_is_decoded_smaller():
    """EXIF orientation holds, and the limit is that of the file."""
    exif = Image.Exif()
    exif[0x0112] = 6
    content = saved(photograph(), "JPEG", exif=exif)
    found = decode_image(content, 10_000_000, 224)
    assert found.size == (225, 300)
    assert difference(found, decode_image(content, 10_000_000)) < 4
    with pytest.raises(UnusableImage, match="1200 x 900 pixels are more than the 1000000 allowed"):
        decode_image(content, LIMIT, 224)


def test_of_a_camera_that_saves_two_pictures_the_first_is_decoded_smaller():
    """MPO, which is a JPEG with others behind it; other formats are decoded whole."""
    several = io.BytesIO()
    photograph().save(several, "MPO", save_all=True, append_images=[photograph().rotate(180)])
    assert decode_image(several.getvalue(), 10_000_000, 224).size == (300, 225)
    assert difference(decode_image(several.getvalue(), 10_000_000, 224), photograph()) < 4
    assert decode_image(saved(photograph()), 10_000_000, 224).size == (1200, 900)


def test_a_truncated_jpeg_is_as_unusable_when_it_is_decoded_smaller():
    """And says so in the same words."""
    with pytest.raises(UnusableImage, match="truncated or broken"):
        decode_image(saved(photograph(), "JPEG")[:9000], 10_000_000, 224)
