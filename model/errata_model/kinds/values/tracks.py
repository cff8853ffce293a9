"""What people mark on a video: objects that move, and stretches of time. Frames count from 1, as in Label Studio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.values.matched import best_pairs, matched_similarity

Track = Mapping[str, Any]  # "labels": of the object; "sequence": its keyframes; "frames": how many the video has
Stretch = Mapping[str, Any]  # "labels": of it; "ranges": [first, last frame] pairs
_SIDES = ("x", "y", "width", "height")
_SAME_LABELS = 1.001  # times as much: what decides between places that are as good


def tracks_similarity(one: Sequence[Track], other: Sequence[Track]) -> float:
    """Return how similar two sets of tracked objects are, in [0, 1].

    Objects are matched, each weighed by the frames that it is seen in; see `matched_similarity`. Two objects are as
    similar as the mean overlap of their boxes over the frames that either is seen in; not at all where their labels
    differ. Boxes are compared as they are before they are turned.
    """
    left, right = ([_Boxes(track) for track in tracks] for tracks in (one, other))
    left, right = ([boxes for boxes in each if boxes.n_seen] for each in (left, right))
    return matched_similarity(left, right, _overlap, lambda boxes: float(boxes.n_seen))


def stretches_similarity(one: Sequence[Stretch], other: Sequence[Stretch]) -> float:
    """Return the frames that both mark with the same labels, by those that either does; in [0, 1].

    Returns:
        1 where neither marks anything.
    """
    left, right = _marked(one), _marked(other)
    union = left | right
    return len(left & right) / len(union) if union else 1.0


def corresponding_tracks(one: Sequence[Track], other: Sequence[Track]) -> list[tuple[int, int]]:
    """Return which objects of two sets are the same, whatever their labels, as pairs of places in them.

    Each is in one pair at most. The mean overlap over all pairs is the most that there is; objects that never overlap
    are no pair. Labels decide where places do not.
    """
    left, right = ([_Boxes(track) for track in tracks] for tracks in (one, other))
    return _pairs([[_shared(a, b) * _favour(a.labels, b.labels) for b in right] for a in left])


def corresponding_stretches(one: Sequence[Stretch], other: Sequence[Stretch]) -> list[tuple[int, int]]:
    """Return which stretches of two sets are the same, whatever their labels, by the frames that both mark.

    As `corresponding_tracks`.
    """
    gains = [[_shared_frames(a, b) * _favour(a.get("labels"), b.get("labels")) for b in other] for a in one]
    return _pairs(gains)


def _pairs(gains: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    return best_pairs(np.array(gains, dtype=np.float64)) if gains and gains[0] else []


def _favour(labels: Iterable[str] | None, others: Iterable[str] | None) -> float:
    return _SAME_LABELS if frozenset(labels or ()) == frozenset(others or ()) else 1.0


def _shared_frames(one: Stretch, other: Stretch) -> float:
    return stretches_similarity([{**one, "labels": []}], [{**other, "labels": []}]) if one["ranges"] else 0.0


class _Boxes:
    """An object's box in each frame of the video.

    Attributes:
        labels: of the object.
        first: frame of the first row.
        xywh: (frames, 4), NaN where the object is not seen.
    """

    def __init__(self, track: Track) -> None:
        self.labels = frozenset(track.get("labels") or ())
        keys = sorted(track["sequence"], key=lambda key: key["frame"])
        self.first = int(keys[0]["frame"]) if keys else 1
        last = max([int(track.get("frames") or 0), *(int(key["frame"]) for key in keys)])
        self.xywh = np.full((max(last - self.first + 1, 0), 4), np.nan)
        for key, following in pairwise([*keys, None]):
            self._fill(key, following, last)
        self.n_seen = int(np.isfinite(self.xywh[:, 0]).sum())

    def _fill(self, key: Mapping[str, Any], following: Mapping[str, Any] | None, last: int) -> None:
        """Write the frames from one keyframe to the next, on a straight line; the first alone where it ends there."""
        box = np.array([key[side] for side in _SIDES], dtype=np.float64)
        start = int(key["frame"])
        stop = start + 1 if not key.get("enabled", True) else (int(following["frame"]) if following else last + 1)
        way = np.zeros(4) if following is None else np.array([following[side] for side in _SIDES]) - box
        steps = np.arange(max(stop - start, 1))[:, None]
        length = max(int(following["frame"]) - start, 1) if following else 1
        self.xywh[start - self.first : start - self.first + len(steps)] = box + way * steps / length

    def at(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return (frames, 4), NaN where the object is not seen."""
        rows = frames - self.first
        found = np.full((len(frames), 4), np.nan)
        is_there = (rows >= 0) & (rows < len(self.xywh))
        found[is_there] = self.xywh[rows[is_there]]
        return found


def _overlap(one: _Boxes, other: _Boxes) -> float:
    return _shared(one, other) if one.labels == other.labels else 0.0


def _shared(one: _Boxes, other: _Boxes) -> float:
    """Return the mean overlap of two objects' boxes over the frames that either is seen in, whatever their labels."""
    if not one.n_seen or not other.n_seen:
        return 0.0
    first = min(one.first, other.first)
    last = max(one.first + len(one.xywh), other.first + len(other.xywh))
    a, b = (boxes.at(np.arange(first, last)) for boxes in (one, other))
    n_seen = int((np.isfinite(a[:, 0]) | np.isfinite(b[:, 0])).sum())
    return float(np.nansum(_iou(a, b)) / n_seen)


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (frames,) the intersection over union of boxes x, y, width, height; NaN where one of them is not seen."""
    sides = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    union = np.prod(a[:, 2:], axis=1) + np.prod(b[:, 2:], axis=1) - shared
    return np.asarray(np.where(union > 0, shared / np.where(union > 0, union, 1), np.where(np.isnan(union), np.nan, 0)))


def _marked(stretches: Sequence[Stretch]) -> set[tuple[str, int]]:
    return {
        (label, frame)
        for stretch in stretches
        for label in stretch.get("labels") or ("",)
        for first, last in stretch["ranges"]
        for frame in range(int(first), int(last) + 1)
    }
