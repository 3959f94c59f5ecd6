"""The loop that trains every family."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import torch

from harness.core.cuda_graphs import Accelerate, captures
from harness.data.batch import Batch
from harness.families.base import Family, TrainingImages
from harness.training.budget import Stage, stages, until
from harness.training.checkpoint import Checkpoints
from harness.training.clock import clock
from harness.training.drift import DRIFT
from harness.training.held_out import HeldOutLoss
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
    `harness.training.clock`. `begin_seconds` of the `seconds` went by before the first steps of
    phases, as far as these began in this process.
    """

    steps: int
    images: int
    seconds: float
    curve: tuple[CurvePoint, ...]
    begin_seconds: float


def train(  # noqa: PLR0913 - the parts of a run, each by name
    family: Family,
    batches: BatchSource,
    budget_images: int,
    seed: int,
    *,
    device: torch.device,
    horizon_images: int | None = None,
    accelerate: Accelerate = "off",
    checkpoints: Checkpoints | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
    begins: bool = True,
    held_out: HeldOutLoss | None = None,
) -> TrainingResult:
    """Trains `family` on at least `budget_images` images (see `harness.training.budget`).

    Phases and schedules are laid out over `horizon_images`, which is the budget where it is None:
    with a smaller budget a training stops early. Batches must be `TrainingImages` where a phase
    begins with something, or has a batch size of its own.

    It leaves `family.networks` on `device` in evaluation mode, with the averaged weights where the
    recipe asks for an average, and the raw weights in `family.raw`. With `checkpoints` it goes on
    from the last good one, to the same weights and curves as if it had never stopped. Raises
    Diverged; Stopped, after saving, once `stop` says so. Without `begins` no phase begins with
    anything: its steps take as long, and their outcome means nothing. With `held_out` the curves
    have the loss of images that are not shown; to read it does not count as training.
    """
    state = TrainingState(family, seed, device, accelerate)
    if checkpoints and (saved := checkpoints.latest()):
        state.restore(*saved)
    plan = stages(state.phases, horizon_images or budget_images, family.settings.batch_size)
    if horizon_images and budget_images < horizon_images:
        plan = until(plan, budget_images)
    now = clock(device, accelerate)
    between = _BetweenSteps(state, plan[-1].stop, device, checkpoints, report, stop, now, held_out)
    for index, stage in enumerate(plan):
        if index < state.phase:
            continue
        images = _images_of(stage, batches)
        if index > state.phase:
            between.begin(index, images if begins else None)
        step = Step(state, stage, captures(accelerate, device))
        take = replayed(step, state) if step.captured else step
        for number in range(max(stage.start, state.step), stage.stop):
            shown = [images.batch(batch) for batch in stage.batches(number)]
            losses = take(step.draw(shown))
            state.losses.add(step.players, losses)
            state.step = number + 1
            between(stage)
        state.end()
    state.finish()
    images_shown = plan[-1].images(state.step)
    return TrainingResult(
        state.step, images_shown, state.seconds, tuple(state.curve), between.begin_seconds
    )


def _images_of(stage: Stage, batches: BatchSource) -> Any:
    """The training images in batches of the phase's size."""
    size = stage.phase.batch_size
    return cast(TrainingImages, batches).of_size(size) if size else batches


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
    held_out: HeldOutLoss | None
    started: float = field(init=False)
    begin_seconds: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.started = self.now()

    @property
    def stride(self) -> int:
        """The number of steps from one reading of losses to the next."""
        return math.ceil(self.steps / POINTS)

    def begin(self, index: int, images: TrainingImages | None) -> None:
        """Goes on to a phase: what it starts from is part of training, and is saved."""
        state = self.state
        self._count()
        state.begin(index, images)
        self.begin_seconds += self._count()
        if self.checkpoints and state.phases[state.phase].begin:
            self.checkpoints.save(state.tensors(), state.values())
        self.started = self.now()

    def _count(self) -> float:
        """Adds the seconds since the last count to those of training, and returns them."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)  # what is queued is training, and counts
        seconds = self.now() - self.started
        self.state.seconds += seconds
        self.started = self.now()
        return seconds

    def _read(self, stage: Stage, is_last: bool) -> dict[str, float]:
        """Returns the values of a point of the curve. Those of held-out images take no time of
        training.
        """
        state = self.state
        losses = state.read_losses()
        if is_last and (drift := state.drift.read()) is not None:
            losses[DRIFT] = drift
        if self.held_out:
            self._count()
            progress = stage.progress(state.step)
            losses |= self.held_out.read(state.networks, stage.phase, progress)
            self.started = self.now()
        return losses

    def __call__(self, stage: Stage) -> None:
        """After a step of a stage."""
        state, checkpoints = self.state, self.checkpoints
        is_last = state.step == self.steps
        if not is_last:
            state.drift.keep(state.step / self.steps)
        is_read = is_last or state.step % self.stride == 0
        is_stopped = self.stop() and not is_last
        is_saved = is_last or is_stopped or (checkpoints is not None and checkpoints.due())
        if not (is_read or is_saved):
            return
        images = stage.images(state.step)
        if is_read:
            state.curve.append(CurvePoint(images, self._read(stage, is_last)))
        self._count()
        if checkpoints and is_saved:
            checkpoints.save(state.tensors(), state.values())
        if is_read:
            means = state.curve[-1].losses
            self.report(Progress(state.step, self.steps, images, state.seconds, means))
        if is_stopped:
            raise Stopped(f"stopped after {images:,} images")
        self.started = self.now()
