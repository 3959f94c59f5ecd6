"""SNGAN's residual networks against the paper's tables."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.networks.resnet import DownBlock, ResidualDiscriminator, ResidualGenerator, UpBlock


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def conv(into: int, out: int, kernel: int) -> int:
    return into * out * kernel**2 + out


def test_the_networks_are_those_of_table_4():
    """For CIFAR-10: dense to 4×4×256, three blocks up of 256, batch norm and a convolution to RGB;
    two blocks down of 128, two plain ones, and a dense layer from the sum over places.
    """
    with torch.device("meta"):
        generator = ResidualGenerator(128, 3, 32, 256)
        discriminator = ResidualDiscriminator(3, 32, 128, 1)
        images, outputs = generator(torch.zeros(2, 128)), discriminator(torch.zeros(2, 3, 32, 32))
    assert (images.shape, outputs.shape) == ((2, 3, 32, 32), (2, 1))
    up = [block for block in generator.body if isinstance(block, UpBlock)]
    down = [block for block in discriminator.body if isinstance(block, DownBlock)]
    assert (len(up), [block.halves for block in down]) == (3, [True, True, False, False])
    of_up = 2 * 2 * 256 + 2 * conv(256, 256, 3) + conv(256, 256, 1)
    assert count(generator) == 129 * 4096 + 3 * of_up + 2 * 256 + conv(256, 3, 3) == 4_276_739
    first = conv(3, 128, 3) + conv(128, 128, 3) + conv(3, 128, 1)
    second = 2 * conv(128, 128, 3) + conv(128, 128, 1)
    plain = 2 * conv(128, 128, 3)
    assert count(discriminator) == first + second + 2 * plain + 129 == 1_053_825


@pytest.mark.parametrize("size", [8, 12, 16, 28, 64])
def test_every_size_has_its_blocks(size: int):
    generator, discriminator = (
        ResidualGenerator(4, 1, size, 8),
        ResidualDiscriminator(1, size, 4, 3),
    )
    images = generator(torch.randn(2, 4))
    assert images.shape == (2, 1, size, size)
    assert images.abs().max() <= 1
    assert discriminator(images).shape == (2, 3)


def test_a_block_is_its_shortcut_where_its_convolutions_are_zero():
    x = torch.randn(2, 3, 4, 4)
    up, down = UpBlock(3), DownBlock(3, 5, halves=True)
    for block in (up, down):
        nn.init.zeros_(block.second.weight)
        nn.init.zeros_(block.second.bias)
    doubled = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    torch.testing.assert_close(up(x), up.shortcut(doubled))
    halved = down.shortcut(x).unflatten(3, (2, 2)).unflatten(2, (2, 2)).mean(dim=(3, 5))
    torch.testing.assert_close(down(x), halved)
    plain = DownBlock(3, 3, halves=False)
    nn.init.zeros_(plain.second.weight)
    nn.init.zeros_(plain.second.bias)
    assert torch.equal(plain(x), x)
