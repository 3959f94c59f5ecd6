"""The variational bound against its closed form on Gaussian data."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from exact_denoisers import ONE
from torch import Tensor

from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.diffusion import BOUND_STRATA, Diffusion
from harness.objectives.denoising import alpha_bar
from harness.objectives.variational_bound import VariationalBound, prior_divergence, strata

STEPS = 40
LEFT = alpha_bar("cosine", STEPS)


def exact_bound(variance: str, steps: int = STEPS) -> float:
    """Minus the bound of a pixel of N(shift, d²), in nats, with the exact denoiser: all its terms
    are expectations of squares.
    """
    left = [1.0, *alpha_bar("cosine", steps).tolist()]
    total = 0.0
    for t in range(1, steps + 1):
        alpha = left[t] / left[t - 1]
        beta = 1 - alpha
        posterior = beta * (1 - left[t - 1]) / (1 - left[t])
        if t == 1:
            alpha2 = left[2] / left[1]
            replacement = (1 - alpha2) * (1 - left[1]) / (1 - left[2])
            width = replacement if variance == "small" else beta
        else:
            width = posterior if variance == "small" else beta
        noise = 1 - left[t]
        uncertainty = ONE.d**2 * noise / (left[t] * ONE.d**2 + noise)  # of x0, where x_t is known
        error = left[t - 1] * (beta / noise) ** 2 * uncertainty
        if t == 1:
            total += 0.5 * (error / width + math.log(2 * math.pi * width))
        else:
            total += 0.5 * ((posterior + error) / width - 1 + math.log(width / posterior))
    second = ONE.d**2 + ONE.shift**2
    return total + 0.5 * (left[-1] * second - left[-1] - math.log(1 - left[-1]))


def model(**settings: Any) -> Diffusion:
    """A diffusion model whose network is the exact denoiser."""
    made = build_family(
        "diffusion",
        {
            "target": "x0",
            "schedule": "cosine",
            "network": "mlp",
            "depth": 1,
            "width": 4,
            **settings,
        },
        ImageShape(1, 4, pixels=False),
    )
    assert isinstance(made, Diffusion)
    made.networks.double()
    process: Any = made.networks["noising"]

    def network(x: Tensor, t: Tensor) -> Tensor:
        return ONE.denoise(x, process(t)).x0

    made.networks["denoiser"].forward = network
    return made


@pytest.mark.parametrize("variance", ["small", "large"])
def test_it_is_its_closed_form_on_gaussian_data(variance: str) -> None:
    sampling = {"kind": "ancestral", "steps": 20, "variance": variance, "clip": False}
    family = model(timesteps=STEPS, sampling=sampling)
    draws = torch.Generator().manual_seed(0)
    x = ONE.shift + ONE.d * torch.randn(3_000, 1, 4, 4, generator=draws)
    nats = family.elbo(x, draws) / 16
    error = float(nats.std()) / math.sqrt(len(x))
    assert float(nats.mean()) == pytest.approx(-exact_bound(variance), abs=4 * error)
    assert error < 0.012


def test_one_timestep_of_each_part_leaves_it_without_bias() -> None:
    family = model(timesteps=1000, sampling={"clip": False})
    draws = torch.Generator().manual_seed(0)
    x = ONE.shift + ONE.d * torch.randn(2000, 1, 4, 4, generator=draws)
    truth = -0.5 * (1 + math.log(2 * math.pi * ONE.d**2))
    nats = family.elbo(x, draws) / 16
    error = float(nats.std()) / math.sqrt(len(x))
    assert float(nats.mean()) == pytest.approx(-exact_bound("small", 1000), abs=4 * error)
    assert error < 0.05
    assert float(nats.mean()) < truth


def test_the_divergences_are_those_of_torch() -> None:
    bound = VariationalBound(LEFT)
    t = torch.tensor([1, 7, STEPS - 1])
    x0, predicted = torch.randn(2, 3, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    share = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(1))
    log_variance = bound.log_variance(t, "learned", share)
    gain = bound.gain[t][:, None, None, None]
    normal = torch.distributions.Normal
    q = normal(gain * x0, (bound.small[t] / 2).exp()[:, None, None, None].expand_as(x0))
    p = normal(gain * predicted, (log_variance / 2).exp())
    expected = torch.distributions.kl_divergence(q, p)
    found = bound.terms(t, x0, predicted, log_variance)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_learned_variance_lies_between_the_fixed_ones_by_logarithms() -> None:
    """ln σ² = share·ln β + (1 − share)·ln β̃ (equation 15)."""
    bound, t = VariationalBound(LEFT), torch.tensor([1, 9])
    small, large = bound.log_variance(t, "small"), bound.log_variance(t, "large")
    before, now = LEFT[t - 1], LEFT[t]
    beta = 1 - now / before
    torch.testing.assert_close(large.flatten(), beta.log().float())
    torch.testing.assert_close(small.flatten(), (beta * (1 - before) / (1 - now)).log().float())
    for share in (0.0, 0.25, 1.0):
        learned = bound.log_variance(t, "learned", torch.full((2, 1, 1, 1), share))
        torch.testing.assert_close(learned, small + share * (large - small))
    with pytest.raises(ValueError, match="needs the network's share"):
        bound.log_variance(t, "learned")


def test_the_divergence_from_the_prior_is_that_of_torch() -> None:
    x0 = torch.randn(5, 1, 2, 2, dtype=torch.float64)
    left = torch.tensor(0.2, dtype=torch.float64)
    normal = torch.distributions.Normal
    one = torch.ones_like(x0)
    expected = torch.distributions.kl_divergence(
        normal(left.sqrt() * x0, (1 - left).sqrt() * one), normal(0 * one, one)
    )
    torch.testing.assert_close(prior_divergence(x0, left), expected.flatten(1).sum(1))


@pytest.mark.parametrize("timesteps", [20, 51, 52, 1000])
def test_the_strata_are_all_timesteps_but_the_first(timesteps: int) -> None:
    parts = strata(timesteps, BOUND_STRATA)
    assert [t for start, stop in parts for t in range(start, stop)] == list(range(1, timesteps))
    assert len(parts) == min(timesteps - 1, BOUND_STRATA)


def test_a_condition_or_edm_leaves_no_bound() -> None:
    def built(**settings: Any) -> Any:
        return build_family("diffusion", {"width": 1, **settings}, ImageShape(1, 8, classes=3))

    assert built().has_bound
    assert not built(conditional=True).has_bound
    assert not built(preconditioning={"kind": "edm"}).has_bound
    assert built(preconditioning={"kind": "edm"}).has_density
