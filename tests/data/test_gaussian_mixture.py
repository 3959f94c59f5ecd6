import math

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from harness.data.gaussian_mixture import GaussianMixture
from harness.data.generated import gaussian, points

OVERLAPPING = GaussianMixture(
    torch.tensor([[0.0, 1.0], [0.5, -0.5], [1.0, 0.0]], dtype=torch.float64),
    torch.linalg.qr(torch.tensor([[1.0, 2.0], [-1.0, 1.0]], dtype=torch.float64)).Q,
    torch.tensor([0.7, 0.3], dtype=torch.float64),
)
TRUTHS = {"overlapping": OVERLAPPING, "ring": points.ring_means(), "gaussian": gaussian.TRUTH}


def peer(density: GaussianMixture, alpha_bar: float = 1.0) -> MixtureSameFamily:
    """The density of √ᾱ·x + √(1−ᾱ)·ε by torch.distributions."""
    own = density.basis @ torch.diag(density.scales.square()) @ density.basis.T
    noise = (1 - alpha_bar) * torch.eye(len(own), dtype=torch.float64)
    gaussians = MultivariateNormal(math.sqrt(alpha_bar) * density.means, alpha_bar * own + noise)
    return MixtureSameFamily(Categorical(torch.ones(density.modes)), gaussians)


def images(x: torch.Tensor) -> torch.Tensor:
    """Points N×2 as N×2×1×1, longer rows as square images."""
    side = 1 if x.shape[1] == 2 else math.isqrt(x.shape[1])
    return x.view(len(x), -1, side, side)


def some(density: GaussianMixture) -> torch.Tensor:
    draws = torch.Generator().manual_seed(0)
    return torch.randn(20, density.means.shape[1], generator=draws, dtype=torch.float64)


@pytest.mark.parametrize("name", TRUTHS)
def test_the_log_density_is_that_of_torch_distributions(name: str):
    density = TRUTHS[name]
    x = some(density)
    torch.testing.assert_close(density.log_density(images(x)), peer(density).log_prob(x))


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("alpha_bar", [0.02, 0.5, 0.98])
def test_the_denoiser_is_tweedies_formula(name: str, alpha_bar: float):
    """√ᾱ E[x₀|x_t] = x_t + (1−ᾱ) ∇ log p(x_t) (Efron 2011)."""
    density = TRUTHS[name]
    x = some(density).requires_grad_()
    (score,) = torch.autograd.grad(peer(density, alpha_bar).log_prob(x).sum(), x)
    expected = (x + (1 - alpha_bar) * score).detach() / math.sqrt(alpha_bar)
    found = density.denoise(images(x.detach()), alpha_bar)
    torch.testing.assert_close(found.flatten(1), expected)


def test_the_entropy_is_the_mean_of_minus_the_log_density():
    one = gaussian.TRUTH
    assert one.entropy == pytest.approx(
        float(peer(one).component_distribution.entropy()[0]), rel=1e-12
    )
    for density in (points.ring_means(), points.grid_means()):
        drawn = peer(density).sample((20_000,))
        nats = -density.log_density(images(drawn))
        assert density.entropy == pytest.approx(float(nats.mean()), abs=4 * float(nats.std()) / 141)


def test_the_nearest_mode_and_how_far_it_is():
    density = GaussianMixture(
        torch.tensor([[0.0, 0.0], [2.0, 0.0]], dtype=torch.float64),
        torch.eye(2, dtype=torch.float64),
        torch.tensor([0.5, 0.1], dtype=torch.float64),
    )
    modes, deviations = density.nearest(
        torch.tensor([[0.5, 0], [2, 0.3], [1.5, 0.1]])[..., None, None]
    )
    assert modes.tolist() == [0, 1, 1]
    assert deviations.tolist() == pytest.approx([1, 3, math.sqrt(2)])


def test_modes_left_out_are_gone():
    rest = OVERLAPPING.without((1,))
    assert torch.equal(rest.means, OVERLAPPING.means[[0, 2]])
    assert OVERLAPPING.without(()).modes == 3
