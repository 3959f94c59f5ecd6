"""From the tracking store to a report: gather, judge, write, and log what came out to the parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from harness.analysis.leaderboard import leaderboards
from harness.analysis.verdicts import judge
from harness.plan import Plan
from harness.report.results import DatasetFacts, ModelFacts, Picture, Results
from harness.report.write import write
from harness.spec.measurement import CellResult, tidy
from harness.tracking import Store
from harness.tracking.environment import environment

KINDS = ("samples", "reconstructions")


def publish(plan: Plan, store: Store, output: Path, parent: str | None) -> tuple[Results, Path]:
    """Write the report of what has been measured so far, and log it to the suite's run `parent`
    where one is given. Returns what it is made of, and the page's path.
    """
    results = gather(plan, store)
    page = write(results, output / plan.report_name)
    if parent:
        store.log_summary(parent, summary(results.table, plan))
        for file in sorted(page.parent.iterdir()):
            store.put_file(parent, file, "report")
        unfinished = any(cell.status in ("missing", "failed") for cell in results.cells)
        store.finish(parent, ok=not unfinished)
    return results, page


def gather(plan: Plan, store: Store) -> Results:
    """Everything a report needs, read from the store."""
    suite = plan.loaded.suite
    records = store.records([cell.training_key for cell in plan.cells])
    cells = plan.results(records)
    table = tidy(cells)
    return Results(
        title=suite.title,
        description=suite.description,
        suite_name=plan.loaded.name,
        suite_yaml=plan.loaded.text,
        overrides=plan.loaded.overridden,
        budget=suite.budget.images,
        seeds=suite.seeds,
        cells=cells,
        table=table,
        metrics=plan.metrics,
        verdicts=judge(suite.claims, table, plan.metrics, len(suite.seeds)),
        boards=leaderboards(table, plan.metrics),
        curves=_curves(cells, store),
        pictures=_pictures(cells, store),
        datasets=[_dataset_facts(plan, name) for name in plan.datasets],
        models=[_model_facts(plan, name) for name in plan.recipes],
        environment={**environment(), "device": plan.numerics.machine},
        generated_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def summary(table: pd.DataFrame, plan: Plan) -> dict[str, float]:
    """Mean and standard deviation over seeds by `dataset/model/metric`: MLflow rolls nothing up."""
    values = table[table.status == "ok"]
    named: dict[str, float] = {}
    for (dataset, model, metric), group in values.groupby(["dataset", "model", "metric"]):
        scores = group.value.to_numpy(dtype=np.float64)
        named[f"{dataset}/{model}/{metric} mean"] = float(scores.mean())
        if len(scores) > 1:
            named[f"{dataset}/{model}/{metric} sd over seeds"] = float(scores.std(ddof=1))
    return named
