"""Reads what the reports of a folder measured, for the boards across suites."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from harness.core.keys import digest
from harness.core.measurement import EXTERNAL, FLOORS, tidy
from harness.metrics.base import Metric
from harness.report.archive import RECORD, read_record
from harness.report.derivation import LAST_STEP, after_training, record_training
from harness.report.results import ModelInfo, SuiteRecord
from harness.report.site.papers import RecipeNotes
from harness.report.site.published import (
    PublishedEntry,
    PublishedModel,
    SourceReport,
    merge_models,
    published_table,
)
from harness.statistics.class_means import with_means
from harness.statistics.maturity import TrainingInfo


@dataclass(frozen=True)
class PublishedNumbers:
    """All that published reports measured. `table` is a tidy table whose models are the labels of
    `entries`, with rows of real images. `titles` are the datasets' titles by name, `doubts` are as
    in `SuiteRecord`. `without_record` names the reports that have no record to read numbers from.
    """

    reports: tuple[SourceReport, ...]
    entries: tuple[PublishedEntry, ...]
    table: pd.DataFrame
    metrics: Mapping[str, Metric]
    doubts: Mapping[tuple[str, str], str]
    titles: Mapping[str, str]
    without_record: tuple[str, ...] = ()


def read_published(reports: Path) -> PublishedNumbers:
    """Returns what the reports in a folder measured. Raises BadInput where a record is not what a
    report writes.
    """
    folders = sorted(file.parent for file in reports.glob("*/verdicts.json"))
    records = {path.name: read_record(path) for path in folders if (path / RECORD).exists()}
    newest = sorted(records, key=lambda name: records[name].generated_at, reverse=True)
    numbers = gather_published({name: records[name] for name in newest})
    missing = tuple(path.name for path in folders if path.name not in records)
    return replace(numbers, without_record=missing)


def gather_published(records: Mapping[str, SuiteRecord]) -> PublishedNumbers:
    """Returns what the records of reports measured, by the names of their folders, the newest
    first.
    """
    models: list[PublishedModel] = []
    floors: list[pd.DataFrame] = []
    published = []
    for name, record in records.items():
        report = SourceReport(name, record.title, record.generated_at[:10])
        cells = tidy(record.cells)
        table = _table(record, cells)
        is_floor = table["model"].isin(list(FLOORS))
        floors.append(table[is_floor])
        models += _models(report, record, record_training(record, cells), table[~is_floor])
        published.append(report)
    entries = merge_models(models)
    oldest_first = list(records.values())[::-1]
    return PublishedNumbers(
        tuple(published),
        tuple(entries),
        published_table(entries, floors),
        {name: each for record in oldest_first for name, each in record.metrics.items()},
        {place: text for record in oldest_first for place, text in record.doubts.items()},
        {each.name: each.card.title for record in oldest_first for each in record.datasets},
    )


def _table(record: SuiteRecord, cells: pd.DataFrame) -> pd.DataFrame:
    """The tidy table `cells` of a record as boards show it: without training fractions, and with
    the mean over the datasets that one name stands for in their place.
    """
    table = after_training(cells)
    classes = {name for names in record.each.values() for name in names}
    means = with_means(table, record.each)
    for name, datasets in record.each.items():
        rows = means["dataset"] == name
        keys = _mean_keys(table[table["dataset"].isin(datasets)])
        for column in ("training_key", "measurement_key"):
            means.loc[rows, column] = [
                keys[column, model, seed]
                for model, seed in means.loc[rows, ["model", "seed"]].itertuples(index=False)
            ]
    return means[~means["dataset"].isin(classes)]


def _mean_keys(rows: pd.DataFrame) -> dict[tuple[str, str, int], str]:
    """Keys for means over datasets: digests of the keys of all numbers in the mean."""
    return {
        (column, str(model), int(seed)): digest(sorted(of_seed[column]))
        for (model, seed), of_seed in rows.groupby(["model", "seed"])
        for column in ("training_key", "measurement_key")
    }


def _models(
    report: SourceReport,
    record: SuiteRecord,
    infos: Iterable[TrainingInfo],
    table: pd.DataFrame,
) -> Iterator[PublishedModel]:
    training = {(info.dataset, info.model): info for info in infos}
    about = {model.name: model for model in record.models}
    for (dataset, name), rows in table.groupby(["dataset", "model"], sort=False):
        first = next(iter(record.each.get(str(dataset), [str(dataset)])))
        info = training.get((first, str(name)))
        yield PublishedModel(
            report,
            str(name),
            rows,
            _images(about.get(str(name)), info),
            info,
            RecipeNotes.of(about[str(name)].recipe if name in about else "", EXTERNAL),
        )


def _images(model: ModelInfo | None, info: TrainingInfo | None) -> int | None:
    """The budget as it was asked: a training is whole steps, and may show a few images more."""
    if model is None or model.images is None or (info and model.images == 0):
        return info.images if info else None
    if info and not model.images <= info.images < LAST_STEP * model.images:
        return info.images  # a budget of the dataset's own
    return model.images
