"""Every sampler with the exact denoiser of one and of two Gaussians, against their exact flow."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from exact_denoisers import ONE, TWO, TwoGaussians
from torch import Tensor

from harness.objectives.denoising import Denoised, Denoiser, NoiseLevel, alpha_bar
from harness.objectives.flow import flow_level
from harness.samplers.ancestral import ancestral
from harness.samplers.ddim import ddim
from harness.samplers.dpm_solver import dpm_solver
from harness.samplers.flow import STEPS, flow, straight_velocity
from harness.samplers.heun import heun
from harness.samplers.levels import (
    NoiseLevels,
    karras_sigmas,
    karras_timestep_levels,
    sigma_levels,
    timestep_levels,
)

Deterministic = Callable[[Denoiser, Tensor, NoiseLevels], Tensor]
SAMPLERS: dict[str, tuple[Deterministic, int]] = {
    "ddim": (lambda denoise, x, levels: ddim(denoise, x, levels, torch.Generator()), 1),
    "heun": (heun, 2),
    "dpm-solver++": (dpm_solver, 2),
}
FLOWS = {"euler": 1, "midpoint": 2, "heun": 2}
POINTS = torch.linspace(-2, 2, 41, dtype=torch.float64).reshape(-1, 1, 1, 1)


def levels_of(steps: int, *, preserving: bool) -> NoiseLevels:
    """Levels from σ = 20 to 10⁻⁴ whose signal is 1, or whose variance is that of the noise."""
    levels = sigma_levels(karras_sigmas(1e-4, 20, steps), torch.log)
    if not preserving:
        return levels
    signal = (1 + levels.noise.square()).rsqrt()
    return NoiseLevels(levels.times, signal, signal * levels.noise)


def order(errors: dict[int, float]) -> float:
    """The power of the number of steps by which the error falls."""
    (few, more), (large, small) = errors.keys(), errors.values()
    return math.log(large / small) / math.log(more / few)


@pytest.mark.parametrize("preserving", [True, False])
@pytest.mark.parametrize("data", [ONE, TWO], ids=["one", "two"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_the_error_falls_with_the_order(name: str, data: TwoGaussians, preserving: bool) -> None:
    sampler, expected = SAMPLERS[name]
    errors = {}
    for steps in (160, 320):
        levels = levels_of(steps, preserving=preserving)
        first = levels.as_inputs(POINTS)[0]
        x = (first.signal**2 + first.noise**2).sqrt() * POINTS
        error = sampler(data.denoise, x, levels) - data.flow(x, first)
        errors[steps] = error.square().mean().sqrt().item()
    assert order(errors) == pytest.approx(expected, abs=0.2)
    assert errors[320] < (0.05 if expected == 1 else 0.002)


@pytest.mark.parametrize("name", FLOWS)
def test_the_error_of_a_flow_falls_with_the_order(name: str) -> None:
    """For one Gaussian the midpoint method is better than its order."""
    assert FLOWS.keys() == STEPS.keys()

    def denoise(x: Tensor, level: NoiseLevel) -> Denoised:
        """Where no noise is left there is none to be told; a little before that there is."""
        near = level._replace(signal=level.signal - 1e-9, noise=level.noise + 1e-9)
        return TWO.denoise(x, near)

    start = flow_level(torch.zeros((), dtype=torch.float64))
    errors = {}
    for steps in (80, 160):
        error = flow(straight_velocity(denoise), POINTS, name, steps) - TWO.flow(POINTS, start)
        errors[steps] = error.square().mean().sqrt().item()
    assert order(errors) == pytest.approx(FLOWS[name], abs=0.2)


def moments(x: Tensor) -> tuple[float, float]:
    return x.mean().item(), x.std().item()


@pytest.mark.parametrize("data", [ONE, TWO], ids=["one", "two"])
@pytest.mark.parametrize("name", [*SAMPLERS, "small", "large"])
def test_every_sampler_meets_the_moments_of_the_data(name: str, data: TwoGaussians) -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(300, 1, 8, 8, generator=generator, dtype=torch.float64)
    make = karras_timestep_levels if name == "heun" else timestep_levels
    levels = make(alpha_bar("linear", 1000), 300 if name in SAMPLERS else 1000)
    if name in SAMPLERS:
        x = SAMPLERS[name][0](data.denoise, noise, levels)
    else:
        x = ancestral(data.denoise, noise, levels, generator, name)  # type: ignore[arg-type]
    deviation = math.hypot(data.m, data.d)
    assert moments(x) == (
        pytest.approx(data.shift, abs=0.02),
        pytest.approx(deviation, rel=0.02),
    )


def test_ddim_with_eta_1_is_ancestral_sampling() -> None:
    levels = timestep_levels(alpha_bar("cosine", 200), 200)
    x = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    both = [
        ddim(ONE.denoise, x, levels, torch.Generator().manual_seed(1), 1.0),
        ancestral(ONE.denoise, x, levels, torch.Generator().manual_seed(1)),
    ]
    assert torch.equal(*both)


def test_the_small_variance_is_too_small_and_the_large_one_too_large() -> None:
    """Each is exact at one end of all that data may be (Ho et al. 2020, section 3.2)."""
    levels = timestep_levels(alpha_bar("linear", 1000), 30)
    x = torch.randn(400, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    small, large = (
        ancestral(ONE.denoise, x, levels, torch.Generator().manual_seed(1), variance).std().item()
        for variance in ("small", "large")
    )
    assert small < ONE.d < large
