"""How many steps a budget of training images buys, and which images each step shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from harness.families.base import Phase


@dataclass(frozen=True)
class Stage:
    """A phase: steps `start` to `stop` - 1 show `shown` batches of `batch_size` images each, from
    `first_batch` on. `length` is the number of steps of the whole phase, `images_before` how many
    images the phases before it have shown.
    """

    phase: Phase
    start: int
    stop: int
    shown: int
    first_batch: int
    batch_size: int
    length: int
    images_before: int

    def batches(self, step: int) -> range:
        """The indices of the batches that `step` shows."""
        first = self.first_batch + (step - self.start) * self.shown
        return range(first, first + self.shown)

    @property
    def step_images(self) -> int:
        """How many images a step shows."""
        return self.shown * self.batch_size

    @property
    def length_images(self) -> int:
        """How many images the whole phase shows."""
        return self.length * self.step_images

    def phase_images(self, step: int) -> int:
        """How many images of the phase have been shown before `step`."""
        return (step - self.start) * self.step_images

    def progress(self, step: int) -> float:
        """The share of the phase that is done before `step`."""
        return (step - self.start) / self.length

    def images(self, step: int) -> int:
        """How many images training has shown before `step`, in all phases."""
        return self.images_before + self.phase_images(step)


def stages(phases: Sequence[Phase], images: int, batch_size: int) -> list[Stage]:
    """Lays the phases out one after the other.

    A step shows as many batches as the player that sees data and updates most often needs; players
    that see data share them. A phase shows at least its share of `images`: its last step is whole.
    """
    laid: list[Stage] = []
    step = before = 0
    for phase in phases:
        size = phase.batch_size or batch_size
        shown = max((p.updates for p in phase.players if p.sees_data), default=1)
        length = math.ceil(round(phase.share * images) / (size * shown))
        first = math.ceil(before / size)
        laid.append(Stage(phase, step, step + length, shown, first, size, length, before))
        step += length
        before += length * shown * size
    return laid


def until(laid: Sequence[Stage], images: int) -> list[Stage]:
    """The stages as far as a training goes that stops after at least `images` of their images, with
    those without steps that come next: what is fitted to a phase's outcome is fitted to any part.
    """
    reached = [stage for stage in laid if not stage.images_before or stage.images_before < images]
    last = reached[-1]
    left = max(0, math.ceil((images - last.images_before) / last.step_images))
    last = replace(last, stop=last.start + min(left, last.length))
    next_ones = takewhile(lambda stage: not stage.length, laid[len(reached) :])
    shown = last.images(last.stop)
    return [
        *reached[:-1],
        last,
        *(replace(s, start=last.stop, stop=last.stop, images_before=shown) for s in next_ones),
    ]


def depends_on_horizon(phases: Sequence[Phase]) -> bool:
    """Whether a step depends on how long the whole training is: where several phases share it, or a
    player reads progress or has a learning rate that is laid out over it. A phase that only begins
    has no share of it.
    """
    players = [player for phase in phases for player in phase.players]
    return sum(phase.share > 0 for phase in phases) > 1 or any(
        player.reads_progress or player.optimizer.schedule.reads_horizon for player in players
    )
