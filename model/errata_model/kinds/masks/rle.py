"""Run lengths as Label Studio's brush stores them, both ways.

The bytes are one stream of bits, most significant first: 32 bits that say how many values follow, 5 the bits of a
value less 1, four times 4 the bits of a length less 1. Then blocks: 1 bit that says whether one value is repeated, 2
which of the four widths the length has, the length less 1, and the value, or as many values. The values of a mask are
red, green, blue and alpha of each pixel of the whole image, row by row; a pixel is in the mask where its alpha is not
0, as Label Studio's page shows it.

A mask has few blocks, and none is looked at bit by bit; nothing as large as the image is made but where a mask is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from errata_model.regions.shapes import Mask

_HEADER_BITS = 32 + 5 + 4 * 4
_VALUE_BITS = 8
_WIDTHS = (3, 4, 8, 16)  # of lengths, as Label Studio writes them
_LONGEST = 1 << _WIDTHS[-1]
# By the length of a run, up to 1, 8, 16, 256 and more: the first three bits of its block, the width of the length.
_GREATEST = np.array([1, 8, 16, 256])
_BEGINS = np.array([form << width + _VALUE_BITS for form, width in ((0, 3), (4, 3), (5, 4), (6, 8), (7, 16))])
_SIZES = np.array([3 + width + _VALUE_BITS for width in (3, 3, 4, 8, 16)])
_AT_A_TIME = 16  # blocks
_HELD = 128  # bytes
_CHANNELS = 4
_OPAQUE = 255
_Forms = Sequence[tuple[bool, int, int]]


def decode(rle: bytes | Sequence[int]) -> NDArray[np.uint8]:
    """Return the (n,) values that run lengths stand for.

    Args:
        rle: the bytes, each in [0, 255].

    Raises:
        ValueError: no bytes, too few for what they announce, or values of another width than 8 bits.
    """
    stream = _to_bytes(rle)
    n_values, forms = _read_header(stream)
    values, bounds = _read_runs(stream, n_values, forms)
    found = np.zeros(n_values, dtype=np.uint8)
    for value, begin, end in zip(values, bounds[::2], bounds[1::2], strict=True):
        found[begin:end] = value
    return found


def encode(values: NDArray[np.uint8]) -> bytes:
    """Return the run lengths of (n,) values; what Label Studio's SDK writes, bit by bit.

    Raises:
        ValueError: not one row of 8 bits each, or too many for 32 bits to count.
    """
    if values.ndim != 1 or values.dtype != np.uint8:
        raise ValueError(f"`values` must be (n,) uint8, got {values.shape} {values.dtype}")
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]) + 1, len(values))
    lengths = np.diff(ends, prepend=0)
    return _write_runs(values[ends[lengths > 0] - 1].astype(np.int64), lengths[lengths > 0])


def decode_mask(rle: bytes | Sequence[int], width: int, height: int) -> Mask | None:
    """Return the mask that run lengths stand for, None where no pixel is in it.

    Args:
        rle: the bytes, each in [0, 255].
        width: of the image, in pixels.
        height: likewise.

    Raises:
        ValueError: as `decode`; or the values are not those of an image of this size.
    """
    stream = _to_bytes(rle)
    n_values, forms = _read_header(stream)
    if n_values != width * height * _CHANNELS:
        raise ValueError(f"the run lengths stand for {n_values} values, where {width} x {height} pixels have 4 each")
    _, bounds = _read_runs(stream, n_values, forms)
    # The pixels whose alpha is within a run: those with begin <= 4 i + 3 < end.
    turns = np.array(bounds, dtype=np.int64) >> 2
    if not (turns[1:] > turns[:-1]).all():
        turns = _without_seams(turns)
    return _between(turns, width, height) if len(turns) else None


def _without_seams(turns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the begins and ends of runs, by turns, without those where one ends and the next begins."""
    places, counts = np.unique(turns, return_counts=True)
    return np.asarray(places[counts % 2 == 1])


def _between(turns: NDArray[np.int64], width: int, height: int) -> Mask:
    """Return the mask of the pixels between turns, which tell by turns where it begins and where it ends."""
    begins = turns[::2]
    lengths = turns[1::2] - begins
    rows = begins // width
    columns = begins - rows * width
    top, bottom = int(rows[0]), int(turns[-1] - 1) // width + 1
    left, right = int(columns.min()), int((columns + lengths).max())
    if right > width:  # a run that goes on in the next row is in the first column and in the last
        left, right = 0, width
    places = (rows - top) * (right - left) + (columns - left)
    is_turn = np.zeros((bottom - top) * (right - left) + 1, dtype=np.bool_)
    is_turn[places] = True
    is_turn[places + lengths] ^= True  # at the right edge, where the next row's run begins: no turn
    bitmap = np.logical_xor.accumulate(is_turn[:-1]).reshape(bottom - top, right - left)
    return Mask(bitmap, top, left, height, width)


def encode_mask(mask: Mask) -> bytes:
    """Return the run lengths of a mask: all four values of a pixel are 255 in it, and 0 elsewhere."""
    n_rows, n_columns = mask.bitmap.shape
    padded = np.zeros((n_rows, n_columns + 2), dtype=np.bool_)
    padded[:, 1:-1] = mask.bitmap
    places = (padded[:, 1:] != padded[:, :-1]).ravel().nonzero()[0]  # where a run begins or ends, by turns
    rows = places // (n_columns + 1)
    bounds = places + rows * (mask.width - n_columns - 1) + (mask.top * mask.width + mask.left)
    if n_columns == mask.width and n_rows > 1:
        is_seam = bounds[1:] == bounds[:-1]  # a run that goes on in the next row
        bounds = bounds[np.append(~is_seam, True) & np.insert(~is_seam, 0, True)]
    turns = np.concatenate(([0], bounds, [mask.width * mask.height])) * _CHANNELS
    lengths = turns[1:] - turns[:-1]
    values = np.zeros(len(lengths), dtype=np.int64)
    values[1::2] = _OPAQUE
    first, last = int(lengths[0] == 0), len(lengths) - int(lengths[-1] == 0)  # the mask has the first, or last, pixel
    return _write_runs(values[first:last], lengths[first:last])


