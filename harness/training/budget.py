"""How many steps a budget of training images buys, and which images each step shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.families.base import Phase


@dataclass(frozen=True)
class Stage:
    """A phase: steps `start` to `stop` - 1 show `shown` batches each, from `first_batch` on."""

    phase: Phase
    start: int
    stop: int
    shown: int
    first_batch: int

    def batches(self, step: int) -> range:
        """The indices of the batches that `step` shows."""
        first = self.first_batch + (step - self.start) * self.shown
        return range(first, first + self.shown)


def stages(phases: Sequence[Phase], images: int, batch_size: int) -> list[Stage]:
    """Lays the phases out one after the other.

    A step shows as many batches as the player that sees data and updates most often needs; players
    that see data share them. A phase shows at least its share of `images`: its last step is whole.
    """
    laid: list[Stage] = []
    step = batch = 0
    for phase in phases:
        shown = max((p.updates for p in phase.players if p.sees_data), default=1)
        steps = math.ceil(round(phase.share * images) / (batch_size * shown))
        laid.append(Stage(phase, step, step + steps, shown, batch))
        step += steps
        batch += steps * shown
    return laid
