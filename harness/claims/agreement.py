"""How far two metrics rank the same models alike: one rank correlation a block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy import stats

from harness.claims.blocks import (
    Block,
    Failures,
    PairedSeeds,
    Seeds,
    SeedValue,
    failed_cells_text,
    metrics_apply,
    protocol_conflict,
    protocol_label,
)
from harness.claims.questions import RankQuestion
from harness.claims.range_restriction import restricted
from harness.claims.wording import in_a_row
from harness.metrics.base import Metric
from harness.statistics.intervals import FEWEST

Cells = list[dict[int, SeedValue]]


def rank_correlation(
    question: RankQuestion, failures: Failures, metrics: Mapping[str, Metric], seeds: Seeds
) -> PairedSeeds:
    """Spearman's correlation over the models for each seed of a dataset, both metrics turned so
    that better is more. Its mean over seeds is what the claim is about.
    """
    first, second = (metrics[name] for name in question.metrics)
    names = [str(side) for side in question.models]
    sides = {m.name: [seeds.cells(m.name, name) for name in names] for m in (first, second)}
    blocks = tuple(
        _block(seeds.dataset, seed, (first, second), sides, question.constant)
        for seed in seeds.found
    )
    base = PairedSeeds(
        first.name, in_a_row(question.models), seeds.dataset,
        kind="rank correlation", sign=1 if question.towards == "higher" else -1,
        margin=question.margin, blocks=blocks,
        title=f"rank correlation of {first.title} and {second.title}",
        other=f"{question.constant:g}", origin=question.constant,
        protocol="; ".join(protocol_label(cells) for cells in sides.values()),
    )  # fmt: skip
    everything = [cells for of_metric in sides.values() for cells in of_metric]
    problem = (
        seeds.incomplete(f"{first.title} or {second.title}", everything)
        or next(filter(None, (protocol_conflict(cells) for cells in sides.values())), "")
        or _withheld(names, sides, blocks, seeds.dataset) * (failures == "withhold")
        or _nothing_to_follow((first, second), sides, seeds)
    )
    if problem:
        return replace(
            base, problem=problem, applies=metrics_apply(seeds, tuple(sides), everything)
        )
    return replace(
        base,
        differences={
            block.seed: base.sign * (block.value - question.constant)
            for block in blocks
            if block.value is not None
        },
    )


def _withheld(
    names: list[str], sides: Mapping[str, Cells], blocks: tuple[Block, ...], dataset: str
) -> str:
    failed = failed_cells_text(
        [pair for of in sides.values() for pair in zip(names, of, strict=True)], dataset
    )
    undefined = next((block for block in blocks if block.value is None), None)
    if failed or undefined is None:
        return failed
    return f"withheld, because {undefined.note} at seed {undefined.seed} on {dataset}"


def _nothing_to_follow(
    metrics: tuple[Metric, Metric], sides: Mapping[str, Cells], seeds: Seeds
) -> str:
    """Why the metrics that the other is to agree with rank by chance. What a model's own adversary
    says is not asked to change: where it does not while quality does, it tells nothing.
    """
    if len(seeds.found) < FEWEST:  # which is said of any claim
        return ""
    followed = [metric for metric in metrics if not metric.own_scale] or metrics
    reasons = (restricted(metric, sides[metric.name], seeds.found) for metric in followed)
    reason = next(filter(None, reasons), "")
    return f"withheld, because on {seeds.dataset} {reason}" if reason else ""


def _block(
    dataset: str, seed: int, metrics: tuple[Metric, Metric], sides: Mapping[str, Cells],
    constant: float,
) -> Block:  # fmt: skip
    cells = {metric.name: [side[seed] for side in sides[metric.name]] for metric in metrics}
    runs = tuple(dict.fromkeys(c.run_id for found in cells.values() for c in found if c.run_id))
    lost = [str(cell) for found in cells.values() for cell in found if cell.value is None]
    if lost:
        return Block(dataset, seed, None, constant, note=lost[0], points=runs)
    turned = [
        np.array([cell.value for cell in cells[metric.name]], dtype=np.float64) * metric.sign
        for metric in metrics
    ]
    for metric, values in zip(metrics, turned, strict=True):
        if np.ptp(values) == 0:
            note = f"{metric.title} is the same for all models"
            return Block(dataset, seed, None, constant, note=note, points=runs)
    rho = float(stats.spearmanr(*turned).statistic)
    return Block(dataset, seed, rho, constant, points=runs)
