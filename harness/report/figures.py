"""The figures of a report: forest plots, quality against sampling time, loss curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import Bbox

from harness.claims.effects import Effect
from harness.claims.verdicts import Verdict
from harness.claims.wording import quantity
from harness.core.counting import counted
from harness.leaderboards.pareto import Front
from harness.metrics.base import Metric
from harness.report.svg import INK, Renderer, canvas, colours, render_svg
from harness.statistics.formatting import number

PLAIN = FuncFormatter(lambda x, _: f"{x:g}" if abs(x) < 10_000 else number(x, 0))

LETTERS = 70
"""So many of a forest plot's label fit into its width; longer ones are written smaller."""
NAMED = 12
"""So many points of a figure all have their names."""

OUTCOME_COLOURS = {"supported": "#009e73", "refuted": "#d55e00", "inconclusive": "#b8860b"}


@dataclass(frozen=True)
class Comparison:
    """A comparison of a verdict, as a forest plot shows it: of `model` with the `other` side."""

    title: str
    model: str
    other: str
    dataset: str
    unit: str
    effect: Effect | None


def forest(verdict: Verdict, name: str, render: Renderer = render_svg) -> list[str]:
    """The effect of each comparison of a verdict with its interval, as SVG: see `forest_plots`."""
    parts = [
        Comparison(part.title, part.model, part.other, part.dataset, part.unit, part.effect)
        for part in verdict.parts
    ]
    average = verdict.effect if verdict.claim.over == "average" else None
    return forest_plots(parts, verdict.outcome, name, average, render)


def forest_plots(
    parts: Sequence[Comparison],
    outcome: str,
    name: str,
    average: Effect | None = None,
    render: Renderer = render_svg,
) -> list[str]:
    """The effects of comparisons with their intervals, as SVG; one plot a scale and direction.

    The solid line is no effect (of a correlation, the constant), a dashed one the claim's margin.
    `average` is the effect over all of them, where the claim is about that.
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
    colour = OUTCOME_COLOURS.get(outcome, INK)
    return [
        _forest(rows, axis, colour, f"{name}-{i}", render)
        for i, (axis, rows) in enumerate(plots.items())
    ]


def _forest(
    rows: Sequence[tuple[str, Effect]], axis: str, colour: str, name: str, render: Renderer
) -> str:
    first = rows[0][1]
    with canvas(4.6, 0.8 + 0.4 * len(rows), left=0.1) as (figure, axes):
        for y, (label, effect) in enumerate(reversed(rows)):
            # Short lines at each interval, so that none runs through a label.
            axes.vlines(effect.null, y - 0.24, y + 0.2, color=INK, linewidth=0.9)
            for limit in (effect.limit, effect.mirror):
                if limit is not None and limit != effect.null:
                    dashes = (0, (3, 2))
                    axes.vlines(
                        limit, y - 0.24, y + 0.2, color=INK, linewidth=0.9, linestyle=dashes
                    )
            axes.plot([effect.low, effect.high], [y, y], color=colour, linewidth=2.2)
            axes.plot(effect.value, y, "o", color=colour, markersize=5.5)
            size = 8 * min(1, LETTERS / len(label))
            axes.text(
                0, y + 0.26, label, transform=axes.get_yaxis_transform(), fontsize=size, va="bottom"
            )
        axes.set_ylim(-0.4, len(rows) - 0.2)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        if first.kind == "ratio":
            _log_axis(axes)
        else:
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.margins(x=0.08)
        axes.set_xlabel(axis)
        shown = "; ".join(f"{label}: {quantity(effect)}" for label, effect in rows)
        return render(figure, name, f"Effects with their intervals. {shown}")


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


def _log_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    decades = math.log10(high / low)
    steps = (1,) if decades > 1.5 else (1, 2, 5) if decades > 0.9 else (1, 1.2, 1.5, 2, 3, 5, 7)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(PLAIN)
    axes.xaxis.set_minor_formatter(NullFormatter())


def trade_off(
    front: Front,
    metric: Metric,
    models: Sequence[str],
    name: str,
    render: Renderer = render_svg,
) -> str:
    """A metric of quality against a cost: a mean a model with the intervals over training seeds,
    and the models that no other beats on both joined as the Pareto front. Where there are many
    models, only those of the front are named.
    """
    style = colours(models)
    with canvas(4.6, 3.2) as (figure, axes):
        axes.grid(True)
        if len(front.best) > 1:
            xs, ys = zip(*(front.points[m] for m in front.best), strict=True)
            axes.plot(xs, ys, color=INK, alpha=0.4, linestyle=(0, (4, 3)), zorder=1)
        _points(axes, front, style)
        axes.margins(0.08, 0.14)
        _log_axis(axes)
        _names(axes, front, metric.better)
        axes.set_xlabel(front.axis)
        dataset = front.quality.dataset
        axes.set_title(f"{metric.heading} on {dataset}, {metric.preference}")
        listed = "; ".join(f"{m}: {x:.3g}, {y:.4g}" for m, (x, y) in front.points.items())
        title = f"{metric.heading} on {dataset} against {front.axis}"
        return render(figure, name, f"{title}. {listed}")


def _points(axes: Axes, front: Front, style: Mapping[str, tuple[str, str]]) -> None:
    """Draws the models' means with their intervals, all of one colour and marker at once."""
    alike: dict[tuple[str, str], list[str]] = {}
    for model in front.points:
        alike.setdefault(style[model], []).append(model)
    for (colour, marker), models in alike.items():
        bars = [(*front.points[model], front.quality.row(model)) for model in models]
        up = [(x, row.low, row.high) for x, _, row in bars if row and row.low is not None]
        along = [(front.points[m][1], *spread) for m in models if (spread := front.spread(m))]
        for draw, ends in ((axes.vlines, up), (axes.hlines, along)):
            if ends:
                draw(*zip(*ends, strict=True), color=colour, alpha=0.6)
        xs, ys = zip(*(front.points[model] for model in models), strict=True)
        axes.plot(xs, ys, marker, color=colour, markersize=7)


