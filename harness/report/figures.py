"""The figures of a report: forest plots, quality against sampling time, curves over training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.claims.effects import Effect
from harness.claims.verdicts import Verdict
from harness.claims.wording import quantity
from harness.core.counting import counted
from harness.leaderboards.pareto import Front
from harness.metrics.base import Metric
from harness.report.charts import (
    ChartAxis,
    ChartLine,
    ChartPoint,
    ForestChart,
    ForestRow,
    LineChart,
    LineSeries,
    PointChart,
    drawn_value,
)
from harness.report.palette import ModelStyle, model_styles

OUTCOME_COLOURS = {"supported": "#009e73", "refuted": "#d55e00", "inconclusive": "#b8860b"}
NO_OUTCOME = "#808080"


@dataclass(frozen=True)
class Comparison:
    """A comparison of a verdict, as a forest plot shows it: of `model` with the `other` side."""

    title: str
    model: str
    other: str
    dataset: str
    unit: str
    effect: Effect | None


def forest(verdict: Verdict) -> list[ForestChart]:
    """The effect of each comparison of a verdict with its interval: see `forest_plots`."""
    parts = [
        Comparison(part.title, part.model, part.other, part.dataset, part.unit, part.effect)
        for part in verdict.parts
    ]
    average = verdict.effect if verdict.claim.over == "average" else None
    return forest_plots(parts, verdict.outcome, average)


def forest_plots(
    parts: Sequence[Comparison], outcome: str, average: Effect | None = None
) -> list[ForestChart]:
    """The effects of comparisons with their intervals, one chart a scale and direction. `average`
    is the effect over all of them, where the claim is about that.
    """
    shown = [part for part in parts if part.effect is not None]
    others = {part.other for part in shown}
    plots: dict[str, list[tuple[str, Effect]]] = {}
    for part in shown:
        against = f" against {part.other}" if len(others) > 1 else ""
        title = part.title[:1].upper() + part.title[1:]
        label = f"{title} · {part.model}{against} · {part.dataset}"
        if part.effect is not None:
            plots.setdefault(_axis_label(part, others), []).append((label, part.effect))
    if average and len(shown) > 1:
        plots.setdefault(_axis_label(shown[0], others), []).append(("average", average))
    colour = OUTCOME_COLOURS.get(outcome, NO_OUTCOME)
    return [_forest(rows, axis, colour) for axis, rows in plots.items()]


def _forest(rows: Sequence[tuple[str, Effect]], axis: str, colour: str) -> ForestChart:
    listed = "; ".join(f"{label}: {quantity(effect)}" for label, effect in rows)
    return ForestChart(
        "Effects with their intervals",
        f"Effects with their intervals. {listed}",
        ChartAxis(axis, is_log=rows[0][1].kind == "ratio"),
        colour,
        tuple(_forest_row(label, effect) for label, effect in rows),
    )


def _forest_row(label: str, effect: Effect) -> ForestRow:
    limits = [limit for limit in (effect.limit, effect.mirror) if limit not in (None, effect.null)]
    return ForestRow(
        label,
        quantity(effect).removeprefix(f"{effect.kind} "),
        effect.value,
        effect.low,
        effect.high,
        effect.null,
        tuple(limit for limit in limits if limit is not None),
    )


def _axis_label(part: Comparison, others: set[str]) -> str:
    effect = part.effect
    if effect is None:
        return ""
    arrow = "as claimed →" if effect.towards == "higher" else "← as claimed"
    if effect.mirror is not None:
        arrow = "as claimed between the dashed lines"
    other = part.other if len(others) == 1 else "the other side"
    if effect.kind == "rank correlation":
        return f"rank correlation, {arrow}"
    if effect.kind == "ratio":
        return f"ratio to {other}, {arrow}"
    unit = f" ({part.unit})" if part.unit else ""
    return f"{effect.kind} from {other}{unit}, {arrow}"


def trade_off(front: Front, metric: Metric, models: Sequence[str]) -> PointChart:
    """A metric of quality against a cost: a mean a model with the intervals over training seeds,
    and the models that no other beats on both joined as the Pareto front.
    """
    styles, dataset = model_styles(models), front.quality.dataset
    listed = "; ".join(f"{m}: {x:.3g}, {y:.4g}" for m, (x, y) in front.points.items())
    return PointChart(
        f"{metric.heading} on {dataset}, {metric.preference}",
        f"{metric.heading} on {dataset} against {front.axis}. {listed}",
        ChartAxis(front.axis, is_log=True),
        ChartAxis(metric.heading),
        tuple(_points(front, styles)),
        front.best if len(front.best) > 1 else (),
        metric.better == "higher",
    )


def _points(front: Front, styles: Mapping[str, ModelStyle]) -> Iterator[ChartPoint]:
    for model, (cost, quality) in front.points.items():
        row = front.quality.row(model)
        spread = (row.low, row.high) if row else (None, None)
        interval = None if spread[0] is None or spread[1] is None else (spread[0], spread[1])
        yield ChartPoint(model, styles[model], cost, quality, front.spread(model), interval)


def over_training(points: pd.DataFrame, metric: Metric, models: Sequence[str]) -> LineChart:
    """A metric at points in training: a thin line a seed, and their mean (geometric where ratios
    are compared) with its markers. `points` has model, seed, share (of the budget) and value.
    """
    styles = model_styles(models)
    ratios = metric.scale == "log" and bool((points["value"] > 0).all())
    shares = sorted(points["share"].unique())
    series = []
    for model, of_model in points.groupby("model", sort=False):
        table = of_model.pivot_table(index="share", columns="seed", values="value").reindex(shares)
        mean = np.exp(np.log(table).mean(axis=1)) if ratios else table.mean(axis=1)
        lines = [ChartLine(f"seed {seed}", _values(table[seed])) for seed in table]
        lines.append(ChartLine("mean", _values(mean), is_mean=True))
        style = styles[str(model)]
        series.append(LineSeries(str(model), style, 0, has_markers=True, lines=tuple(lines)))
    named = ", ".join(map(str, points["model"].unique()))
    seeds = counted(points["seed"].nunique(), "seed")
    return LineChart(
        metric.heading,
        f"{metric.heading} of {named} over training, {seeds}",
        ChartAxis("% of the budget"),
        ChartAxis(metric.heading, is_log=ratios and _is_wide(points["value"], 5)),
        tuple(100 * share for share in shares),
        tuple(series),
    )


def training_curves(
    curves: pd.DataFrame, model: str, models: Sequence[str], subject: str
) -> LineChart:
    """Curves of one model on one dataset, of losses or another `subject`: a line a seed, a dash
    pattern a name.
    """
    style = model_styles(models)[model]
    images = sorted(curves["images"].unique())
    series = []
    for i, (name, rows) in enumerate(curves.groupby("name", sort=False)):
        table = rows.pivot_table(
            index="images", columns="seed", values="value", aggfunc="first", dropna=False
        ).reindex(images)
        lines = tuple(ChartLine(f"seed {seed}", _values(table[seed])) for seed in table)
        series.append(LineSeries(str(name), style, i, has_markers=False, lines=lines))
    seeds = counted(curves["seed"].nunique(), "seed")
    return LineChart(
        f"{subject} of {model}",
        f"{subject} of {model} over training images, {seeds}",
        ChartAxis("images shown"),
        ChartAxis(subject.lower(), is_log=_is_wide(curves["value"], 20)),
        tuple(float(x) for x in images),
        tuple(series),
    )


def _values(column: pd.Series[float]) -> tuple[float | None, ...]:
    return tuple(drawn_value(value) for value in column)


def _is_wide(values: pd.Series[float], ratio: float) -> bool:
    """Whether the finite values are positive and the largest is `ratio` times the smallest."""
    finite = values[np.isfinite(values)]
    return bool(len(finite) and finite.min() > 0 and finite.max() > ratio * finite.min())
