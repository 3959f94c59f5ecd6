"""How much two metrics agree on the order of the same models: one rank correlation a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from harness.claims.pairing import Block, Failures, PairedSeeds, limits_against
from harness.claims.questions import RankQuestion
from harness.claims.range_restriction import restricted
from harness.claims.seed_values import (
    Seeds,
    ValuesBySeed,
    failures_text,
    metrics_apply,
    protocol_conflict,
    protocol_label,
)
from harness.claims.wording import list_models
from harness.metrics.base import Metric
from harness.statistics.intervals import FEWEST

SidesByMetric = Mapping[str, Sequence[ValuesBySeed]]
"""The numbers of each model, in the order of the claim, by metric."""


def rank_correlation(
    question: RankQuestion, failures: Failures, metrics: Mapping[str, Metric], seeds: Seeds
) -> PairedSeeds:
    """Returns Spearman's rank correlation (1904) of two metrics over the models, in [-1, 1], for
    each seed of a dataset. Both metrics are multiplied by their `sign`, so that more is better. The
    claim is about its mean over seeds.
    """
    first, second = (metrics[name] for name in question.metrics)
    models = [str(model) for model in question.models]
    sides = {m.name: [seeds.values_of(m.name, name) for name in models] for m in (first, second)}
    blocks = tuple(
        _block(seeds.dataset, seed, (first, second), sides, question.constant)
        for seed in seeds.measured_seeds
    )
    pairs = PairedSeeds(
        first.name,
        list_models(question.models),
        seeds.dataset,
        kind="rank correlation",
        sign=1 if question.towards == "higher" else -1,
        margin=question.margin,
        blocks=blocks,
        title=f"rank correlation of {first.title} and {second.title}",
        other=f"{question.constant:g}",
        origin=question.constant,
        limits=limits_against(
            (-1.0, 1.0), 1 if question.towards == "higher" else -1, question.constant
        ),
        constant=True,
        protocol="; ".join(map(protocol_label, sides.values())),
    )
    all_sides = [values for by_model in sides.values() for values in by_model]
    problem = (
        seeds.incomplete(f"{first.title} or {second.title}", all_sides)
        or next(filter(None, map(protocol_conflict, sides.values())), "")
        or (_withheld(models, sides, blocks, seeds.dataset) if failures == "withhold" else "")
        or _restricted_range((first, second), sides, seeds)
    )
    if problem:
        return replace(
            pairs, problem=problem, applies=metrics_apply(seeds, tuple(sides), all_sides)
        )
    return replace(
        pairs,
        differences={
            block.seed: pairs.sign * (block.value - question.constant)
            for block in blocks
            if block.value is not None
        },
    )


def _withheld(
    models: Sequence[str], sides: SidesByMetric, blocks: Sequence[Block], dataset: str
) -> str:
    """Says which cells failed, or at which seed the correlation is not defined; else empty."""
    named = [pair for values in sides.values() for pair in zip(models, values, strict=True)]
    if failures := failures_text(named, dataset):
        return failures
    undefined = next((block for block in blocks if block.value is None), None)
    if undefined is None:
        return ""
    return f"withheld, because {undefined.note} at seed {undefined.seed} on {dataset}"


def _restricted_range(metrics: tuple[Metric, Metric], sides: SidesByMetric, seeds: Seeds) -> str:
    """Says why a metric orders the models by chance only; empty where it does not. A metric on a
    model's own scale is not tested for that: where its values stay the same while quality changes,
    it carries no information, and the claim is about just that.
    """
    if len(seeds.measured_seeds) < FEWEST:  # the test itself says that for every claim
        return ""
    followed = [metric for metric in metrics if not metric.own_scale] or metrics
    reasons = (restricted(metric, sides[metric.name], seeds.measured_seeds) for metric in followed)
    reason = next(filter(None, reasons), "")
    return f"withheld, because on {seeds.dataset} {reason}" if reason else ""


def _block(
    dataset: str,
    seed: int,
    metrics: tuple[Metric, Metric],
    sides: SidesByMetric,
    constant: float,
) -> Block:
    numbers = {name: [by_seed[seed] for by_seed in values] for name, values in sides.items()}
    flat = [number for of_metric in numbers.values() for number in of_metric]
    runs = tuple(dict.fromkeys(number.run_id for number in flat if number.run_id))
    if missing := [str(number) for number in flat if number.value is None]:
        return Block(dataset, seed, None, constant, note=missing[0], points=runs)
    signed = [
        np.array([number.value for number in numbers[metric.name]], dtype=np.float64) * metric.sign
        for metric in metrics
    ]
    for metric, values in zip(metrics, signed, strict=True):
        if np.ptp(values) == 0:
            note = f"{metric.title} is the same for all models"
            return Block(dataset, seed, None, constant, note=note, points=runs)
    rho = float(stats.spearmanr(*signed).statistic)
    return Block(dataset, seed, rho, constant, points=runs)
