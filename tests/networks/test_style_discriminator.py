"""StyleGAN2's discriminator against the authors' table of layers, and its parts by definition."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.networks.style_discriminator import (
    EqualizedConv,
    StyleDiscriminator,
    StyleDownBlock,
    with_group_deviation,
)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_it_is_as_large_as_the_papers():
    """Configuration F at 1024×1024 pixels: the parameters of each layer and of all, as the authors'
    program prints them.
    """
    widths = [512, 512, 512, 512, 512, 256, 128, 64, 32]
    with torch.device("meta"):
        network = StyleDiscriminator(3, 1024, widths, 1)
        assert network(torch.zeros(4, 3, 1024, 1024)).shape == (4, 1)
    blocks = [block for block in network.blocks if isinstance(block, StyleDownBlock)]
    layers = [[count(b.first), count(b.second), count(b.shortcut)] for b in blocks]
    assert count(network.first) == 128
    assert layers == [
        [9_248, 18_496, 2_048], [36_928, 73_856, 8_192], [147_584, 295_168, 32_768],
        [590_080, 1_180_160, 131_072], *[[2_359_808, 2_359_808, 262_144]] * 4,
    ]  # fmt: skip
    tail = [count(layer) for layer in (network.last, network.dense, network.head)]
    assert tail == [2_364_416, 4_194_816, 513]
    assert count(network) == 29_012_513


@pytest.mark.parametrize("size", [8, 12, 28, 32])
def test_every_size_has_its_blocks(size: int):
    torch.manual_seed(0)
    network = StyleDiscriminator(2, size, 4, 3)
    out = network(torch.randn(5, 2, size, size))
    assert out.shape == (5, 3)
    out.square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_equalised_convolutions_keep_the_variance_of_noise():
    torch.manual_seed(0)
    inside = EqualizedConv(64, 64, 3)(torch.randn(40, 64, 16, 16))[:, :, 1:-1, 1:-1]
    assert inside.std().item() == pytest.approx(1, abs=0.03)


def test_halving_is_a_blur_and_every_second_pixel_of_a_convolution():
    torch.manual_seed(0)
    for kernel in (1, 3):
        conv = EqualizedConv(2, 3, kernel, halves=True).double()
        x = torch.randn(1, 2, 8, 6).double()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]).double() / 8
        blur = torch.outer(taps, taps)[None, None].expand(2, 1, 4, 4)
        smooth = F.conv2d(x, blur, padding=1 + kernel // 2, groups=2)
        weight = conv.weight / math.sqrt(2 * kernel**2)
        torch.testing.assert_close(conv(x), F.conv2d(smooth, weight, conv.bias)[:, :, ::2, ::2])
        assert conv(x).shape == (1, 3, 4, 3)


def test_a_block_is_the_sum_of_its_two_ways_over_the_root_of_two():
    torch.manual_seed(0)
    block, x = StyleDownBlock(2, 3), torch.randn(2, 2, 8, 8)
    h = F.conv2d(x, block.first.weight / math.sqrt(18), padding=1)
    h = block.second(math.sqrt(2) * F.leaky_relu(h, 0.2))
    h = math.sqrt(2) * F.leaky_relu(h, 0.2)
    torch.testing.assert_close(block(x), (h + block.shortcut(x)) / math.sqrt(2))


def test_groups_of_four_have_their_own_deviation():
    """Of eight images the even ones are a group and the odd ones another; by hand."""
    x = torch.zeros(8, 2, 1, 2)
    x[::2, 0] = torch.tensor([1.0, 2.0, 3.0, 4.0])[:, None, None]
    added = with_group_deviation(x)
    assert torch.equal(added[:, :2], x)
    even, odd = math.sqrt(1.25) / 2, 0.0  # one of two channels varies
    expected = torch.tensor([even, odd] * 4)[:, None, None, None].expand(-1, 1, 1, 2)
    torch.testing.assert_close(added[:, 2:], expected, rtol=0, atol=2e-4)


def test_batches_that_groups_do_not_divide_are_taken_as_evenly_as_can_be():
    x = torch.randn(5, 3, 2, 2)
    added = with_group_deviation(x)[:, 3, 0, 0]
    three, two = (x[start::2].std(dim=0, correction=0).mean() for start in range(2))
    expected = torch.stack([three, two, three, two, three])
    torch.testing.assert_close(added, expected, rtol=1e-4, atol=1e-4)
    assert with_group_deviation(x[:1])[0, 3, 0, 0] < 1e-3, "one image does not vary"
