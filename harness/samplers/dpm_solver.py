"""DPM-Solver++(2M) (Lu et al. 2022, arXiv:2211.01095, algorithm 2)."""

from __future__ import annotations

from torch import Tensor

from harness.objectives.denoising import Denoiser
from harness.samplers.levels import NoiseLevels


def dpm_solver(denoise: Denoiser, x: Tensor, levels: NoiseLevels) -> Tensor:
    """x₀ from noise `x` N×C×S×S, by x_s = s_s/s_t·x_t − a_s·(e^(−h) − 1)·D, with h the step in
    λ = ln(a/s) and D extrapolated from the x̂₀ of two levels.

    The first step knows one x̂₀ only, and the last, to s = 0, takes it as it is. Of second order.
    """
    signal, noise = levels.next_ones()
    steps = levels.sigmas().log().diff().neg()
    shrinks, gains = (noise / levels.noise).to(x), (signal[:-1] * -(-steps).expm1()).to(x)
    extras = (steps[1:] / steps[:-1] / 2).to(x)
    *inputs, last = levels.as_inputs(x)
    before: Tensor | None = None
    for step, level in enumerate(inputs):
        image = denoise(x, level).x0
        mixed = image if before is None else image + extras[step - 1] * (image - before)
        x = shrinks[step] * x + gains[step] * mixed
        before = image
    return denoise(x, last).x0
