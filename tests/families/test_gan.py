from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.gan import GAN


@pytest.fixture
def gan() -> GAN:
    torch.manual_seed(0)
    family = build_family("gan", {"width": 64, "latent": 16}, ImageShape(1, 16))
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
    noise = gan.generator_noise(4, torch.Generator().manual_seed(0))
    logistic = {side: 1 / (1 + math.exp(-value)) for side, value in (("r", real), ("f", fake))}
    discriminator = -math.log(logistic["r"]) - math.log(1 - logistic["f"])
    found = gan.discriminator_loss(gan.networks, batch, noise)["loss"].item()
    assert found == pytest.approx(discriminator)
    found = gan.generator_loss(gan.networks, batch, noise)["loss"].item()
    assert found == pytest.approx(-math.log(logistic["f"]))


def test_the_discriminator_does_not_reach_the_generator(gan: GAN) -> None:
    batch = Batch(torch.ones(4, 1, 16, 16), torch.zeros(4, dtype=torch.int64))
    noise = gan.generator_noise(4, torch.Generator().manual_seed(0))
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


R1 = {"kind": "r1", "weight": 1.0}


def wasserstein() -> GAN:
    settings = {
        "network": "mlp", "width": 4, "depth": 0, "latent": 3, "loss": "wasserstein",
        "discriminator": {"updates": 5}, "penalties": [{"kind": "gradient", "weight": 10.0}],
    }  # fmt: skip
    family = build_family("gan", settings, ImageShape(1, 2))
    assert isinstance(family, GAN)
    return family


def test_a_linear_critic_has_the_loss_and_the_gradient_of_its_formula() -> None:
    """D(x) = w·x + b: its slope is w everywhere, so that the penalty is (‖w‖ − 1)²."""
    torch.manual_seed(0)
    gan = wasserstein()
    critic = gan.networks["discriminator"].body[0]
    real = torch.randn(6, 1, 2, 2)
    noise = gan.discriminator_noise(6, torch.Generator().manual_seed(0))
    losses = gan.discriminator_loss(gan.networks, Batch(real, torch.zeros(6).long()), noise)
    w = critic.weight.detach().double().flatten()
    with torch.no_grad():
        fake = gan.networks["generator"](noise["z"])
    apart = (fake.flatten(1).mean(dim=0) - real.flatten(1).mean(dim=0)).double()
    slope = w.norm()
    expected = w @ apart + 10 * (slope - 1).square()
    assert losses["loss"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert losses["penalty"].item() == pytest.approx((slope - 1).square().item(), rel=1e-5)
    losses["loss"].backward()
    gradient = apart + 20 * (slope - 1) * w / slope
    torch.testing.assert_close(critic.weight.grad.flatten().double(), gradient, rtol=1e-4, atol=0)
    assert critic.bias.grad.item() == pytest.approx(0, abs=1e-6)
    generator = gan.generator_loss(gan.networks, Batch(real, torch.zeros(6).long()), noise)["loss"]
    assert generator.item() == pytest.approx(-critic(fake.flatten(1)).mean().item())


def test_the_critic_moves_several_times_on_images_of_its_own() -> None:
    critic, generator = wasserstein().phases()[0].players
    assert (critic.updates, critic.sees_data) == (5, True)
    assert (generator.updates, generator.sees_data) == (1, False)


@pytest.mark.parametrize(
    ("settings", "right"),
    [
        ({"loss": "wasserstein", "discriminator": {"norm": "none"}}, r"such as \[\{kind: gradient"),
        ({"penalties": [R1]}, r"go with discriminator: \{norm: none\}"),
        ({"discriminator": {"norm": "none"}, "penalties": [R1, R1]}, "name one kind twice"),
    ],
)
def test_what_does_not_go_together_says_what_would(settings: dict[str, Any], right: str) -> None:
    with pytest.raises(ValidationError, match=right):
        build_family("gan", settings, ImageShape(1, 16))
