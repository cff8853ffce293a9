import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from errata_model.encoders.images import UnknownEncoder, WeightsUnavailable, load_image_encoder, load_image_encoders
from errata_model.encoders.weights import download

WIDTHS = {"resnet18": 128 + 256 + 512, "squeezenet1_0": 256 + 512 + 512, "mobilenet_v3_small": 96 + 288 + 1024}


def _cut_resnet(model):
    torch = pytest.importorskip("torch")
    stem = (model.conv1, model.bn1, model.relu, model.maxpool, model.layer1, model.layer2)
    final = (model.layer4, model.avgpool, torch.nn.Flatten())
    return [torch.nn.Sequential(*stem), model.layer3, torch.nn.Sequential(*final)]


def _cut_squeezenet(model):
    return [model.features[:6], model.features[6:11], model.features[11:]]


def _cut_mobilenet(model):
    torch = pytest.importorskip("torch")
    before, within = model.features[:4], model.features[5:9]
    fourth, ninth = model.features[4].block, model.features[9].block
    first = torch.nn.Sequential(before, fourth[0])  # a block widens, lowers the resolution and narrows again
    second = torch.nn.Sequential(fourth[1:], within, ninth[0])
    final = torch.nn.Sequential(ninth[1:], model.features[10:], model.avgpool, torch.nn.Flatten(), model.classifier[:3])
    return [first, second, final]


# Parts of a network, each of which ends where a feature map is taken.
CUTS = {"resnet18": _cut_resnet, "squeezenet1_0": _cut_squeezenet, "mobilenet_v3_small": _cut_mobilenet}


