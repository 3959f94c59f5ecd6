"""How diffusion adds noise to an image, and how DDIM takes it away again. Pure functions of arrays.

`alpha_bar[t]` is ᾱ of the papers at timestep t + 1: what is left of the image's variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from harness.core.settings import Settings


class Sampling(Settings):
    """DDIM in `steps` evaluations of the network; `eta` 0 is deterministic, 1 DDPM's noise.

    With `clip`, the image that ε implies is held to [-1, 1] at every step, and ε becomes the noise
    that leads from the clipped image to x_t. With the predicted ε kept, x_s would no longer lie
    between image and noise, and what is missing would add up over the steps.
    """

    steps: PositiveInt = 50
    eta: float = Field(default=0.0, ge=0, le=1)
    clip: bool = True


def alpha_bar(schedule: Literal["linear", "cosine"], timesteps: int) -> Tensor:
    """ᾱ at each timestep, float64, falling from nearly 1 to nearly 0.

    Linear: β from 10⁻⁴ to 0.02 for 1000 timesteps (Ho et al. 2020, section 4), scaled for other
    numbers of them. Cosine: Nichol & Dhariwal 2021 (arXiv:2102.09672), equation 17, β ≤ 0.999.
    """
    if schedule == "linear":
        scale = 1000 / timesteps
        beta = torch.linspace(1e-4 * scale, 0.02 * scale, timesteps, dtype=torch.float64)
    else:
        t = torch.linspace(0, 1, timesteps + 1, dtype=torch.float64)
        left = torch.cos((t + 0.008) / 1.008 * math.pi / 2).square()
        beta = 1 - left[1:] / left[:-1]
    return (1 - beta.clamp(max=0.999)).cumprod(0)


class ForwardProcess(nn.Module):
    """The forward process: x_t = √ᾱ_t·x + √(1−ᾱ_t)·ε. A module so that ᾱ lies on the device."""

    alpha_bar: Tensor

    def __init__(self, alpha_bar: Tensor) -> None:
        super().__init__()
        self.register_buffer("alpha_bar", alpha_bar.float(), persistent=False)

    def forward(self, x: Tensor, t: Tensor, epsilon: Tensor) -> Tensor:
        """x and ε N×C×S×S, t int64 N → x_t N×C×S×S."""
        left = self.alpha_bar[t][:, None, None, None]
        return left.sqrt() * x + (1 - left).sqrt() * epsilon


@dataclass(frozen=True)
class DDIMStepInputs:
    """Where DDIM is: x_t N×C×S×S, the timestep t, and the weights of the step from there to s:
    √(1−ᾱ_t), √ᾱ_t, √ᾱ_s, √(1−ᾱ_s−σ²) and σ. `told` is what else the network takes; `noise` is there
    where σ may be above 0. All are tensors, so that every step is one and the same function.
    """

    x: Tensor
    t: Tensor
    weights: Tensor
    told: tuple[Tensor, ...] = ()
    noise: Tensor | None = None


def ddim_step(predict: Callable[..., Tensor], *, clip: bool) -> Callable[[DDIMStepInputs], Tensor]:
    """One step of DDIM (Song et al. 2021, arXiv:2010.02502, equation 12), x_t to x_s, given
    `predict(x_t, t, *told) -> ε`.
    """

    def step(at: DDIMStepInputs) -> Tensor:
        noisy, kept, kept_later, noisy_later, sigma = at.weights.unbind()
        epsilon = predict(at.x, at.t.expand(len(at.x)), *at.told)
        image = (at.x - noisy * epsilon) / kept
        if clip:
            clipped = image.clamp(-1, 1)
            epsilon = epsilon + (image - clipped) * kept / noisy
            image = clipped
        x = kept_later * image + noisy_later * epsilon
        return x if at.noise is None else x + sigma * at.noise

    return step


def ddim(  # noqa: PLR0913, PLR0917 - what DDIM is given, each by name
    step: Callable[[DDIMStepInputs], Tensor],
    x: Tensor,
    alpha_bar: Tensor,
    sampling: Sampling,
    generator: torch.Generator,
    told: tuple[Tensor, ...] = (),
) -> Tensor:
    """x_0 from pure noise `x` N×C×S×S, by steps that `denoising` makes.

    The timesteps are evenly spaced from the last to the first. The generator is used only where
    `eta` is above 0.
    """
    times = torch.linspace(len(alpha_bar) - 1, 0, sampling.steps).round().long()
    left = [*alpha_bar[times].tolist(), 1.0]
    rows = [_weights(*pair, sampling.eta) for pair in pairwise(left)]
    weights = torch.tensor(rows, dtype=torch.float64).to(x)
    noise = torch.zeros_like(x) if sampling.eta > 0 else None
    for t, weight, (*_, sigma) in zip(times.to(x.device), weights, rows, strict=True):
        if sigma > 0:
            noise = torch.randn(x.shape, generator=generator, device=x.device)
        x = step(DDIMStepInputs(x, t, weight, told, noise))
    return x


def _weights(now: float, later: float, eta: float) -> tuple[float, ...]:
    """Those of `At`, by equations 12 and 16, from ᾱ_t and ᾱ_s."""
    sigma = eta * math.sqrt((1 - later) / (1 - now) * (1 - now / later))
    rest = math.sqrt(max(0.0, 1 - later - sigma**2))
    return math.sqrt(1 - now), math.sqrt(now), math.sqrt(later), rest, sigma
