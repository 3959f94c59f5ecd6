"""What follows from a suite's record: the table, verdicts, leaderboards, the ends of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import pandas as pd

from harness.claims.verdicts import Verdict, decide
from harness.config.training_fraction import is_fraction
from harness.core.measurement import tidy
from harness.leaderboards.leaderboard import boards
from harness.metrics.base import Metric
from harness.report.results import AskedClaim, Results, SuiteRecord
from harness.report.training import training_infos
from harness.statistics.class_means import with_means


def derive_results(record: SuiteRecord) -> Results:
    """The results of a suite, from its record alone."""
    table = tidy(record.cells)
    train_images = {dataset.name: dataset.train for dataset in record.datasets}
    return Results(
        **{field.name: getattr(record, field.name) for field in fields(SuiteRecord)},
        table=table,
        verdicts=decide_claims(record.claims, table, record.metrics, record.seeds),
        boards=boards(with_means(_after_training(table), record.each), record.metrics),
        training=tuple(training_infos(record.cells, record.curves, train_images)),
    )


def decide_claims(
    asked: Sequence[AskedClaim], table: pd.DataFrame, metrics: Mapping[str, Metric], seeds: int
) -> list[Verdict]:
    """The verdicts on claims, from the tidy table; the suite asks for `seeds` training seeds."""
    datasets = {each.claim.id: each.datasets for each in asked}
    return decide([each.claim for each in asked], table, metrics, seeds, datasets)


def _after_training(table: pd.DataFrame) -> pd.DataFrame:
    """The table without training fractions, which would stand beside their own model on a board."""
    return table[~table["model"].map(is_fraction).astype(bool)]
