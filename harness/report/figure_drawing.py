"""Draws charts with matplotlib, for files that papers include."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import Bbox
from PIL import Image

from harness.report.charts import (
    Chart,
    ChartAxis,
    ChartPoint,
    DotChart,
    DotRow,
    ForestChart,
    LineChart,
    LineSeries,
    PointChart,
    ScatterChart,
)
from harness.report.svg import INK, canvas
from harness.statistics.formatting import number

PLAIN = FuncFormatter(lambda x, _: _plain(x))
MARKER_CODES = {
    "circle": "o", "square": "s", "up": "^", "diamond": "D", "down": "v", "cross": "P",
    "left": "<", "right": ">",
}  # fmt: skip
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (4, 1, 1, 1)))
LETTER = 4.7
"""The width of a letter of eight points, in points, at most."""


def draw_chart(chart: Chart) -> Figure:
    """Returns a chart as a figure, of `harness.report.svg.STYLE`."""
    if isinstance(chart, ForestChart):
        return _draw_forest(chart)
    if isinstance(chart, DotChart):
        return _draw_dots(chart)
    if isinstance(chart, ScatterChart):
        return _draw_scatter(chart)
    return _draw_points(chart) if isinstance(chart, PointChart) else _draw_lines(chart)


def _draw_dots(chart: DotChart) -> Figure:
    """A column of labels, and a row of dots for each."""
    labels = _inches(row.label for row in chart.rows)
    with canvas(labels + 3.6, 0.9 + 0.26 * len(chart.rows), left=labels) as (figure, axes):
        for y, row in enumerate(reversed(chart.rows)):
            _draw_dot_row(axes, y, row, labels)
        if chart.floor is not None:
            axes.axvline(chart.floor, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
        axes.set_ylim(-0.5, len(chart.rows) - 0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_title(chart.title)
        axes.margins(x=0.08)
        _scale_x(axes, chart.x)
        return figure


def _draw_dot_row(axes: Axes, y: int, row: DotRow, labels: float) -> None:
    """The dots of a row, the stroke of their mean with its interval, and a cross a failure."""
    colour = row.style.colour
    values = [value for _, value in row.values]
    axes.plot(values, [y] * len(values), "o", color=colour, markersize=4.5, alpha=0.75)
    if row.interval:
        axes.hlines(y, *row.interval, color=colour, alpha=0.6)
    if row.mean is not None and len(values) > 1:
        axes.vlines(row.mean, y - 0.35, y + 0.35, color=colour)
    for place, _ in enumerate(row.failures):
        axes.plot(1 - 0.04 * place, y, "x", color=colour, transform=axes.get_yaxis_transform())
    _beside(axes, y, row.label, -labels, "left")


def _draw_scatter(chart: ScatterChart) -> Figure:
    """Points over a picture that covers the axes."""
    with canvas(3.2, 3.4) as (figure, axes):
        content = base64.b64decode(chart.background.partition(",")[2])
        image = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
        extent = (chart.low, chart.high, chart.low, chart.high)
        axes.imshow(image, extent=extent, interpolation="bilinear")
        for series in chart.series:
            axes.scatter(
                series.xs, series.ys, 3, series.style.colour, alpha=0.7, linewidths=0,
                label=series.name,
            )  # fmt: skip
        axes.set(xlim=(chart.low, chart.high), ylim=(chart.low, chart.high), title=chart.title)
        return figure


def _draw_forest(chart: ForestChart) -> Figure:
    """A column of labels, one of intervals drawn, one of intervals in words."""
    labels = _inches(row.label for row in chart.rows)
    texts = _inches(row.text for row in chart.rows)
    width = labels + 3.0 + texts
    height = 0.72 + 0.26 * len(chart.rows)
    with canvas(width, height, left=labels, right=texts) as (figure, axes):
        for y, row in enumerate(reversed(chart.rows)):
            axes.vlines(row.null, y - 0.4, y + 0.4, color=INK, linewidth=0.9)
            for limit in row.limits:
                axes.vlines(
                    limit, y - 0.4, y + 0.4, color=INK, linewidth=0.9, linestyle=(0, (3, 2))
                )
            axes.plot([row.low, row.high], [y, y], color=chart.colour, linewidth=2.2)
            axes.plot(row.value, y, "o", color=chart.colour, markersize=5.5)
            _beside(axes, y, row.label, -labels, "left")
            _beside(axes, y, row.text, 3.0 + texts, "right")
        axes.set_ylim(-0.5, len(chart.rows) - 0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.08)
        _scale_x(axes, chart.x)
        return figure


def _inches(texts: Iterator[str]) -> float:
    """Returns the width of a column of texts."""
    return 0.15 + LETTER * max(map(len, texts)) / 72


def _beside(axes: Axes, y: float, text: str, inches: float, side: str) -> None:
    """Writes a text beside the axes, `inches` to the right of their left end."""
    axes.annotate(
        text,
        (0, y),
        (72 * inches, 0),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        fontsize=8,
        ha=side,
        va="center",
        annotation_clip=False,
    )


def _draw_points(chart: PointChart) -> Figure:
    with canvas(4.6, 3.2) as (figure, axes):
        axes.grid(True)
        places = {point.name: (point.x, point.y) for point in chart.points}
        if chart.front:
            xs, ys = zip(*(places[model] for model in chart.front), strict=True)
            axes.plot(xs, ys, color=INK, alpha=0.4, linestyle=(0, (4, 3)), zorder=1)
        for point in chart.points:
            _draw_point(axes, point)
        axes.margins(0.08, 0.14)
        _scale_x(axes, chart.x)
        unnamed = _write_names(axes, chart)
        if unnamed:
            keys = [_key(point) for point in chart.points if point.name in unnamed]
            axes.legend(handles=keys, frameon=False, fontsize=7)
        axes.set_title(chart.title)
        return figure


def _draw_point(axes: Axes, point: ChartPoint) -> None:
    colour = point.style.colour
    if point.y_interval:
        axes.vlines(point.x, *point.y_interval, color=colour, alpha=0.6)
    if point.x_interval:
        axes.hlines(point.y, *point.x_interval, color=colour, alpha=0.6)
    axes.plot(point.x, point.y, MARKER_CODES[point.style.marker], color=colour, markersize=7)


def _key(point: ChartPoint) -> Line2D:
    """A line of the legend."""
    marker = MARKER_CODES[point.style.marker]
    return Line2D([], [], linestyle="", marker=marker, color=point.style.colour, label=point.name)


def _write_names(axes: Axes, chart: PointChart) -> list[str]:
    """Writes the models' names, the front's first, each beside its point where it covers no point
    and no other name, and returns those for which there is no such place.
    """
    last = max(point.x for point in chart.points)
    centres = [_pixels(axes, point.x, point.y) for point in chart.points]
    taken = [Bbox([(x - 6, y - 6), (x + 6, y + 6)]) for x, y in centres]
    unnamed = []
    for point in sorted(chart.points, key=lambda each: each.name not in chart.front):
        at = _pixels(axes, point.x, point.y)
        places = _places(point.x == last, chart.higher_is_better)
        boxes = [(place, _box(at, place, point.name)) for place in places]
        free = (each for each in boxes if not any(each[1].overlaps(other) for other in taken))
        place, box = next(free, (None, None))
        if place is None or box is None:
            unnamed.append(point.name)
            continue
        taken.append(box)
        axes.annotate(
            point.name,
            (point.x, point.y),
            place,
            fontsize=8,
            textcoords="offset points",
            ha="left" if place[0] > 0 else "right",
            annotation_clip=False,
        )
    return unnamed


def _pixels(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """Where a point of the axes is drawn."""
    right, up = axes.transData.transform((x, y))
    return float(right), float(up)


def _places(is_last: bool, higher_is_better: bool) -> list[tuple[int, int]]:
    """Where a name may stand, in points from its model's. The front comes from the left, so that
    the side that it leaves free is tried first.
    """
    above = is_last == higher_is_better
    side, heights = (-7 if is_last else 7), (5, -12)
    near = sorted(heights, key=lambda height: (height > 0) != above)
    return [(side, height) for height in near] + [(-side, height) for height in near]


def _box(at: tuple[float, float], place: tuple[int, int], name: str) -> Bbox:
    """Returns about the pixels that a name covers; a figure has as many as points ÷ 0.72."""
    right, up = place
    width, height = LETTER * len(name), 9.0
    left = right if right > 0 else right - width
    points = (left, up), (left + width, up + height)
    return Bbox([(at[0] + x / 0.72, at[1] + y / 0.72) for x, y in points])


def _draw_lines(chart: LineChart) -> Figure:
    with canvas(3.2, 2.2) as (figure, axes):
        axes.grid(True)
        for series in chart.series:
            _draw_series(axes, chart.xs, series)
        for rule in chart.rules:
            axes.axvline(rule.x, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label=rule.name)
        if chart.x.is_log:
            _scale_x(axes, chart.x)
        if chart.y.is_log:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(PLAIN)
            axes.yaxis.set_minor_formatter(NullFormatter())
        if not chart.x.is_log:
            axes.xaxis.set_major_locator(MaxNLocator(3))
            axes.xaxis.set_major_formatter(PLAIN)
        axes.set_title(chart.title)
        axes.set_xlabel(chart.x.label)
        axes.legend(frameon=False, fontsize=7, handlelength=2.2)
        return figure


def _draw_series(axes: Axes, xs: Sequence[float], series: LineSeries) -> None:
    has_mean = any(line.is_mean for line in series.lines)
    for i, line in enumerate(series.lines):
        pairs = [(x, y) for x, y in zip(xs, line.values, strict=True) if y is not None]
        is_thin = has_mean and not line.is_mean
        axes.plot(
            [x for x, _ in pairs],
            [y for _, y in pairs],
            color=series.style.colour,
            linestyle=DASHES[series.dash % len(DASHES)],
            linewidth=0.7 if is_thin else 1.2 if line.is_mean else 1,
            alpha=0.4 if is_thin else 1 if line.is_mean else 0.85,
            marker=MARKER_CODES[series.style.marker] if line.is_mean else "",
            markersize=4,
            label=series.name if line.is_mean or (not has_mean and i == 0) else None,
        )
        if series.is_filled:
            axes.fill_between(
                [x for x, _ in pairs], [y for _, y in pairs], color=series.style.colour, alpha=0.25
            )


def _scale_x(axes: Axes, axis: ChartAxis) -> None:
    """Gives the lower axis its label, scale and ticks."""
    axes.set_xlabel(axis.label)
    if not axis.is_log:
        axes.xaxis.set_major_locator(MaxNLocator(5))
        return
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    decades = math.log10(high / low)
    steps = (1,) if decades > 1.5 else (1, 2, 5) if decades > 0.9 else (1, 1.2, 1.5, 2, 3, 5, 7)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(PLAIN)
    axes.xaxis.set_minor_formatter(NullFormatter())


def _plain(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{number(value / 1000, 0)} k"
    return f"{value:g}"
