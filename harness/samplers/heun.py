"""EDM's sampler without added noise (Karras et al. 2022, arXiv:2206.00364, algorithm 1)."""

from __future__ import annotations

from torch import Tensor

from harness.objectives.denoising import Denoiser, NoiseLevel
from harness.samplers.levels import NoiseLevels


def heun(denoise: Denoiser, x: Tensor, levels: NoiseLevels) -> Tensor:
    """x₀ from noise `x` N×C×S×S, by Heun's method on d(x/a)/dσ = ε̂ with σ = s/a.

    It evaluates the network twice a step, but for the last, which is Euler's. Of second order.
    """
    *inputs, last = levels.as_inputs(x)
    changes = levels.sigmas().diff().to(x)
    y = x / levels.signal[0].to(x)
    for change, level, later in zip(changes, inputs, [*inputs[1:], last], strict=True):
        y = heun_step(denoise, y, change, level, later)
    return denoise(last.signal * y, last).x0


def heun_step(
    denoise: Denoiser, y: Tensor, change: Tensor, level: NoiseLevel, later: NoiseLevel
) -> Tensor:
    """y = x/a, N×C×S×S, from a noise level to a later one, whose σ differs by `change`."""
    slope = denoise(level.signal * y, level).epsilon
    ahead = denoise(later.signal * (y + change * slope), later).epsilon
    return y + change * (slope + ahead) / 2
