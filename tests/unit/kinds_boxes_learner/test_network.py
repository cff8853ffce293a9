"""What a detector is taught at each location, and how views and answers are turned."""

import numpy as np
import pytest
import torch
import torchvision

from errata_model.kinds.boxes.augmentation import augment, move_boxes
from errata_model.kinds.boxes.detections import average, detect, mirror
from errata_model.kinds.boxes.network import (
    IGNORED,
    NOTHING,
    Answers,
    Wanted,
    assign,
    detection_loss,
    locate,
    to_corners,
)
from errata_model.vision.trunks import NoMaps, PretrainedTrunk, SmallTrunk, build_trunk

CPU = torch.device("cpu")
WIDTH, HEIGHT = 192, 128


@pytest.fixture
def places():
    """Return the locations of a canvas."""
    return locate(WIDTH, HEIGHT, CPU)


def answer(places, corners, classes, n_classes=2):
    """Return the answers of a detector that knows what is wanted."""
    wanted, sides = assign(places, corners, classes)
    logits = torch.full((1, len(places), n_classes), -9.0)
    there = wanted >= 0
    logits[0, there, wanted[there]] = 9.0
    return Answers(logits, sides[None].clamp(min=1), torch.full((1, len(places)), 9.0)), Wanted(
        wanted[None], sides[None]
    )


def test_locations_lie_in_the_middle_of_their_cells(places):
    """Three levels, finest first, row by row."""
    assert len(places) == (24 * 16) + (12 * 8) + (6 * 4)
    assert places[0].tolist() == [4, 4, 8]
    assert places[1].tolist() == [12, 4, 8]
    assert places[24].tolist() == [4, 12, 8]
    assert places[-1].tolist() == [176, 112, 32]


def test_boxes_are_found_near_their_centres_on_the_level_for_their_size(places):
    """A location tells the sides of its box exactly, and all else is nothing."""
    corners = torch.tensor([[20.0, 20.0, 60.0, 50.0], [0.0, 0.0, 120.0, 110.0]])
    classes, sides = assign(places, corners, torch.tensor([1, 0]))
    for number, stride in ((1, 8), (0, 16)):
        found = classes == number
        assert set(places[found, 2].tolist()) == {stride}
        box = corners[0 if number else 1]
        assert torch.allclose(to_corners(places[found], sides[found]), box.expand(int(found.sum()), 4))
    assert (classes == NOTHING).sum() > 0.8 * len(places)


def test_no_box_is_too_small_to_be_found(places):
    """Where no location lies inside, the nearest one finds it."""
    classes, _ = assign(places, torch.tensor([[9.0, 9.0, 11.0, 11.0]]), torch.tensor([1]))
    assert (classes == 1).sum() == 1


def test_the_smaller_of_two_boxes_at_a_place_is_found(places):
    """What lies upon something else is seen."""
    corners = torch.tensor([[20.0, 20.0, 90.0, 90.0], [40.0, 40.0, 70.0, 70.0]])
    classes, _ = assign(places, corners, torch.tensor([0, 1]))
    assert (classes == 1).any()


def test_what_is_not_to_be_learned_is_neither_something_nor_nothing(places):
    """No answer inside an ignored box costs anything."""
    corners, classes = torch.tensor([[32.0, 32.0, 90.0, 90.0]]), torch.tensor([IGNORED])
    right, wanted = answer(places, corners, classes)
    other = right.logits.clone()
    other[:, wanted.classes[0] == IGNORED] = 9.0
    assert (wanted.classes == IGNORED).any()
    assert not (wanted.classes >= 0).any()
    again = detection_loss(Answers(other, right.sides, right.quality), wanted, places)
    assert again == detection_loss(right, wanted, places)


def test_right_answers_cost_next_to_nothing_and_wrong_ones_more(places):
    """Another class, another box and a doubt of the quality each cost."""
    right, wanted = answer(places, torch.tensor([[20.0, 20.0, 60.0, 50.0]]), torch.tensor([1]))
    best = detection_loss(right, wanted, places)
    assert best < 0.01
    assert detection_loss(Answers(right.logits.flip(2), right.sides, right.quality), wanted, places) > best + 1
    assert detection_loss(Answers(right.logits, right.sides * 2, right.quality), wanted, places) > best + 0.1
    assert detection_loss(Answers(right.logits, right.sides, -right.quality), wanted, places) > best + 1


