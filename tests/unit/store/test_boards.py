from __future__ import annotations

import stat
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errata.boards.table import BoardTable, Field, RowDetail
from errata.errors import UsageError
from errata.store.boards import BoardFolder
from errata_model.records import Control, Finding, GivenLabel, Proposal, TextForm, ValueForm
from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Polygon, Shape, Span

CONTROLS = (
    Control("kind/ü", "boxes", "image", "image", "image", ("car", "<b>"), drawn_by=(("box", "rectangle"),)),
    Control(
        "mood", "choices", "text", "text", "text", ("good",), text=TextForm("Text", "url"), takes_none=True, most=2
    ),
    Control("stars", "values", "image", "image", "image", (), type="rating", value=ValueForm(1, 5)),
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
SHARE = st.floats(0, 1)


def table(n: int, version: str = "v1", seed: int = 0, width: int = 3) -> BoardTable:
    rng = np.random.default_rng(seed)
    return BoardTable(
        version=version,
        model_version="m1",
        project_id=7,
        title="Cars & <b>",
        url="http://ls/",
        controls=CONTROLS,
        labels=("car", "<b>", "good"),
        annotators=("ann@example.com", ""),
        detectors=("low_self_confidence", "random"),
        keys=np.array([f"{row:020x}" for row in range(n)], "S20").reshape(n),
        tasks=rng.integers(1, 1 << 40, n),
        annotations=rng.integers(1, 1 << 40, n),
        control=rng.integers(0, 3, n).astype(np.int16),
        given=rng.integers(-1, 3, n).astype(np.int32),
        predicted=rng.integers(-1, 3, n).astype(np.int32),
        disagreement=rng.random(n).astype(np.float32),
        queue=np.arange(n, dtype=np.int32) - 1,
        fired=rng.integers(0, 1 << 63, n).astype(np.uint64) << np.uint64(1),
        annotator=rng.integers(0, 2, n).astype(np.int32),
        place=np.where(rng.random((n, 4)) < 0.5, np.nan, rng.random((n, 4))).astype(np.float32),
        leaf=rng.permutation(n).astype(np.int32),
        xy=rng.random((n, 2)).astype(np.float32),
        apart=rng.random(n) < 0.5,
        vectors=rng.random((n, width)).astype(np.float16),
        fields=(Field("city/ü", ("Ulm", ""), rng.integers(-1, 2, n).astype(np.int32)),),
        trustworthiness={"kind/ü": 0.9},
    )


def detail(finding: Finding | None = None, **more: Any) -> RowDetail:
    given = GivenLabel(10, 1, "ann", "kind", None, "choices", "truck", "hash")
    values = {"finding": finding or Finding("f", given, {}, 0.5, None, "why", None, "suspect", "v1"), "data": {}}
    return RowDetail(**{"shown": "a", "starts_at": 0, **values, **more})


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    bits = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    return Mask(np.array(bits).reshape(height, width), draw(st.integers(0, 9)), draw(st.integers(0, 9)), 18, 20)


SHAPES = st.one_of(
    st.none(),
    st.builds(Box, SHARE, SHARE, SHARE, SHARE, st.floats(-360, 360)),
    st.builds(Ellipse, SHARE, SHARE, SHARE, SHARE, st.floats(-360, 360)),
    st.builds(Point, SHARE, SHARE),
    st.builds(Polygon, st.lists(st.tuples(SHARE, SHARE), max_size=5).map(tuple)),
    st.builds(Span, st.integers(0, 99), st.floats(99, 999), st.none() | st.integers(0, 1)),
    masks(),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
TOP = st.lists(st.tuples(TEXT, SHARE), max_size=3).map(tuple)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=3)
ACTIONS = st.sampled_from(["replace", "add", "remove"])
PROPOSALS = st.none() | st.builds(Proposal, ACTIONS, OBJECTS, TOP, st.lists(OBJECTS, max_size=2).map(tuple))
GIVEN = st.builds(
    GivenLabel, st.integers(1), st.integers(1), TEXT, TEXT, st.none() | TEXT, TEXT, st.none() | TEXT, TEXT,
    st.none() | TEXT, st.none() | TEXT,
)  # fmt: skip
FINDINGS = st.builds(
    Finding, TEXT, GIVEN, st.dictionaries(TEXT, SHARE, max_size=2), SHARE, st.none() | SHARE, TEXT, PROPOSALS,
    st.sampled_from(["suspect", "sample"]), TEXT,
)  # fmt: skip
DETAILS = st.builds(
    RowDetail, FINDINGS, TEXT, st.integers(0, 9), st.dictionaries(TEXT, TEXT, max_size=2), SHAPES, SHAPES,
    st.none() | st.tuples(st.integers(1), st.integers(1)), TEXT,
)  # fmt: skip


def same_shape(one: Shape | None, other: Shape | None) -> bool:
    if not (isinstance(one, Mask) and isinstance(other, Mask)):
        return one == other
    of_one, of_other = ({f.name: getattr(mask, f.name) for f in fields(Mask)} for mask in (one, other))
    return np.array_equal(of_one.pop("bitmap"), of_other.pop("bitmap")) and of_one == of_other


def same_detail(one: RowDetail, other: RowDetail) -> bool:
    plain = [replace(each, given=None, proposed=None) for each in (one, other)]
    return asdict(plain[0]) == asdict(plain[1]) and all(
        same_shape(getattr(one, name), getattr(other, name)) for name in ("given", "proposed")
    )


@settings(deadline=None, max_examples=30)
@given(details=st.lists(DETAILS, max_size=5), width=st.integers(0, 3), data=st.data())
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, details: list[RowDetail], width: int, data: st.DataObject
) -> None:
    """Every column with its type, every detail with its shapes, whatever order and how often rows are asked for."""
    folder = BoardFolder(tmp_path_factory.mktemp("data"))
    n = len(details)
    saved = table(n, "../v/ü", seed=n, width=width)
    folder.save(saved, iter(details))
    assert folder.active(7) == saved.version
    loaded = folder.load(7, saved.version)
    for field in fields(BoardTable):
        mine, theirs = getattr(saved, field.name), getattr(loaded, field.name)
        if isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(mine, theirs)
            assert mine.dtype == theirs.dtype
        elif field.name != "fields":
            assert mine == theirs
    ((one,), (other,)) = saved.fields, loaded.fields
    assert (one.name, one.values, one.codes.tolist()) == (other.name, other.values, other.codes.tolist())
    rows = data.draw(st.lists(st.integers(0, n - 1), max_size=8)) if n else []
    found = folder.details(7, saved.version, rows)
    assert len(found) == len(rows)
    for row, each in zip(rows, found, strict=True):
        assert same_detail(details[row], each)
    for row, each in zip(rows, folder.details(7, saved.version, rows, has_masks=False), strict=True):
        for name in ("given", "proposed"):
            kept = getattr(details[row], name)
            assert getattr(each, name) == (None if isinstance(kept, Mask) else kept)


