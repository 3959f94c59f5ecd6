"""FactorVAE: permuted codes, the density ratio, and who learns from what."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from ramps import Ramps
from torch import nn

from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.factor_vae import FactorVAE
from harness.objectives.codes import permuted_units
from harness.training.init import initialise

SMALL = {"width": 4, "latent": 3, "batch_size": 32, "discriminator": {"width": 8, "depth": 1}}


def built(**settings: Any) -> FactorVAE:
    shape = ImageShape(1, 16)
    family = initialise(lambda: build_family("factor-vae", SMALL | settings, shape), seed=0)
    assert isinstance(family, FactorVAE)
    return family


def test_each_unit_is_permuted_by_itself() -> None:
    draws = torch.Generator().manual_seed(0)
    z = torch.arange(200 * 3.0).view(200, 3)
    permuted = permuted_units(z, torch.rand(200, 3, generator=draws))
    assert torch.equal(permuted.sort(dim=0).values, z)
    ranks = (permuted - torch.arange(3)) / 3
    assert not torch.equal(ranks[:, 0], ranks[:, 1])
    correlation = torch.corrcoef(ranks.T)
    assert correlation[0, 1].abs() < 0.2, "units were one and the same before"


def test_the_log_odds_of_the_best_discriminator_are_the_total_correlation() -> None:
    """Of a Gaussian with correlation ρ they are −½·log(1 − ρ²) in the mean."""
    rho, draws = 0.8, torch.Generator().manual_seed(0)
    e = torch.randn(200_000, 2, generator=draws, dtype=torch.float64)
    z = torch.stack([e[:, 0], rho * e[:, 0] + math.sqrt(1 - rho**2) * e[:, 1]], dim=1)
    covariance = torch.tensor([[1, rho], [rho, 1]], dtype=torch.float64)
    joint = torch.distributions.MultivariateNormal(torch.zeros(2, dtype=torch.float64), covariance)
    product = torch.distributions.Normal(0.0, 1.0)
    log_odds = joint.log_prob(z) - product.log_prob(z).sum(dim=1)
    assert float(log_odds.mean()) == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.01)
    # Units that are permuted have the product's distribution.
    permuted = permuted_units(z, torch.rand(z.shape, generator=draws))
    assert float(torch.corrcoef(permuted.T)[0, 1]) == pytest.approx(0, abs=0.01)


class Weighs(nn.Module):
    """Log odds that are the sum of a code."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return z.sum(dim=1, keepdim=True)


def test_the_loss_is_the_bound_and_the_weighted_mean_of_the_log_odds() -> None:
    family, batch = built(correlation_weight=7.0), Ramps(False).batch(0)
    family.networks["discriminator"] = Weighs()
    noise = family.noise(32, torch.Generator().manual_seed(0))
    mean, logvar = family.networks["encoder"](batch.x).chunk(2, dim=1)
    z = mean + (0.5 * logvar).exp() * noise["epsilon"]
    losses = family.loss(family.networks, batch, noise)
    assert float(losses["correlation"]) == pytest.approx(float(z.sum(dim=1).mean()), rel=1e-4)
    bound = losses["reconstruction"] + losses["kl"]
    assert float(losses["loss"]) == pytest.approx(
        float(bound + 7 * losses["correlation"]), rel=1e-5
    )


def test_the_discriminator_tells_one_half_from_the_permuted_other() -> None:
    family, batch = built(), Ramps(False).batch(0)
    family.networks["discriminator"] = Weighs()
    noise = family.permutation_noise(32, torch.Generator().manual_seed(0))
    assert set(noise) == {"epsilon", "order"}
    mean, logvar = family.networks["encoder"](batch.x).chunk(2, dim=1)
    z = (mean + (0.5 * logvar).exp() * noise["epsilon"]).detach()
    permuted = permuted_units(z[16:], noise["order"][16:])
    expected = (
        nn.functional.softplus(-z[:16].sum(dim=1)).mean()
        + nn.functional.softplus(permuted.sum(dim=1)).mean()
    )
    found = family.discriminator_loss(family.networks, batch, noise)["loss"]
    assert float(found) == pytest.approx(float(expected), rel=1e-4)


def test_each_player_learns_from_its_own_loss() -> None:
    family, batch = built(), Ramps(False).batch(0)
    model, discriminator = family.phases()[0].players
    assert model.trains == ("encoder", "decoder")
    assert discriminator.trains == ("discriminator",)
    draws = torch.Generator().manual_seed(0)
    loss = discriminator.loss(family.networks, batch, discriminator.noise(32, draws))["loss"]
    weights = list(family.networks["encoder"].parameters())
    assert all(slope is None for slope in torch.autograd.grad(loss, weights, allow_unused=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"importance_samples": 2}, "one code an image"),
        ({"gradient": "score-function"}, "one code an image"),
        ({"divergence": {"kind": "total-correlation"}}, "weighted, by beta"),
        ({"correlation_weight": 0}, "greater than 0"),
    ],
)
def test_settings_that_it_does_not_read_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        built(**settings)
