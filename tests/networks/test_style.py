"""The parts of style-based generators against their definitions."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from harness.networks.style import (
    AdaIN,
    EqualizedLinear,
    MappingNetwork,
    StyleGenerator,
    mixed_styles,
    modulated,
    smooth_double,
)


def test_adain_gives_each_channel_the_moments_of_its_style():
    """y_s · (x − μ(x)) / σ(x) + y_b."""
    torch.manual_seed(0)
    layer = AdaIN(3, 4).double()
    x, w = torch.randn(2, 3, 5, 6).double() * 3 + 1, torch.randn(2, 4).double()
    scale, shift = layer.scale(w), layer.shift(w)
    y = layer(x, w)
    torch.testing.assert_close(y.mean(dim=(2, 3)), shift)
    torch.testing.assert_close(y.std(dim=(2, 3), correction=0), scale.abs())
    mean, std = x.mean(dim=(2, 3), keepdim=True), x.std(dim=(2, 3), correction=0, keepdim=True)
    expected = scale[:, :, None, None] * (x - mean) / std + shift[:, :, None, None]
    torch.testing.assert_close(y, expected)


@pytest.mark.parametrize("demodulate", [True, False])
def test_modulation_scales_the_weights_of_each_image(demodulate: bool):
    """w'_ijk = s_i · w_ijk, and w'' = w' / √Σ w'², for each image and each output."""
    torch.manual_seed(0)
    x, style = torch.randn(2, 3, 4, 4).double(), torch.randn(2, 3).double()
    weight = torch.randn(5, 3, 3, 3).double()
    y = modulated(x, weight, style, demodulate=demodulate)
    for n in range(2):
        w = weight * style[n][None, :, None, None]
        if demodulate:
            w = w / w.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
        torch.testing.assert_close(y[n : n + 1], F.conv2d(x[n : n + 1], w, padding=1),
                                   rtol=1e-6, atol=1e-6)  # fmt: skip


def test_equalised_weights_are_scaled_when_they_are_used():
    """The output has unit variance, and Adam moves each layer's output equally, times its rate."""
    torch.manual_seed(0)
    for rate in (1.0, 0.01):
        layer = EqualizedLinear(400, 300, bias=2.0, rate=rate)
        assert layer.weight.std().item() == pytest.approx(1 / rate, rel=0.02)
        y = layer(torch.randn(200, 400))
        assert y.mean().item() == pytest.approx(2.0, abs=0.1)
        assert (y - 2).std().item() == pytest.approx(1.0, rel=0.05)
        x = torch.ones(1, 400)
        slope = torch.autograd.grad(layer(x).sum(), layer.weight)[0]
        torch.testing.assert_close(slope, torch.full_like(slope, rate / math.sqrt(400)))


def test_the_mapping_depends_on_the_direction_of_z_alone():
    torch.manual_seed(0)
    mapping, z = MappingNetwork(6, 4, depth=3), torch.randn(5, 6)
    torch.testing.assert_close(mapping(z), mapping(3 * z), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(mapping(z), mapping(-z))


def generator(second: bool, size: int = 16) -> StyleGenerator:
    torch.manual_seed(0)
    return StyleGenerator(5, 3, size, 8, latent=6, mapping=2, second=second)


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("size", [8, 12, 28, 32])
def test_every_size_has_its_layers(second: bool, size: int):
    net = generator(second, size)
    z = torch.randn(4, 5)
    images = net(z, net.draw_noise(4, torch.Generator().manual_seed(1)))
    assert images.shape == (4, 3, size, size)
    assert len(net.layers) == len(net.sizes) == 1 + 2 * (len(set(net.sizes)) - 1)
    images.square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize("second", [False, True])
def test_noise_matters_once_it_is_scaled_and_is_fixed_without(second: bool):
    net, z = generator(second), torch.randn(2, 5)
    noise = net.draw_noise(2, torch.Generator().manual_seed(1))
    torch.testing.assert_close(net(z), net(z, noise))  # its scale starts at 0
    for layer in net.layers:
        torch.nn.init.ones_(layer.noise_scale)
    assert not torch.allclose(net(z), net(z, noise))
    assert torch.equal(net(z), net(z))


@pytest.mark.parametrize("second", [False, True])
def test_mixed_styles_are_of_the_first_code_up_to_the_crossover(second: bool):
    net = generator(second)
    a, b = net.styles(torch.randn(3, 5)), net.styles(torch.randn(3, 5))
    layers = len(net.layers)
    mixed = mixed_styles(a, b, torch.tensor([0, 2, layers]))
    assert torch.equal(mixed[0], b[0])
    assert torch.equal(mixed[1], torch.cat([a[1, :2], b[1, 2:]]))
    assert torch.equal(mixed[2], a[2])
    torch.testing.assert_close(net.synthesise(mixed)[2], net.synthesise(a)[2])


def test_doubled_maps_keep_their_mean_inside_and_are_smooth():
    x = torch.ones(1, 2, 4, 4)
    y = smooth_double(x)
    assert y.shape == (1, 2, 8, 8)
    torch.testing.assert_close(y[:, :, 1:-1, 1:-1], torch.ones(1, 2, 6, 6))
    ramp = smooth_double(torch.arange(4.0).expand(1, 1, 4, 4))[0, 0, 3, 1:-1]
    torch.testing.assert_close(ramp, torch.tensor([0.25, 0.75, 1.25, 1.75, 2.25, 2.75]))


def test_the_second_generator_is_as_large_as_the_papers():
    """Configuration F at 1024×1024 pixels: 512 channels up to 64×64, then half as many at each
    resolution, and 8 layers of mapping: 30,370,060 parameters, as the authors' program prints.
    """
    widths = [512, 512, 512, 512, 512, 256, 128, 64, 32]
    with torch.device("meta"):
        network = StyleGenerator(512, 3, 1024, widths, latent=512, mapping=8, second=True)
    shapes = [tuple(layer.weight.shape[:2]) for layer in network.layers]
    assert shapes[:3] == [(512, 512)] * 3
    assert shapes[9:] == [
        (256, 512), (256, 256), (128, 256), (128, 128), (64, 128), (64, 64), (32, 64), (32, 32),
    ]  # fmt: skip
    assert network.sizes == [4, *(side for side in (8, 16, 32, 64, 128, 256, 512, 1024)
                                  for _ in range(2))]  # fmt: skip
    assert [layer.weight.shape[1] for layer in network.images] == widths
    assert sum(p.numel() for p in network.parameters()) == 30_370_060
