from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, MultivariateNormal, Normal, kl_divergence

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.vae import VAE
from harness.objectives.codes import gaussian_kl
from harness.objectives.reconstruction import bernoulli_log_likelihood, log_likelihood

SIGMA, LATENT, PIXELS = 0.5, 2, 64


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
    family = build_family("vae", {"width": 4, "latent": 3, "beta": 4.0}, ImageShape(1, 8))
    player = family.phases()[0].players[0]
    batch = Batch(torch.zeros(2, 1, 8, 8), torch.zeros(2, dtype=torch.int64))
    losses = player.loss(family.networks, batch, player.noise(2, torch.Generator()))
    torch.testing.assert_close(losses["loss"], losses["reconstruction"] + 4 * losses["kl"])


class Affine(nn.Module):
    """Encoder or decoder of a model whose marginal likelihood is known."""

    def __init__(self, weight: Tensor, bias: Tensor, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.weight, self.bias, self.shape = weight, bias, shape

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x.double().flatten(1) @ self.weight.T + self.bias
        return out.view(-1, *self.shape)


def linear_gaussian(off: float = 0.0, wide: float = 0.0) -> tuple[VAE, Tensor, Tensor]:
    """x = Wz + b + σε, so that p(x) = N(b, WWᵀ + σ²I) and the posterior is Gaussian too.

    W has orthogonal columns, so that the posterior's dimensions are independent. The encoder gives
    it with its mean `off` by so much and its log-variance too `wide`. Also images of that model
    and their exact log densities.
    """
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(PIXELS, LATENT, generator=generator).double()).Q
    w, b = basis * torch.tensor([2.0, 1.0]), torch.linspace(-1, 1, PIXELS).double()
    precision = (w.T @ w).diagonal() / SIGMA**2 + 1
    gain = w.T / SIGMA**2 / precision[:, None]
    weight = torch.cat([gain, torch.zeros_like(gain)])
    bias = torch.cat([-gain @ b + off, -precision.log() + wide])

    family = build_family("vae", {"width": 4, "latent": LATENT, "sigma": SIGMA}, ImageShape(1, 8))
    assert isinstance(family, VAE)
    encoder, decoder = Affine(weight, bias, (2 * LATENT,)), Affine(w, b, (1, 8, 8))
    family.networks = nn.ModuleDict({"encoder": encoder, "decoder": decoder})
    marginal = MultivariateNormal(b, w @ w.T + SIGMA**2 * torch.eye(PIXELS))
    noise = torch.randn(200, PIXELS, generator=generator).double()
    x = b + noise @ marginal.scale_tril.T
    return family, x.view(-1, 1, 8, 8), marginal.log_prob(x)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("k", [1, 2, 10])
def test_with_the_true_posterior_every_importance_bound_is_the_likelihood(k: int) -> None:
    family, x, exact = linear_gaussian()
    torch.testing.assert_close(family.importance_bound(x, k, seeded()), exact)


def test_with_the_true_posterior_the_elbo_is_the_likelihood_on_average() -> None:
    family, x, exact = linear_gaussian()
    draws = torch.stack([family.elbo(x, seeded(s)) - exact for s in range(100)])
    # One code stands for the expectation of ½|error|²/σ², whose variance is not 0.
    error = float(draws.std()) / math.sqrt(draws.numel())
    assert abs(float(draws.mean())) < 4 * error


def test_elbo_falls_short_by_the_divergence_of_the_posteriors() -> None:
    """log p(x) − ELBO = KL(q(z|x) ‖ p(z|x)), here the same for every image."""
    family, x, exact = linear_gaussian(off=0.2, wide=0.4)
    mean, logvar = family.posterior(x[:1])
    true = Normal(mean - 0.2, ((logvar - 0.4) / 2).exp())
    expected = float(kl_divergence(Normal(mean, (logvar / 2).exp()), true).sum())
    draws = torch.stack([exact - family.elbo(x, seeded(s)) for s in range(100)])
    error = float(draws.std()) / math.sqrt(draws.numel())
    assert float(draws.mean()) == pytest.approx(expected, abs=4 * error)
    assert expected > 10 * error


