"""DDIM with a clipped denoiser, and what its steps are made of."""

from __future__ import annotations

import pytest
import torch
from exact_denoisers import TwoGaussians
from torch import Tensor

from harness.objectives.denoising import (
    TARGETS,
    Denoised,
    Denoiser,
    NoiseLevel,
    alpha_bar,
    network_denoiser,
)
from harness.samplers.ddim import ddim, forward_deviation, posterior_deviation
from harness.samplers.guidance import clipped
from harness.samplers.levels import timestep_levels

STEPS = (10, 20, 50, 250, 1000)
SCHEDULES = ("linear", "cosine")
PIXEL = 0.9
TWO_VALUES = TwoGaussians(PIXEL, 0.0)
GAUSSIAN = TwoGaussians(0.0, 0.4, 0.3)


def with_error(error: float) -> Denoiser:
    """The exact denoiser of two values, but for a constant error of ε."""

    def denoise(x: Tensor, level: NoiseLevel) -> Denoised:
        epsilon = TWO_VALUES.denoise(x, level).epsilon + error
        return Denoised((x - level.noise * epsilon) / level.signal, epsilon)

    return denoise


def sampled(denoise: Denoiser, left: Tensor, noise: Tensor, steps: int) -> Tensor:
    return ddim(denoise, noise, timestep_levels(left, steps), torch.Generator())


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
    low, high = sampled(GAUSSIAN.denoise, left, points, steps).flatten()
    assert (low + high).item() / 2 == pytest.approx(0.3, abs=1e-3)
    assert (high - low).item() / 2 == pytest.approx(0.4, rel=1e-3 + 3.5 / steps)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", STEPS)
def test_clipping_changes_nothing_where_images_lie_inside(schedule, steps: int) -> None:
    left, denoise = alpha_bar(schedule, 1000), TWO_VALUES.denoise
    free, held = (sampled(d, left, noise(), steps) for d in (denoise, clipped(denoise)))
    torch.testing.assert_close(held, free, rtol=0, atol=1e-6)
    assert held.abs().mean().item() == pytest.approx(PIXEL, abs=1e-3)
    assert held.mean().item() == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("error", [-0.02, 0.02])
def test_more_steps_do_not_add_up_the_error_of_a_clipped_denoiser(schedule, error: float) -> None:
    """With ε kept as predicted the mean was 0.55 at 1000 steps of the linear schedule."""
    left = alpha_bar(schedule, 1000)
    exact = sampled(clipped(TWO_VALUES.denoise), left, noise(), 50).mean()
    bias = {
        steps: (sampled(clipped(with_error(error)), left, noise(), steps).mean() - exact).abs()
        for steps in STEPS
    }
    assert max(bias.values()) < 0.2
    assert bias[1000] <= bias[250] <= bias[50] <= bias[10]


def test_the_noise_fits_the_clipped_image() -> None:
    """x_t = a·x̂₀ + s·ε̂, whatever the network predicts."""
    x = torch.linspace(-3, 3, 12, dtype=torch.float64).reshape(3, 1, 2, 2)
    level = NoiseLevel(torch.tensor(0), torch.tensor(0.3).double(), torch.tensor(0.7).double())
    image, epsilon, _ = clipped(lambda x, level: Denoised(2.5 * x, (x - 0.75 * x) / 0.7))(x, level)
    assert image.abs().max() <= 1
    torch.testing.assert_close(level.signal * image + level.noise * epsilon, x)


def test_one_step_gives_the_image_that_epsilon_implies() -> None:
    left, x = alpha_bar("linear", 1000), torch.full((1, 1, 2, 2), 0.5)
    denoise = network_denoiser(lambda x, t: 0.99 * x, TARGETS["epsilon"])
    image = ddim(denoise, x, timestep_levels(left, 1), torch.Generator())
    now = left[-1].float()
    torch.testing.assert_close(image, (x - (1 - now).sqrt() * 0.99 * x) / now.sqrt())


def test_deviations_are_those_of_ho_et_al() -> None:
    """β̃_t = (1 − ᾱ_{t−1})/(1 − ᾱ_t)·β_t, with all timesteps."""
    left = alpha_bar("linear", 100).flip(0)
    levels = timestep_levels(alpha_bar("linear", 100), 100)
    later = torch.cat([left[1:], torch.ones(1).double()])
    beta = 1 - left / later
    torch.testing.assert_close(forward_deviation(levels).square(), beta)
    expected = (1 - later) / (1 - left) * beta
    torch.testing.assert_close(posterior_deviation(levels).square(), expected)
