"""How similar two answers are that are no labels."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errata_model.kinds.values.dates import DATE, DATE_AND_TIME, TIME, moment
from errata_model.kinds.values.matched import matched_similarity
from errata_model.kinds.values.similarity import SERVED, find_spread, similarity
from errata_model.kinds.values.texts import edit_distance, text_similarity
from errata_model.records import Control, ValueForm


def control(type_: str, low: float | None = None, high: float | None = None, date_format: str = "") -> Control:
    return Control("it", "values", "other", "image", "image", (), type=type_, value=ValueForm(low, high, date_format))


def track(*keys: tuple[int, float], label: str = "car", frames: int = 10, stops: bool = False) -> dict[str, Any]:
    """An object 10 per cent wide and high, at x per cent in its keyframes."""
    boxes = [{"frame": frame, "x": x, "y": 0, "width": 10, "height": 10, "enabled": True} for frame, x in keys]
    boxes[-1]["enabled"] = not stops
    return {"labels": [label], "sequence": boxes, "frames": frames}


_ANSWERS: dict[str, st.SearchStrategy[Any]] = {
    "rating": st.integers(1, 5),
    "number": st.floats(-1e6, 1e6),
    "datetime": st.one_of(st.datetimes().map(lambda when: when.strftime(DATE_AND_TIME)), st.text(max_size=5)),
    "textarea": st.lists(st.text(max_size=12), max_size=4),
    "choices": st.lists(st.sampled_from("abc"), min_size=1, unique=True),
    "taxonomy": st.lists(st.sampled_from(["a", "a > b", "a > c", "d > b"]), min_size=1, unique=True),
    "pairwise": st.sampled_from(["left", "right"]),
    "ranker": st.permutations("abcd").map(lambda items: {"best": items[:2], "_": items[2:]}),
    "videorectangle": st.lists(
        st.builds(
            track, st.tuples(st.integers(1, 4), st.floats(0, 90)), st.tuples(st.integers(5, 9), st.floats(0, 90))
        ),
        max_size=3,
    ),
    "timelinelabels": st.lists(
        st.tuples(st.sampled_from(["run", "walk"]), st.integers(1, 20), st.integers(0, 20)).map(
            lambda each: {"labels": [each[0]], "ranges": [[each[1], each[1] + each[2]]]}
        ),
        max_size=3,
    ),
}


@pytest.mark.parametrize("type_", SERVED)
def test_every_similarity_is_symmetric_within_bounds_and_one_of_equals(type_: str) -> None:
    """Whatever is asked for, similarities are in [0, 1], the same both ways, and 1 of an answer with itself."""
    form = control(type_, 1, 5) if type_ == "rating" else control(type_)

    @given(_ANSWERS[type_], _ANSWERS[type_])
    def holds(one: Any, other: Any) -> None:
        there, back = similarity(form, one, other), similarity(form, other, one)
        assert 0 <= there <= 1
        assert there == pytest.approx(back)
        assert similarity(form, one, one) == pytest.approx(1)

    holds()


def test_a_control_that_is_not_served_is_an_error() -> None:
    """What no similarity is known for is refused by name."""
    with pytest.raises(ValueError, match="chat"):
        similarity(control("chat"), "a", "b")


def test_ratings_are_as_near_as_their_scale_is_wide() -> None:
    """One star of four steps apart is 0.75, of nine steps 8/9; the ends have nothing in common."""
    assert similarity(control("rating", 1, 5), 4, 5) == pytest.approx(0.75)
    assert similarity(control("rating", 1, 10), 4, 5) == pytest.approx(8 / 9)
    assert similarity(control("rating", 1, 5), 1, 5) == 0


def test_numbers_without_ends_are_compared_to_how_far_the_projects_answers_spread() -> None:
    """The same difference is much on a narrow scale and little on a wide one; a slip does not widen it."""
    scale = control("number")
    narrow = find_spread(scale, [*range(100), 1_000_000])
    assert narrow == pytest.approx(90, rel=0.05)
    assert similarity(scale, 10, 55, narrow) == pytest.approx(0.5, abs=0.03)
    assert similarity(scale, 10, 55, 4500) == pytest.approx(0.99)
    assert similarity(scale, 0, 1_000_000, narrow) == 0


def test_a_spread_is_known_only_where_there_is_one() -> None:
    """A scale with ends, texts, and answers that are all alike have none; numbers are then compared to each other."""
    assert find_spread(control("number", 0, 10), [1, 2, 3]) is None
    assert find_spread(control("textarea"), [["a"], ["b"]]) is None
    assert find_spread(control("number"), [7, 7, 7]) is None
    assert find_spread(control("number"), []) is None
    assert similarity(control("number"), 90, 100) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("form", "one", "other", "expected"),
    [
        (DATE, "2026-01-01", "2026-01-02", 1 - 1 / 364),
        ("%d/%m/%Y", "01/02/2026", "02/02/2026", 1 - 1 / 364),
        ("%-d.%-m.%Y", "1.2.2026", "2.2.2026", 1 - 1 / 364),
        (DATE, "2026-01-01T12:00", "2026-01-02", 1 - 0.5 / 364),
        (DATE, "not a date", "2026-01-02", 0),
        (DATE, "not a date", "not a date", 1),
    ],
)
def test_dates_are_read_in_the_tags_format_and_in_iso(form: str, one: str, other: str, expected: float) -> None:
    """A day of a year is as near as that; what cannot be read is like itself alone."""
    low, high = moment("2026-01-01", DATE), moment("2026-12-31", DATE)
    assert similarity(control("datetime", low, high, form), one, other) == pytest.approx(expected)


def test_times_of_day_are_near_each_other_across_midnight() -> None:
    """23:50 and 00:10 are twenty minutes apart, noon and midnight as far as can be."""
    clock = control("datetime", date_format=TIME)
    assert similarity(clock, "23:50", "00:10") == pytest.approx(1 - 20 / 720)
    assert similarity(clock, "12:00", "00:00") == 0


def test_texts_are_as_similar_as_few_edits_make_them() -> None:
    """One character of ten is a tenth; accents typed in two ways, and how lines are broken, are no difference."""
    area = control("textarea")
    assert similarity(area, ["0123456789"], ["012345678x"]) == pytest.approx(0.9)
    assert similarity(area, ["café\n au lait "], ["cafe\u0301 au lait"]) == 1
    assert similarity(area, ["猫が好き"], ["犬が好き"]) == pytest.approx(0.75)
    assert similarity(area, [], ["a"]) == 0
    assert similarity(area, ["", " "], []) == 1


def test_texts_entered_one_by_one_are_matched_in_any_order() -> None:
    """The order of several texts does not matter, and one that is missing counts by its length."""
    area = control("textarea")
    assert similarity(area, ["red car", "tree"], ["tree", "red car"]) == 1
    assert similarity(area, ["abcd", "xyzw"], ["abcd"]) == pytest.approx(8 / 12)
    many = [f"line {n}" for n in range(80)]
    assert similarity(area, many, many[:-1]) > 0.98


def test_long_texts_are_compared_by_words_and_in_time() -> None:
    """A text of a hundred thousand characters with one word in ten changed is nine tenths the same."""
    words = [f"word{n % 977}" for n in range(10_000)]
    changed = [word if n % 10 else "other" for n, word in enumerate(words)]
    assert text_similarity(" ".join(words), " ".join(changed)) == pytest.approx(0.9, abs=0.01)


def test_edit_distance_is_what_the_recurrence_says() -> None:
    """The vectorised distance is that of Levenshtein's recurrence, on random strings of few letters."""
    seed = random.randrange(10**9)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(200):
        one, other = ("".join(rng.choices("ab é", k=rng.randrange(9))) for _ in range(2))
        assert edit_distance(one, other) == _reference_distance(one, other)


