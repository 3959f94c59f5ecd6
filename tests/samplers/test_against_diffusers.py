"""Our samplers against diffusers' schedulers, step by step on one network's outputs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from harness.objectives.denoising import TARGETS, Denoiser, alpha_bar, network_denoiser
from harness.samplers.ancestral import ancestral
from harness.samplers.ddim import ddim
from harness.samplers.dpm_solver import dpm_solver
from harness.samplers.guidance import clipped
from harness.samplers.heun import heun
from harness.samplers.levels import NoiseLevels, karras_timestep_levels
from harness.samplers.unipc import unipc

diffusers = pytest.importorskip("diffusers")

BETAS = {"num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02}
LEFT = alpha_bar("linear", 1000)
NOISE = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def network(x: Tensor, t: Tensor) -> Tensor:
    """The ε of data N(0, 1), s·x, and a little more."""
    t = t.to(x)[:, None, None, None]
    left = torch.exp(-1e-4 * t - (0.02 - 1e-4) / 2000 * t**2)
    return (1 - left).sqrt() * x + 0.1 * left * torch.sin(3 * x)


def scheduled(scheduler: Any, steps: int, x: Tensor, **options: Any) -> tuple[Tensor, NoiseLevels]:
    """What the scheduler makes of x, and the levels that it visits."""
    scheduler.set_timesteps(steps)
    times = scheduler.timesteps
    for t in times:
        x = scheduler.step(network(x, t.expand(len(x))), t, x, **options).prev_sample
    left = LEFT[times]
    return x, NoiseLevels(times, left.sqrt(), (1 - left).sqrt())


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("clip", [False, True])
def test_ddim(eta: float, clip: bool) -> None:
    scheduler = diffusers.DDIMScheduler(
        **BETAS, clip_sample=clip, set_alpha_to_one=True, timestep_spacing="trailing"
    )
    generator = torch.Generator().manual_seed(1)
    theirs, levels = scheduled(
        scheduler, 20, NOISE, eta=eta, use_clipped_model_output=clip, generator=generator
    )
    denoise: Denoiser = network_denoiser(network, TARGETS["epsilon"])
    ours = ddim(
        clipped(denoise) if clip else denoise, NOISE, levels, torch.Generator().manual_seed(1), eta
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("variance", "name"), [("small", "fixed_small"), ("large", "fixed_large")])
def test_ancestral(variance: Any, name: str) -> None:
    scheduler = diffusers.DDPMScheduler(
        **BETAS, variance_type=name, clip_sample=False, timestep_spacing="leading"
    )
    generator = torch.Generator().manual_seed(1)
    theirs, levels = scheduled(scheduler, 20, NOISE, generator=generator)
    denoise = network_denoiser(network, TARGETS["epsilon"])
    ours = ancestral(denoise, NOISE, levels, torch.Generator().manual_seed(1), variance)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_unipc() -> None:
    """Its levels are ours, in place of its own table."""
    scheduler = diffusers.UniPCMultistepScheduler(
        **BETAS, solver_order=2, final_sigmas_type="zero", timestep_spacing="trailing"
    )
    theirs, levels = scheduled(scheduler, 20, NOISE)
    ours = unipc(network_denoiser(network, TARGETS["epsilon"]), NOISE, levels)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_dpm_solver() -> None:
    scheduler = diffusers.DPMSolverMultistepScheduler(
        **BETAS, algorithm_type="dpmsolver++", solver_order=2, final_sigmas_type="zero",
        timestep_spacing="trailing",
    )  # fmt: skip
    theirs, levels = scheduled(scheduler, 20, NOISE)
    ours = dpm_solver(network_denoiser(network, TARGETS["epsilon"]), NOISE, levels)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_heun() -> None:
    scheduler = diffusers.HeunDiscreteScheduler(**BETAS, use_karras_sigmas=True)
    scheduler.set_timesteps(12)
    x = NOISE * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        out = network(scheduler.scale_model_input(x, t), t.expand(len(x)))
        x = scheduler.step(out, t, x).prev_sample
    levels = karras_timestep_levels(LEFT, 12)
    first = NOISE * scheduler.init_noise_sigma * levels.signal[0]
    ours = heun(network_denoiser(network, TARGETS["epsilon"]), first, levels)
    torch.testing.assert_close(ours, x, rtol=0, atol=1e-5)
