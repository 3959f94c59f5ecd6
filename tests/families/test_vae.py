from __future__ import annotations

import torch
from torch.distributions import Normal, kl_divergence

from harness.families import build_family
from harness.families.base import Batch, Shape
from harness.families.vae import gaussian_kl, log_likelihood


def test_kl_is_that_of_torch_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, logvar = torch.randn(2, 5, 7, dtype=torch.float64, generator=generator)
    expected = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(gaussian_kl(mean, logvar), expected)


def test_likelihood_is_that_of_torch_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    x, mean = torch.randn(2, 3, 2, 4, 4, dtype=torch.float64, generator=generator)
    expected = Normal(mean, 0.3).log_prob(x).flatten(1).sum(dim=1)
    torch.testing.assert_close(log_likelihood(x, mean, 0.3), expected)


def test_beta_weighs_the_kl_term() -> None:
    torch.manual_seed(0)
    family = build_family("vae", {"width": 4, "latent": 3, "beta": 4.0}, Shape(1, 8))
    player = family.phases()[0].players[0]
    batch = Batch(torch.zeros(2, 1, 8, 8), torch.zeros(2, dtype=torch.int64))
    losses = player.loss(family.networks, batch, player.noise(2, torch.Generator()))
    torch.testing.assert_close(losses["loss"], losses["reconstruction"] + 4 * losses["kl"])
