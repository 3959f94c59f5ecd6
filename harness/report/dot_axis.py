"""Where a board's values are on a short axis, as tables draw them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.leaderboards.board import Board, Row

WIDTH, EDGE = 120.0, 6.0
"""Of an axis in pixels, and the room at each of its ends."""


@dataclass(frozen=True)
class DotAxis:
    """An axis from `low` to `high`, which are logarithms where it `is_log`."""

    low: float
    high: float
    is_log: bool

    @classmethod
    def of(cls, board: Board) -> DotAxis:
        """The axis that holds all values, intervals and real images of a board, and the seeds of
        one that tells no model apart.
        """
        rows = [*board.rows, *([board.floor] if board.floor else [])]
        numbers = [v for row in rows for v in (row.mean, row.low, row.high) if v is not None]
        seeds = [] if board.tells_apart else [v for row in rows for v in row.values]
        values = numbers + seeds
        is_log = board.mean == "geometric mean" and min(values) > 0
        ends = [math.log(v) if is_log else v for v in (min(values), max(values))]
        return cls(ends[0], ends[1], is_log)

    def __call__(self, value: float) -> float:
        """Where a value is, in pixels."""
        at = math.log(value) if self.is_log else value
        share = (at - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(EDGE + share * (WIDTH - 2 * EDGE), 1)

    def of_seeds(self, row: Row) -> tuple[float, ...]:
        """Where the values of a row's seeds are; empty where it has fewer than two."""
        return tuple(self(value) for value in row.values) if len(row.values) > 1 else ()