def picture(size_wh=(61, 47), seed=0):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    return small.resize(size_wh, Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def weights_folder(tmp_path_factory):
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for name in WIDTHS:
        state = torchvision.models.get_model(name, weights=None).state_dict()
        half = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
        torch.save(half, folder / f"{name}.pth")
    return folder


def test_importing_the_learning_half_does_not_import_torch(weights_folder):
    """Nor does obtaining the identity of an encoder whose weights are a file, nor encoding pixels.

    What networks of regions are made of is imported by their learners and models when these are at work.
    """
    program = f"""
import sys, pkgutil, importlib, pathlib, errata_model
networks = ["augmentation", "detections", "network", "training", "trunks", "scenes"]
rooms = ("errata_model.kinds.", "errata_model.vision.", "errata_model.encoders.")
for module in pkgutil.walk_packages(errata_model.__path__, "errata_model."):
    if not module.name.startswith(rooms) or module.name.rpartition(".")[2] not in networks:
        importlib.import_module(module.name)
from PIL import Image
from errata_model.encoders.images import load_image_encoder
assert load_image_encoder("resnet18", pathlib.Path({str(weights_folder)!r})).identity
pixels = load_image_encoder("pixels", None)
pixels.encode([pixels.prepare(Image.new("RGB", (9, 9)))])
assert "torch" not in sys.modules and "torchvision" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=600)


@pytest.mark.parametrize("name", WIDTHS)
def test_features_are_what_the_network_sees_at_its_last_resolutions(name, weights_folder):
    """_reference_torchvision: its own preprocessing but for the crop; its network cut where resolution is lowered."""
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    model = torchvision.models.get_model(name, weights=None).eval()
    state = torch.load(weights_folder / f"{name}.pth", weights_only=True)
    model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    stages = CUTS[name](model)
    whole = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    whole.crop_size, whole.resize_size = [224, 224], [224, 224]
    images = [picture(size, seed) for seed, size in enumerate([(161, 47), (300, 500), (224, 224), (900, 40)])]
    with torch.no_grad():
        seen = [torch.stack([whole(image) for image in images])]
        for stage in stages:
            seen.append(stage(seen[-1]))
    pooled = [each.mean(dim=(2, 3)) if each.ndim == 4 else each for each in seen[1:]]
    expected = torch.cat([each / each.abs().sum(dim=1, keepdim=True) for each in pooled], dim=1).numpy()
    encoder = load_image_encoder(name, weights_folder)
    found = encoder.encode([encoder.prepare(image) for image in images])
    assert found.dtype == np.float32
    assert found.shape == (4, WIDTHS[name])
    assert encoder.width == WIDTHS[name]
    np.testing.assert_allclose(found, expected, atol=2e-2 * np.abs(expected).max())


def test_small_images_are_not_blown_up(weights_folder):
    """Half the side is enough for them; rows stay in order."""
    encoder = load_image_encoder("squeezenet1_0", weights_folder)
    small, large = encoder.prepare(picture((112, 30))), encoder.prepare(picture((113, 30)))
    assert (small.shape, large.shape) == ((3, 112, 112), (3, 224, 224))
    together = encoder.encode([large, small, large])
    np.testing.assert_allclose(together[1:2], encoder.encode([small]), rtol=1e-4)
    np.testing.assert_allclose(together[[0, 2]], encoder.encode([large, large]), rtol=1e-4)


def test_a_transformer_has_its_final_layer_alone(tmp_path):
    """It looks at one resolution only, and is built for one size of image."""
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    torch.save(torchvision.models.get_model("vit_b_32", weights=None).state_dict(), tmp_path / "vit_b_32.pth")
    encoder = load_image_encoder("vit_b_32", tmp_path)
    assert encoder.width == 768
    assert encoder.prepare(picture((9, 9))).shape == (3, 224, 224)


def test_prepare_works_in_several_threads(weights_folder):
    """The first call, which imports torchvision, too."""
    encoder = load_image_encoder("resnet18", weights_folder)
    with ThreadPoolExecutor(6) as pool:
        prepared = list(pool.map(encoder.prepare, [picture(seed=seed) for seed in range(12)]))
    for seed in (0, 11):
        np.testing.assert_array_equal(prepared[seed], encoder.prepare(picture(seed=seed)))


def test_a_banner_does_not_fill_the_memory(weights_folder):
    """An image of one pixel's height is prepared as any other."""
    encoder = load_image_encoder("resnet18", weights_folder)
    assert encoder.prepare(Image.new("RGB", (1_000_000, 1))).shape == (3, 224, 224)
    assert encoder.prepare(Image.new("RGB", (1, 1))).shape == (3, 112, 112)


def test_no_images_give_no_rows(weights_folder):
    """(0, D), for the backbone and for pixels."""
    assert load_image_encoder("resnet18", weights_folder).encode([]).shape == (0, WIDTHS["resnet18"])
    pixels = load_image_encoder("pixels", None)
    assert pixels.encode([]).shape == (0, pixels.width)


def test_identity_follows_name_and_weights(weights_folder, tmp_path):
    """Equal content has an equal identity wherever it lies; other content has another."""
    file = tmp_path / "mine.pth"
    file.write_bytes((weights_folder / "resnet18.pth").read_bytes())
    identity = load_image_encoder("resnet18", file).identity
    assert identity == load_image_encoder("resnet18", weights_folder).identity
    assert identity.startswith("resnet18:")
    file.write_bytes(file.read_bytes() + b"x")
    assert load_image_encoder("resnet18", file).identity != identity
    assert load_image_encoder("resnet18", None).identity == "resnet18:resnet18-f37072fd:3"


def test_weights_that_are_not_there(weights_folder, tmp_path):
    """The folder's content, or the path that is wrong, is named."""
    with pytest.raises(WeightsUnavailable, match=r"no resnet50\.pth.*mobilenet_v3_small, resnet18"):
        load_image_encoder("resnet50", weights_folder)
    with pytest.raises(WeightsUnavailable, match="no file or folder"):
        load_image_encoder("resnet50", tmp_path / "nothing")
    with pytest.raises(WeightsUnavailable, match=r"no \.pth file at all"):
        load_image_encoder("resnet50", tmp_path)


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 broken", b"\x80\x02."])
def test_a_broken_file_of_weights(content, tmp_path):
    """The file and a remedy are named."""
    file = tmp_path / "resnet18.pth"
    file.write_bytes(content)
    with pytest.raises(WeightsUnavailable, match=r"resnet18\.pth .*state_dict"):
        load_image_encoder("resnet18", file).encode([])


def test_weights_of_another_network(weights_folder, tmp_path):
    """Another architecture, another number of classes, and a file that would run code are refused."""
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    with pytest.raises(WeightsUnavailable, match="does not hold the weights of squeezenet1_0"):
        load_image_encoder("squeezenet1_0", weights_folder / "resnet18.pth").encode([])
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsUnavailable, match="does not hold"):
        load_image_encoder("resnet18", tmp_path / "list.pth").encode([])
    torch.save(torchvision.models.resnet18(weights=None), tmp_path / "whole.pth")
    with pytest.raises(WeightsUnavailable, match="safely"):
        load_image_encoder("resnet18", tmp_path / "whole.pth").encode([])


def test_several_encoders_by_their_names(weights_folder):
    """In order, each as it is alone; weights are for those that have some, and others are asked for first."""
    encoders = load_image_encoders("squeezenet1_0, pixels,resnet18", weights_folder)
    alone = [load_image_encoder(name, weights_folder) for name in ("squeezenet1_0", "pixels", "resnet18")]
    assert [each.identity for each in encoders] == [each.identity for each in alone]
    file = weights_folder / "resnet18.pth"
    assert [each.identity for each in load_image_encoders("resnet18,pixels", file)] == [
        alone[2].identity,
        alone[1].identity,
    ]
    other = object()
    assert load_image_encoders("pixels,mine:Own", None, load_other={"pixels": None, "mine:Own": other}.get)[1] is other


