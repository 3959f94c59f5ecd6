from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from harness.families import build_family
from harness.families.base import Batch, Shape
from harness.families.gan import GAN


@pytest.fixture
def gan() -> GAN:
    torch.manual_seed(0)
    family = build_family("gan", {"width": 64, "latent": 16}, Shape(1, 16))
    assert isinstance(family, GAN)
    return family


class Constant(nn.Module):
    """A discriminator that gives `real` to images of ones, `fake` to all others."""

    def __init__(self, real: float, fake: float) -> None:
        super().__init__()
        self.real, self.fake = real, fake

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ones = (x == 1).flatten(1).all(dim=1, keepdim=True)
        return torch.where(ones, self.real, self.fake)


def test_losses_are_those_of_the_paper(gan: GAN) -> None:
    real, fake = 0.7, -0.4
    gan.networks["discriminator"] = Constant(real, fake)
    batch = Batch(torch.ones(4, 1, 16, 16), torch.zeros(4, dtype=torch.int64))
    noise = gan.noise(4, torch.Generator().manual_seed(0))
    logistic = {side: 1 / (1 + math.exp(-value)) for side, value in (("r", real), ("f", fake))}
    discriminator = -math.log(logistic["r"]) - math.log(1 - logistic["f"])
    found = gan.discriminator_loss(gan.networks, batch, noise)["loss"].item()
    assert found == pytest.approx(discriminator)
    found = gan.generator_loss(gan.networks, batch, noise)["loss"].item()
    assert found == pytest.approx(-math.log(logistic["f"]))


def test_the_discriminator_does_not_reach_the_generator(gan: GAN) -> None:
    batch = Batch(torch.ones(4, 1, 16, 16), torch.zeros(4, dtype=torch.int64))
    noise = gan.noise(4, torch.Generator().manual_seed(0))
    gan.discriminator_loss(gan.networks, batch, noise)["loss"].backward()
    assert all(p.grad is None for p in gan.networks["generator"].parameters())


def test_weights_start_as_in_dcgan(gan: GAN) -> None:
    for module in gan.networks.modules():
        if isinstance(module, nn.ConvTranspose2d | nn.Conv2d) and module.weight.numel() > 10_000:
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
            assert module.weight.mean().item() == pytest.approx(0, abs=0.001)
        if isinstance(module, nn.BatchNorm2d):
            assert module.weight.mean().item() == pytest.approx(1, abs=0.01)
            assert not module.bias.any()
