"""The exponential moving average of weights, which is what generative models are measured with."""

from __future__ import annotations

import copy
from collections.abc import Mapping

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
        self._lagging: list[Tensor] = [*self.average.parameters()]
        self._current: list[Tensor] = [*networks.parameters()]
        self._copies, self._buffers = [*self.average.buffers()], [*networks.buffers()]

    def ema_weight(self, step: int) -> float:
        """How far the average moves towards the weights after `step` steps (from 1)."""
        return 1 - min(self.decay, (1 + step) / (10 + step))

    @torch.no_grad()
    def update(self, ema_weight: float | Tensor) -> None:
        """Moves by `ema_weight`: a float, or a 0-d tensor that is read on the device."""
        if not self._lagging:
            pass
        elif isinstance(ema_weight, float):
            torch._foreach_lerp_(self._lagging, self._current, ema_weight)
        else:
            torch._foreach_lerp_(self._lagging, self._current, [ema_weight] * len(self._lagging))
        if self._buffers:
            torch._foreach_copy_(self._copies, self._buffers)

    @torch.no_grad()
    def adopt(self) -> nn.ModuleDict:
        """Gives the networks the averaged weights; a copy of them with the weights they had."""
        raw = copy.deepcopy(self.networks).requires_grad_(False)
        self.networks.load_state_dict(self.average.state_dict())
        return raw


def copy_with(networks: nn.ModuleDict, weights: Mapping[str, Tensor]) -> nn.ModuleDict:
    """Returns a copy, with these weights, of the networks that their names begin with."""
    names = dict.fromkeys(name.partition(".")[0] for name in weights)
    copied = copy.deepcopy(nn.ModuleDict({name: networks[name] for name in names}))
    copied.load_state_dict(weights)
    return copied.requires_grad_(False)
