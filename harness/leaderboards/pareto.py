"""Pareto fronts: the models that no other model beats in both quality and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.leaderboards.board import Board, Row
from harness.metrics.base import Metric

COSTS = {
    "sampling_throughput": "seconds for 1000 images",
    "training_time": "seconds of training",
    "parameters": "parameters",
}
"""The metrics of cost, with the quantity that is drawn; less of it is better."""


@dataclass(frozen=True)
class Front:
    """Quality against a cost on one dataset. `points` are the mean (cost, quality) of the models
    that have both; `best` are the models on the front, in the order of their cost.
    """

    quality: Board
    cost: Board
    points: Mapping[str, tuple[float, float]]
    best: tuple[str, ...]

    @property
    def axis(self) -> str:
        """The name of the cost, for an axis."""
        return COSTS[self.cost.metric]

    def spread(self, model: str) -> tuple[float, float] | None:
        """Returns the interval of a model's cost over training seeds; None where there is none."""
        row = self.cost.row(model)
        if row is None or row.low is None or row.high is None or row.low <= 0:
            return None
        low, high = sorted((cost_of(self.cost, row.low), cost_of(self.cost, row.high)))
        return low, high


def cost_of(board: Board, value: float) -> float:
    """Returns a value of a cost's board as it is drawn: for a rate, the time for 1000 images."""
    return 1000 / value if board.metric == "sampling_throughput" else value


def front(quality: Board, cost: Board, metrics: Mapping[str, Metric]) -> Front | None:
    """Returns the front of two boards; None where fewer than two models have both numbers, and
    where neither side of the quality is better.
    """
    if not metrics[quality.metric].has_sides or quality.unranked:
        return None
    points = {}
    for row in quality.rows:
        other: Row | None = cost.row(row.model)
        if row.mean is not None and other is not None and other.mean:
            points[row.model] = (cost_of(cost, other.mean), row.mean)
    if len(points) < 2:
        return None
    best = pareto(points, metrics[quality.metric].better)
    return Front(quality, cost, points, tuple(best))


def fronts(
    boards: Sequence[Board], metrics: Mapping[str, Metric], qualities: Sequence[str]
) -> list[Front]:
    """Returns a front for each dataset, quality and cost, of the first board of each metric: times
    of different machines are on different boards.
    """
    first = {(board.dataset, board.metric): board for board in boards if not board.apart}
    candidates = (
        front(first[dataset, quality], first[dataset, cost], metrics)
        for dataset in dict.fromkeys(board.dataset for board in boards)
        for quality in qualities
        for cost in COSTS
        if (dataset, quality) in first and (dataset, cost) in first
    )
    return [each for each in candidates if each]


def pareto(points: Mapping[str, tuple[float, float]], better: str) -> list[str]:
    """Returns the names of the points (cost, quality) that none beats in both, by rising cost."""
    sign = 1 if better == "higher" else -1
    best: list[str] = []
    highest = float("-inf")
    for name in sorted(points, key=lambda n: (points[n][0], -sign * points[n][1])):
        if sign * points[name][1] > highest:
            best.append(name)
            highest = sign * points[name][1]
    return best
