"""Variants of the VAE: gradients by finite differences, bounds where the likelihood is known."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.distributions import MultivariateNormal

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.vae import VAE
from harness.objectives.codes import gaussian_kl

MLP = {"network": "mlp", "width": 5, "depth": 1, "latent": 2, "sigma": 0.5}


def built(size: int = 3, **settings: Any) -> VAE:
    torch.manual_seed(0)
    family = build_family("vae", MLP | settings, ImageShape(1, size))
    assert isinstance(family, VAE)
    family.networks.double()
    return family


def batch(n: int = 4, size: int = 3) -> Batch:
    draws = torch.Generator().manual_seed(1)
    x = torch.rand(n, 1, size, size, generator=draws, dtype=torch.float64) * 2 - 1
    return Batch(x, torch.zeros(n, dtype=torch.int64))


def noise(family: VAE, n: int, seed: int = 0) -> dict[str, Tensor]:
    drawn = family.noise(n, torch.Generator().manual_seed(seed))
    return {name: value.double() for name, value in drawn.items()}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"importance_samples": 5},
        {"sigma": "learned"},
        {"divergence": {"kind": "total-correlation"}, "beta": 4.0},
        {"divergence": {"kind": "free-bits", "amount": 0.01}},
    ],
)
def test_gradients_are_those_of_finite_differences(settings: dict[str, Any]) -> None:
    family, images = built(**settings), batch()
    draws = noise(family, 4)

    def loss() -> Tensor:
        return family.loss(family.networks, images, draws)["loss"]

    parameters = list(family.networks.parameters())
    slopes = torch.autograd.grad(loss(), parameters)
    for parameter, slope in zip(parameters, slopes, strict=True):
        place, step = 0, 1e-6
        flat = parameter.data.view(-1)
        values = []
        for sign in (1, -1):
            flat[place] += sign * step
            values.append(float(loss().detach()))
            flat[place] -= sign * step
        numeric = (values[0] - values[1]) / (2 * step)
        assert numeric == pytest.approx(float(slope.reshape(-1)[place]), rel=1e-5, abs=1e-6)


def test_the_score_functions_gradient_is_the_reparameterised_one_on_average() -> None:
    images = batch(1)
    many = Batch(images.x.expand(20_000, 1, 3, 3), torch.zeros(20_000, dtype=torch.int64))
    gradients = {}
    for kind in ("reparameterised", "score-function"):
        family = built(gradient=kind)
        weight = family.networks["encoder"].body[-1].bias
        parts = family.loss(family.networks, many, noise(family, 20_000))
        gradients[kind] = torch.autograd.grad(parts["loss"], weight)[0]
        plain = -family.image_log_likelihood(family.networks, many.x, _codes(family, many)).mean()
        kl = gaussian_kl(*family.posterior(many.x)).mean()
        assert float(parts["loss"].detach()) == pytest.approx(float((plain + kl).detach()))
    largest = gradients["reparameterised"].abs().max()
    difference = (gradients["score-function"] - gradients["reparameterised"]).abs().max()
    assert difference < 0.1 * largest


def _codes(family: VAE, images: Batch) -> Tensor:
    mean, logvar = family.posterior(images.x)
    return mean + (logvar / 2).exp() * noise(family, len(images.x))["epsilon"]


def test_the_loss_of_one_importance_sample_is_the_bound_of_one() -> None:
    family, images = built(importance_samples=3), batch()
    loss = family.loss(family.networks, images, noise(family, 4))["loss"]
    mean, logvar = family.posterior(images.x)
    epsilon = noise(family, 4)["epsilon"]
    weights = []
    for k in range(3):
        z = mean + (logvar / 2).exp() * epsilon[:, k]
        density = family.image_log_likelihood(family.networks, images.x, z)
        prior = -z.square().sum(1) / 2 + (epsilon[:, k].square() + logvar).sum(1) / 2
        weights.append(density + prior)
    expected = -(torch.stack(weights).logsumexp(0) - math.log(3)).mean()
    torch.testing.assert_close(loss, expected)


def test_a_linear_one_reaches_the_likelihood_of_probabilistic_pca() -> None:
    """Tipping & Bishop 1999: x = Wz + b + σε has a maximum likelihood in closed form, which the
    evidence lower bound reaches where the encoder is linear too (Lucas et al. 2019).
    """
    size, latent, n = 3, 2, 2000
    draws = torch.Generator().manual_seed(0)
    w = torch.randn(size**2, latent, generator=draws).double()
    w = torch.linalg.qr(w).Q * torch.tensor([1.5, 0.8])
    codes = torch.randn(n, latent, generator=draws).double()
    x = codes @ w.T + 0.3 * torch.randn(n, size**2, generator=draws).double()
    family = built(depth=0, sigma="learned")
    images = Batch(x.view(n, 1, size, size), torch.zeros(n, dtype=torch.int64))
    optimizer = torch.optim.Adam(family.networks.parameters(), 0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 600)
    for step in range(600):
        optimizer.zero_grad()
        family.loss(family.networks, images, noise(family, n, step))["loss"].backward()
        optimizer.step()
        schedule.step()
    draws = [torch.Generator().manual_seed(seed) for seed in range(20)]
    bounds = torch.stack([family.elbo(images.x, each).mean() for each in draws])
    best = _pca_log_likelihood(x, latent)
    assert float(bounds.mean()) == pytest.approx(best, rel=0.005)
    tighter = float(family.importance_bound(images.x, 50, torch.Generator()).mean())
    assert float(bounds.mean()) <= tighter + 4 * float(bounds.std()) / 20**0.5
    assert tighter <= best + 0.001


def _pca_log_likelihood(x: Tensor, latent: int) -> float:
    """The mean log density under the best model with this number of components."""
    mean = x.mean(dim=0)
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))
    rest = values[:-latent].mean()
    top = vectors[:, -latent:] * (values[-latent:] - rest)
    covariance = top @ vectors[:, -latent:].T + rest * torch.eye(len(values)).double()
    return float(MultivariateNormal(mean, covariance).log_prob(x).mean())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"importance_samples": 5, "beta": 2.0}, "importance_samples go with beta 1"),
        ({"divergence": {"kind": "free-bits"}}, "free-bits needs an amount: the nats"),
        ({"divergence": {"kind": "weighted", "amount": 1.0}}, "weighted takes no amount"),
        ({"sigma": "learnt"}, "learned"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        built(**settings)


def test_a_bernoulli_of_numbers_that_are_no_pixels_is_refused() -> None:
    settings = MLP | {"likelihood": "bernoulli"}
    with pytest.raises(BadInput, match="8-bit pixels"):
        build_family("vae", settings, ImageShape(2, 1, pixels=False))