def _reference_distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def test_labels_are_compared_as_sets_and_paths_by_their_levels() -> None:
    """Two of three labels are shared, twice: four of five; a sibling of two levels is half the same."""
    assert similarity(control("choices"), ["a", "b"], ["c", "b", "a"]) == pytest.approx(0.8)
    assert similarity(control("choices"), ["a > b"], ["a > c"]) == 0
    assert similarity(control("taxonomy"), ["a > b"], ["a > c"]) == pytest.approx(0.5)


def test_rankings_are_compared_by_buckets_and_by_order_within_them() -> None:
    """Reversed has nothing in common, one swap of neighbours one pair of six, another bucket one item of four."""
    ranks = control("ranker")
    assert similarity(ranks, {"r": list("abcd")}, {"r": list("dcba")}) == 0
    assert similarity(ranks, {"r": list("abcd")}, {"r": list("abdc")}) == pytest.approx(5 / 6)
    assert similarity(ranks, {"x": list("ab"), "y": list("cd")}, {"x": ["a"], "y": list("cdb")}) == pytest.approx(0.75)


def test_tracked_objects_are_compared_frame_by_frame() -> None:
    """Half a box aside is a third, interpolated between keyframes; other labels, or frames, have nothing in common."""
    video = control("videorectangle")
    assert similarity(video, [track((1, 0))], [track((1, 5))]) == pytest.approx(1 / 3)
    moving = [track((1, 0), (10, 90))]
    written_out = [track(*((frame, (frame - 1) * 10.0) for frame in range(1, 11)))]
    assert similarity(video, moving, written_out) == pytest.approx(1)
    assert similarity(video, [track((1, 0))], [track((1, 0), label="bus")]) == 0
    assert similarity(video, [track((1, 0), (5, 0), stops=True)], [track((1, 0))]) == pytest.approx(0.5)
    assert similarity(video, [track((1, 0))], [track((6, 0))]) == pytest.approx(0.5)


def test_a_missing_object_counts_by_the_frames_that_it_is_seen_in() -> None:
    """Of two objects of ten frames each the other one found one: two thirds, as the Dice coefficient has it."""
    video = control("videorectangle")
    assert similarity(video, [track((1, 0)), track((1, 50))], [track((1, 50))]) == pytest.approx(2 / 3)
    assert similarity(video, [], []) == 1


def test_stretches_of_a_video_are_compared_by_their_frames() -> None:
    """Five frames of fifteen are shared; the same frames under another label are not."""
    video = control("timelinelabels")
    one, other = ({"labels": ["run"], "ranges": [[first, first + 9]]} for first in (1, 6))
    assert similarity(video, [one], [other]) == pytest.approx(5 / 15)
    assert similarity(video, [one], [{**one, "labels": ["walk"]}]) == 0


def test_matching_is_the_best_there_is_not_the_first() -> None:
    """What looks best for the first member may leave too little for the second."""
    alike = {("a", "x"): 0.9, ("a", "y"): 0.8, ("b", "x"): 0.85, ("b", "y"): 0.0}
    found = matched_similarity("ab", "xy", lambda one, other: alike[one, other], lambda _: 1.0)
    assert found == pytest.approx((0.8 + 0.85) / 2)
