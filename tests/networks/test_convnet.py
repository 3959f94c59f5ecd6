"""DCGAN's networks against the paper's figure."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from harness.networks.convnet import Decoder
from harness.networks.discriminator import ConvDiscriminator


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_generator_is_that_of_figure_1():
    """From 100 numbers to 4×4×1024, then 512, 256 and 128 channels and RGB, each of double the
    size: Radford et al. 2016, arXiv:1511.06434. Kernels are of 4×4 pixels, as in PyTorch's example
    of the paper, where the figure has 5×5. Batch norm and ReLU follow all layers but the last.
    """
    with torch.device("meta"):
        network = Decoder(100, 3, 64, 128, nn.ReLU())
        maps = [network.grid(network.head(torch.zeros(2, 100)))]
        for layer in network.body:
            maps.append(layer(maps[-1]))
    sizes = [tuple(m.shape[1:]) for m in maps]
    assert list(dict.fromkeys(sizes)) == [
        (1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64),
    ]  # fmt: skip
    kinds = [type(layer) for layer in network.body]
    up = [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU]
    assert kinds == [nn.BatchNorm2d, nn.ReLU, *up * 3, nn.ConvTranspose2d, nn.Tanh]
    widths = [1024, 512, 256, 128]
    convolutions = sum(16 * a * b + b for a, b in zip(widths, [*widths[1:], 3], strict=True))
    assert count(network) == 101 * 1024 * 16 + convolutions + 2 * sum(widths) == 12_675_715


def test_the_discriminator_is_the_generator_in_reverse():
    """Leaky ReLU, and batch norm after all convolutions but the first (section 3)."""
    leaky = nn.LeakyReLU(0.2)
    with torch.device("meta"):
        network = ConvDiscriminator(3, 64, 128, 1, activation=leaky, norm=nn.BatchNorm2d)
        assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 1)
    kinds = [type(layer) for layer in network.body]
    down = [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU]
    assert kinds == [nn.Conv2d, nn.LeakyReLU, *down * 3, nn.Flatten]
    widths = [3, 128, 256, 512, 1024]
    convolutions = sum(16 * a * b + b for a, b in pairwise(widths))
    assert count(network) == convolutions + 2 * sum(widths[2:]) + 1024 * 16 + 1 == 11_038_081
