"""The noise levels that a sampler visits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from harness.objectives.denoising import NoiseLevel


@dataclass(frozen=True)
class NoiseLevels:
    """K levels x_t = signal·x₀ + noise·ε from the noisiest down; after them comes the image, with
    signal 1 and noise 0. `times` are what the network takes, `signal` and `noise` float64. The
    noise to start from has the deviation `start`.
    """

    times: Tensor
    signal: Tensor
    noise: Tensor
    start: float = 1.0

    def as_inputs(self, x: Tensor) -> list[NoiseLevel]:
        """Each level as 0-d tensors on the device of x, those with fractions in its type."""
        times = self.times.to(x) if self.times.is_floating_point() else self.times.to(x.device)
        columns = times, self.signal.to(x), self.noise.to(x)
        return [NoiseLevel(*level) for level in zip(*columns, strict=True)]

    def next_ones(self) -> tuple[Tensor, Tensor]:
        """The signal and the noise that follow each level."""
        signal = torch.cat([self.signal[1:], self.signal.new_ones(1)])
        return signal, torch.cat([self.noise[1:], self.noise.new_zeros(1)])

    def sigmas(self) -> Tensor:
        """noise/signal of each level, float64."""
        return self.noise / self.signal


def timestep_levels(alpha_bar: Tensor, steps: int) -> NoiseLevels:
    """The levels of `steps` timesteps, evenly spaced from the last to the first."""
    return _levels_at(torch.linspace(len(alpha_bar) - 1, 0, steps).round().long(), alpha_bar)


def even_levels(alpha_bar: Tensor, steps: int) -> NoiseLevels:
    """The levels from which `steps` steps as wide as each other begin, of which the last leads to
    the image. `steps` divides the number of timesteps.
    """
    stride = len(alpha_bar) // steps
    return _levels_at(torch.arange(steps, 0, -1) * stride - 1, alpha_bar)


def _levels_at(times: Tensor, alpha_bar: Tensor) -> NoiseLevels:
    left = alpha_bar[times]
    return NoiseLevels(times, left.sqrt(), (1 - left).sqrt())


def karras_sigmas(lowest: float, highest: float, steps: int, rho: float = 7.0) -> Tensor:
    """σ from `highest` to `lowest`, evenly spaced in σ^(1/ρ): float64.

    Karras et al. 2022 (arXiv:2206.00364), equation 5, without the 0 at its end.
    """
    share = torch.linspace(0, 1, steps, dtype=torch.float64)
    first, last = highest ** (1 / rho), lowest ** (1 / rho)
    sigmas: Tensor = (first + share * (last - first)) ** rho
    return sigmas


def sigma_levels(sigmas: Tensor, time: Callable[[Tensor], Tensor]) -> NoiseLevels:
    """The levels of x_t = x₀ + σ·ε; `time` makes of σ what the network takes."""
    return NoiseLevels(time(sigmas), torch.ones_like(sigmas), sigmas, start=float(sigmas[0]))


def karras_timestep_levels(alpha_bar: Tensor, steps: int) -> NoiseLevels:
    """Levels of a variance-preserving process at Karras' σ = √(1 − ᾱ)/√ᾱ."""
    table = timestep_sigmas(alpha_bar)
    sigmas = karras_sigmas(float(table[0]), float(table[-1]), steps)
    return levels_between_timesteps(sigmas, table)


def timestep_sigmas(alpha_bar: Tensor) -> Tensor:
    """σ = √(1 − ᾱ)/√ᾱ at each timestep, float64."""
    return ((1 - alpha_bar) / alpha_bar).sqrt()


def levels_between_timesteps(sigmas: Tensor, table: Tensor) -> NoiseLevels:
    """The levels of a variance-preserving process at these σ, K float64, where its timesteps have
    the σ of `table`: at timesteps with fractions, by which ln σ is interpolated.
    """
    times = np.interp(sigmas.log().numpy(), table.log().numpy(), np.arange(len(table)))
    signal = (1 + sigmas.square()).rsqrt()
    return NoiseLevels(torch.from_numpy(times), signal, sigmas * signal)
