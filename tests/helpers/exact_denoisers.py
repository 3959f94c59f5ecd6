"""Data whose denoiser and probability flow are known in closed form, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.objectives.denoising import Denoised, NoiseLevel


@dataclass(frozen=True)
class TwoGaussians:
    """Pixels of N(−m, d²) or N(m, d²), each as often, moved by `shift`; m = 0 is one Gaussian."""

    m: float
    d: float
    shift: float = 0.0

    def denoise(self, x: Tensor, level: NoiseLevel) -> Denoised:
        """E[x₀ | x_t] and the ε that goes with it."""
        a, s = level.signal, level.noise
        total = (a * self.d) ** 2 + s**2
        y = x - a * self.shift
        side = self.m * torch.tanh(a * self.m * y / total)
        image = self.shift + side + a * self.d**2 / total * (y - a * side)
        return Denoised(image, (x - a * image) / s)

    def flow(self, x: Tensor, level: NoiseLevel) -> Tensor:
        """Where the probability flow leads from x at a level: in one dimension the map that keeps
        the distribution function.
        """
        share = self._share(x, level)
        image = NoiseLevel(level.time, torch.ones(()).double(), torch.zeros(()).double())
        low, high = torch.full_like(x, -20), torch.full_like(x, 20)
        for _ in range(100):
            middle = (low + high) / 2
            below = self._share(middle, image) < share
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return (low + high) / 2

    def _share(self, x: Tensor, level: NoiseLevel) -> Tensor:
        """The share of x_t below x."""
        a, s = level.signal, level.noise
        deviation = ((a * self.d) ** 2 + s**2).sqrt()
        sides = [(x - a * (self.shift + side)) / deviation for side in (-self.m, self.m)]
        return sum(torch.special.ndtr(side) for side in sides) / 2  # type: ignore[return-value]


ONE = TwoGaussians(0.0, 0.4, 0.3)
TWO = TwoGaussians(0.6, 0.2)
