"""The costs of two curves of measured points at equal quality: one ratio a block."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.claims.pairing import Block, Failures, PairedSeeds
from harness.claims.questions import FrontierQuestion
from harness.claims.seed_values import (
    Seeds,
    SeedValue,
    ValuesBySeed,
    failures_text,
    metrics_apply,
    protocol_conflict,
    protocol_label,
)
from harness.claims.wording import list_points
from harness.config.claim_parts import ModelAt
from harness.config.claim_shapes import IMAGES
from harness.metrics.base import Metric
from harness.statistics.cost_curve import CostCurve, common_quality, cost_curve
from harness.statistics.formatting import number


@dataclass(frozen=True)
class _Side:
    """The points of one side of a claim, with their qualities and costs by seed."""

    name: str
    points: Sequence[ModelAt]
    qualities: Sequence[ValuesBySeed]
    costs: Sequence[ValuesBySeed]

    def numbers(self, seed: int) -> list[SeedValue]:
        """Returns all numbers of a seed."""
        return [by_seed[seed] for by_seed in (*self.qualities, *self.costs)]


@dataclass(frozen=True)
class _Scales:
    """How qualities and costs are compared: `sign` is 1 where more of the cost's metric is better,
    as of a throughput, and -1 where less is; `quality` is the metric of quality, and `is_ratio`
    whether it is compared by logarithms.
    """

    quality: Metric
    sign: int
    is_ratio: bool

    def curve(self, side: _Side, seed: int) -> CostCurve:
        """Returns the curve of a side. All its numbers are there, and all costs positive."""
        costs = [-self.sign * math.log(cost) for cost in _values(side.costs, seed)]
        values = _values(side.qualities, seed)
        scaled = [math.log(value) for value in values] if self.is_ratio else values
        return cost_curve(costs, [self.quality.sign * value for value in scaled])

    def cost(self, log_cost: float) -> float:
        """Returns a cost in the terms of its metric."""
        return math.exp(-self.sign * log_cost)

    def text(self, quality: float) -> str:
        """Names a quality in the terms of its metric: "Fréchet distance 4.31"."""
        value = self.quality.sign * quality
        value = math.exp(value) if self.is_ratio else value
        return f"{self.quality.title} {number(value, self.quality.digits)}"


def compare_frontiers(
    question: FrontierQuestion, failures: Failures, metrics: Mapping[str, Metric], seeds: Seeds
) -> PairedSeeds:
    """Returns, for each seed of a dataset, what the best quality that both sides reach costs on
    each side, read off between the measured points. Where a seed has a side that was measured at
    better qualities only, the result has a `problem`: nothing is extrapolated.
    """
    quality, cost = metrics[question.metric], metrics.get(question.cost)
    sides = [_side(question, points, seeds) for points in (question.points, question.others)]
    cost_title = "training images" if cost is None else cost.title
    pairs = PairedSeeds(
        question.cost,
        sides[0].name,
        seeds.dataset,
        kind="ratio",
        sign=-1 if cost is None else cost.sign,
        margin=math.log1p(question.margin),
        title=f"{cost_title} at equal {quality.title}",
        other=sides[1].name,
        protocol="; ".join(filter(None, map(protocol_label, _by_metric(sides)))),
    )
    problem = _problem(question, failures, sides, pairs.title, seeds)
    if problem:
        names = tuple(name for name in (question.metric, question.cost) if name in metrics)
        values = [by_seed for of_metric in _by_metric(sides) for by_seed in of_metric]
        return replace(pairs, problem=problem, applies=metrics_apply(seeds, names, values))
    return _read_off(pairs, quality, sides, seeds)


def _side(question: FrontierQuestion, points: Sequence[ModelAt], seeds: Seeds) -> _Side:
    qualities = [seeds.values_of(question.metric, str(point)) for point in points]
    if question.cost == IMAGES:
        costs: list[ValuesBySeed] = [
            {seed: SeedValue(point.at, "", "ok", "") for seed in seeds.measured_seeds}
            for point in points
        ]
    else:
        costs = [seeds.values_of(question.cost, str(point)) for point in points]
    return _Side(list_points(points), points, qualities, costs)


def _by_metric(sides: Sequence[_Side]) -> tuple[list[ValuesBySeed], list[ValuesBySeed]]:
    """Returns the numbers of both sides: the qualities, and the costs."""
    return [v for side in sides for v in side.qualities], [v for side in sides for v in side.costs]


def _problem(
    question: FrontierQuestion,
    failures: Failures,
    sides: Sequence[_Side],
    title: str,
    seeds: Seeds,
) -> str:
    """Says why the numbers are not complete or do not compare; empty where they do."""
    qualities, costs = _by_metric(sides)
    problem = seeds.incomplete(title, [*qualities, *costs]) or next(
        filter(None, map(protocol_conflict, (qualities, costs))), ""
    )
    if problem:
        return problem
    if failures == "withhold":
        named = [
            (str(point), by_seed)
            for side in sides
            for values in (side.qualities, side.costs)
            for point, by_seed in zip(side.points, values, strict=True)
        ]
        if text := failures_text(named, seeds.dataset):
            return text
    if any(n.value is not None and n.value <= 0 for by_seed in costs for n in by_seed.values()):
        return f"a value of {question.cost} is not above zero"
    return ""


def _read_off(
    pairs: PairedSeeds, quality: Metric, sides: Sequence[_Side], seeds: Seeds
) -> PairedSeeds:
    """Adds a block for each seed, and its difference where no point of it failed."""
    numbers = [n for side in sides for by_seed in side.qualities for n in by_seed.values()]
    is_positive = all(n.value is None or n.value > 0 for n in numbers)
    scales = _Scales(quality, pairs.sign, quality.scale == "log" and is_positive)
    blocks: list[Block] = []
    for seed in seeds.measured_seeds:
        block = _block(sides, scales, seeds.dataset, seed)
        if isinstance(block, str):
            return replace(pairs, problem=block)
        blocks.append(block)
    differences = {
        block.seed: pairs.sign * math.log(block.value / block.other)
        for block in blocks
        if block.value is not None and block.other is not None
    }
    return replace(pairs, blocks=tuple(blocks), differences=differences)


def _block(sides: Sequence[_Side], scales: _Scales, dataset: str, seed: int) -> Block | str:
    """Returns the costs of a seed, or why a side has none: it would be extrapolated."""
    numbers = [n for side in sides for n in side.numbers(seed)]
    runs = tuple(dict.fromkeys(n.run_id for n in numbers if n.run_id))
    if missing := [str(n) for n in numbers if n.value is None]:
        return Block(dataset, seed, None, None, note=missing[0], points=runs)
    first, second = (scales.curve(side, seed) for side in sides)
    level = common_quality(first, second)
    reached = scales.text(level)
    costs: list[float] = []
    for side, curve in zip(sides, (first, second), strict=True):
        cost = curve.log_cost(level)
        if cost is None:
            return (
                f"withheld, because at seed {seed} on {dataset} all points of {side.name} are "
                f"better than {reached}, the best that both sides reach, and nothing is "
                "extrapolated"
            )
        costs.append(scales.cost(cost))
    return Block(dataset, seed, costs[0], costs[1], note=f"at {reached}", points=runs)


def _values(numbers: Sequence[ValuesBySeed], seed: int) -> list[float]:
    values = (by_seed[seed].value for by_seed in numbers)
    return [value for value in values if value is not None]
