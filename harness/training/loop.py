"""The loop that trains every family."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch

from harness.core.cuda_graphs import Accelerate, captures
from harness.data.batch import Batch
from harness.families.base import Family
from harness.training.budget import stages
from harness.training.checkpoint import Checkpoints
from harness.training.clock import clock
from harness.training.state import CurvePoint, TrainingState
from harness.training.step import Step, replayed
from harness.training.stopping import Stopped

POINTS = 100
"""Points of a loss curve: reading a loss waits for the device, so it is not done each step."""


class BatchSource(Protocol):
    """Training images; `harness.data.loader.Batches` is one."""

    def batch(self, index: int) -> Batch:
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
    """What training took and how its losses fell. Loading, saving and reporting do not count; see
    `harness.training.clock`.
    """

    steps: int
    images: int
    seconds: float
    curve: tuple[CurvePoint, ...]


def train(  # noqa: PLR0913 - the parts of a run, each by name
    family: Family,
    batches: BatchSource,
    budget_images: int,
    seed: int,
    *,
    device: torch.device,
    accelerate: Accelerate = "off",
    checkpoints: Checkpoints | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainingResult:
    """Trains `family` on at least `budget_images` images (see `harness.training.budget`).

    It leaves `family.networks` on `device` in evaluation mode, with the averaged weights where the
    recipe asks for an average, and the raw weights in `family.raw`. With `checkpoints` it goes on
    from the last good one, to the same weights and curves as if it had never stopped. Raises
    Diverged; Stopped, after saving, once `stop` says so.
    """
    state = TrainingState.start(family, seed, device, accelerate)
    if checkpoints and (saved := checkpoints.latest()):
        state.restore(*saved)
    plan = stages(family.phases(), budget_images, family.settings.batch_size)
    now = clock(device, accelerate)
    between = _BetweenSteps(state, plan[-1].stop, device, checkpoints, report, stop, now)
    for stage, turns in zip(plan, state.turns, strict=True):
        step = Step(state, turns, captures(accelerate, device))
        take = replayed(step, state) if step.captured else step
        for number in range(max(stage.start, state.step), stage.stop):
            shown = [batches.batch(index) for index in stage.batches(number)]
            losses = take(step.draw(shown))
            state.losses.add(step.players, losses)
            state.step = number + 1
            between(images=stage.batches(number).stop * family.settings.batch_size)
    if state.average:
        family.raw = state.average.adopt().to(memory_format=torch.contiguous_format).eval()
    family.networks.to(memory_format=torch.contiguous_format).eval()
    return TrainingResult(state.step, state.curve[-1].images, state.seconds, tuple(state.curve))


@dataclass
class _BetweenSteps:
    """Reads losses, saves, tells and stops, each when it is time to; else it costs nothing."""

    state: TrainingState
    steps: int
    device: torch.device
    checkpoints: Checkpoints | None
    report: Callable[[Progress], None]
    stop: Callable[[], bool]
    now: Callable[[], float]
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.now()

    @property
    def stride(self) -> int:
        """Losses are read after so many steps."""
        return math.ceil(self.steps / POINTS)

    def __call__(self, images: int) -> None:
        """After a step, with so many `images` shown."""
        state, checkpoints = self.state, self.checkpoints
        is_last = state.step == self.steps
        is_read = is_last or state.step % self.stride == 0
        is_stopped = self.stop() and not is_last
        is_saved = is_last or is_stopped or (checkpoints is not None and checkpoints.due())
        if not (is_read or is_saved):
            return
        if is_read:
            state.curve.append(CurvePoint(images, state.losses.read(state.step)))
        elif self.device.type == "cuda":
            torch.cuda.synchronize(self.device)  # what is queued is training, and counts
        state.seconds += self.now() - self.started
        if checkpoints and is_saved:
            checkpoints.save(state.tensors(), state.values())
        if is_read:
            means = state.curve[-1].losses
            self.report(Progress(state.step, self.steps, images, state.seconds, means))
        if is_stopped:
            raise Stopped(f"stopped after {images:,} images")
        self.started = self.now()
