"""Consistency models (Song et al. 2023, arXiv:2303.01469): one network leads from any noise level
to the image. Here x_t = x₀ + σ·ε, as in EDM.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harness.objectives.denoising import NoiseLevel
from harness.objectives.edm import c_in

Consistency = Callable[[Tensor, NoiseLevel], Tensor]
"""x_t N×C×S×S and its level → the image that its path ends at."""


def consistency_skip(sigma: Tensor, sigma_data: float, sigma_min: float) -> Tensor:
    """c_skip = σ_data²/((σ − σ_min)² + σ_data²) (appendix C), 1 at σ_min."""
    return sigma_data**2 / ((sigma - sigma_min).square() + sigma_data**2)


def consistency_out(sigma: Tensor, sigma_data: float, sigma_min: float) -> Tensor:
    """c_out = σ_data·(σ − σ_min)/√(σ_data² + σ²) (appendix C), 0 at σ_min."""
    return sigma_data * (sigma - sigma_min) / (sigma.square() + sigma_data**2).sqrt()


def consistency_function(
    network: Callable[..., Tensor], sigma_data: float, sigma_min: float
) -> Consistency:
    """f(x, σ) = c_skip·x + c_out·F(c_in·x, c_noise) (equation 5): the identity at σ_min."""

    def function(x: Tensor, level: NoiseLevel) -> Tensor:
        sigma = level.noise
        out = network(c_in(sigma, sigma_data) * x, level.time.expand(len(x)))
        kept = consistency_skip(sigma, sigma_data, sigma_min) * x
        return kept + consistency_out(sigma, sigma_data, sigma_min) * out

    return function


def multistep(
    function: Consistency,
    x: Tensor,
    levels: list[NoiseLevel],
    sigma_min: float,
    generator: torch.Generator,
) -> Tensor:
    """Images from noise `x` N×C×S×S at the first of the levels; before each further one noise is
    added again (algorithm 1).
    """
    first, *others = levels
    image = function(x, first)
    for level in others:
        fresh = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        width = (level.noise.square() - sigma_min**2).clamp(min=0).sqrt()
        image = function(image + width * fresh, level)
    return image
