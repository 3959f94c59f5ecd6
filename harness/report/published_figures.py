"""Lays the tables of published figures beside the reports that measured the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.config.published import shipped_published_files
from harness.config.published_types import Counterpart, PublishedTable
from harness.report.figure_comparison import FigureComparison
from harness.report.measured_seeds import PublishedReport, published_reports
from harness.report.table_comparison import CounterpartComparison, TableComparison


def published_figures(reports: Path) -> list[TableComparison]:
    """Compares every shipped table of published figures with the reports in a folder; tables with a
    figure that was measured come first. Raises BadInput for a mistake in a file of the registry,
    and for a report that no command wrote.
    """
    ours = published_reports(reports)
    compared = [
        TableComparison(file, tuple(_counterparts(file.table, ours)))
        for file in shipped_published_files()
    ]
    return sorted(compared, key=lambda each: not each.measured)


def _counterparts(
    table: PublishedTable, reports: Sequence[PublishedReport]
) -> list[CounterpartComparison]:
    """The table beside each of its counterparts, those that were measured first."""
    compared = [_beside(table, each, reports) for each in table.counterparts]
    return sorted(compared, key=lambda each: each.report is None)


def _beside(
    table: PublishedTable, counterpart: Counterpart, reports: Sequence[PublishedReport]
) -> CounterpartComparison:
    """The table beside the best report of the suite: one with the suite's own budget comes before a
    trial, and more figures before fewer.
    """
    of_suite = [report for report in reports if report.suite == counterpart.suite]
    compared = [
        CounterpartComparison(counterpart, table, each, _figures(table, counterpart, each))
        for each in of_suite
    ]
    with_any = [each for each in compared if any(figure.measured for figure in each.figures)]
    if not with_any:
        return CounterpartComparison(counterpart, table, None, _figures(table, counterpart, None))
    return max(with_any, key=_preference)


def _preference(comparison: CounterpartComparison) -> tuple[bool, int]:
    whole = comparison.report is not None and not comparison.report.is_trial
    return whole, sum(figure.measured is not None for figure in comparison.figures)


def _figures(
    table: PublishedTable, counterpart: Counterpart, report: PublishedReport | None
) -> tuple[FigureComparison, ...]:
    """The figures of the rows that a model of the suite stands for, column by column."""
    figures = []
    for index, column in enumerate(table.columns):
        dataset = counterpart.dataset or column.dataset
        for row in table.rows:
            if model := row.models.get(counterpart.suite):
                key = dataset, model, column.metric
                measured = report.measured.get(key) if report else None
                same_scale = table.compare == "values"
                figures.append(
                    FigureComparison(row, column, row.values[index], model, measured, same_scale)
                )
    return tuple(figures)