def test_one_file_of_weights_is_not_enough_for_two_encoders(weights_folder):
    """Both are named, and the folder that would do."""
    with pytest.raises(
        WeightsUnavailable, match=r"one encoder, but resnet18 and squeezenet1_0 .*folder that holds NAME"
    ):
        load_image_encoders("resnet18,squeezenet1_0", weights_folder / "resnet18.pth")


@pytest.mark.parametrize("name", ["", "resnet18,", "resnet18,resnet18", " , "])
def test_a_list_that_names_nothing_or_something_twice(name):
    """Is refused with an example."""
    with pytest.raises(UnknownEncoder, match="names no encoder, or one twice; use one such as"):
        load_image_encoders(name, None)


def test_an_encoder_says_how_large_it_needs_images(weights_folder):
    """The side that it brings the largest to."""
    assert load_image_encoder("resnet18", weights_folder).least_side == 224


@pytest.mark.parametrize("name", ["resnet51", "ResNet50", "ssd300_vgg16", "", "../resnet50"])
def test_a_name_that_torchvision_does_not_know(name, tmp_path):
    """Near names are offered; detectors that take images of one size alone have no backbone that could be used."""
    with pytest.raises(UnknownEncoder, match="use `pixels` or one such as"):
        _ = load_image_encoder(name, None).identity
    file = tmp_path / "some.pth"
    file.write_bytes(b"x")
    with pytest.raises(UnknownEncoder):
        load_image_encoder(name, file).encode([])


@pytest.fixture
def silent_host():
    """Takes connections and never answers, as behind a firewall that drops what follows."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_a_silent_host_fails_in_time(silent_host, tmp_path):
    """A connection that is taken and never answered is given up; nothing is left behind."""
    begun = time.monotonic()
    with pytest.raises(
        WeightsUnavailable, match=r"net-12345678\.pth could not be downloaded from http://127\.0\.0\.1.*pixels"
    ):
        download(f"http://127.0.0.1:{silent_host}/net-12345678.pth", tmp_path / "net-12345678.pth", 0.5)
    assert time.monotonic() - begun < 60
    assert not list(tmp_path.iterdir())


def test_a_refused_connection_and_a_bad_name_fail(tmp_path):
    """Each with the reason."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/net-12345678.pth", "http://weights.invalid/net-12345678.pth"):
        with pytest.raises(WeightsUnavailable, match="could not be downloaded"):
            download(url, tmp_path / "net-12345678.pth")


@pytest.fixture
def file_host():
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer  # noqa: PLC0415

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(404 if "missing" in self.path else 200)
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(b"weights")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_is_checked_and_whole(file_host, tmp_path):
    """What has another hash than its name says never gets the name; what is there is not fetched again."""
    import hashlib  # noqa: PLC0415

    name = f"net-{hashlib.sha256(b'weights').hexdigest()[:8]}.pth"
    download(f"{file_host}/{name}", tmp_path / "hub" / name)
    assert (tmp_path / "hub" / name).read_bytes() == b"weights"
    download("http://weights.invalid/" + name, tmp_path / "hub" / name)
    with pytest.raises(WeightsUnavailable, match="sha256"):
        download(f"{file_host}/net-12345678.pth", tmp_path / "net-12345678.pth")
    with pytest.raises(WeightsUnavailable, match="404"):
        download(f"{file_host}/missing-12345678.pth", tmp_path / "missing-12345678.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["hub"]


@pytest.mark.parametrize("colour", ["white", "black", (12, 200, 3)])
@pytest.mark.parametrize("size_wh", [(1, 1), (8, 8), (500, 3)])
def test_pixels_of_a_plain_image_are_finite(colour, size_wh):
    """Nothing to see is not nothing to compute with."""
    pixels = load_image_encoder("pixels", None)
    row = pixels.encode([pixels.prepare(Image.new("RGB", size_wh, colour))])
    assert row.shape == (1, pixels.width)
    assert row.dtype == np.float32
    assert np.isfinite(row).all()


def test_pixels_do_not_mind_brightness():
    """A darker, flatter copy of a grey image is nearer to it than another image."""
    pixels = load_image_encoder("pixels", None)
    image, other = (picture(seed=seed).convert("L") for seed in (1, 2))
    darker = image.point(lambda value: 20 + value // 3)
    rows = [pixels.prepare(each.convert("RGB")) for each in (image, darker, other)]
    assert np.linalg.norm(rows[0] - rows[1]) < 0.3 * np.linalg.norm(rows[0] - rows[2])
