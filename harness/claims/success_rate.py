"""The success rates of two grids of settings: a share for each side, one pair a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.claims.pairing import Block, Failures, PairedSeeds
from harness.claims.questions import SuccessQuestion
from harness.claims.seed_values import (
    Seeds,
    SeedValue,
    ValuesBySeed,
    failures_text,
    metrics_apply,
    protocol_conflict,
    protocol_label,
)
from harness.claims.wording import list_models
from harness.metrics.base import Metric


def compare_success(
    question: SuccessQuestion, failures: Failures, metric: Metric, seeds: Seeds
) -> PairedSeeds:
    """Returns, for each seed of a dataset, the share of each side's models whose value of `metric`
    is a success, in [0, 1] (Gulrajani et al. 2017, arXiv:1704.00028, table 1). Where `failures` is
    "lose", a cell that diverged or failed is no success.
    """
    sides = [
        [seeds.values_of(metric.name, str(model)) for model in models]
        for models in (question.models, question.others)
    ]
    every = [values for by_model in sides for values in by_model]
    pairs = PairedSeeds(
        metric.name,
        list_models(question.models),
        seeds.dataset,
        margin=question.margin,
        blocks=tuple(
            _block(question, failures, seeds.dataset, seed, sides) for seed in seeds.measured_seeds
        ),
        title=f"success rate by {metric.title}",
        other=list_models(question.others),
        protocol=protocol_label(every),
        limits=(-1.0, 1.0),
    )
    problem = seeds.incomplete(metric.title, every) or protocol_conflict(every)
    if not problem and failures == "withhold":
        names = map(str, (*question.models, *question.others))
        problem = failures_text(list(zip(names, every, strict=True)), seeds.dataset)
    if problem:
        applies = metrics_apply(seeds, (metric.name,), every)
        return replace(pairs, problem=problem, applies=applies)
    differences = {
        block.seed: block.value - block.other
        for block in pairs.blocks
        if block.value is not None and block.other is not None
    }
    return replace(pairs, differences=differences)


def _block(
    question: SuccessQuestion,
    failures: Failures,
    dataset: str,
    seed: int,
    sides: Sequence[Sequence[ValuesBySeed]],
) -> Block:
    numbers = [[by_seed[seed] for by_seed in by_model] for by_model in sides]
    every = [number for of_side in numbers for number in of_side]
    note = "; ".join(dict.fromkeys(str(number) for number in every if number.value is None))
    runs = tuple(dict.fromkeys(number.run_id for number in every if number.run_id))
    if note and failures != "lose":
        return Block(dataset, seed, None, None, note=note, points=runs)
    note = f"{note}; counted as no success" if note else ""
    value, other = (_share(question, of_side) for of_side in numbers)
    return Block(dataset, seed, value, other, note=note, points=runs)


def _share(question: SuccessQuestion, numbers: Sequence[SeedValue]) -> float:
    """Returns the share of the numbers that lie on the side of success."""
    sign = 1 if question.towards == "higher" else -1
    successes = [n.value is not None and sign * (n.value - question.constant) > 0 for n in numbers]
    return sum(successes) / len(successes)
