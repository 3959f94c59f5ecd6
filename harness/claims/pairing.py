"""Pairs the values of the two sides of a claim over the seeds of a dataset."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from harness.claims.questions import Question
from harness.claims.seed_values import (
    Seeds,
    SeedValue,
    failures_text,
    first_protocol_key,
    metrics_apply,
    protocol_conflict,
    protocol_label,
)
from harness.config.claim_parts import ModelAt
from harness.core.measurement import TRAINING_IMAGES
from harness.metrics.base import Metric
from harness.statistics.intervals import FEWEST, FEWEST_FOR_SPREAD
from harness.statistics.one_mean import ANY, Limits
from harness.statistics.power import Goal
from harness.statistics.scale import EffectKind

PairingKind = Literal[EffectKind, "difference in spread", "rank correlation"]
"""How the sides are compared: their means, their spreads over seeds, or, for the correlation of two
metrics over models, its mean with a constant."""

Failures = Literal["withhold", "drop", "lose"]
"""What a failed cell does: no verdict, one pair less, or the worst value for the side that failed
(`harness.config.claim`)."""


@dataclass(frozen=True)
class Block:
    """The two values of one seed on one dataset: the model's and the other side's.

    The other side is a model or the claim's constant. A value is None where the cell has none;
    `note` then says why, and how the claim's rule for failures counted it. `points` are the MLflow
    runs of a value that is computed from several cells.
    """

    dataset: str
    seed: int
    value: float | None
    other: float | None
    run_id: str = ""
    other_run_id: str = ""
    note: str = ""
    points: tuple[str, ...] = ()

    @property
    def runs(self) -> tuple[str, ...]:
        """The ids of all MLflow runs that the values come from."""
        return tuple(dict.fromkeys(r for r in (self.run_id, self.other_run_id, *self.points) if r))


@dataclass(frozen=True)
class PairedSeeds:
    """One comparison of a claim: a metric, a model and a dataset, with its blocks.

    `differences` are by seed, on the comparison scale (of logarithms where `kind` is "ratio") and
    multiplied by `sign`, so that the claim says that their mean is above `margin`; where `goal` is
    "within", that it lies within ±`margin`. `problem` says why the sides cannot be compared, and
    `applies` is whether the metric applies to them. `title` is what is compared, `other` the name
    of the other side. `origin` is the value that a difference of zero stands for, where the value
    itself is printed; `fewest` is the number of blocks that a test needs. `limits` are the least
    and the greatest difference that there can be, and `constant` is whether the other side is a
    constant, so that the differences have the shape of one model's values.
    """

    metric: str
    model: str
    dataset: str
    kind: PairingKind = "difference"
    sign: int = 1
    margin: float = 0.0
    blocks: tuple[Block, ...] = ()
    differences: Mapping[int, float] = field(default_factory=dict)
    note: str = ""
    problem: str = ""
    applies: bool = True
    goal: Goal = "beyond"
    title: str = ""
    other: str = ""
    unit: str = ""
    origin: float = 0.0
    fewest: int = FEWEST
    protocol: str = ""
    limits: Limits = ANY
    constant: bool = False


def pair_seeds(question: Question, failures: Failures, metric: Metric, seeds: Seeds) -> PairedSeeds:
    """Pairs the two sides of a question over the seeds of a dataset. Where they cannot be compared
    the result has a `problem` and no differences.
    """
    model = str(question.model)
    values = seeds.values_of(metric.name, model)
    others = _other_values(question, seeds)
    is_against_model = isinstance(question.other, ModelAt)
    sides = [values, others] if is_against_model else [values]
    blocks = tuple(
        _block(seeds.dataset, seed, values[seed], others[seed]) for seed in seeds.measured_seeds
    )
    pairs = PairedSeeds(
        metric.name,
        model,
        seeds.dataset,
        sign=-1 if question.towards == "lower" else 1,
        blocks=blocks,
        goal="within" if question.towards == "same" else "beyond",
        title=metric.title,
        other=str(question.other) if is_against_model else f"{question.other:g}",
        protocol=protocol_label(sides),
        constant=not is_against_model,
    )
    problem = seeds.incomplete(metric.title, sides) or protocol_conflict(sides)
    if not problem and failures == "withhold":
        problem = failures_text([(model, values), (pairs.other, others)], seeds.dataset)
    if problem:
        applies = metrics_apply(seeds, (metric.name,), sides)
        return replace(pairs, problem=problem, applies=applies)
    if failures == "lose":
        reached = seeds.all_values(metric.name, first_protocol_key(sides))
        worst = (min if metric.better == "higher" else max)(reached, default=None)
        pairs = replace(pairs, blocks=tuple(_count_as_lost(b, worst) for b in blocks))
    return _with_differences(pairs, question, metric, seeds)


def _other_values(question: Question, seeds: Seeds) -> dict[int, SeedValue]:
    """Returns the numbers of the other side: a model's, or the constant for every seed."""
    if isinstance(question.other, ModelAt):
        return seeds.values_of(question.metric, str(question.other))
    return {seed: SeedValue(question.other, "", "ok", "") for seed in seeds.measured_seeds}


