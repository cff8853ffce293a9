"""Networks that learn labels, each judging those alone that it was not shown."""

import numpy as np
import pytest
from PIL import Image

from errata_model.encoders.images import load_image_encoder
from errata_model.encoders.trunk import Trunk, without_layer
from errata_model.finetuning.augmentation import augment
from errata_model.finetuning.cross_fitting import TooLittleTime, fine_tune
from errata_model.finetuning.pooling import pool_choices, pool_tags
from errata_model.finetuning.training import Learner

SIDE = 16
MINUTES = 60.0  # never short, however slow the machine


@pytest.fixture
def trunk():
    """Return a small network with weights as they were drawn."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 32, 5, stride=2),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(2),
        torch.nn.Flatten(),
    )
    return Trunk(network, SIDE, Image.Resampling.BILINEAR, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def striped(classes, seed=0):
    """Draw images of upright (0) or level (1) stripes in noise, of any colour."""
    rng = np.random.default_rng(seed)
    stripes = np.where(np.arange(SIDE) // 2 % 2, 60, -60)
    upright, level = np.broadcast_to(stripes, (SIDE, SIDE)), np.broadcast_to(stripes[:, None], (SIDE, SIDE))
    patterns = np.stack([upright, level])[classes][:, None]
    shades = rng.integers(90, 166, (len(classes), 3, 1, 1)) + rng.normal(0, 10, (len(classes), 3, SIDE, SIDE))
    return np.clip(shades + patterns, 0, 255).astype(np.uint8)


def believe(trunk, images, targets, groups=None, is_labelled=None, **options):
    """Fine-tune to labels that exclude one another unless told otherwise."""
    n = len(images)
    is_labelled = np.ones(n, dtype=bool) if is_labelled is None else is_labelled
    groups = np.arange(n) if groups is None else groups
    options = {"is_exclusive": True, "minutes": MINUTES} | options
    return fine_tune(trunk, images, targets, is_labelled, groups, **options)


def test_wrong_labels_are_doubted(trunk):
    """A label against what the image shows is held less likely than the other one."""
    classes = np.arange(80) % 2
    wrong = np.arange(80) % 10 == 0
    found = believe(trunk, striped(classes), np.eye(2)[np.where(wrong, 1 - classes, classes)])
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, atol=0.2)  # a mean of logarithms sums to 1 or less
    assert (found.argmax(axis=1) == classes)[wrong].mean() >= 0.75
    assert (found.argmax(axis=1) == classes).mean() >= 0.8


def test_no_belief_moves_with_labels_of_its_own_group(trunk):
    """Others' beliefs do: the labels are learned from."""
    classes, groups = np.arange(60) % 2, np.arange(60) // 3
    images = striped(classes)
    images[1] = images[0]  # a duplicate with the same wrong label cannot vouch for it
    before = believe(trunk, images, np.eye(2)[classes], groups)
    changed = np.where(groups == 0, 1 - classes, classes)
    after = believe(trunk, images, np.eye(2)[changed], groups)
    np.testing.assert_array_equal(after[groups == 0], before[groups == 0])
    assert not np.array_equal(after[groups != 0], before[groups != 0])


def test_rows_without_a_label_are_judged_and_never_learned(trunk):
    """What stands in their targets does not matter, even where it is no number."""
    classes = np.arange(60) % 2
    is_labelled = np.arange(60) < 50
    targets = np.eye(2)[classes]
    before = believe(trunk, striped(classes), targets, is_labelled=is_labelled)
    targets[~is_labelled] = np.nan
    after = believe(trunk, striped(classes), targets, is_labelled=is_labelled)
    np.testing.assert_array_equal(after, before)
    assert np.isfinite(after).all()


def test_rows_permute_with_rows(trunk):
    """The order of tasks is nothing to learn from."""
    classes = np.arange(60) % 2
    images, order = striped(classes), np.random.default_rng(1).permutation(60)
    found = believe(trunk, images, np.eye(2)[classes])
    permuted = believe(trunk, images[order], np.eye(2)[classes[order]], np.arange(60)[order])
    np.testing.assert_allclose(permuted, found[order], atol=1e-4)


def test_a_seed_makes_it_repeatable(trunk):
    """Another one deals other folds; what the program drew elsewhere in between matters nothing."""
    torch = pytest.importorskip("torch")
    classes = np.arange(40) % 2
    first = believe(trunk, striped(classes), np.eye(2)[classes], seed=3)
    torch.rand(7)
    np.testing.assert_array_equal(believe(trunk, striped(classes), np.eye(2)[classes], seed=3), first)
    assert not np.array_equal(believe(trunk, striped(classes), np.eye(2)[classes], seed=4), first)


def test_tags_are_learned_each_on_its_own(trunk):
    """An image may have both, one or none of two tags."""
    rng = np.random.default_rng(0)
    tags = rng.integers(0, 2, (80, 2))
    images = striped(tags[:, 0])
    images[tags[:, 1] == 1] //= 2  # dark
    found = believe(trunk, images, tags, is_exclusive=False)
    assert ((found > 0) == tags).mean(axis=0).min() >= 0.75
    assert ((found > 0).all(axis=1)).any()
    assert ((found < 0).all(axis=1)).any()


def test_too_little_time_is_said_before_it_is_spent(trunk):
    """With what would be enough."""
    classes = np.arange(40) % 2
    with pytest.raises(TooLittleTime, match=r"32 labels would take at least \d+ min"):
        believe(trunk, striped(classes), np.eye(2)[classes], minutes=0)