def test_right_answers_are_read_as_the_boxes_that_were_wanted(places):
    """Each box once, with its class, in shares of the picture."""
    corners = torch.tensor([[20.0, 20.0, 60.0, 50.0], [0.0, 0.0, 120.0, 110.0]])
    found = detect(answer(places, corners, torch.tensor([1, 0]))[0], places, (WIDTH, 120), most=10)
    assert found.said[1] > 0.9 > 0.1 > found.said[2]
    assert (found.quality > 0.9).all()
    shares = corners.numpy() / (WIDTH, 120, WIDTH, 120)
    for box, label in zip(shares, (1, 0), strict=True):
        row = int(np.abs(found.corners[:2] - box).sum(axis=1).argmin())
        assert np.allclose(found.corners[row], box, atol=1e-5)
        assert found.classes[row] == label


def test_answers_to_a_mirrored_picture_mirrored_are_answers_to_the_picture(places):
    """A box at the left is one at the right, as wide and as high."""
    corners = torch.tensor([[20.0, 20.0, 60.0, 50.0]])
    turned = torch.tensor([[WIDTH - 60.0, 20.0, WIDTH - 20.0, 50.0]])
    straight, _ = answer(places, corners, torch.tensor([1]))
    other = mirror(answer(places, turned, torch.tensor([1]))[0], WIDTH, HEIGHT)
    both = detect(average([straight, other]), places, (WIDTH, HEIGHT), 1)
    assert np.allclose(both.corners[0] * (WIDTH, HEIGHT, WIDTH, HEIGHT), corners[0], atol=0.5)
    assert both.said[0] > 0.9


def test_boxes_move_with_what_is_in_them():
    """In every view the box is where the bright square went."""
    images = torch.zeros(16, 3, HEIGHT, WIDTH)
    images[:, :, 40:70, 60:100] = 5.0
    sizes = torch.tensor([[160.0, 120.0]]).expand(16, 2)
    views, factors, offsets = augment(images, sizes, torch.Generator().manual_seed(0))
    assert set(factors[:, 0].sign().tolist()) == {-1, 1}
    for view, factor, offset in zip(views, factors, offsets, strict=True):
        (box,), (is_visible,) = move_boxes(torch.tensor([[60.0, 40.0, 100.0, 70.0]]), factor, offset, (WIDTH, HEIGHT))
        rows, columns = np.nonzero(view[0].numpy() > view[0].numpy().mean() + 1)
        assert is_visible
        expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert box.tolist() == pytest.approx(expected, abs=1.5)


def test_boxes_that_are_mostly_out_of_sight_are_not_to_be_found():
    """What is left of them is cut off at the border."""
    corners = torch.tensor([[0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 60.0, 60.0]])
    moved, is_visible = move_boxes(corners, torch.tensor([1.0, 1.0]), torch.tensor([-7.0, 0.0]), (64, 64))
    assert moved[0].tolist() == [0, 0, 3, 10]
    assert is_visible.tolist() == [False, True]


@pytest.mark.parametrize("name", ["squeezenet1_0", "resnet18", "mobilenet_v3_small"])
def test_maps_of_pretrained_networks_lie_over_the_image(name, tmp_path):
    """At strides 4, 8 and 16, as large as these say; frozen, and the same in training."""
    torch.save(torchvision.models.get_model(name, weights=None).state_dict(), tmp_path / "weights.pth")
    trunk = build_trunk(name, tmp_path / "weights.pth").train()
    maps = trunk(torch.randn(1, 3, 64, 96))
    assert [tuple(each.shape[1:]) for each in maps] == [
        (channels, 64 // stride, 96 // stride) for channels, stride in zip(trunk.channels, (4, 8, 16), strict=True)
    ]
    assert trunk.is_frozen
    assert not any(each.requires_grad for each in trunk.parameters())
    assert not trunk.training


def test_networks_without_maps_are_refused():
    """Transformers are built for one size and have no maps at these strides."""
    transformer = torchvision.models.VisionTransformer(32, 16, num_layers=1, num_heads=1, hidden_dim=8, mlp_dim=8)
    flat = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 2))
    for model in (transformer, flat):
        with pytest.raises(NoMaps, match="vit_b_32"):
            PretrainedTrunk("vit_b_32", model)


def test_without_a_name_a_small_network_begins_from_scratch():
    """It learns, and gives the same maps."""
    trunk = build_trunk(None, None)
    assert isinstance(trunk, SmallTrunk)
    assert [each.shape[2:] for each in trunk(torch.zeros(1, 3, 64, 32))] == [(16, 8), (8, 4), (4, 2)]