def test_two_versions_are_kept(tmp_path: Path) -> None:
    """The active one and the one before; what is gone, or was never there, is said with the remedy."""
    folder = BoardFolder(tmp_path)
    assert folder.active(7) is None
    for version in ("v1", "v2", "v2", "v3"):
        folder.save(table(2, version), [detail(), detail()])
        assert folder.active(7) == version
    assert len(folder.load(7, "v2")) == len(folder.details(7, "v2", [0, 1])) == 2
    folder.load(7, "v3")
    for version in ("v1", "../v3", "x" * 300):
        for read in (lambda v=version: folder.load(7, v), lambda v=version: folder.details(7, v, [0])):
            with pytest.raises(UsageError, match=r"not kept \(any more\).*errata audit 7"):
                read()
    with pytest.raises(UsageError):
        folder.details(7, "v3", [2])
    folder.save(table(1, "v2"), [detail(shown="never read")])  # it is kept: saving it twice is once
    assert (folder.active(7), len(folder.load(7, "v2"))) == ("v2", 2)


def test_a_table_that_cannot_be_written_leaves_what_was(tmp_path: Path) -> None:
    """Too few rows, or a reader of details that fails half way: the version before stays the active one."""
    folder = BoardFolder(tmp_path)
    folder.save(table(2), [detail(), detail()])
    with pytest.raises(ValueError, match="`details` must have 2 rows, got 1"):
        folder.save(table(2, "v2"), [detail()])
    with pytest.raises(ValueError, match="`leaf` must have 2 rows, got 3"):
        folder.save(replace(table(2, "v2"), leaf=np.zeros(3, np.int32)), [detail(), detail()])
    with pytest.raises(ZeroDivisionError):
        folder.save(table(2, "v2"), (detail() for n in (1, 0) if 1 / n))
    assert folder.active(7) == "v1"
    assert sorted(path.name for path in (tmp_path / "boards" / "7").iterdir()) == ["active", "v-v1"]
    assert stat.S_IMODE((tmp_path / "boards" / "7" / "v-v1").stat().st_mode) == 0o700


def test_damaged_files_are_said(tmp_path: Path) -> None:
    """Each of them, cut short or no file of its kind; the same table again replaces them."""
    for name in ("about.json", "columns.npz", "vectors.npy", "rows.sqlite"):
        folder = BoardFolder(tmp_path / name)
        folder.save(table(2), [detail(), detail()])
        (tmp_path / name / "boards" / "7" / "v-v1" / name).write_bytes(b"\x00no")
        with pytest.raises(UsageError, match="damaged"):
            folder.details(7, "v1", [0]) if name == "rows.sqlite" else folder.load(7, "v1")
        folder.save(table(2), [detail(), detail(shown="again")])  # the next audit mends it
        assert len(folder.load(7, "v1")) == 2
        assert folder.details(7, "v1", [1])[0].shown == "again"


def test_text_that_utf_8_cannot_hold_is_kept_at_its_length(tmp_path: Path) -> None:
    """Half of a surrogate pair, as JSON may hold it, must not cost the whole table; offsets stay right."""
    folder = BoardFolder(tmp_path)
    folder.save(table(1), [detail(shown="a\ud83d b", size=(4, 3))])
    (read,) = folder.details(7, "v1", [0])
    assert (read.shown, read.size) == ("a? b", (4, 3))


def test_a_mask_is_kept_small(tmp_path: Path) -> None:
    """A disc over twelve megapixels takes a few kilobytes."""
    down, across = np.ogrid[:3000, :4000]
    disc = (down - 1500) ** 2 + (across - 2000) ** 2 < 1400**2
    folder = BoardFolder(tmp_path)
    folder.save(table(1), [detail(given=Mask(disc, 0, 0, 3000, 4000))])
    assert (tmp_path / "boards" / "7" / "v-v1" / "rows.sqlite").stat().st_size < 60_000
    (read,) = folder.details(7, "v1", [0])
    assert isinstance(read.given, Mask)
    assert np.array_equal(read.given.bitmap, disc)