def test_two_groups_are_enough(trunk):
    """Each is judged by the other's labels alone; what has no label is judged, too."""
    told, classes = [], np.arange(40) % 2
    found = believe(
        trunk,
        striped(classes),
        np.eye(2)[classes],
        np.arange(40) // 2 % 2,
        np.arange(40) < 36,
        on_step=lambda *progress: told.append(progress),
    )
    assert (found.argmax(axis=1) == classes).mean() >= 0.75
    assert told[-1] == (len(told), len(told))


def test_labels_of_one_group_leave_nothing_to_judge_them_by(trunk):
    """Said, not divided by."""
    with pytest.raises(ValueError, match="at least two groups"):
        believe(trunk, striped(np.arange(6) % 2), np.eye(2)[np.arange(6) % 2], groups=np.zeros(6, dtype=int))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"images": np.zeros((6, 3, SIDE, SIDE + 1), np.uint8)}, "`images`"),
        ({"images": np.zeros((6, 3, SIDE, SIDE))}, "`images`"),
        ({"targets": np.zeros((5, 2))}, "`targets`"),
        ({"targets": np.full((6, 2), 1.5)}, "`targets`"),
        ({"is_labelled": np.ones(6)}, "`is_labelled`"),
        ({"groups": np.arange(5)}, "`groups`"),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, named, trunk):
    """Before anything is trained."""
    arrays = {"images": striped(np.arange(6) % 2), "targets": np.eye(2)[np.arange(6) % 2]}
    with pytest.raises(ValueError, match=named):
        believe(trunk, **(arrays | change))


def test_progress_counts_every_step(trunk):
    """Up to as many as were announced."""
    told = []
    classes = np.arange(40) % 2
    believe(trunk, striped(classes), np.eye(2)[classes], on_step=lambda done, of: told.append((done, of)))
    assert [done for done, _ in told] == list(range(1, told[0][1] + 1))
    assert {of for _, of in told} == {told[0][1]}


def test_views_differ_a_little_each_in_its_own_way():
    """Of equal images; means and spreads stay near, and a seed repeats them."""
    torch = pytest.importorskip("torch")
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)).expand(50, -1, -1, -1)
    found = augment(images, torch.Generator().manual_seed(1))
    assert found.shape == images.shape
    assert len({view.numpy().tobytes() for view in found}) == 50
    assert (found.mean(dim=(1, 2, 3)).abs() < 0.5).all()
    torch.testing.assert_close(augment(images, torch.Generator().manual_seed(1)), found, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_0", "mobilenet_v3_small"])
def test_a_trunk_gives_what_the_final_layer_takes(name, tmp_path):
    """Averaged over space where that layer comes before the average."""
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None).eval()
    torch.save(model.state_dict(), tmp_path / f"{name}.pth")
    trunk = load_image_encoder(name, tmp_path).trunk()
    images = torch.randn(2, 3, trunk.side, trunk.side, generator=torch.Generator().manual_seed(0))
    seen = []
    final = [module for module in model.modules() if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d))][-1]
    final.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        model(images)
        found = trunk.network.cpu()(images)
    wanted = seen[0].mean(dim=(2, 3)) if seen[0].ndim == 4 else seen[0]
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)
    assert trunk.prepare(Image.new("RGB", (300, 200))).shape == (3, trunk.side, trunk.side)


def test_a_backbone_learns_but_what_it_normalises_by(tmp_path):
    """Weights move; means and variances of batches, which are small, do not."""
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), tmp_path / "resnet18.pth")
    trunk = load_image_encoder("resnet18", tmp_path).trunk()
    small = Trunk(trunk.network, 32, trunk.resampling, trunk.mean, trunk.std)
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    learner = Learner(small, 2, is_exclusive=True, seed=0)
    untaught = learner.predict(images, np.arange(4))
    np.testing.assert_allclose(untaught, np.log(0.5), atol=1e-6)
    learner.train(images, np.eye(2, dtype=np.float32)[[0, 1, 0, 1]], np.arange(4), 2, lambda: None)
    taught = learner.predict(images, np.arange(4))
    assert np.isfinite(taught).all()
    assert not np.array_equal(taught, untaught)
    learned = learner.trunk.state_dict()
    for name, before in trunk.network.state_dict().items():
        is_statistic = "running" in name or "batches" in name
        assert torch.equal(learned[name].cpu(), before.cpu()) == is_statistic, name


def test_a_layer_that_is_not_the_models_is_refused(trunk):
    """Rather than the whole network replaced."""
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="must be one of the model's"):
        without_layer(trunk.network, torch.nn.Identity())


def test_choices_are_pooled_by_their_geometric_mean():
    """A belief that knows nothing changes no order; zeros are survived."""
    rng = np.random.default_rng(0)
    first, second = rng.dirichlet(np.ones(4), 20), rng.dirichlet(np.ones(4), 20)
    wanted = np.sqrt(first * second)
    wanted /= wanted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(pool_choices(first, np.log(second)), wanted, rtol=1e-4)
    even = pool_choices(first, np.full((20, 4), -np.log(4)))
    np.testing.assert_array_equal(even.argsort(axis=1), first.argsort(axis=1))
    assert np.isfinite(pool_choices(np.eye(4), np.log(second[:4]))).all()


def test_tags_are_pooled_by_their_mean_log_odds():
    """Each on its own; certainty is survived."""
    first, second = np.array([[0.9, 0.5, 0.0, 1.0]]), np.array([[0.9, 0.2, 0.5, 0.5]])
    found = pool_tags(first, np.log(second / (1 - second)))
    np.testing.assert_allclose(found[0, :2], [0.9, 1 / 3], rtol=1e-4)
    assert 0 < found[0, 2] < 0.5 < found[0, 3] < 1
