"""DDPM's own sampler (Ho et al. 2020, arXiv:2006.11239, algorithm 2)."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.objectives.denoising import Denoiser
from harness.objectives.variational_bound import Variance
from harness.samplers.ddim import forward_deviation, posterior_deviation, stochastic_steps
from harness.samplers.levels import NoiseLevels


def ancestral(
    denoise: Denoiser,
    x: Tensor,
    levels: NoiseLevels,
    generator: torch.Generator,
    variance: Variance = "small",
) -> Tensor:
    """x₀ from noise `x` N×C×S×S: each step draws from q(x_s | x_t, x̂₀) (equation 7), with the
    variance β̃ or β, or between them as the network says.
    """
    posterior, forward = posterior_deviation(levels), forward_deviation(levels)
    added = {"small": (posterior,), "large": (forward,), "learned": (posterior, forward)}
    return stochastic_steps(denoise, x, levels, (posterior, *added[variance]), generator)
