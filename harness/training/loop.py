"""The loop that trains every family."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from harness.data.presentation import Shown
from harness.families.base import Batch, Family, Losses
from harness.training.budget import stages
from harness.training.checkpoint import Checkpoints
from harness.training.state import Point, TrainingState, Turn

POINTS = 100
"""Points of a loss curve: reading a loss waits for the device, so it is not done each step."""


class BatchSource(Protocol):
    """Training images; `harness.data.loader.Batches` is one."""

    def batch(self, index: int) -> Shown:
        """What training shows next: a pure function of `index`."""
        ...


@dataclass(frozen=True)
class Progress:
    """How far training is, after `seconds` of it; `losses` as in `Point`."""

    step: int
    steps: int
    images: int
    seconds: float
    losses: dict[str, float]


@dataclass(frozen=True)
class TrainingResult:
    """What training took and how its losses fell. Loading, saving and reporting do not count."""

    steps: int
    images: int
    seconds: float
    curve: tuple[Point, ...]


class Diverged(Exception):  # noqa: N818 - a result, not a fault
    """A loss is not a number any more, or infinite. A result to record, not a fault to repair."""

    def __init__(self, step: int, player: str, value: float) -> None:
        super().__init__(f"the loss of {player} was {value} by step {step}")
        self.step = step
        self.player = player
        self.value = value


def train(  # noqa: PLR0913 - the parts of a run, each by name
    family: Family,
    batches: BatchSource,
    budget_images: int,
    seed: int,
    *,
    device: torch.device,
    checkpoints: Checkpoints | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> TrainingResult:
    """Trains `family` on at least `budget_images` images (see `harness.training.budget`).

    It leaves `family.networks` on `device` in evaluation mode, with the averaged weights where the
    recipe asks for an average. With `checkpoints` it goes on from the last good one, to the same
    weights as if it had never stopped. Raises Diverged.
    """
    state = TrainingState.start(family, seed, device)
    if checkpoints and (saved := checkpoints.latest()):
        state.restore(*saved)
    plan = stages(family.phases(), budget_images, family.settings.batch_size)
    steps = plan[-1].stop
    stride = math.ceil(steps / POINTS)
    losses = LossMeans()
    started = time.perf_counter()
    for stage, turns in zip(plan, state.turns, strict=True):
        for step in range(max(stage.start, state.step), stage.stop):
            shown = [Batch(*batches.batch(index)) for index in stage.batches(step)]
            take_turns(turns, state.networks, shown, losses)
            state.step = step + 1
            if state.average:
                state.average.update(state.step)
            if state.step % stride and state.step != steps:
                continue
            images = stage.batches(step).stop * family.settings.batch_size
            point = Point(images, losses.read(state.step))
            state.seconds += time.perf_counter() - started
            state.curve.append(point)
            if checkpoints and (checkpoints.due() or state.step == steps):
                checkpoints.save(state.tensors(), state.values())
            report(Progress(state.step, steps, images, state.seconds, point.losses))
            started = time.perf_counter()
    if state.average:
        state.average.adopt()
    family.networks.eval()
    return TrainingResult(steps, state.curve[-1].images, state.seconds, tuple(state.curve))


def take_turns(
    turns: list[Turn], networks: nn.ModuleDict, shown: list[Batch], losses: LossMeans
) -> None:
    """One training step: each player makes its updates, on the step's batches in turn."""
    for turn in turns:
        for update in range(turn.player.updates):
            losses.add(turn.player.name, turn.take(networks, shown[update % len(shown)]))


class LossMeans:
    """Sums losses on the device, and reads their means from it when asked."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: Counter[str] = Counter()

    def add(self, player: str, losses: Losses) -> None:
        """Takes in the losses of one update of `player`."""
        for name, value in losses.items():
            key = f"{player}/{name}"
            self._sums[key] = self._sums.get(key, 0) + value.detach()
            self._counts[key] += 1

    def read(self, step: int) -> dict[str, float]:
        """The means since the last reading, which empties it; Diverged where one is not finite."""
        sums = torch.stack(list(self._sums.values())).tolist()
        means = {
            key: total / self._counts[key] for key, total in zip(self._sums, sums, strict=True)
        }
        self._sums, self._counts = {}, Counter()
        for key, mean in means.items():
            if not math.isfinite(mean):
                raise Diverged(step, key.split("/")[0], mean)
        return means
