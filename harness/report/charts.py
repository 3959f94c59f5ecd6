"""The data of figures: what a page's script draws, and what exports draw with matplotlib."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from markupsafe import Markup

from harness.report.palette import ModelStyle

Interval = tuple[float, float]


@dataclass(frozen=True)
class ChartAxis:
    """`is_log` says that its scale is logarithmic at first."""

    label: str
    is_log: bool = False


@dataclass(frozen=True)
class ChartLine:
    """A value, or none, at each x of a chart; a line that `is_mean` is drawn thicker."""

    name: str
    values: tuple[float | None, ...]
    is_mean: bool = False


@dataclass(frozen=True)
class LineSeries:
    """Lines of one entry of the legend: of one model, or of one loss. `dash` is the index of a dash
    pattern; 0 is a solid line. `has_markers` marks the values of the mean; the area below lines
    that are `is_filled` has their colour.
    """

    name: str
    style: ModelStyle
    dash: int
    has_markers: bool
    lines: tuple[ChartLine, ...]
    is_filled: bool = False


@dataclass(frozen=True)
class ChartRule:
    """A dashed upright line at `x`, with its name."""

    name: str
    x: float


@dataclass(frozen=True)
class LineChart:
    """Series over the same `xs`, which rise, with upright `rules`. `alt` says in words what is
    shown.
    """

    kind: ClassVar[str] = "lines"
    title: str
    alt: str
    x: ChartAxis
    y: ChartAxis
    xs: tuple[float, ...]
    series: tuple[LineSeries, ...]
    rules: tuple[ChartRule, ...] = ()


@dataclass(frozen=True)
class ChartPoint:
    """A mean in two directions, each with its interval where there is one."""

    name: str
    style: ModelStyle
    x: float
    y: float
    x_interval: Interval | None
    y_interval: Interval | None


@dataclass(frozen=True)
class PointChart:
    """Points; those named in `front` are joined in this order."""

    kind: ClassVar[str] = "points"
    title: str
    alt: str
    x: ChartAxis
    y: ChartAxis
    points: tuple[ChartPoint, ...]
    front: tuple[str, ...]
    higher_is_better: bool


@dataclass(frozen=True)
class ForestRow:
    """An effect with its interval, and in words. `null` is no effect, `limits` are the margins of
    the claim.
    """

    label: str
    text: str
    value: float
    low: float
    high: float
    null: float
    limits: tuple[float, ...]


@dataclass(frozen=True)
class ForestChart:
    """A row an effect, all on one axis."""

    kind: ClassVar[str] = "forest"
    title: str
    alt: str
    x: ChartAxis
    colour: str
    rows: tuple[ForestRow, ...]


@dataclass(frozen=True)
class TrendPoint:
    """A number at a time `x`, in days since 1970 (UTC), with its interval where there is one."""

    x: float
    y: float
    interval: Interval | None
    note: str


@dataclass(frozen=True)
class TrendLine:
    """Numbers of a model in one report with one budget, as `name` says. `dash` is as in
    `LineSeries`.
    """

    name: str
    dash: int
    points: tuple[TrendPoint, ...]


@dataclass(frozen=True)
class TrendSeries:
    """Numbers of one model over time: points that are joined, in lines."""

    name: str
    style: ModelStyle
    lines: tuple[TrendLine, ...]


@dataclass(frozen=True)
class TrendChart:
    """Numbers over time, of pages alone."""

    kind: ClassVar[str] = "trend"
    title: str
    alt: str
    x: ChartAxis
    y: ChartAxis
    series: tuple[TrendSeries, ...]


@dataclass(frozen=True)
class DotRow:
    """The values of a model, a name with each, their mean with its interval, and in words the seeds
    without a number.
    """

    label: str
    style: ModelStyle
    values: tuple[tuple[str, float], ...]
    mean: float | None
    interval: Interval | None
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class DotChart:
    """A row of dots a model, all on one axis. `floor` is the value of images that no model made;
    None where it is not known.
    """

    kind: ClassVar[str] = "dots"
    title: str
    alt: str
    x: ChartAxis
    rows: tuple[DotRow, ...]
    floor: float | None = None


@dataclass(frozen=True)
class ScatterSeries:
    """Points in the plane that are one entry of the legend, as their coordinates."""

    name: str
    style: ModelStyle
    xs: tuple[float, ...]
    ys: tuple[float, ...]


@dataclass(frozen=True)
class ScatterChart:
    """Points over a picture, the data URI of a PNG, that covers the square from `low` to `high` in
    both directions. Points outside are not drawn.
    """

    kind: ClassVar[str] = "scatter"
    title: str
    alt: str
    x: ChartAxis
    y: ChartAxis
    background: str
    low: float
    high: float
    series: tuple[ScatterSeries, ...]


Chart = LineChart | PointChart | ForestChart | DotChart | ScatterChart


def chart_markup(chart: Chart | TrendChart) -> Markup:
    """Returns a figure for a page that has the script `chart.js`: the data of the chart, and its
    words for those without scripts.
    """
    data = json.dumps(
        {"kind": chart.kind, **asdict(chart)},
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    )
    script = Markup(data.replace("<", "\\u003c"))
    return Markup(
        '<figure class="chart"><p class="soft small">{}</p>'
        '<script type="application/json">{}</script></figure>'
    ).format(chart.alt, script)


def chart_markups(charts: Sequence[Chart]) -> list[Markup]:
    """Returns figures for a page."""
    return [chart_markup(chart) for chart in charts]


def drawn_value(value: float) -> float | None:
    """Returns a value to four digits, as figures have it; None where it is not finite."""
    return float(f"{value:.4g}") if math.isfinite(value) else None
