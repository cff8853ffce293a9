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
# By how many bits the length of a run less 1 has: the first three bits of its block, where they stand, and the block's.
_FORMS_OF = (0, 4, 4, 4, 5, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 7)
_BEGINS = tuple(form << _WIDTHS[form & 3] + _VALUE_BITS for form in _FORMS_OF)
_SIZES = tuple(3 + _WIDTHS[form & 3] + _VALUE_BITS for form in _FORMS_OF)
_GREATEST = np.array([1, 8, 16, 256])  # lengths of
_BITS = np.array([0, 3, 4, 8, 16])  # bits, and more
_FEW = 300  # runs; up to there numbers of Python's are quicker than arrays
_HELD_BITS = 512
_HELD = 32  # bytes
_CHANNELS = 4
_OPAQUE = 255
_Forms = Sequence[tuple[bool, int, int, int, int]]


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
    places = rows * (right - left) + columns
    places -= top * (right - left) + left
    is_turn = np.zeros((bottom - top) * (right - left) + 1, dtype=np.bool_)
    is_turn[places] = True
    places += lengths
    is_turn[places] ^= True  # at the right edge, where the next row's run begins: no turn
    bitmap = np.logical_xor.accumulate(is_turn[:-1]).reshape(bottom - top, right - left)
    return Mask(bitmap, top, left, height, width)


def encode_mask(mask: Mask) -> bytes:
    """Return the run lengths of a mask: all four values of a pixel are 255 in it, and 0 elsewhere."""
    n_rows, n_columns = mask.bitmap.shape
    line = np.zeros(n_rows * (n_columns + 1) + 1, dtype=np.bool_)  # each row, and a pixel that is not in the mask
    line[1:].reshape(n_rows, n_columns + 1)[:, :-1] = mask.bitmap
    places = (line[1:] != line[:-1]).nonzero()[0]  # where a run begins or ends, by turns
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
            is_run, behind_length, greatest, behind_value, size = forms[block >> 29]
            begin = end
            end += (block >> behind_length & greatest) + 1
            if not is_run:
                break
            left -= size
            if value := block >> behind_value & 255:
                values.append(value)
                bounds += begin, end
        at -= left
        if not is_run:
            at += size - _VALUE_BITS
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

    That is whether one value is repeated; of the block's first 32 bits how many are behind the length, the greatest
    number of its width, and how many are behind the value; and how many bits the block has.
    """
    if len(stream) * 8 < _HEADER_BITS:
        raise ValueError(f"the run lengths are {len(stream)} bytes, fewer than their header has")
    fields = int.from_bytes(stream[:7], "big") >> 56 - _HEADER_BITS
    if (value_bits := (fields >> 16 & 31) + 1) != _VALUE_BITS:
        raise ValueError(f"the run lengths have values of {value_bits} bits, where an image has those of {_VALUE_BITS}")
    widths = [(fields >> shift & 15) + 1 for shift in (12, 8, 4, 0)]
    return fields >> 21, [
        (is_run, 29 - width, (1 << width) - 1, 21 - width, 11 + width) for is_run in (False, True) for width in widths
    ]


def _write_runs(values: NDArray[np.int64], lengths: NDArray[np.int64]) -> bytes:
    """Return the stream of runs."""
    n_values = int(lengths.sum())
    if n_values >= 1 << 32:
        raise ValueError(f"there are {n_values} values, more than 32 bits can count")
    header = n_values << 5 | _VALUE_BITS - 1
    for width in _WIDTHS:
        header = header << 4 | width - 1
    if len(lengths) <= _FEW:
        return _write_few(header, values.tolist(), lengths.tolist())
    return _write_many(header, values, lengths)


def _write_few(header: int, values: Sequence[int], lengths: Sequence[int]) -> bytes:
    """Return the stream of runs, bits being appended to a number: most masks have few runs."""
    held, n_held = header, _HEADER_BITS
    stream = bytearray()
    for value, length in zip(values, lengths, strict=True):
        n_bits, rest = (length - 1).bit_length(), length
        if n_bits > _WIDTHS[-1]:  # by blocks of the greatest length, and one of what is left
            n_bits = _WIDTHS[-1]
            while rest > _LONGEST:
                held = held << _SIZES[n_bits] | _BEGINS[n_bits] | _LONGEST - 1 << _VALUE_BITS | value
                n_held += _SIZES[n_bits]
                rest -= _LONGEST
        held = held << _SIZES[n_bits] | _BEGINS[n_bits] | rest - 1 << _VALUE_BITS | value
        n_held += _SIZES[n_bits]
        if n_held > _HELD_BITS:  # as one number bits would take longer the more there are
            stream += (held >> (n_held & 7)).to_bytes(n_held >> 3, "big")
            n_held &= 7
            held &= (1 << n_held) - 1
    n_spare = 8 - (n_held & 7)  # at least one, as the SDK has it
    return bytes(stream + (held << n_spare).to_bytes(n_held + n_spare >> 3, "big"))


def _write_many(header: int, values: NDArray[np.int64], lengths: NDArray[np.int64]) -> bytes:
    """Return the stream of runs, all of them at once."""
    n_blocks = (lengths + _LONGEST - 1) // _LONGEST
    forms = np.searchsorted(_GREATEST, lengths).repeat(n_blocks)
    rests = np.full(len(forms), _LONGEST)
    rests[np.cumsum(n_blocks) - 1] = lengths - (n_blocks - 1) * _LONGEST
    n_bits = _BITS[forms]
    codes = np.array(_BEGINS)[n_bits] | rests - 1 << _VALUE_BITS | values.repeat(n_blocks)
    codes, sizes = np.append(header, codes), np.append(_HEADER_BITS, np.array(_SIZES)[n_bits])
    ends = np.cumsum(sizes)
    words = (ends - 1) >> 6  # of 64 bits; in each of them some code ends, and at most one goes on from the last
    firsts = np.flatnonzero(np.diff(words, prepend=-1))
    spare = (-ends & 63).astype(np.uint64)
    stream = np.bitwise_or.reduceat(codes.astype(np.uint64) << spare, firsts)
    stream[:-1] |= codes[firsts[1:]].astype(np.uint64) >> np.uint64(1) >> np.uint64(63) - spare[firsts[1:]]
    n_bytes = (int(ends[-1]) >> 3) + 1  # at least one bit is left over, as the SDK has it
    return stream.astype(">u8").tobytes().ljust(n_bytes, b"\0")[:n_bytes]
