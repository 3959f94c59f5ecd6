"""What follows from a suite's record: the table, verdicts, leaderboards, the ends of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import pandas as pd

from harness.claims.ability import UNKNOWN_TRAINING, SuiteTraining
from harness.claims.looks import ClaimLooks
from harness.claims.verdicts import Verdict, decide
from harness.config.training_fraction import is_fraction
from harness.core.measurement import tidy
from harness.leaderboards.leaderboard import boards
from harness.metrics.base import Metric
from harness.plan.selftests import Selftests
from harness.report.costs import with_costs
from harness.report.results import AskedClaim, Results, SuiteRecord
from harness.statistics.class_means import with_means
from harness.statistics.maturity import TrainingInfo, training_infos, undertrained

LAST_STEP = 1.01
"""How much larger the images shown may be for the last step of a training, which is whole."""


def derive_results(record: SuiteRecord) -> Results:
    """The results of a suite, from its record alone."""
    table = tidy(record.cells)
    training = record_training(record, table)
    state = SuiteTraining(undertrained(training), trial(record.overrides))
    verdicts = decide_claims(
        record.claims,
        table,
        record.metrics,
        record.seeds,
        training=state,
        looks=record.looks,
        selftests=record.selftests,
    )
    return Results(
        **{field.name: getattr(record, field.name) for field in fields(SuiteRecord)},
        table=table,
        verdicts=[with_costs(with_budget(v, training), record.models) for v in verdicts],
        boards=boards(with_means(after_training(table), record.each), record.metrics),
        training=training,
    )


def record_training(record: SuiteRecord, table: pd.DataFrame) -> tuple[TrainingInfo, ...]:
    """How far each trained model of a record was trained on each dataset; `table` is its tidy
    table.
    """
    train_images = {dataset.name: dataset.train for dataset in record.datasets}
    return tuple(training_infos(record.cells, record.curves, table, train_images))


def decide_claims(  # noqa: PLR0913 - what verdicts rest on, the last three by name
    asked: Sequence[AskedClaim],
    table: pd.DataFrame,
    metrics: Mapping[str, Metric],
    seeds: int,
    *,
    training: SuiteTraining = UNKNOWN_TRAINING,
    looks: Mapping[str, ClaimLooks] | None = None,
    selftests: Selftests | None = None,
) -> list[Verdict]:
    """The verdicts on claims, from the tidy table; the suite asks for `seeds` training seeds."""
    datasets = {each.claim.id: each.datasets for each in asked}
    claims = [each.claim for each in asked]
    return decide(
        claims,
        table,
        metrics,
        seeds,
        datasets,
        training=training,
        looks=looks,
        selftests=selftests,
    )


def trial(overrides: Mapping[str, str]) -> str:
    """The budget that a command gave in place of the suite's, in words; empty where it gave none.
    What such a trial shows is true of its budget only.
    """
    budgets = ("budget", "budget_scale")
    return ", ".join(f"{name} {overrides[name]}" for name in budgets if name in overrides)


def with_budget(verdict: Verdict, training: Sequence[TrainingInfo]) -> Verdict:
    """The verdict with the budget of the models that it is about in its sentence."""
    datasets = {part.dataset for part in verdict.parts}
    models = {side.model for side in verdict.claim.entrants}
    texts = budget_texts([i for i in training if i.dataset in datasets and i.model in models])
    if not texts:
        return verdict
    return replace(verdict, sentence=f"{verdict.sentence} Budget: {'; '.join(texts)}.")


def budget_texts(training: Sequence[TrainingInfo]) -> list[str]:
    """The budget of models on each dataset in words, by model where they differ by more than
    `LAST_STEP`.
    """
    by_dataset: dict[str, list[TrainingInfo]] = {}
    for info in training:
        by_dataset.setdefault(info.dataset, []).append(info)
    return [text for infos in by_dataset.values() for text in _budgets(infos)]


def _budgets(infos: Sequence[TrainingInfo]) -> list[str]:
    images = [info.images for info in infos]
    if max(images) <= LAST_STEP * min(images):
        return [infos[0].budget]
    return [f"{info.model} {info.budget}" for info in infos]


def after_training(table: pd.DataFrame) -> pd.DataFrame:
    """The table without training fractions, which would stand beside their own model on a board."""
    return table[~table["model"].map(is_fraction).astype(bool)]
