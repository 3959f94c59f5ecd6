"""From the tracking store to a report: gather, judge, write, and log what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
import pandas as pd
import yaml

from harness.cell.run_page import params_of
from harness.config.members import Members
from harness.config.recipe import Recipe
from harness.config.training_fraction import is_fraction
from harness.core.counting import counted
from harness.core.measurement import CellResult
from harness.core.protocol import Protocol
from harness.families import FAMILIES
from harness.metrics.base import Metric
from harness.plan import Plan
from harness.plan.declarations import read_declarations
from harness.plan.identity import code_folders, identify
from harness.plan.selftests import recorded_selftests
from harness.report.commands import run_command
from harness.report.derivation import derive_results
from harness.report.folders import report_folder
from harness.report.looks import current_looks, read_looks, with_reached, write_looks
from harness.report.more_seeds import SeedsOfClaims
from harness.report.results import (
    CURVE_COLUMNS,
    AskedClaim,
    DatasetInfo,
    ModelInfo,
    Results,
    StoreInfo,
    SuiteRecord,
)
from harness.report.stored_figure_data import stored_figure_data
from harness.report.stored_pictures import stored_pictures
from harness.report.templating import now
from harness.report.uris import browse
from harness.report.writer import write_report
from harness.selftest.disturbances import failure_sentence
from harness.selftest.outcomes import SelftestOutcome, outcomes_on
from harness.statistics.preference import HUMAN_PREFERENCE
from harness.tracking import Record, Store
from harness.tracking.environment import environment
from harness.tracking.store import DESCRIPTION
from harness.tracking.suites import find_suite

CURVES = 5
"""The most seeds whose loss curves are drawn; each figure says how many."""
CURVE_CELLS = 60
"""The most cells whose loss curves are published, so that files stay small; each model has at least
one."""


def publish(
    plan: Plan,
    store: Store,
    output: Path,
    parent: str | None,
    seeds: SeedsOfClaims | None = None,
) -> tuple[Results, Path]:
    """Write the report of what has been measured so far, and log it to the suite's run `parent`
    where one is given; `seeds` says which claims have more than others. Returns what it is
    made of, and the page's path.
    """
    records = plan.records(store)
    results = gather(plan, store, records, seeds=seeds)
    page = write_report(results, report_folder(plan, identify(plan.loaded, store), output))
    if parent:
        for cell in plan.cells:  # what another suite made, which was found and not opened
            if record := records.get(cell.training_key):
                store.add_use(record, cell.used_by(parent), cell.had_by(parent))
                store.complete(record, params_of(cell))
        store.log_summary(parent, summary(results.table, plan))
        write_looks(store, parent, with_reached(read_looks(store, parent), results.verdicts))
        for file in sorted(path for path in page.parent.rglob("*") if path.is_file()):
            folder = Path("report") / file.parent.relative_to(page.parent)
            store.put_file(parent, file, folder.as_posix())
        store.tag(parent, {DESCRIPTION: suite_page(results)})
        unfinished = any(cell.status in ("missing", "failed") for cell in results.cells)
        store.finish(parent, ok=not unfinished)
    return results, page


def suite_page(results: Results) -> str:
    """What MLflow's page of a suite's run says at its top, as Markdown."""
    verdicts = [f"- *{verdict.outcome}*: {verdict.sentence}" for verdict in results.verdicts]
    parts = [
        f"**{results.title}**",
        results.description.strip(),
        "\n".join(verdicts),
        "Each child run is one model on one dataset with one seed; the metrics of this run are "
        "means over seeds. The report with samples, boards and claims is among the artifacts: "
        "`report/index.html`.",
    ]
    return "\n\n".join(part for part in parts if part)


def gather(
    plan: Plan,
    store: Store,
    records: Mapping[str, Record],
    with_pictures: bool = True,
    seeds: SeedsOfClaims | None = None,
) -> Results:
    """Read what a report is made from: the store's `records` of the plan's cells and, if
    `with_pictures`, pictures. `seeds` says which claims have more than others.
    """
    suite, identity = plan.loaded.suite, identify(plan.loaded, store)
    parent = find_suite(store, identity, plan.suite_key)
    cells = plan.results(records)
    looks = current_looks(plan, read_looks(store, parent), seeds or SeedsOfClaims(suite.seeds))
    metrics = dict(plan.metrics)
    if any(row.metric == HUMAN_PREFERENCE.name for cell in cells for row in cell.measurements):
        metrics[HUMAN_PREFERENCE.name] = HUMAN_PREFERENCE
    record = SuiteRecord(
        title=suite.title,
        description=suite.description,
        suite_name=plan.loaded.name,
        suite_yaml=plan.loaded.text,
        claims=asked_claims(plan),
        seeds=len(suite.seeds),
        cells=cells,
        metrics=metrics,
        curves=published_curves(cells, store),
        figure_data=stored_figure_data(plan, cells, store) if with_pictures else [],
        pictures=stored_pictures(plan, cells, store) if with_pictures else [],
        datasets=_datasets(plan),
        models=[_model(recipe, cells, suite.budget.images) for recipe in plan.recipes.values()]
        + _outsiders(plan),
        environment={
            **environment(code_folders(plan), [store.folder]),
            "device": plan.numerics.machine,
        },
        store=StoreInfo(store.name, browse(store)),
        command=run_command(plan, store),
        generated_at=now(),
        each=plan.each,
        overrides=plan.loaded.overridden,
        doubts=_doubts(plan, cells, store),
        identity=identity.marks,
        declarations=read_declarations(store, parent),
        looks=looks,
        selftests=recorded_selftests(plan, store),
    )
    return derive_results(record)


def _datasets(plan: Plan) -> list[DatasetInfo]:
    return [
        DatasetInfo.of(plan.datasets[entry.name], entry.budget.images if entry.budget else None)
        for entry in plan.loaded.suite.datasets
    ]


def asked_claims(plan: Plan) -> list[AskedClaim]:
    """The claims of a suite, each with the datasets that have all that it is about."""
    suite = plan.loaded.suite
    members = Members(suite)
    return [AskedClaim(claim, members.datasets_of(claim)) for claim in suite.claims]


def _doubts(plan: Plan, cells: Sequence[CellResult], store: Store) -> dict[tuple[str, str], str]:
    """How metrics failed their self-test on a suite's datasets, with the features they are
    measured by, as far as it was run.
    """
    by_dataset = {
        name: outcomes_on(store, dataset.digest) for name, dataset in plan.datasets.items()
    }
    doubts = {}
    for cell in cells:
        for row in cell.measurements:
            if row.status == "ok" and row.metric in plan.metrics:
                doubt = _doubt(plan.metrics[row.metric], row.protocol, by_dataset[cell.dataset])
                if doubt:
                    doubts[cell.dataset, row.protocol.key()] = doubt
    return doubts


def _doubt(metric: Metric, how: Protocol, outcomes: Sequence[SelftestOutcome]) -> str:
    for outcome in outcomes:
        is_alike = outcome.is_of(how.extractor, how.preprocessing)
        if is_alike and (failed := outcome.failed(metric)):
            tested = outcome.tested
            features = f" with {tested.extractor}" if how.extractor else ""
            return (
                f"{failure_sentence(failed)} in its self-test on {tested.dataset}{features}, "
                f"{counted(tested.images, 'image')} a set"
            )
    return ""


def published_curves(cells: Sequence[CellResult], store: Store) -> pd.DataFrame:
    """The training curves of the first seeds: each run is read by itself, and many lines are a
    blot. Models that are sampled in several ways have one run.
    """
    trained = [(c, c.run_id) for c in cells if c.run_id and not is_fraction(c.model)]
    models = {(cell.dataset, cell.model) for cell, _ in trained}
    most = min(CURVES, max(1, CURVE_CELLS // max(1, len(models))))
    seeds = sorted({cell.seed for cell in cells})[:most]
    shown = [(cell, run_id) for cell, run_id in trained if cell.seed in seeds]
    curves = dict(store.curves_of(dict.fromkeys(run_id for _, run_id in shown)))
    rows = [
        (cell.dataset, cell.model, cell.seed, images, name.removeprefix("train/"), _rounded(value))
        for cell, run_id in shown
        for images, name, value in curves[run_id]
    ]
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))


def _rounded(value: float) -> float:
    """A value as it is recorded, with the seven digits that float32 has."""
    return float(f"{value:.7g}")


def _model(recipe: Recipe, cells: Sequence[CellResult], images: int) -> ModelInfo:
    costs = [cell.costs for cell in cells if cell.model == recipe.name]
    seconds = [float(cost["seconds"]) for cost in costs if "seconds" in cost]
    takes_steps = FAMILIES.load(recipe.family).takes_steps
    resolved = yaml.safe_dump({"family": recipe.family, **recipe.settings}, sort_keys=False)
    return ModelInfo(
        recipe.name,
        "\n".join(f"# {line}" for line in (recipe.description, recipe.paper) if line)
        + f"\n{resolved}",
        images if takes_steps else 0,
        max((int(cost["parameters"]) for cost in costs if "parameters" in cost), default=None),
        fmean(seconds) if seconds else None,
        recipe.ablates,
    )


def _outsiders(plan: Plan) -> list[ModelInfo]:
    """The external entrants, each with the files that its samples are in."""
    files: dict[str, dict[str, list[str | list[str]]]] = {}
    for outside in plan.loaded.suite.external:
        files.setdefault(outside.name, {})[outside.dataset] = [
            entry if isinstance(entry, str) else list(entry) for entry in outside.samples
        ]
    return [
        ModelInfo(name, f"# samples that another program made\n{yaml.safe_dump(listed)}", None)
        for name, listed in files.items()
    ]


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
