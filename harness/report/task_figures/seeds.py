"""A dot a seed: how far apart the trainings of one recipe end, and which of them failed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harness.leaderboards.board import Board, Row
from harness.metrics.base import Metric
from harness.report import suite_figures
from harness.report.charts import ChartAxis, DotChart, DotRow, drawn_value
from harness.report.compact_boards import chosen_boards
from harness.report.palette import model_styles
from harness.report.results import Results
from harness.report.task_figures.part import TaskFigures
from harness.statistics.formatting import number

CHARTS, ON_EACH = 12, 3
"""Charts of a page, and of a dataset, at most."""
FEWEST = 3
"""With fewer seeds a board says as much."""
WIDE = 5
"""The axis is logarithmic where the largest value is at least this many times the smallest."""


def seed_figures(results: Results) -> TaskFigures:
    """A chart of each main metric that is no cost, where a model has at least `FEWEST` seeds."""
    charts: dict[str, list[DotChart]] = {}
    for dataset in dict.fromkeys(board.dataset for board in results.boards):
        boards = [
            board
            for board in chosen_boards(results, dataset)
            if results.metrics[board.metric].kind != "cost"
            and max(len(row.values) for row in board.rows) >= FEWEST
        ]
        left = CHARTS - sum(map(len, charts.values()))
        drawn = [seed_chart(results, board) for board in boards[: min(ON_EACH, left)]]
        # A board of means over classes has values of its own, which are no seed's of a dataset.
        if with_dots := [chart for chart in drawn if any(row.values for row in chart.rows)]:
            charts[dataset] = with_dots
    return TaskFigures(
        "seeds",
        "Every seed",
        "A dot a training seed; the upright stroke is their mean with its 95 % t interval. A cross "
        "is a seed without a number, since it diverged or failed. The dashed line is where "
        "images are that no model made, if that is known.",
        charts,
    )


def seed_chart(results: Results, board: Board) -> DotChart:
    """The values of a board's models, seed by seed."""
    metric = results.metrics[board.metric]
    models = [name for name in suite_figures.model_names(results) if board.row(name)]
    rows = [dot_row(results, board, name, name) for name in models]
    return dot_chart(metric.heading, metric, board, rows)


def dot_chart(
    title: str, metric: Metric, board: Board, rows: Sequence[DotRow], quantity: str = ""
) -> DotChart:
    """Rows over the axis of a metric, which has its heading or is called `quantity`, with the floor
    of a board.
    """
    drawn = [row for row in rows if row.values or row.failures]
    values = [value for row in drawn for _, value in row.values]
    low, high = min(values, default=0.0), max(values, default=0.0)
    is_log = metric.scale == "log" and low > 0 and high > WIDE * low
    listed = "; ".join(f"{row.label}: {_words(row)}" for row in drawn)
    unit = f" ({metric.unit})" if metric.unit else ""
    floor = drawn_value(board.floor.mean) if board.floor and board.floor.mean is not None else None
    return DotChart(
        title,
        f"{title} on {board.dataset}, a dot a seed. {listed}",
        ChartAxis(f"{quantity or metric.heading}{unit}, {metric.preference}", is_log),
        tuple(drawn),
        None if floor is not None and is_log and floor <= 0 else floor,
    )


def dot_row(results: Results, board: Board, model: str, label: str) -> DotRow:
    """A model's values on a board."""
    rows = results.table[
        (results.table["model"] == model)
        & (results.table["dataset"] == board.dataset)
        & (results.table["metric"] == board.metric)
    ].sort_values("seed")
    measured = rows[(rows["status"] == "ok") & (rows["protocol_key"] == board.protocol_key)]
    lost = rows[rows["status"].isin(["failed", "diverged"])]
    row = board.row(model)
    return DotRow(
        label,
        model_styles(suite_figures.model_names(results))[model],
        tuple(_seed_values(measured)),
        row.mean if row else None,
        _interval(row),
        tuple(
            f"seed {seed} {status}"
            for seed, status in zip(lost["seed"], lost["status"], strict=True)
        ),
    )


def _seed_values(rows: pd.DataFrame) -> list[tuple[str, float]]:
    pairs = zip(rows["seed"], rows["value"].map(drawn_value), strict=True)
    return [(f"seed {seed}", value) for seed, value in pairs if value is not None]


def _interval(row: Row | None) -> tuple[float, float] | None:
    if row is None or row.low is None or row.high is None:
        return None
    return row.low, row.high


def _words(row: DotRow) -> str:
    values = ", ".join(number(value) for _, value in row.values)
    return "; ".join(filter(None, [values, ", ".join(row.failures)]))
