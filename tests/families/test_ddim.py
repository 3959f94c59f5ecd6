"""DDIM against data whose exact denoiser is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from harness.families.ddim import DDIMStepInputs, Sampling, alpha_bar, ddim, ddim_step

STEPS = (10, 20, 50, 250, 1000)
SCHEDULES = ("linear", "cosine")
PIXEL = 0.9
Predict = Callable[[Tensor, Tensor], Tensor]


def exact_of_gaussian(left: Tensor, mean: float, deviation: float) -> Predict:
    """E[ε | x_t] where pixels are N(mean, deviation²)."""

    def predict(x: Tensor, t: Tensor) -> Tensor:
        a = left[t][:, None, None, None]
        return (1 - a).sqrt() * (x - a.sqrt() * mean) / (a * deviation**2 + 1 - a)

    return predict


def exact_of_two_values(left: Tensor, error: float = 0.0) -> Predict:
    """E[ε | x_t] where pixels are −0.9 or 0.9, each as often; `error` is added to it."""

    def predict(x: Tensor, t: Tensor) -> Tensor:
        a = left[t][:, None, None, None]
        image = PIXEL * torch.tanh(a.sqrt() * PIXEL * x / (1 - a))
        return (x - a.sqrt() * image) / (1 - a).sqrt() + error

    return predict


def sampled(predict: Predict, left: Tensor, noise: Tensor, steps: int, *, clip: bool) -> Tensor:
    sampling = Sampling(steps=steps, clip=clip)
    return ddim(ddim_step(predict, clip=clip), noise, left, sampling, torch.Generator())


def noise(count: int = 400) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 1, 8, 8, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", STEPS)
def test_the_exact_denoiser_gives_the_moments_of_gaussian_data(schedule, steps: int) -> None:
    """DDIM is affine here, so that two points of noise tell mean and deviation. Of the deviation
    its steps lose a share that falls as one over their number.
    """
    left = alpha_bar(schedule, 1000)
    points = torch.tensor([-1.0, 1.0], dtype=torch.float64).reshape(2, 1, 1, 1)
    low, high = sampled(
        exact_of_gaussian(left, 0.3, 0.4), left, points, steps, clip=False
    ).flatten()
    assert (low + high).item() / 2 == pytest.approx(0.3, abs=1e-3)
    assert (high - low).item() / 2 == pytest.approx(0.4, rel=1e-3 + 3.5 / steps)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", STEPS)
def test_clipping_changes_nothing_where_images_lie_inside(schedule, steps: int) -> None:
    left = alpha_bar(schedule, 1000)
    predict = exact_of_two_values(left)
    clipped, free = (sampled(predict, left, noise(), steps, clip=clip) for clip in (True, False))
    torch.testing.assert_close(clipped, free, rtol=0, atol=1e-6)
    assert clipped.abs().mean().item() == pytest.approx(PIXEL, abs=1e-3)
    assert clipped.mean().item() == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("error", [-0.02, 0.02])
def test_more_steps_do_not_add_up_the_error_of_a_clipped_denoiser(schedule, error: float) -> None:
    """With ε kept as predicted the mean was 0.55 at 1000 steps of the linear schedule."""
    left = alpha_bar(schedule, 1000)
    predict = exact_of_two_values(left, error)
    exact = sampled(exact_of_two_values(left), left, noise(), 50, clip=True).mean()
    bias = {
        steps: (sampled(predict, left, noise(), steps, clip=True).mean() - exact).abs().item()
        for steps in STEPS
    }
    assert max(bias.values()) < 0.2
    assert bias[1000] <= bias[250] <= bias[50] <= bias[10]


def test_the_noise_fits_the_clipped_image() -> None:
    """x_t = √ᾱ_t·x̂₀ + √(1−ᾱ_t)·ε: a step that stays at ᾱ_t leads back to x_t, whatever the network
    predicts.
    """
    x = torch.linspace(-3, 3, 12, dtype=torch.float64).reshape(3, 1, 2, 2)
    a = 0.3
    still = torch.tensor([(1 - a) ** 0.5, a**0.5, a**0.5, (1 - a) ** 0.5, 0.0]).double()
    step = ddim_step(lambda x, t: torch.full_like(x, -2.0), clip=True)
    torch.testing.assert_close(step(DDIMStepInputs(x, torch.tensor(0), still)), x)
