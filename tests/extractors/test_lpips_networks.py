import warnings
from functools import partial

import lpips
import pytest
import torch
import torchvision
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
from torchvision.models import AlexNet, SqueezeNet

from harness.core.errors import BadInput
from harness.extractors import load_perceptual, lpips_networks, preflight
from harness.extractors.lpips_networks import TRUNKS, Trunk


def random_trunk(net: str) -> torch.nn.Module:
    build = {"alex": AlexNet, "squeeze": partial(SqueezeNet, "1_1")}[net]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build(num_classes=2)


@pytest.fixture(params=["alex", "squeeze"])
def net(request, publish, monkeypatch):
    """A network's name, with random weights in place of the published ones."""
    # The head, which LPIPS does not use, is most of AlexNet's file.
    state = {k: v for k, v in random_trunk(request.param).state_dict().items() if "features" in k}
    trunk = Trunk(publish(state), TRUNKS[request.param].smallest)
    monkeypatch.setitem(lpips_networks.TRUNKS, request.param, trunk)
    return request.param


def reference(net: str, monkeypatch) -> lpips.LPIPS:
    """The package's own, its trunk "pretrained" with the same weights."""
    name = {"alex": "alexnet", "squeeze": "squeezenet1_1"}[net]
    monkeypatch.setattr(torchvision.models, name, lambda pretrained: random_trunk(net))
    return lpips.LPIPS(net=net, verbose=False)


def test_equals_lpips(net, monkeypatch, random_images):
    network = load_perceptual(f"lpips:{net}")
    a, b = random_images(3, 3, 33, 33), random_images(3, 3, 33, 33, seed=1)
    with torch.no_grad():
        expected = reference(net, monkeypatch)(a / 255, b / 255, normalize=True).flatten()
    assert network.distance(a, b).numpy() == pytest.approx(expected.numpy(), rel=1e-5)
    assert torch.equal(network.distance(a, a), torch.zeros(3))
    assert network.label == f"lpips:{net}@{TRUNKS[net].weights.digest}"


def test_equals_torchmetrics(net, monkeypatch, random_images):
    """Which guards against a division by zero in another place."""
    monkeypatch.setattr(
        "torchmetrics.functional.image.lpips._get_tv_model_features",
        lambda name, pretrained: random_trunk(net).features,
    )
    a, b = random_images(3, 3, 33, 33), random_images(3, 3, 33, 33, seed=1)
    theirs = LearnedPerceptualImagePatchSimilarity(net, normalize=True)(a / 255, b / 255)
    ours = load_perceptual(f"lpips:{net}").distance(a, b)
    assert float(ours.mean()) == pytest.approx(float(theirs), rel=1e-5)


def test_large_images_come_in_small_batches(net, monkeypatch, random_images):
    network = load_perceptual(f"lpips:{net}")
    a, b = random_images(5, 3, 40, 40), random_images(5, 3, 40, 40, seed=1)
    whole = network.distance(a, b)
    monkeypatch.setattr(lpips_networks, "PIXELS", 2 * 40 * 40)
    assert network.distance(a, b).numpy() == pytest.approx(whole.numpy(), rel=1e-5)


def test_smallest_images(net, random_images):
    network = load_perceptual(f"lpips:{net}")
    smallest = TRUNKS[net].smallest
    network.check(1, smallest)
    assert network.distance(*2 * [random_images(1, 1, smallest, smallest)]).shape == (1,)
    size = f"{smallest}×{smallest}"
    with pytest.raises(BadInput, match=f"lpips:{net} takes images of at least {size} pixels"):
        network.check(3, smallest - 1)


def test_alexnet_needs_31_pixels():
    assert TRUNKS["alex"].smallest == 31


def test_nothing_is_left_changed(net):
    before = torch.random.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_perceptual(f"lpips:{net}")
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("lpips:alex", "alexnet-owt-7be5be79.pth"),
        ("lpips:vgg", "vgg16-397923af.pth"),
        ("lpips:squeeze", "squeezenet1_1-b8a52dc0.pth"),
    ],
)
def test_missing_weights_are_named(weights_folder, name, file):
    with pytest.raises(BadInput, match=f"{file} are not on this machine.*into {weights_folder}"):
        preflight(name)


def test_other_weights_are_refused(publish, monkeypatch):
    trunk = Trunk(publish({"features.0.weight": torch.zeros(2)}), 31)
    monkeypatch.setitem(lpips_networks.TRUNKS, "alex", trunk)
    with pytest.raises(BadInput, match="does not hold the weights of alex"):
        load_perceptual("lpips:alex")
