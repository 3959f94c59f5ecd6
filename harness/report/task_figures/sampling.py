"""What more sampling steps bring, and what they cost: a line a sampler."""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

from harness.leaderboards.board import Board
from harness.metrics.base import Metric
from harness.report.charts import ChartAxis, ChartLine, LineChart, LineSeries, drawn_value
from harness.report.palette import model_styles
from harness.report.recipes import settings_of_model
from harness.report.results import Results
from harness.report.task_figures.part import TaskFigures

Samplers = Mapping[str, Mapping[str, int]]
"""The sampling steps of each model, by sampler."""
IMAGES = 1000
"""Seconds are those for this many images."""


def sampler_figures(results: Results) -> TaskFigures:
    """Metrics of quality against sampling steps, and against seconds where speed was measured, of
    models that differ in sampling alone.
    """
    samplers, charts = samplers_of(results), dict[str, list[LineChart]]()
    speeds = {b.dataset: b for b in results.boards if b.metric == results.speed and not b.apart}
    for board in results.boards if samplers else ():
        if board.metric in results.trade_off and not board.apart:
            metric = results.metrics[board.metric]
            steps = {model: float(n) for each in samplers.values() for model, n in each.items()}
            drawn = charts.setdefault(board.dataset, [])
            drawn.append(_chart(board, metric, samplers, steps, "sampling steps"))
            if speed := speeds.get(board.dataset):
                label = f"seconds for {IMAGES:,} images"
                drawn.append(_chart(board, metric, samplers, _seconds(speed), label))
    return TaskFigures(
        "samplers",
        "Sampling steps",
        "A line a sampler, over models that differ in their number of steps alone; means over "
        "training seeds. A line that rises to worse values with more steps needs an explanation.",
        {dataset: each for dataset, each in charts.items() if each},
    )


def samplers_of(results: Results) -> dict[str, dict[str, int]]:
    """The models whose recipes state sampling steps, by sampler: models of one differ in
    nothing else. Empty where no sampler has two numbers of steps.
    """
    groups: dict[str, dict[str, int]] = {}
    for model in results.models:
        settings = settings_of_model(model)
        sampling = settings.get("sampling")
        if isinstance(sampling, dict) and isinstance(sampling.get("steps"), int):
            others = yaml.safe_dump({**settings, "sampling": {**sampling, "steps": None}})
            groups.setdefault(others, {})[model.name] = sampling["steps"]
    if all(len(set(group.values())) < 2 for group in groups.values()):
        return {}
    return {re.sub(r"-\d+-steps?", "", next(iter(group))): group for group in groups.values()}


def _seconds(speed: Board) -> dict[str, float]:
    """The seconds that each model takes for `IMAGES` images."""
    return {row.model: IMAGES / row.mean for row in speed.rows if row.mean}


def _chart(
    board: Board, metric: Metric, samplers: Samplers, costs: Mapping[str, float], label: str
) -> LineChart:
    """A metric against a cost of each model."""
    means = {row.model: row.mean for row in board.rows if row.mean is not None}
    drawn = {
        sampler: sorted((costs[m], means[m]) for m in models if m in costs and m in means)
        for sampler, models in samplers.items()
    }
    xs = sorted({x for points in drawn.values() for x, _ in points})
    styles = model_styles(drawn)
    series = tuple(
        LineSeries(name, styles[name], 0, has_markers=True, lines=(_line(dict(points), xs),))
        for name, points in drawn.items()
        if points
    )
    values = [y for points in drawn.values() for _, y in points]
    is_log = metric.scale == "log" and min(values, default=0) > 0
    return LineChart(
        f"{metric.heading}, {metric.preference}",
        f"{metric.heading} on {board.dataset} against {label}: {', '.join(drawn)}",
        ChartAxis(label, is_log=True),
        ChartAxis(metric.heading, is_log=is_log),
        tuple(drawn_value(x) or x for x in xs),
        series,
    )


def _line(points: Mapping[float, float], xs: list[float]) -> ChartLine:
    return ChartLine(
        "mean", tuple(drawn_value(points[x]) if x in points else None for x in xs), True
    )