def _names(axes: Axes, front: Front, better: str) -> None:
    """Writes the models' names, the front's first, each beside its point where it covers no
    point and no other name.
    """
    last = max(cost for cost, _ in front.points.values())
    shown = [m for m in front.points if len(front.points) <= NAMED or m in front.best]
    points = [_pixels(axes, *point) for point in front.points.values()]
    taken = [Bbox([(x - 6, y - 6), (x + 6, y + 6)]) for x, y in points]
    for model in sorted(shown, key=lambda model: model not in front.best):
        x, y = front.points[model]
        at = _pixels(axes, x, y)
        boxes = [(place, _box(at, place, model)) for place in _places(x == last, better)]
        free = (each for each in boxes if not any(each[1].overlaps(other) for other in taken))
        (right, up), box = next(free, boxes[0])
        taken.append(box)
        axes.annotate(
            model,
            (x, y),
            (right, up),
            fontsize=8,
            textcoords="offset points",
            ha="left" if right > 0 else "right",
            annotation_clip=False,
        )


def _pixels(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """Where a point of the axes is drawn."""
    right, up = axes.transData.transform((x, y))
    return float(right), float(up)


def _places(is_last: bool, better: str) -> list[tuple[int, int]]:
    """Where a name may stand, in points from its model's. The front comes from the left, so that
    the side that it leaves free is tried first.
    """
    above = is_last == (better == "higher")
    side, heights = (-7 if is_last else 7), (5, -12, 15, -22, 25, -32)
    near = sorted(heights, key=lambda height: ((height > 0) != above, abs(height)))
    return [(side, height) for height in near] + [(-side, height) for height in near]


def _box(at: tuple[float, float], place: tuple[int, int], name: str) -> Bbox:
    """Returns about the pixels that a name covers; a figure has as many as points ÷ 0.72."""
    right, up = place
    width, height = 4.6 * len(name), 9.0
    left = right if right > 0 else right - width
    points = (left, up), (left + width, up + height)
    return Bbox([(at[0] + x / 0.72, at[1] + y / 0.72) for x, y in points])


def over_training(
    points: pd.DataFrame,
    metric: Metric,
    models: Sequence[str],
    name: str,
    render: Renderer = render_svg,
) -> str:
    """A metric at points in training: a thin line a seed, and their mean (geometric where ratios
    are compared) with its markers. `points` has model, seed, share (of the budget) and value.
    """
    style = colours(models)
    ratios = metric.scale == "log" and bool((points["value"] > 0).all())
    with canvas(3.2, 2.3) as (figure, axes):
        axes.grid(True)
        for model, of_model in points.groupby("model", sort=False):
            colour, marker = style[str(model)]
            lines = of_model.pivot_table(index="share", columns="seed", values="value")
            axes.plot(100 * lines.index, lines, color=colour, linewidth=0.7, alpha=0.4)
            mean = np.exp(np.log(lines).mean(axis=1)) if ratios else lines.mean(axis=1)
            axes.plot(
                100 * mean.index, mean, color=colour, marker=marker, markersize=4, label=str(model)
            )
        if ratios and points["value"].max() > 5 * points["value"].min():
            _log_values(axes)
        axes.set_title(metric.heading)
        axes.set_xlabel("% of the budget")
        axes.legend(frameon=False, fontsize=7)
        seeds = points["seed"].nunique()
        named = ", ".join(map(str, points["model"].unique()))
        return render(
            figure, name, f"{metric.heading} of {named} over training, {counted(seeds, 'seed')}"
        )


def training_curves(  # noqa: PLR0913 - what is drawn, and how
    curves: pd.DataFrame,
    model: str,
    models: Sequence[str],
    name: str,
    what: str,
    *,
    render: Renderer = render_svg,
) -> str:
    """Curves of one model on one dataset, of losses or of `what` else: a line a seed, a line style
    a name.
    """
    colour = colours(models)[model][0]
    dashes: list[Any] = ["-", (0, (5, 2)), (0, (1, 1.5)), (0, (4, 1, 1, 1))]
    with canvas(3.2, 2.1) as (figure, axes):
        axes.grid(True)
        for i, (loss, lines) in enumerate(curves.groupby("name", sort=False)):
            for j, (_, line) in enumerate(lines.groupby("seed")):
                axes.plot(
                    line["images"],
                    line["value"],
                    color=colour,
                    linestyle=dashes[i % len(dashes)],
                    linewidth=1,
                    alpha=0.85,
                    label=str(loss) if j == 0 else None,
                )
        values = curves["value"][np.isfinite(curves["value"])]
        if len(values) and values.min() > 0 and values.max() > 20 * values.min():
            _log_values(axes)
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _thousands(x)))
        axes.set_title(model)
        axes.set_xlabel("images shown")
        axes.legend(frameon=False, fontsize=7, handlelength=2.2)
        seeds = counted(curves["seed"].nunique(), "seed")
        return render(figure, name, f"{what} of {model} over training images, {seeds}")


def _log_values(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(PLAIN)
    axes.yaxis.set_minor_formatter(NullFormatter())


def _thousands(x: float) -> str:
    return f"{number(x / 1000, 0)} k" if x >= 1000 else number(x, 0)
