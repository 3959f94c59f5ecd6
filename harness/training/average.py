"""The exponential moving average of weights, which is what generative models are measured with."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class MovingAverage:
    """Follows `networks` with `average`, a copy whose parameters lag behind and buffers do not.

    After step t the average moves by 1 − min(decay, (1 + t) / (10 + t)): the ramp of TensorFlow's
    ExponentialMovingAverage. Under it the average spans about the last tenth of the steps so far,
    so that one `decay` serves short runs, where it would otherwise still hold the first weights.
    """

    def __init__(self, networks: nn.ModuleDict, decay: float) -> None:
        self.networks = networks
        self.decay = decay
        self.average = copy.deepcopy(networks).requires_grad_(False)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes in the weights after `step` steps (from 1)."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        lagging: list[Tensor] = list(self.average.parameters())
        current: list[Tensor] = list(self.networks.parameters())
        torch._foreach_lerp_(lagging, current, weight)
        for old, new in zip(self.average.buffers(), self.networks.buffers(), strict=True):
            old.copy_(new)

    @torch.no_grad()
    def adopt(self) -> None:
        """Gives the networks the averaged weights."""
        self.networks.load_state_dict(self.average.state_dict())
