"""Conditional flow matching (Lipman et al. 2023, arXiv:2210.02747) on straight paths.

Time goes from noise at t = 0 to images at t = 1: x_t = t·x₁ + (1 − t)·ε, equation 22 with
σ_min = 0. In the words of denoising the signal is t, the noise 1 − t, and the image x₀.
"""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from harness.objectives.denoising import NoiseLevel, NoiseProcess, Target

TIME_SCALE = 1000
"""The network takes t times this: its sines are made for timesteps."""

VELOCITY = Target(
    value=lambda x0, epsilon, level: x0 - epsilon,
    x0=lambda out, x, level: x + level.noise * out,
    epsilon=lambda out, x, level: x - level.signal * out,
    x0_weight=lambda snr: (1 + snr.sqrt()).square(),
)
"""The velocity dx_t/dt = x₁ − ε (equation 23)."""


def flow_level(t: Tensor) -> NoiseLevel:
    """The level at times t in [0, 1], of any shape."""
    return NoiseLevel(TIME_SCALE * t, t, 1 - t)


class UniformProcess(NoiseProcess):
    """Times from the uniform distribution on [0, 1)."""

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n times, float32."""
        return torch.rand(n, generator=generator, device=generator.device)

    def forward(self, t: Tensor) -> NoiseLevel:
        """t N → the level of each image."""
        return flow_level(t[:, None, None, None])._replace(time=TIME_SCALE * t)


def optimal_transport(x: Tensor, epsilon: Tensor) -> Tensor:
    """`epsilon`, of the shape of x N×…, with its rows in the order in which Σᵢ‖xᵢ − εᵢ‖² is least.

    Pooladian et al. 2023 (arXiv:2304.14772), section 4; Tong et al. 2024 (arXiv:2302.00482),
    algorithm 3. It is computed on the host.
    """
    distances = torch.cdist(x.flatten(1).double(), epsilon.flatten(1).double()).square()
    _, order = linear_sum_assignment(distances.cpu().numpy())
    return epsilon[torch.as_tensor(order, device=epsilon.device)]