def _block(dataset: str, seed: int, value: SeedValue, other: SeedValue) -> Block:
    note = "; ".join(str(number) for number in (value, other) if number.value is None)
    return Block(dataset, seed, value.value, other.value, value.run_id, other.run_id, note)


def _count_as_lost(block: Block, worst: float | None) -> Block:
    """Gives a failed side the worst value that the metric reached on the dataset with the same
    protocol. Where both sides failed, the pair is dropped.
    """
    if (block.value is None) == (block.other is None) or worst is None:
        return block
    value, other = (worst if v is None else v for v in (block.value, block.other))
    note = f"{block.note}; counted as the worst value of the dataset"
    return replace(block, value=value, other=other, note=note)


def _with_differences(
    pairs: PairedSeeds, question: Question, metric: Metric, seeds: Seeds
) -> PairedSeeds:
    """Adds the differences of the blocks that have both values, on the metric's scale."""
    values = {
        block.seed: (block.value, block.other)
        for block in pairs.blocks
        if block.value is not None and block.other is not None
    }
    limits = _limits(metric, seeds)
    is_positive = all(x > 0 and y > 0 for x, y in values.values())
    is_ratio = metric.scale == "log" and is_positive
    note = ""
    if metric.scale == "log" and not is_positive:
        note = "compared as differences, since a value is not above zero"
        if question.margin > 0:
            problem = f"the margin {question.margin:g} is a ratio, and a value is not above zero"
            return replace(pairs, note=note, problem=problem)
    if is_ratio:
        values = {seed: (math.log(x), math.log(y)) for seed, (x, y) in values.items()}
    measured = replace(
        pairs,
        kind="ratio" if is_ratio else "difference",
        margin=math.log1p(question.margin) if is_ratio else question.margin,
        differences={seed: pairs.sign * (x - y) for seed, (x, y) in values.items()},
        note=note,
        unit="" if is_ratio else metric.unit,
        limits=ANY if is_ratio else limits_against(limits, pairs.sign, question.other),
    )
    return _spread(measured, values) if question.of == "spread" else measured


def _limits(metric: Metric, seeds: Seeds) -> Limits:
    """Returns the least and the greatest value of a metric on the dataset."""
    by_model = seeds.by_metric.get(metric.name, {})
    numbers = {
        model: [number.value for number in by_seed.values() if number.value is not None]
        for model, by_seed in by_model.items()
    }
    real = next(iter(numbers.get(TRAINING_IMAGES, ())), None)
    return metric.limits_with(real, [value for values in numbers.values() for value in values])


def limits_against(limits: Limits, sign: int, other: object) -> Limits:
    """Returns the least and the greatest difference, multiplied by `sign`, of a value within
    `limits` from the other side: another such value, or a constant.
    """
    low, high = limits
    if not isinstance(other, int | float):
        return low - high, high - low
    first, second = sorted((sign * (low - other), sign * (high - other)))
    return first, second


def _spread(pairs: PairedSeeds, values: Mapping[int, tuple[float, float]]) -> PairedSeeds:
    """Replaces the differences by the sides' distances from their medians: the paired form
    of the test of Brown & Forsythe 1974 (Grambsch 1994, Biometrika 81:359).

    In simulations of equal spreads it decides in at most 5 % of cases from five seeds up, normal,
    skewed or heavy-tailed; the exact test for normal scores (Pitman 1939, Morgan 1939) in up to
    40 % where they are skewed.
    """
    medians = np.median(list(values.values()), axis=0) if values else (0.0, 0.0)
    notes = [pairs.note, "spread is the mean distance from the median"]
    if pairs.kind == "ratio":
        notes.append("of logarithms")
    return replace(
        pairs,
        kind="difference in spread",
        title=f"spread of {pairs.title}",
        differences={
            seed: pairs.sign * float(abs(x - medians[0]) - abs(y - medians[1]))
            for seed, (x, y) in values.items()
        },
        note=", ".join(note for note in notes if note),
        fewest=FEWEST_FOR_SPREAD,
    )
