"""The variational bound of a discrete diffusion model (Ho et al. 2020, arXiv:2006.11239, equation
5), with fixed or learned variances (Nichol & Dhariwal 2021, arXiv:2102.09672, equation 15).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

Variance = Literal["small", "large", "learned"]
"""Of the noise that a step adds: β̃, right where all images are one and the same, or β, right where
they are N(0, 1) (Ho et al. 2020, section 3.2), or what the network says, between the two (Nichol &
Dhariwal 2021, equation 15)."""


class VariationalBound(nn.Module):
    """The terms of the bound at each timestep of a variance-preserving process. A module so that
    its tables lie on the device.
    """

    gain: Tensor
    small: Tensor
    large: Tensor

    def __init__(self, alpha_bar: Tensor) -> None:
        """`alpha_bar` float64: ᾱ at the timesteps 1 … T."""
        super().__init__()
        before = torch.cat([alpha_bar.new_ones(1), alpha_bar[:-1]])
        beta = 1 - alpha_bar / before
        posterior = beta * (1 - before) / (1 - alpha_bar)
        posterior[0] = posterior[1]  # 0 there, and no density; the next one in its place
        tables = {
            "gain": before.sqrt() * beta / (1 - alpha_bar),
            "small": posterior.log(),
            "large": beta.log(),
        }
        for name, table in tables.items():
            self.register_buffer(name, table.float(), persistent=False)

    def log_variance(self, t: Tensor, kind: Variance, share: Tensor | None = None) -> Tensor:
        """ln of the variance of p(x_s | x_t) at timesteps t N: N×1×1×1, or for a learned one
        N×C×S×S, where `share` says how far each is on the way from β̃ to β.
        """
        small, large = self.small[t][:, None, None, None], self.large[t][:, None, None, None]
        if kind != "learned":
            return small if kind == "small" else large
        if share is None:
            raise ValueError("a learned variance needs the network's share")
        return share * large + (1 - share) * small

    def terms(self, t: Tensor, x0: Tensor, predicted: Tensor, log_variance: Tensor) -> Tensor:
        """KL(q(x_s | x_t, x₀) ‖ p(x_s | x_t)) at timesteps t N, or −log p(x₀ | x₁) at the first of
        them, from the image that x_t is predicted to come from: nats, N×C×S×S.
        """
        posterior = self.small[t][:, None, None, None]
        error = self.gain[t][:, None, None, None] * (x0 - predicted)
        squared = error.square() * (-log_variance).exp()
        ratio = log_variance - posterior
        divergence = 0.5 * ((-ratio).exp() + squared - 1 + ratio)
        likelihood = 0.5 * (squared + log_variance + math.log(2 * math.pi))
        return torch.where(t[:, None, None, None] == 0, likelihood, divergence)


def prior_divergence(x0: Tensor, alpha_bar: Tensor) -> Tensor:
    """KL(q(x_T | x₀) ‖ N(0, 1)) in nats, N, with the last `alpha_bar`, 0-d."""
    mean, variance = alpha_bar * x0.square(), 1 - alpha_bar
    return (0.5 * (mean + variance - 1 - variance.log())).flatten(1).sum(dim=1)


def strata(timesteps: int, count: int) -> list[tuple[int, int]]:
    """Parts [start, stop) of the timesteps after the first, `count` of them at most, the shorter
    the less noise there is: there the terms of the bound differ most.
    """
    ends = [1 + round((timesteps - 1) * (k / count) ** 2) for k in range(count + 1)]
    for k in range(1, len(ends)):
        ends[k] = min(max(ends[k], ends[k - 1] + 1), timesteps)
    return [(start, stop) for start, stop in pairwise(ends) if start < stop]
