"""DDPM's own sampler (Ho et al. 2020, arXiv:2006.11239, algorithm 2)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from harness.objectives.denoising import Denoiser
from harness.samplers.ddim import forward_deviation, posterior_deviation, stochastic_steps
from harness.samplers.levels import NoiseLevels

Variance = Literal["small", "large"]
"""Of the noise that a step adds: β̃, right where all images are one and the same, or β, right where
they are N(0, 1) (section 3.2)."""


def ancestral(
    denoise: Denoiser,
    x: Tensor,
    levels: NoiseLevels,
    generator: torch.Generator,
    variance: Variance = "small",
) -> Tensor:
    """x₀ from noise `x` N×C×S×S: each step draws from q(x_s | x_t, x̂₀) (equation 7), with the
    variance β̃ or β.
    """
    posterior = posterior_deviation(levels)
    added = posterior if variance == "small" else forward_deviation(levels)
    return stochastic_steps(denoise, x, levels, (posterior, added), generator)
