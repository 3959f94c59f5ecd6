"""DDIM (Song et al. 2021, arXiv:2010.02502) and DDPM's ancestral sampling, one step at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.objectives.denoising import Denoiser
from harness.samplers.levels import NoiseLevels


def ddim(
    denoise: Denoiser, x: Tensor, levels: NoiseLevels, generator: torch.Generator, eta: float = 0.0
) -> Tensor:
    """x₀ from noise `x` N×C×S×S (equations 12 and 16).

    `eta` 0 is deterministic, 1 has the variance of DDPM's posterior. Of first order in the steps.
    """
    sigma = eta * posterior_deviation(levels)
    return stochastic_steps(denoise, x, levels, (sigma, sigma), generator)


def posterior_deviation(levels: NoiseLevels) -> Tensor:
    """√β̃ of the step from each level to the next, float64 (Ho et al. 2020, arXiv:2006.11239,
    equation 7): the deviation of x_s where x_t and x₀ are known.
    """
    _, noise = levels.next_ones()
    return noise / levels.noise * forward_deviation(levels)


def forward_deviation(levels: NoiseLevels) -> Tensor:
    """√β of the step to each level from the next, float64: of x_t where x_s is known."""
    signal, noise = levels.next_ones()
    return (levels.noise.square() - (levels.signal / signal * noise).square()).sqrt()


def stochastic_steps(
    denoise: Denoiser,
    x: Tensor,
    levels: NoiseLevels,
    deviations: tuple[Tensor, ...],
    generator: torch.Generator,
) -> Tensor:
    """x₀ from `x` N×C×S×S, by x_s = a_s·x̂₀ + √(s_s² − σ²)·ε̂ + ς·z.

    `deviations` are σ, the deviation of the posterior whose mean is taken, and ς, the deviation of
    the noise that is added: K each. The last step adds none; the generator is used only where ς is
    above 0. Where there is a third deviation, the ς of each value is as far on the way there as the
    denoiser's `share` says, by logarithms (Nichol & Dhariwal 2021, arXiv:2102.09672, equation 15).
    """
    sigma, added, *largest = deviations
    signal, noise = levels.next_ones()
    rest = (noise.square() - sigma.square()).clamp(min=0).sqrt()
    ratio = largest[0] / added if largest else torch.ones_like(added)
    rows = torch.stack([signal, rest, added, ratio], dim=1).to(x)
    is_noisy = [*(added[:-1] > 0).tolist(), False]
    for level, (kept, kept_noise, new_noise, factor), adds in zip(
        levels.as_inputs(x), rows, is_noisy, strict=True
    ):
        image, epsilon, share = denoise(x, level)
        x = kept * image + kept_noise * epsilon
        if adds:
            fresh = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
            if largest and share is not None:
                fresh = factor**share * fresh
            x = x + new_noise * fresh
    return x
