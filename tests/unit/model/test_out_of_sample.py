import numpy as np
import pytest

from errata_model.out_of_sample import leave_group_out


def _reference_refit(features, targets, groups, is_labelled, ridge):
    predicted = np.zeros_like(targets)
    for row, group in enumerate(groups):
        others = is_labelled & (groups != group)
        x = features[others]
        weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ targets[others])
        predicted[row] = features[row] @ weights
    return predicted


@pytest.mark.parametrize("n_groups", [1, 2, 7, 40, 10_000])
@pytest.mark.parametrize("share_labelled", [0.3, 0.8, 1.0])
def test_closed_form_equals_a_refit_without_each_group(n_groups, share_labelled):
    """Groups of any size, larger than the number of features included, with and without labels."""
    seed = n_groups + int(10 * share_labelled)
    print("seed", seed)
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(60, 9))
    groups = rng.integers(0, n_groups, 60)
    is_labelled = rng.random(60) < share_labelled
    targets = rng.normal(size=(60, 3)) * is_labelled[:, None]
    found = leave_group_out(features, targets, groups, is_labelled, 0.3)
    np.testing.assert_allclose(found, _reference_refit(features, targets, groups, is_labelled, 0.3), atol=1e-9)


def test_unlabelled_targets_are_never_read():
    """A label in a row that is not labelled changes nothing."""
    rng = np.random.default_rng(3)
    features, groups = rng.normal(size=(20, 4)), rng.integers(0, 6, 20)
    is_labelled = np.arange(20) % 3 > 0
    targets = rng.normal(size=(20, 2))
    other = np.where(is_labelled[:, None], targets, 1e9)
    first = leave_group_out(features, targets, groups, is_labelled, 1.0)
    np.testing.assert_array_equal(first, leave_group_out(features, other, groups, is_labelled, 1.0))
