"""Time left for a suite, learned from the cells that have run or are running."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.cell.site import CellEvent
    from harness.plan import Cell

TRAINING_SHARE = 0.8
"""The share of a cell's time that training is assumed to take while nothing better is known."""


class TimeLeft:
    """Learns how long cells of each (dataset, model) take, and estimates the others by the mean.

    It counts work: seconds in which a cell had a core for itself. Where more than `jobs` cells run
    at a time, each has a core for a share of the time only.
    """

    def __init__(
        self, cells: Sequence[Cell], jobs: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kind = {cell.name: (cell.dataset, cell.model) for cell in cells}
        self._jobs = jobs
        self._clock = clock
        self._counted = clock()
        self._work: dict[str, float] = {}
        """Of those that run."""
        self._share: dict[str, float] = {}
        self._took: dict[tuple[str, str], list[float]] = {}
        self._ended: set[str] = set()

    def hear(self, event: CellEvent) -> None:
        """Notes the progress of a cell."""
        self._count()
        self._work.setdefault(event.cell, 0.0)
        share = min(event.done / max(event.total, 1), 1.0)
        if event.stage == "preparing":
            return
        if event.stage == "training":
            self._share[event.cell] = TRAINING_SHARE * share
        else:
            self._share[event.cell] = TRAINING_SHARE + (1 - TRAINING_SHARE) * share

    def end(self, cell: str) -> None:
        """A cell ended."""
        self._count()
        if cell in self._work:
            self._took.setdefault(self._kind[cell], []).append(self._work.pop(cell))
        self._ended.add(cell)

    def cell(self, name: str) -> float | None:
        """Seconds left for a cell; None while there is nothing to go by."""
        self._count()
        left = self._left(name)
        return left and left / self._pace

    def suite(self) -> float | None:
        """Seconds left for the suite; None while nothing is known of any cell."""
        self._count()
        left = {name: self._left(name) for name in self._kind}
        whole = [sum(times) / len(times) for times in self._took.values()]
        whole += [
            work / (1 - self._share[name])
            for name, work in left.items()
            if work and name not in self._ended and self._share.get(name, 1.0) < 1.0
        ]
        if not whole:
            return None
        guess = sum(whole) / len(whole)
        return sum(guess if work is None else work for work in left.values()) / self._jobs

    @property
    def _pace(self) -> float:
        """The share of the time for which each running cell has a core."""
        return min(1.0, self._jobs / max(len(self._work), 1))

    def _count(self) -> None:
        """Adds what was done since the last count."""
        now, pace = self._clock(), self._pace
        for name in self._work:
            self._work[name] += (now - self._counted) * pace
        self._counted = now

    def _left(self, name: str) -> float | None:
        """The work that is left of a cell; None while there is nothing to go by."""
        if name in self._ended:
            return 0.0
        share, work = self._share.get(name, 0.0), self._work.get(name, 0.0)
        if took := self._took.get(self._kind[name]):
            return max(sum(took) / len(took) - work, 0.0)
        return work / share * (1 - share) if share > 0.02 else None
