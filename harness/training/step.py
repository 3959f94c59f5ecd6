"""One training step as a function of tensors alone: as it is, or replayed as a CUDA graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from harness.core.cuda_graphs import Replayed, cuda_graph
from harness.data.batch import Batch
from harness.families.base import Losses, Noise, Player
from harness.training import data_parallel
from harness.training.budget import Stage
from harness.training.state import TrainingState


@dataclass(frozen=True)
class StepInputs:
    """All that a step needs besides what it changes.

    `batches` that the players share, the noise of each update of each player in turn, how far the
    moving average is to follow, and the learning rates of the players whose rate changes, by name.
    """

    batches: list[Batch]
    noise: list[Noise]
    ema_weight: float | Tensor
    rates: Mapping[str, float | Tensor]


class Step:
    """The step of a phase: each player makes its updates, on the step's batches in turn, and then
    the average follows.

    `captured` by a graph, it reads all that changes from tensors.
    """

    def __init__(self, state: TrainingState, stage: Stage, captured: bool) -> None:
        self._state = state
        self._stage = stage
        self._updates = [(turn, n) for turn in state.players for n in range(turn.player.updates)]
        self.captured = captured
        self.players = [turn.player.name for turn, _ in self._updates]

    def draw(self, batches: list[Batch]) -> StepInputs:
        """What the next step is given: these batches, and noise from each player's generator."""
        device = batches[0].x.device
        progress = self._stage.progress(self._state.step)
        noise = [
            data_parallel.draw_noise(
                turn.player, self._state.networks, batches[n % len(batches)], turn.noise, progress
            )
            for turn, n in self._updates
        ]
        rates = {
            turn.player.name: self._scalar(self._lr(turn.player), device)
            for turn in self._state.players
            if turn.player.optimizer.is_scheduled
        }
        return StepInputs(batches, noise, self._ema_weight(device), rates)

    def __call__(self, given: StepInputs) -> list[Losses]:
        """Takes the step; the losses of each update, still on the device."""
        state, batches = self._state, given.batches
        losses = [
            turn.take(
                state.networks, batches[n % len(batches)], noise, given.rates.get(turn.player.name)
            )
            for (turn, n), noise in zip(self._updates, given.noise, strict=True)
        ]
        if state.average:
            state.average.update(given.ema_weight)
        return losses

    def _lr(self, player: Player) -> float:
        """The learning rate of this step."""
        stage, settings = self._stage, player.optimizer
        shown = stage.phase_images(self._state.step)
        factor = settings.schedule.factor(shown, stage.step_images, stage.length_images)
        return settings.lr * factor

    def _ema_weight(self, device: torch.device) -> float | Tensor:
        state = self._state
        step = state.step - self._stage.start + 1
        ema_weight = state.average.ema_weight(step) if state.average else 0.0
        return torch.full((), ema_weight, device=device) if self.captured else ema_weight

    def _scalar(self, value: float, device: torch.device) -> float | Tensor:
        """A number that changes, in single precision, so that a step has the same bits captured or
        not.
        """
        scalar = torch.full((), value, device=device if self.captured else "cpu")
        return scalar if self.captured else scalar.item()


def replayed(step: Step, state: TrainingState) -> Replayed[StepInputs, list[Losses]]:
    """The step as a CUDA graph, recorded at its first call. That changes no weight, so that every
    step is a replay, the first after a resumption too.
    """
    return Replayed(step, partial(cuda_graph, changed=state.changing))
