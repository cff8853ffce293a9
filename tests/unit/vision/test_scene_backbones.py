"""Backbones of detectors and segmentation networks, as what errata's learners of boxes and masks look through."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from errata_model.encoders.images import WeightsUnavailable, load_image_encoder
from errata_model.kinds.boxes.model import BoxesModel, load_boxes_model
from errata_model.kinds.boxes.training import Detectors
from errata_model.vision.trunks import build_trunk

MODELS = {
    "fasterrcnn_resnet50_fpn": torchvision.models.detection.fasterrcnn_resnet50_fpn,
    "fcn_resnet50": torchvision.models.segmentation.fcn_resnet50,
    "lraspp_mobilenet_v3_large": torchvision.models.segmentation.lraspp_mobilenet_v3_large,
}
# Which of the maps at strides 4, 8 and 16 are the network's own, by the names that it gives them.
OWN_MAPS = {
    "fasterrcnn_resnet50_fpn": {0: "0", 1: "1", 2: "2"},
    "fcn_resnet50": {1: "out"},
    "lraspp_mobilenet_v3_large": {2: "high"},
}


@pytest.mark.parametrize("name", MODELS)
def test_a_network_of_other_classes_lends_its_backbone(name, tmp_path):
    """A folder of NAME.pth: the trunk's maps are those that the network's own heads get, and lie over the image."""
    torch.manual_seed(0)
    network = MODELS[name](weights=None, weights_backbone=None, num_classes=5).eval()
    torch.save(network.state_dict(), tmp_path / f"{name}.pth")
    encoder = load_image_encoder(name, tmp_path)
    trunk = build_trunk(name, encoder.weights).train()
    images = torch.randn(2, 3, 64, 96)
    maps = trunk(images)
    assert [tuple(each.shape[1:]) for each in maps] == [
        (channels, 64 // stride, 96 // stride) for channels, stride in zip(trunk.channels, (4, 8, 16), strict=True)
    ]
    with torch.no_grad():
        own = network.backbone(images)
    for place, key in OWN_MAPS[name].items():
        torch.testing.assert_close(maps[place], own[key], rtol=1e-3, atol=1e-3)
    assert not any(each.requires_grad for each in trunk.parameters())


def test_it_is_an_encoder_too_and_is_kept_with_the_detectors(tmp_path):
    """Pictures have embeddings, by which near-duplicates are told; detectors are read back with their trunk."""
    name = "fasterrcnn_mobilenet_v3_large_320_fpn"
    network = torchvision.models.get_model(name, weights=None, weights_backbone=None)
    torch.save(network.state_dict(), tmp_path / "mine.pth")
    encoder = load_image_encoder(name, tmp_path / "mine.pth")
    noise = np.random.default_rng(0).integers(0, 256, (2, 80, 90, 3), dtype=np.uint8)
    rows = encoder.encode([encoder.prepare(Image.fromarray(each)) for each in noise])
    assert rows.shape == (2, encoder.width)
    assert not np.array_equal(rows[0], rows[1])
    detectors = Detectors(build_trunk(name, tmp_path / "mine.pth"), 2, 2).eval()
    model = BoxesModel(detectors, ["cat", "dog"], 160, 20)
    read = load_boxes_model(model.arrays())
    assert read.detectors.is_frozen
    picture = Image.fromarray(noise[0])
    said, again = ([region.score for region in each.predict(picture).regions] for each in (model, read))
    assert said == pytest.approx(again, abs=0.01)


def test_weights_of_another_network_are_refused(tmp_path):
    """Those of a classifier have no backbone of a detector's."""
    classifier = torchvision.models.resnet18(weights=None)
    torch.save(classifier.state_dict(), tmp_path / "fcn_resnet50.pth")
    with pytest.raises(WeightsUnavailable, match="does not hold the weights of fcn_resnet50"):
        build_trunk("fcn_resnet50", tmp_path / "fcn_resnet50.pth")
