from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.ddim import ForwardProcess, Sampling, alpha_bar, ddim, ddim_step

MEAN, STD = 0.3, 0.2


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("timesteps", [20, 1000])
def test_schedule_falls_from_image_to_noise(schedule: str, timesteps: int) -> None:
    left = alpha_bar(schedule, timesteps)  # type: ignore[arg-type]
    assert left.shape == (timesteps,)
    assert (left.diff() < 0).all()
    assert left[0] > 0.99 or timesteps < 1000
    assert 0 < left[-1] < 1e-3


def test_linear_schedule_is_that_of_the_paper() -> None:
    left = alpha_bar("linear", 1000)
    assert left[0].item() == pytest.approx(1 - 1e-4)
    beta = 1 - left[1:] / left[:-1]
    assert beta[-1].item() == pytest.approx(0.02)
    torch.testing.assert_close(beta.diff(), torch.full((998,), 0.0199 / 999, dtype=torch.float64))


def test_noising_keeps_the_variance_of_standardised_images() -> None:
    generator = torch.Generator().manual_seed(0)
    noising = ForwardProcess(alpha_bar("linear", 1000))
    x, epsilon = torch.randn(2, 64, 1, 32, 32, generator=generator)
    for t in (0, 300, 999):
        noisy = noising(x, torch.full((64,), t), epsilon)
        assert noisy.var().item() == pytest.approx(1, abs=0.02)


def test_noising_ends_near_the_image_and_near_the_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    noising = ForwardProcess(alpha_bar("linear", 1000))
    x, epsilon = torch.randn(2, 2, 1, 8, 8, generator=generator)
    noisy = noising(x, torch.tensor([0, 999]), epsilon)
    torch.testing.assert_close(noisy[0], x[0], atol=0.05, rtol=0)
    torch.testing.assert_close(noisy[1], epsilon[1], atol=0.05, rtol=0)


def exact_epsilon(left: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """E[ε | x_t] for images whose pixels are independent N(MEAN, STD²)."""

    def predict(x: Tensor, t: Tensor) -> Tensor:
        now = left[t].to(x.dtype)[:, None, None, None]
        return (1 - now).sqrt() * (x - now.sqrt() * MEAN) / (now * STD**2 + 1 - now)

    return predict


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_ddim_with_the_exact_epsilon_recovers_a_gaussian(eta: float) -> None:
    left, generator = alpha_bar("linear", 1000), torch.Generator().manual_seed(0)
    noise = torch.randn(100, 1, 16, 16, dtype=torch.float64, generator=generator)
    sampling = Sampling(steps=500, eta=eta, clip=False)
    x = ddim(ddim_step(exact_epsilon(left), clip=False), noise, left, sampling, generator)
    assert x.mean().item() == pytest.approx(MEAN, abs=0.01)
    assert x.std().item() == pytest.approx(STD, rel=0.03)


def test_deterministic_ddim_is_the_affine_map_of_the_probability_flow() -> None:
    left = alpha_bar("linear", 1000)
    noise = torch.randn(2, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    sampling = Sampling(steps=1000, clip=False)
    step = ddim_step(exact_epsilon(left), clip=False)
    x = ddim(step, noise, left, sampling, torch.Generator())
    torch.testing.assert_close(x, MEAN + STD * noise, atol=0.01, rtol=0)


def test_one_step_gives_the_image_that_epsilon_implies() -> None:
    left, x = alpha_bar("linear", 1000), torch.full((1, 1, 2, 2), 0.5)
    step = ddim_step(lambda x, t: 0.99 * x, clip=False)
    image = ddim(step, x, left, Sampling(steps=1), torch.Generator())
    now = left[-1]
    torch.testing.assert_close(image, (x - (1 - now).sqrt() * 0.99 * x) / now.sqrt())


def test_loss_is_zero_for_a_perfect_prediction_and_one_for_none() -> None:
    torch.manual_seed(0)
    family = build_family("diffusion", {"width": 1}, ImageShape(1, 16))
    player = family.phases()[0].players[0]
    noise = player.noise(64, torch.Generator().manual_seed(0))
    batch = Batch(torch.zeros(64, 1, 16, 16), torch.zeros(64, dtype=torch.int64))
    # The last layer starts at zero, so that an untrained network predicts no noise at all.
    assert player.loss(family.networks, batch, noise)["loss"].item() == pytest.approx(1, abs=0.03)
    family.networks["denoiser"].forward = lambda x, t: noise["epsilon"]
    assert player.loss(family.networks, batch, noise)["loss"].item() == 0
