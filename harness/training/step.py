"""One training step as a function of tensors alone: as it is, or replayed as a CUDA graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from harness.capture import Replayed, cuda_graph
from harness.families.base import Batch, Losses, Noise
from harness.training.state import TrainingState, Turn


@dataclass(frozen=True)
class Given:
    """All that a step needs besides what it changes.

    `batches` that the players share, the noise of each update of each player in turn, and how far
    the moving average is to follow.
    """

    batches: list[Batch]
    noise: list[Noise]
    pull: float | Tensor


class Step:
    """The step of a phase: each player makes its updates, on the step's batches in turn, and then
    the average follows.

    `captured` by a graph, it reads all that changes from tensors.
    """

    def __init__(self, state: TrainingState, turns: Sequence[Turn], captured: bool) -> None:
        self._state = state
        self._updates = [(turn, n) for turn in turns for n in range(turn.player.updates)]
        self.captured = captured
        self.players = [turn.player.name for turn, _ in self._updates]

    def draw(self, batches: list[Batch]) -> Given:
        """What the next step is given: these batches, and noise from each player's generator."""
        size = len(batches[0].x)
        noise = [turn.player.noise(size, turn.noise) for turn, _ in self._updates]
        return Given(batches, noise, self._pull(batches[0].x.device))

    def __call__(self, given: Given) -> list[Losses]:
        """Takes the step; the losses of each update, still on the device."""
        state, batches = self._state, given.batches
        losses = [
            turn.take(state.networks, batches[n % len(batches)], noise)
            for (turn, n), noise in zip(self._updates, given.noise, strict=True)
        ]
        if state.average:
            state.average.update(given.pull)
        return losses

    def _pull(self, device: torch.device) -> float | Tensor:
        average = self._state.average
        pull = average.pull(self._state.step + 1) if average else 0.0
        return torch.full((), pull, device=device) if self.captured else pull


def replayed(step: Step, state: TrainingState) -> Replayed[Given, list[Losses]]:
    """The step as a CUDA graph, recorded at its first call. That changes no weight, so that every
    step is a replay, the first after a resumption too.
    """
    return Replayed(step, partial(cuda_graph, changed=state.changing))
