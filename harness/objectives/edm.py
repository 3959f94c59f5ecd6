"""Preconditioning, noise distribution and weighting of Karras et al. 2022 (arXiv:2206.00364), last
column of table 1. Here x_t = x₀ + σ·ε: the signal is 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.objectives.denoising import NoiseLevel, NoiseProcess, Target


def c_skip(sigma: Tensor, sigma_data: float) -> Tensor:
    """σ_data²/(σ² + σ_data²)."""
    return sigma_data**2 / (sigma.square() + sigma_data**2)


def c_out(sigma: Tensor, sigma_data: float) -> Tensor:
    """σ·σ_data/√(σ² + σ_data²)."""
    return sigma * sigma_data / (sigma.square() + sigma_data**2).sqrt()


def c_in(sigma: Tensor, sigma_data: float) -> Tensor:
    """1/√(σ² + σ_data²)."""
    return (sigma.square() + sigma_data**2).rsqrt()


def c_noise(sigma: Tensor) -> Tensor:
    """ln(σ)/4."""
    return sigma.log() / 4


def x0_weight(sigma: Tensor, sigma_data: float) -> Tensor:
    """λ = (σ² + σ_data²)/(σ·σ_data)² = 1/c_out², so that the network's own error has weight 1."""
    return (sigma.square() + sigma_data**2) / (sigma * sigma_data).square()


def edm_target(sigma_data: float) -> Target:
    """The network's F in D = c_skip·x + c_out·F(c_in·x; c_noise) (equation 7)."""

    def value(x0: Tensor, epsilon: Tensor, level: NoiseLevel) -> Tensor:
        sigma = level.noise
        noisy = x0 + sigma * epsilon
        return (x0 - c_skip(sigma, sigma_data) * noisy) / c_out(sigma, sigma_data)

    def image(out: Tensor, x: Tensor, level: NoiseLevel) -> Tensor:
        return c_skip(level.noise, sigma_data) * x + c_out(level.noise, sigma_data) * out

    def epsilon(out: Tensor, x: Tensor, level: NoiseLevel) -> Tensor:
        return (x - image(out, x, level)) / level.noise

    return Target(
        value,
        image,
        epsilon,
        x0_weight=lambda snr: x0_weight(snr.rsqrt(), sigma_data),
        scale=lambda level: c_in(level.noise, sigma_data),
    )


class LogNormalProcess(NoiseProcess):
    """Noise levels σ with ln σ from N(mean, deviation²). λ·c_out² is 1 at each."""

    def __init__(self, mean: float, deviation: float) -> None:
        super().__init__()
        self.mean, self.deviation = mean, deviation

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n levels σ, float32."""
        normal = torch.randn(n, generator=generator, device=generator.device)
        return (self.mean + self.deviation * normal).exp()

    def forward(self, sigma: Tensor) -> NoiseLevel:
        """σ N → the level of each image."""
        noise = sigma[:, None, None, None]
        return NoiseLevel(c_noise(sigma), torch.ones_like(noise), noise)
