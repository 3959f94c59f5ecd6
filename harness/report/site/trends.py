"""How numbers of a board moved from one published report to the next, as figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import pandas as pd

from harness.core.counting import counted
from harness.report.charts import ChartAxis, TrendChart, TrendLine, TrendPoint, TrendSeries
from harness.report.palette import model_styles
from harness.report.site.board_columns import MetricColumn
from harness.report.site.board_tables import SiteTable
from harness.report.site.number_history import NumberHistory
from harness.report.templating import read_moment
from harness.statistics.formatting import number


def table_trends(table: SiteTable, history: NumberHistory) -> dict[str, TrendChart]:
    """Returns the figures of a table by the keys of its columns, for those in which a report has
    had more than one number of a model.
    """
    names = {row.entry.name for row in table.rows}
    rows = history.table
    of_table = rows[(rows["dataset"] == table.dataset) & rows["model"].isin(names)]
    charts = {}
    for column in table.columns:
        board = column.everything
        of_column = of_table[
            (of_table["metric"] == board.metric) & (of_table["protocol_key"] == board.protocol_key)
        ]
        moved = of_column[of_column.duplicated(["model", "report"], keep=False)]
        if not moved.empty:
            charts[column.key] = _chart(table.dataset, column, moved)
    return charts


def _chart(dataset: str, column: MetricColumn, rows: pd.DataFrame) -> TrendChart:
    metric, series = column.metric, list(_series(rows))
    label = f"{metric.heading} ({metric.unit})" if metric.unit else metric.heading
    listed = "; ".join(f"{each.name}: {_in_words(each, metric.digits)}" for each in series)
    is_log = metric.scale == "log" and bool((rows["value"] > 0).all())
    return TrendChart(
        f"{metric.heading}: {metric.preference}",
        f"{metric.heading} on {dataset} over time. {listed}",
        ChartAxis("published"),
        ChartAxis(label, is_log),
        tuple(series),
    )


def _in_words(series: TrendSeries, digits: int) -> str:
    lines = (
        f"{', '.join(f'{number(p.y, digits)} ({_date(p.x)})' for p in line.points)} in {line.name}"
        for line in series.lines
    )
    return ", ".join(lines)


def _series(rows: pd.DataFrame) -> Iterator[TrendSeries]:
    styles = model_styles(sorted(set(rows["model"])))
    dashes = {report: i for i, report in enumerate(sorted(set(rows["report"])))}
    for model, of_model in rows.groupby("model", sort=True):
        lines = tuple(_lines(of_model, dashes))
        yield TrendSeries(str(model), styles[str(model)], lines)


def _lines(rows: pd.DataFrame, dashes: Mapping[str, int]) -> Iterator[TrendLine]:
    """A line for each report and budget: numbers of two budgets are not joined."""
    for (report, images), of_line in rows.groupby(["report", "images"], dropna=False, sort=True):
        shown = "unknown budget" if pd.isna(images) else f"{images:,.0f} images"
        yield TrendLine(f"{report}, {shown}", dashes[report], tuple(_points(of_line)))


def _points(rows: pd.DataFrame) -> Iterator[TrendPoint]:
    for row in rows.itertuples():
        seeds = counted(int(row.seeds), "seed")
        interval = None if pd.isna(row.low) else (row.low, row.high)
        note = f"{row.time}, {seeds}, commit {row.commit or 'not recorded'}"
        yield TrendPoint(_days(row.time), row.value, interval, note)


def _days(time: str) -> float:
    """Days since 1970 of a time as reports write it."""
    return round(read_moment(time).timestamp() / 86400, 4)


def _date(days: float) -> str:
    return datetime.fromtimestamp(days * 86400, UTC).strftime("%Y-%m-%d")


def trends_of(
    tables: Sequence[SiteTable], history: NumberHistory
) -> dict[str, dict[str, TrendChart]]:
    """Returns the figures of all tables by their ids."""
    return {table.id: table_trends(table, history) for table in tables}
