"""Run lengths as Label Studio's brush stores them, both ways.

The bytes are one stream of bits, most significant first: 32 bits that say how many values follow, 5 the bits of a
value less 1, four times 4 the bits of a length less 1. Then blocks: 1 bit that says whether one value is repeated, 2
which of the four widths the length has, the length less 1, and the value, or as many values. The values of a mask are
red, green, blue and alpha of each pixel of the whole image, row by row; a pixel is in the mask where its alpha is not
0, as Label Studio's page shows it.

A mask has few blocks, and none is looked at bit by bit; nothing as large as the image is made but where a mask is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from errata_model.regions.shapes import Mask

_HEADER_BITS = 32 + 5 + 4 * 4
_VALUE_BITS = 8
_WIDTHS = (3, 4, 8, 16)  # of lengths, as Label Studio writes them
_LONGEST = 1 << _WIDTHS[-1]
# A length less 1 has so many bits: the block's first three, and the width of its length. One value is not repeated.
_BLOCKS = [(0, 3), *[(4, 3)] * 3, (5, 4), *[(6, 8)] * 4, *[(7, 16)] * 24]
_MOST_HELD = 2048
_CHANNELS = 4
_OPAQUE = 255
_window = Struct(">Q").unpack_from  # eight bytes as a number: whole but for what literal values follow, a block fits


def decode(rle: bytes | Sequence[int]) -> NDArray[np.uint8]:
    """Return the (n,) values that run lengths stand for.

    Args:
        rle: the bytes, each in [0, 255].

    Raises:
        ValueError: no bytes, too few for what they announce, or values of another width than 8 bits.
    """
    values, ends = _read_runs(rle)
    return np.repeat(np.frombuffer(values, dtype=np.uint8), np.diff(np.array(ends, dtype=np.int64), prepend=0))


def encode(values: NDArray[np.uint8]) -> bytes:
    """Return the run lengths of (n,) values; what Label Studio's SDK writes, bit by bit.

    Raises:
        ValueError: not one row of 8 bits each, or too many for 32 bits to count.
    """
    if values.ndim != 1 or values.dtype != np.uint8:
        raise ValueError(f"`values` must be (n,) uint8, got {values.shape} {values.dtype}")
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]) + 1, [len(values)] * (len(values) > 0))
    lengths = np.diff(ends, prepend=0)
    return _write_runs(zip(values[ends.astype(np.int64) - 1].tolist(), lengths.tolist(), strict=True), len(values))


def decode_mask(rle: bytes | Sequence[int], width: int, height: int) -> Mask | None:
    """Return the mask that run lengths stand for, None where no pixel is in it.

    Args:
        rle: the bytes, each in [0, 255].
        width: of the image, in pixels.
        height: likewise.

    Raises:
        ValueError: as `decode`; or the values are not those of an image of this size.
    """
    said, said_ends = _read_runs(rle)
    n_values = said_ends[-1] if said_ends else 0
    if n_values != width * height * _CHANNELS:
        raise ValueError(f"the run lengths stand for {n_values} values, where {width} x {height} pixels have 4 each")
    # The pixels whose alpha is within a run: those with begin <= 4 i + 3 < end.
    bounds = np.array([0, *said_ends]) // _CHANNELS
    is_in = (np.frombuffer(said, dtype=np.uint8) > 0) & (bounds[1:] > bounds[:-1])
    if not is_in.any():
        return None
    (rows, columns), (last_rows, last_columns) = divmod(bounds[:-1][is_in], width), divmod(bounds[1:][is_in] - 1, width)
    top, bottom, left, right = int(rows[0]), int(last_rows[-1]) + 1, 0, width
    if (rows == last_rows).all():  # a run that goes on in the next row is in the first column and in the last
        left, right = int(columns.min()), int(last_columns.max()) + 1
    is_turn = np.zeros((bottom - top) * (right - left) + 1, dtype=np.bool_)
    is_turn[(rows - top) * (right - left) + columns - left] = True
    is_turn[(last_rows - top) * (right - left) + last_columns - left + 1] ^= True  # no turn where another run begins
    bitmap = np.logical_xor.accumulate(is_turn[:-1]).reshape(bottom - top, right - left)
    return Mask(bitmap, top, left, height, width)


def encode_mask(mask: Mask) -> bytes:
    """Return the run lengths of a mask: all four values of a pixel are 255 in it, and 0 elsewhere."""
    n_rows, n_columns = mask.bitmap.shape
    padded = np.zeros((n_rows, n_columns + 2), dtype=np.bool_)
    padded[:, 1:-1] = mask.bitmap
    rows, columns = np.nonzero(padded[:, 1:] != padded[:, :-1])  # where a run begins or ends, by turns
    bounds = ((rows + mask.top) * mask.width + mask.left + columns).tolist()
    n_pixels = mask.width * mask.height
    return _write_runs(_between(bounds, n_pixels), n_pixels * _CHANNELS)


def _between(bounds: Iterable[int], n_pixels: int) -> Iterator[tuple[int, int]]:
    """Return the runs outside of a mask and in it, by turns, of the pixels at which it begins and ends."""
    turns: list[int] = []
    for bound in bounds:
        if turns and turns[-1] == bound:
            turns.pop()  # a run that goes on in the next row
        else:
            turns.append(bound)
    begin, value = 0, 0
    for turn in (*turns, n_pixels):
        if turn > begin:
            yield value, (turn - begin) * _CHANNELS
        begin, value = turn, _OPAQUE - value


def _read_runs(rle: bytes | Sequence[int]) -> tuple[bytearray, list[int]]:
    """Return the values of runs, and how many values there are up to the end of each."""
    stream = _to_bytes(rle)
    n_values, widths = _read_header(stream)
    padded, n_bits = stream + bytes(8), len(stream) * 8
    values, ends = bytearray(), list[int]()
    at, end = _HEADER_BITS, 0
    while end < n_values and at < n_bits:
        block = _window(padded, at >> 3)[0] >> 32 - (at & 7)  # the lowest 32 bits begin with the block
        width, greatest = widths[block >> 29 & 3]
        count = (block >> 29 - width & greatest) + 1
        end += count
        at += 11 + width
        if block & 0x80000000:
            values.append(block >> 21 - width & 255)
            ends.append(end)
        else:
            values += _literals(padded, at - _VALUE_BITS, count)
            ends += range(end - count + 1, end + 1)
            at += _VALUE_BITS * (count - 1)
    if end < n_values or at > n_bits:
        raise ValueError("the run lengths end before the image does")
    if len(ends) > 1 and ends[-2] >= n_values:
        raise ValueError("the run lengths have more values than they announce")
    if ends:
        ends[-1] = n_values  # as on Label Studio's page: what is over of the last run is cut
    return values, ends


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


def _read_header(stream: bytes) -> tuple[int, list[tuple[int, int]]]:
    """Return how many values there are, and the four widths of lengths with the greatest number of each."""
    if len(stream) * 8 < _HEADER_BITS:
        raise ValueError(f"the run lengths are {len(stream)} bytes, fewer than their header has")
    fields = _window(stream + bytes(1), 0)[0] >> 64 - _HEADER_BITS
    if (value_bits := (fields >> 16 & 31) + 1) != _VALUE_BITS:
        raise ValueError(f"the run lengths have values of {value_bits} bits, where an image has those of {_VALUE_BITS}")
    widths = [(fields >> shift & 15) + 1 for shift in (12, 8, 4, 0)]
    return fields >> 21, [(width, (1 << width) - 1) for width in widths]


def _write_runs(runs: Iterable[tuple[int, int]], n_values: int) -> bytes:
    """Return the stream of runs, (value, length) each."""
    if n_values >= 1 << 32:
        raise ValueError(f"there are {n_values} values, more than 32 bits can count")
    header = n_values << 5 | _VALUE_BITS - 1
    for width in _WIDTHS:
        header = header << 4 | width - 1
    # Bits that are not written yet; as one number they would take longer the more there are.
    stream, held, n_held = bytearray(), header, _HEADER_BITS
    for value, length in runs:
        which, width = _BLOCKS[(length - 1).bit_length()]
        if length > _LONGEST:
            full = (7 << width | _LONGEST - 1) << _VALUE_BITS | value
            for _ in range((length - 1) // _LONGEST):
                held, n_held = held << 3 + width + _VALUE_BITS | full, n_held + 3 + width + _VALUE_BITS
        held = held << 3 + width + _VALUE_BITS | (which << width | length - 1 & _LONGEST - 1) << _VALUE_BITS | value
        n_held += 3 + width + _VALUE_BITS
        if n_held > _MOST_HELD:
            stream += (held >> (n_held & 7)).to_bytes(n_held >> 3, "big")
            n_held &= 7
            held &= (1 << n_held) - 1
    n_spare = 8 - (n_held & 7)  # at least one, as the SDK has it
    return bytes(stream + (held << n_spare).to_bytes(n_held + n_spare >> 3, "big"))
