import numpy as np
import pytest

from errata_model.map.layout import EarlierMap, lay_out
from errata_model.map.trust import NEIGHBOURS, trustworthiness
from errata_model.neighbours import nearest_neighbours


def made(rows, earlier=None):
    neighbours, similarities = nearest_neighbours(rows, NEIGHBOURS, np.arange(len(rows)))
    xy = lay_out(rows, neighbours, similarities, earlier)
    assert xy.shape == (len(rows), 2)
    assert xy.dtype == np.float32
    assert ((xy >= 0) & (xy <= 1)).all()
    return xy


def diameter(xy):
    return float(np.linalg.norm(np.ptp(xy, axis=0)))


def moved(before, after):
    return float(np.median(np.linalg.norm(after - before, axis=1))) / diameter(before)


@pytest.fixture(scope="module")
def first(digits):
    """The map of the digits."""
    return made(digits[0])


def test_neighbours_on_the_map_are_neighbours(digits, first):
    """It is far more trustworthy than the two main directions, keeps the ten digits apart, and comes out the same."""
    rows, digit = digits
    centred = rows - rows.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    assert trustworthiness(rows, centred @ directions[:2].T) < 0.9 < 0.97 < trustworthiness(rows, first)
    apart = ((first[:, None] - first[None]) ** 2).sum(axis=2)
    nearest = np.argsort(apart, axis=1)[:, 1 : NEIGHBOURS + 1]
    assert (digit[nearest] == digit[:, None]).mean() > 0.94
    np.testing.assert_array_equal(first, made(rows))


def test_it_does_not_jump(digits, first):
    """One task in a hundred changes, five times over: points move by a median of less than 2 % of the map's diameter in
    all (those that stay not at all), the new ones stand where they belong, and the map is as trustworthy as ever."""
    rows, digit = digits
    rng = np.random.default_rng(3)
    worth = trustworthiness(rows, first)
    now, xy, of = rows.copy(), first, np.arange(len(rows))
    for _ in range(5):
        changed, shown = rng.choice(len(rows), 18, replace=False), rng.choice(len(rows), 18, replace=False)
        blurred = rows[shown] + rng.normal(0, 0.02, (18, rows.shape[1]))
        now[changed] = blurred / np.linalg.norm(blurred, axis=1, keepdims=True)
        of[changed] = shown
        known = xy.copy()
        known[changed] = np.nan
        after = made(now, EarlierMap(known, worth))
        stays = np.setdiff1d(np.arange(len(rows)), changed)
        np.testing.assert_array_equal(after[stays], xy[stays])
        apart = ((after[changed, None] - after[None, stays]) ** 2).sum(axis=2)
        nearest = stays[np.argsort(apart, axis=1)[:, :NEIGHBOURS]]
        assert (digit[of[nearest]] == digit[of[changed]][:, None]).mean() > 0.85
        xy = after
    assert moved(first, xy) < 0.02
    assert trustworthiness(now, xy) > worth - 0.01


def test_it_follows_where_much_is_new(digits, first):
    """Half of the points are new: the others stay about where they were, neither turned nor flipped, and all of
    them lie as well as on a map made afresh."""
    rows, _ = digits
    known = first.copy()
    known[::2] = np.nan
    after = made(rows, EarlierMap(known, trustworthiness(rows, first)))
    assert moved(first[1::2], after[1::2]) < 0.05
    assert trustworthiness(rows, after) > trustworthiness(rows, first) - 0.02


def test_another_encoder_makes_another_map(digits, first):
    """Where nothing is alike any more that lay together, the old places are given up."""
    rows, _ = digits
    shuffled = rows[np.random.default_rng(5).permutation(len(rows))]
    after = made(shuffled, EarlierMap(first, trustworthiness(rows, first)))
    assert trustworthiness(shuffled, first) < 0.6
    assert trustworthiness(shuffled, after) > 0.97


def test_a_few_that_were_there_turn_a_new_map(digits, first):
    """An eighth was there before: the map is made afresh, and turned such that these come near their old places."""
    rows, _ = digits
    known = np.full_like(first, np.nan)
    known[::8] = (1 - first)[::8]  # the map upside down
    after = made(rows, EarlierMap(known, trustworthiness(rows, first)))
    assert moved(known[::8], after[::8]) < 0.15 < moved(first[::8], after[::8])


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_very_few_points(n):
    """Each has a place, and two that differ are not on one point."""
    xy = made(np.eye(max(n, 1), 6, dtype=np.float32)[:n])
    assert len(np.unique(xy, axis=0)) == n


def test_equal_items_lie_together():
    """Forty copies of each of three pictures are three spots."""
    rows = np.repeat(np.eye(3, dtype=np.float32), 40, axis=0)
    xy = made(rows)
    spots = xy.reshape(3, 40, 2)
    assert spots.std(axis=1).max() < 0.3 * np.linalg.norm(np.diff(spots.mean(axis=1), axis=0), axis=1).min()
