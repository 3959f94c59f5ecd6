"""Frozen networks of losses."""

from __future__ import annotations

import pytest
import torch
from torchvision.models import vgg16

from harness.core.errors import BadInput
from harness.extractors import PERCEPTUALS, load_perceptual
from harness.networks import feature_networks
from harness.networks.feature_networks import FEATURE_NETWORKS, VGGFeatures
from harness.objectives.reconstruction import perceptual_error


def test_their_names_and_digests_are_those_of_perceptual_networks() -> None:
    assert set(FEATURE_NETWORKS) <= set(PERCEPTUALS.names())
    network = FEATURE_NETWORKS["classifier:digits"]
    assert load_perceptual("classifier:digits").label == f"{network.name}@{network.digest}"


def test_the_error_on_a_classifier_is_its_perceptual_distance() -> None:
    draws = torch.Generator().manual_seed(0)
    a, b = torch.randint(0, 256, (2, 5, 1, 16, 16), dtype=torch.uint8, generator=draws)
    features = FEATURE_NETWORKS["classifier:digits"].load("cpu")
    x, made = a / 127.5 - 1, b / 127.5 - 1
    expected = load_perceptual("classifier:digits").distance(a, b).mean()
    torch.testing.assert_close(perceptual_error(features, x, made), expected)


def test_they_are_frozen_and_images_have_gradients() -> None:
    features = FEATURE_NETWORKS["classifier:digits"].load("cpu")
    assert not features.training
    assert not any(parameter.requires_grad for parameter in features.parameters())
    x = torch.zeros(1, 1, 16, 16)
    made = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)).requires_grad_()
    slope = torch.autograd.grad(perceptual_error(features, x, made), made)[0]
    assert slope.abs().max() > 0


def test_vgg_gives_the_outputs_before_its_poolings(tmp_path, monkeypatch) -> None:
    torch.manual_seed(0)
    network = vgg16(weights=None).eval()
    torch.save(network.state_dict(), tmp_path / "vgg.pth")
    features = VGGFeatures().read(tmp_path / "vgg.pth")
    x = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    maps = features(x)
    channels = [(64, 32), (128, 16), (256, 8), (512, 4), (512, 2)]
    assert [(m.shape[1], m.shape[2]) for m in maps] == channels
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    seen = ((x.expand(-1, 3, -1, -1) + 1) / 2 - mean) / deviation
    torch.testing.assert_close(maps[2], network.features[:16](seen))


def test_images_that_a_network_cannot_take_are_refused() -> None:
    with pytest.raises(BadInput, match="classifier:cifar10 takes 3×32×32 images, not 1×28×28"):
        FEATURE_NETWORKS["classifier:cifar10"].check(1, 28)
    with pytest.raises(BadInput, match="at least 16×16 pixels, not 1×8×8"):
        FEATURE_NETWORKS["lpips:vgg"].check(1, 8)


def test_changed_weights_are_refused(monkeypatch) -> None:
    changed = dict.fromkeys(feature_networks.DIGESTS, "0" * 64)
    monkeypatch.setattr("harness.networks.classifier_weights.DIGESTS", changed)
    with pytest.raises(BadInput, match="was changed"):
        FEATURE_NETWORKS["classifier:digits"].load("cpu")
