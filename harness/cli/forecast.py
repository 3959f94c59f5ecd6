"""Time left for a suite, learned from the cells that have run or are running."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.cell import Event
    from harness.plan import Cell

TRAINING_SHARE = 0.8
"""The part of a cell's time that training is taken to be while nothing better is known."""


class TimeLeft:
    """Learns how long cells of each (dataset, model) take, and guesses the others by the mean."""

    def __init__(
        self, cells: Sequence[Cell], jobs: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kind = {cell.name: (cell.dataset, cell.model) for cell in cells}
        self._jobs = jobs
        self._clock = clock
        self._started: dict[str, float] = {}
        self._share: dict[str, float] = {}
        self._took: dict[tuple[str, str], list[float]] = {}
        self._ended: set[str] = set()

    def hear(self, event: Event) -> None:
        """A cell got on."""
        self._started.setdefault(event.cell, self._clock())
        share = min(event.done / max(event.total, 1), 1.0)
        if event.stage == "training":
            self._share[event.cell] = TRAINING_SHARE * share
        else:
            self._share[event.cell] = TRAINING_SHARE + (1 - TRAINING_SHARE) * share

    def end(self, cell: str) -> None:
        """A cell ended."""
        if cell in self._started:
            took = self._clock() - self._started[cell]
            self._took.setdefault(self._kind[cell], []).append(took)
        self._ended.add(cell)

    def cell(self, name: str) -> float | None:
        """Seconds left for a cell; None while there is nothing to go by."""
        if name in self._ended:
            return 0.0
        share, started = self._share.get(name, 0.0), self._started.get(name)
        elapsed = self._clock() - started if started is not None else 0.0
        if took := self._took.get(self._kind[name]):
            return max(sum(took) / len(took) - elapsed, 0.0)
        return elapsed / share * (1 - share) if share > 0.02 else None

    def suite(self) -> float | None:
        """Seconds left for the suite; None while nothing is known of any cell."""
        left = {name: self.cell(name) for name in self._kind}
        whole = [sum(times) / len(times) for times in self._took.values()]
        whole += [
            seconds / (1 - self._share[name])
            for name, seconds in left.items()
            if seconds and name not in self._ended and self._share.get(name, 1.0) < 1.0
        ]
        if not whole:
            return None
        guess = sum(whole) / len(whole)
        return sum(guess if s is None else s for s in left.values()) / self._jobs
