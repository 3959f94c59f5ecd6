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
        # Listed once: to walk through the modules would take longer than to move the average.
        self._parameters = list(self.average.parameters()), list(networks.parameters())
        self._buffers = list(self.average.buffers()), list(networks.buffers())

    def pull(self, step: int) -> float:
        """How far the average moves towards the weights after `step` steps (from 1)."""
        return 1 - min(self.decay, (1 + step) / (10 + step))

    @torch.no_grad()
    def update(self, pull: float | Tensor) -> None:
        """Moves by `pull`, which is a tensor without dimensions where it is read on the device."""
        lagging, current = self._parameters
        weight = pull if isinstance(pull, float) else [pull] * len(lagging)
        torch._foreach_lerp_(lagging, current, weight)
        if self._buffers[0]:
            torch._foreach_copy_(*self._buffers)

    @torch.no_grad()
    def adopt(self) -> None:
        """Gives the networks the averaged weights."""
        self.networks.load_state_dict(self.average.state_dict())