def _read_runs(stream: bytes, n_values: int, forms: _Forms) -> tuple[list[int], list[int]]:
    """Return the value of each run that is not of zeros; and where each begins and ends, by turns."""
    padded, n_bits = stream + bytes(_HELD), len(stream) * 8
    values, bounds = list[int](), list[int]()
    at, end = _HEADER_BITS, 0
    while end < n_values and at < n_bits:
        # Some bytes at a time as one number, of which the next 32 bits begin `left` bits above the last.
        held = int.from_bytes(padded[at >> 3 : (at >> 3) + _HELD], "big")
        left = 8 * _HELD - 32 - (at & 7)
        at += left
        while left >= 0 and end < n_values:
            block = held >> left & 0xFFFFFFFF
            is_run, width, greatest = forms[block >> 29]
            begin = end
            end += (block >> 29 - width & greatest) + 1
            if not is_run:
                break
            left -= 11 + width
            if value := block >> 21 - width & 255:
                values.append(value)
                bounds += begin, end
        at -= left
        if not is_run:
            at += 3 + width
            for place, value in enumerate(_literals(padded, at, end - begin), begin):
                if value:
                    values.append(value)
                    bounds += place, place + 1
            at += _VALUE_BITS * (end - begin)
    if end < n_values or at > n_bits:
        raise ValueError("the run lengths end before the image does")
    if bounds and bounds[-1] > n_values:
        if bounds[-2] >= n_values:
            raise ValueError("the run lengths have more values than they announce")
        bounds[-1] = n_values  # as on Label Studio's page: what is over of the last run is cut
    return values, bounds


def _literals(stream: bytes, at: int, count: int) -> bytes:
    """Return the bytes that begin at a bit."""
    begin = at >> 3
    held = stream[begin : begin + count + 1]
    kept = int.from_bytes(held, "big") >> 8 - (at & 7) & (1 << _VALUE_BITS * count) - 1
    return kept.to_bytes(count, "big") if len(held) > count else bytes(count)


def _to_bytes(rle: bytes | Sequence[int]) -> bytes:
    try:
        if isinstance(rle, bytes | list | tuple):
            return bytes(rle)
    except (TypeError, ValueError):
        pass
    raise ValueError("the run lengths are not a list of whole numbers from 0 to 255")


def _read_header(stream: bytes) -> tuple[int, _Forms]:
    """Return how many values there are, and what a block's first three bits say.

    That is whether one value is repeated, the width of its length, and the greatest number of this width.
    """
    if len(stream) * 8 < _HEADER_BITS:
        raise ValueError(f"the run lengths are {len(stream)} bytes, fewer than their header has")
    fields = int.from_bytes(stream[:7], "big") >> 56 - _HEADER_BITS
    if (value_bits := (fields >> 16 & 31) + 1) != _VALUE_BITS:
        raise ValueError(f"the run lengths have values of {value_bits} bits, where an image has those of {_VALUE_BITS}")
    widths = [(fields >> shift & 15) + 1 for shift in (12, 8, 4, 0)]
    return fields >> 21, [(is_run, width, (1 << width) - 1) for is_run in (False, True) for width in widths]


def _write_runs(values: NDArray[np.int64], lengths: NDArray[np.int64]) -> bytes:
    """Return the stream of runs."""
    n_values = int(lengths.sum())
    if n_values >= 1 << 32:
        raise ValueError(f"there are {n_values} values, more than 32 bits can count")
    which = np.searchsorted(_GREATEST, lengths)
    if len(lengths) and lengths.max() > _LONGEST:  # by blocks of the greatest length, and one of what is left
        n_blocks = (lengths + _LONGEST - 1) // _LONGEST
        last = np.cumsum(n_blocks) - 1
        rests = lengths - (n_blocks - 1) * _LONGEST
        which, values = np.repeat(which, n_blocks), np.repeat(values, n_blocks)
        lengths = np.full(len(which), _LONGEST)
        lengths[last] = rests
    codes, sizes = _BEGINS[which] | (lengths - 1) << _VALUE_BITS | values, _SIZES[which]
    held, n_held = n_values << 5 | _VALUE_BITS - 1, _HEADER_BITS
    for width in _WIDTHS:
        held = held << 4 | width - 1
    if len(codes) % 2:
        held, n_held = held << int(sizes[0]) | int(codes[0]), n_held + int(sizes[0])
        codes, sizes = codes[1:], sizes[1:]
    codes, sizes = codes[::2] << sizes[1::2] | codes[1::2], sizes[::2] + sizes[1::2]  # two at once fit into 64 bits
    # Bits are written some blocks at a time: as one number they would take longer the more there are.
    stream = bytearray()
    for first in range(0, len(codes), _AT_A_TIME):
        some = slice(first, first + _AT_A_TIME)
        for code, size in zip(codes[some].tolist(), sizes[some].tolist(), strict=True):
            held = held << size | code
            n_held += size
        stream += (held >> (n_held & 7)).to_bytes(n_held >> 3, "big")
        n_held &= 7
        held &= (1 << n_held) - 1
    n_spare = 8 - (n_held & 7)  # at least one, as the SDK has it
    return bytes(stream + (held << n_spare).to_bytes(n_held + n_spare >> 3, "big"))
