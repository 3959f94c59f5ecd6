"""Losses of the steps since the last reading, kept on the device: reading them waits for it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from harness.families.base import Losses


class Diverged(Exception):  # noqa: N818 - a result, not a fault
    """A loss, or the norm of a gradient, is not a number any more, or infinite. A result to record,
    not a fault to repair.
    """

    def __init__(self, step: int, player: str, value: float, name: str = "loss") -> None:
        super().__init__(f"the {name} of {player} was {value} by step {step}")
        self.step = step
        self.player = player
        self.value = value


class LossMeans:
    """Sums losses on the device, and reads their means from it when asked."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: Counter[str] = Counter()

    def add(self, players: Sequence[str], losses: Sequence[Losses]) -> None:
        """Takes in the losses of a step: of each update, and whose it was."""
        for player, found in zip(players, losses, strict=True):
            for name, value in found.items():
                key = f"{player}/{name}"
                self._sums[key] = self._sums.get(key, 0) + value
                self._counts[key] += 1

    def tensors(self) -> dict[str, Tensor]:
        """What is not yet read: the sum of each loss, and how many it is of."""
        return {
            name: torch.stack([total, total.new_tensor(self._counts[name])])
            for name, total in self._sums.items()
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes back what `tensors` gave."""
        self._sums = {name: both[0] for name, both in tensors.items()}
        self._counts = Counter({name: int(both[1]) for name, both in tensors.items()})

    def read(self, step: int) -> dict[str, float]:
        """The means since the last reading, which empties it; Diverged where one is not finite."""
        sums = torch.stack(list(self._sums.values())).tolist()
        means = {
            key: total / self._counts[key] for key, total in zip(self._sums, sums, strict=True)
        }
        self._sums, self._counts = {}, Counter()
        for key, mean in means.items():
            if not math.isfinite(mean):
                player, name = key.split("/", 1)
                raise Diverged(step, player, mean, name)
        return means
