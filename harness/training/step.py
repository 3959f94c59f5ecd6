"""One training step as a function of tensors alone: as it is, or replayed as a CUDA graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from harness.core.cuda_graphs import Replayed, cuda_graph
from harness.data.batch import Batch
from harness.families.base import Losses, Noise
from harness.training.state import PlayerState, TrainingState


@dataclass(frozen=True)
class StepInputs:
    """All that a step needs besides what it changes.

    `batches` that the players share, the noise of each update of each player in turn, and how far
    the moving average is to follow.
    """

    batches: list[Batch]
    noise: list[Noise]
    ema_weight: float | Tensor


class Step:
    """The step of a phase: each player makes its updates, on the step's batches in turn, and then
    the average follows.

    `captured` by a graph, it reads all that changes from tensors.
    """

    def __init__(self, state: TrainingState, turns: Sequence[PlayerState], captured: bool) -> None:
        self._state = state
        self._updates = [(turn, n) for turn in turns for n in range(turn.player.updates)]
        self.captured = captured
        self.players = [turn.player.name for turn, _ in self._updates]

    def draw(self, batches: list[Batch]) -> StepInputs:
        """What the next step is given: these batches, and noise from each player's generator."""
        size = len(batches[0].x)
        noise = [turn.player.noise(size, turn.noise) for turn, _ in self._updates]
        return StepInputs(batches, noise, self._ema_weight(batches[0].x.device))

    def __call__(self, given: StepInputs) -> list[Losses]:
        """Takes the step; the losses of each update, still on the device."""
        state, batches = self._state, given.batches
        losses = [
            turn.take(state.networks, batches[n % len(batches)], noise)
            for (turn, n), noise in zip(self._updates, given.noise, strict=True)
        ]
        if state.average:
            state.average.update(given.ema_weight)
        return losses

    def _ema_weight(self, device: torch.device) -> float | Tensor:
        average = self._state.average
        ema_weight = average.ema_weight(self._state.step + 1) if average else 0.0
        return torch.full((), ema_weight, device=device) if self.captured else ema_weight


def replayed(step: Step, state: TrainingState) -> Replayed[StepInputs, list[Losses]]:
    """The step as a CUDA graph, recorded at its first call. That changes no weight, so that every
    step is a replay, the first after a resumption too.
    """
    return Replayed(step, partial(cuda_graph, changed=state.changing))