def test_bounds_are_in_order_and_converge() -> None:
    """ELBO ≤ IWAE_k ≤ IWAE_k' ≤ log p(x) for k < k' (Burda et al. 2016, theorem 1)."""
    family, x, exact = linear_gaussian(off=0.2, wide=0.4)
    elbo = torch.stack([family.elbo(x, seeded(s)) for s in range(20)]).mean()
    bounds = [float(family.importance_bound(x, k, seeded(k)).mean()) for k in (1, 5, 50, 2000)]
    assert float(elbo) == pytest.approx(bounds[0], abs=0.3)
    assert max(float(elbo), bounds[0]) < bounds[1] < bounds[2] < float(exact.mean()) + 0.01
    assert bounds[3] == pytest.approx(float(exact.mean()), abs=0.02)


def test_elbo_is_minus_the_loss_at_beta_one() -> None:
    torch.manual_seed(0)
    family = build_family("vae", {"width": 4, "latent": 3, "beta": 4.0}, ImageShape(1, 8))
    assert isinstance(family, VAE)
    family.networks.eval()
    x = torch.rand(5, 1, 8, 8) * 2 - 1
    batch = Batch(x, torch.zeros(5, dtype=torch.int64))
    losses = family.loss(family.networks, batch, family.noise(5, seeded()))
    expected = -(losses["reconstruction"] + losses["kl"]).double()
    torch.testing.assert_close(family.elbo(x, seeded()).mean(), expected.detach())


def test_bounds_come_from_the_generator_alone_and_have_no_gradient() -> None:
    torch.manual_seed(0)
    family = build_family("vae", {"width": 4, "latent": 3}, ImageShape(1, 8))
    assert isinstance(family, VAE)
    family.networks.eval()
    x, before = torch.rand(5, 1, 8, 8) * 2 - 1, torch.random.get_rng_state()
    for bound in (family.elbo, lambda x, g: family.importance_bound(x, 3, g)):
        first, again, other = (bound(x, seeded(s)) for s in (0, 0, 1))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
        assert (first.shape, first.dtype, first.requires_grad) == ((5,), torch.float64, False)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_posterior_is_what_codes_are_the_mean_of() -> None:
    torch.manual_seed(0)
    family = build_family("vae", {"width": 4, "latent": 3}, ImageShape(1, 8))
    assert isinstance(family, VAE)
    family.networks.eval()
    x = torch.rand(5, 1, 8, 8) * 2 - 1
    mean, logvar = family.posterior(x)
    assert torch.equal(mean, family.encode(x))
    assert mean.shape == logvar.shape == (5, 3)
    assert not mean.requires_grad


def test_a_bound_of_no_codes_is_refused() -> None:
    family, x, _ = linear_gaussian()
    with pytest.raises(BadInput, match="0 codes"):
        family.importance_bound(x, 0, seeded())


def test_the_bernoulli_likelihood_is_that_of_torch_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(3, 1, 4, 4, dtype=torch.float64, generator=generator)
    x = torch.randint(2, (3, 1, 4, 4), generator=generator).double() * 2 - 1
    expected = Bernoulli(logits=logits).log_prob((x + 1) / 2).flatten(1).sum(dim=1)
    torch.testing.assert_close(bernoulli_log_likelihood(x, logits), expected)


def test_the_mean_of_a_bernoulli_is_the_image_that_is_shown() -> None:
    torch.manual_seed(0)
    family = build_family("vae", {"width": 4, "likelihood": "bernoulli"}, ImageShape(1, 8))
    z = family.latents(5, torch.Generator().manual_seed(0))
    family.networks.eval()
    odds = family.networks["decoder"].logits(z)
    torch.testing.assert_close(2 * odds.sigmoid() - 1, family.decode(z))
