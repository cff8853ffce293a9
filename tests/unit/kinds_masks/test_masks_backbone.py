"""Masks that are learned beside a pretrained backbone; its weights are as they were drawn."""

import time

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from errata_model.encoders.images import WeightsUnavailable
from errata_model.kinds.masks.learner import fit_masks, plan
from errata_model.kinds.masks.model import MaskModel, load_masks_model
from errata_model.kinds.masks.network import UNet
from errata_model.kinds.masks.raster import crop
from errata_model.kinds.masks.targets import to_target
from errata_model.kinds.masks.training import new_network
from errata_model.regions.records import Region
from errata_model.vision.pictures import Pictures
from errata_model.vision.trunks import SmallTrunk, build_trunk

SIZE = (170, 130)  # multiples of no stride
BACKBONE = "squeezenet1_1"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    file = tmp_path_factory.mktemp("weights") / "weights.pth"
    torch.manual_seed(0)
    torch.save(torchvision.models.get_model(BACKBONE, weights=None).state_dict(), file)
    return file


def draw(n):
    """Return pictures with a bright disc each, and the disc."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    pictures, given = [], []
    for _ in range(n):
        pixels = np.hypot(rows - rng.uniform(40, 90), columns - rng.uniform(40, 130)) < 28
        grey = np.clip(90 + 90 * pixels + rng.normal(0, 5, pixels.shape), 0, 255).astype(np.uint8)
        pictures.append(Image.fromarray(np.repeat(grey[:, :, None], 3, axis=2)))
        given.append([Region("", "disc", crop(pixels, 0, 0, SIZE))])
    return pictures, given


def test_a_model_beside_a_backbone_is_kept_with_it(weights):
    """Discs are found; from arrays alone, without the file of weights, the same is believed; all share one backbone."""
    pictures, given = draw(6)
    fitted = fit_masks(
        pictures,
        given,
        ("disc",),
        np.arange(6) % 2,
        is_labelled=np.ones(6, dtype=bool),
        backbone=BACKBONE,
        weights=weights,
        minutes=10,
    )
    assert any(max(each.score for each in believed.regions) > 0.5 for believed in fitted.believed)
    model = load_masks_model(fitted.model)
    assert model.networks[0].trunk is model.networks[1].trunk is not None
    kept = torch.load(weights, weights_only=True)
    for key, values in model.networks[0].trunk.body.state_dict().items():
        assert torch.allclose(values, kept[key], rtol=1e-3, atol=1e-7), key
    believed = model.predict(pictures[0])
    best = max(believed.regions, key=lambda region: region.score)
    shape, disc = best.shape, given[0][0].shape
    assert abs(shape.top - disc.top) <= 4
    assert abs(shape.left - disc.left) <= 4


def test_what_the_backbone_sees_counts(weights):
    """A network with other weights beside it, all else being the same, says something else."""
    image = np.random.default_rng(0).integers(0, 255, (3, 60, 100)).astype(np.uint8)
    network = UNet(1, build_trunk(BACKBONE, weights).channels)
    said = []
    for factor in (1, -1):
        trained = new_network(1, build_trunk(BACKBONE, weights))
        trained.network.load_state_dict(network.state_dict())
        with torch.no_grad():
            for each in trained.trunk.parameters():
                each.mul_(factor)
        said.append(trained.predict(image)[0])
        assert said[-1].shape == (2, 60, 100)
    assert not np.allclose(*said)


def test_training_leaves_the_backbone_as_it_is(weights):
    """Nothing of it is learned, and what it normalises by stays."""
    trained = new_network(1, build_trunk(BACKBONE, weights))
    before = {key: values.clone() for key, values in trained.trunk.state_dict().items()}
    trained.network.train()
    trained.ask(torch.randn(2, 3, 64, 64)).sum().backward()
    assert all(each.grad is None for each in trained.trunk.parameters())
    assert all(each.grad is not None for each in trained.network.narrowed.parameters())
    assert all(torch.equal(values, before[key]) for key, values in trained.trunk.state_dict().items())


def test_values_too_large_for_half_precision_are_kept(weights):
    """Maps of a backbone may vary by more than 65504: a kept model believes the same."""
    trained = new_network(1, build_trunk(BACKBONE, weights))
    variance = trained.network.narrowed[0][0].running_var
    variance.fill_(1e6)
    kept = MaskModel([trained], ["disc"], np.zeros(1, dtype=bool), 256).arrays()
    assert torch.equal(load_masks_model(kept).networks[0].network.narrowed[0][0].running_var, variance)


class SlowTrunk(SmallTrunk):
    """A frozen backbone that takes its time."""

    def __init__(self, seconds):
        super().__init__()
        self.is_frozen, self.seconds = True, seconds

    def forward(self, images):
        time.sleep(self.seconds)
        return super().forward(images)


@pytest.mark.parametrize(("seconds", "left_s", "is_used"), [(0, 900, True), (1, 20, False)])
def test_a_backbone_is_left_out_where_less_would_be_learned_for_it(seconds, left_s, is_used):
    """Fifteen steps for each of two networks: thirty seconds of a backbone that takes one a step."""
    pictures, given = draw(4)
    trunk = SlowTrunk(seconds)
    with Pictures(pictures, 256) as scaled:
        targets = [to_target(regions, ("disc",), SIZE) for regions in given]
        taught = {0: np.array([2, 3]), 1: np.array([0, 1])}
        n_steps, used = plan(scaled, targets, taught, 1, trunk, time.monotonic() + left_s)
    assert used is (trunk if is_used else None)
    assert n_steps <= 15


def test_weights_that_are_not_there_are_said(tmp_path):
    """Nothing is begun without what was asked for."""
    pictures, given = draw(2)
    with pytest.raises(WeightsUnavailable):
        fit_masks(
            pictures,
            given,
            ("disc",),
            np.arange(2),
            is_labelled=np.ones(2, dtype=bool),
            backbone=BACKBONE,
            weights=tmp_path / "none.pth",
        )
