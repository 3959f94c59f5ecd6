"""Charts: what figures have in them, and their matplotlib drawings."""

import itertools
import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Annotation

from harness.claims.effects import Effect
from harness.leaderboards.board import Board, Row
from harness.leaderboards.pareto import Front
from harness.metrics.base import Estimate, Metric
from harness.report.charts import chart_markup, drawn_value
from harness.report.figure_drawing import draw_chart
from harness.report.figures import (
    Comparison,
    forest_plots,
    over_training,
    trade_off,
    training_curves,
)
from harness.report.svg import render_svg

METRIC = Metric("fid", lambda: Estimate(0.0), "lower", "Fréchet distance", "", scale="log")


def effect(**changes: object) -> Effect:
    values = {"kind": "ratio", "value": 0.5, "low": 0.4, "high": 0.6, "level": 0.95,
              "null": 1.0, "limit": 0.8, "towards": "lower", **changes}  # fmt: skip
    return Effect(**values)  # type: ignore[arg-type]


def curves(values: dict[int, list[float]], name: str = "loss") -> pd.DataFrame:
    rows = [
        {"seed": seed, "images": 100 * i, "name": name, "value": value}
        for seed, column in values.items()
        for i, value in enumerate(column)
    ]
    return pd.DataFrame(rows)


def test_curves_have_a_line_a_seed_at_all_places_and_gaps_where_there_is_no_number():
    drawn = curves({0: [1.0, 2.0, 3.0], 1: [4.0, math.nan]})
    chart = training_curves(drawn, "gan/dcgan", ["gan/dcgan"], "Losses")
    assert chart.xs == (0.0, 100.0, 200.0)
    (series,) = chart.series
    assert [line.name for line in series.lines] == ["seed 0", "seed 1"]
    assert [line.values for line in series.lines] == [(1.0, 2.0, 3.0), (4.0, None, None)]


@pytest.mark.parametrize(("high", "is_log"), [(10.0, False), (30.0, True), (math.inf, False)])
def test_a_wide_range_of_positive_values_begins_logarithmic(high: float, is_log: bool):
    chart = training_curves(curves({0: [1.0, 2.0, high]}), "a", ["a"], "Losses")
    assert chart.y.is_log is is_log


def test_means_over_training_are_geometric_where_ratios_are_compared():
    points = pd.DataFrame(
        {"model": "a", "seed": [0, 1, 0, 1], "share": [0.5, 0.5, 1, 1], "value": [1.0, 4, 3, 3]}
    )
    chart = over_training(points, METRIC, ["a"])
    assert chart.xs == (50.0, 100.0)
    *seeds, mean = chart.series[0].lines
    assert [line.values for line in seeds] == [(1.0, 3.0), (4.0, 3.0)]
    assert mean.values == (2.0, 3.0)
    assert mean.is_mean


def test_a_forest_has_words_for_labels_and_intervals_and_one_plot_a_scale():
    parts = [
        Comparison("recall", "a", "b", "digits", "", effect()),
        Comparison("ssim", "a", "b", "digits", "", effect(kind="difference", null=0.0, limit=0.0)),
        Comparison("none", "a", "b", "digits", "", None),
    ]
    first, second = forest_plots(parts, "supported")
    (row,) = first.rows
    assert (row.label, row.text) == ("Recall · a · digits", "0.50 [0.40, 0.60]")
    assert (row.null, row.limits) == (1.0, (0.8,))
    assert first.x.is_log
    assert not second.x.is_log
    assert second.rows[0].limits == ()


def front(count: int) -> Front:
    names = [f"gan/variant-{i}" for i in range(count)]
    rows = tuple(Row(name, None, 5.0, 4.0, 6.0, 3) for name in names)
    quality = Board("digits", "fid", "", "key", rows)
    cost = Board("digits", "parameters", "", "key", rows)
    return Front(quality, cost, {name: (1.0 + 0.001 * i, 5.0) for i, name in enumerate(names)}, ())


def test_labels_never_overlap_and_those_left_out_are_in_the_legend():
    each = front(12)
    chart = trade_off(each, METRIC, list(each.points))
    figure = draw_chart(chart)
    render_svg(figure, "x", "alt")
    axes = figure.axes[0]
    names = [text for text in axes.texts if isinstance(text, Annotation)]
    boxes = [name.get_window_extent() for name in names]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    legend = axes.get_legend()
    assert legend
    listed = [text.get_text() for text in legend.get_texts()]
    assert sorted([*listed, *(name.get_text() for name in names)]) == sorted(each.points)


def test_a_forest_of_long_labels_is_wider_and_its_text_no_smaller():
    plots = [
        forest_plots([Comparison("x" * n, "a", "b", "digits", "", effect())], "supported")[0]
        for n in (5, 90)
    ]
    short, long = (draw_chart(plot) for plot in plots)
    assert long.get_figwidth() > short.get_figwidth() + 4
    assert {text.get_fontsize() for text in (*short.axes[0].texts, *long.axes[0].texts)} == {8}


def test_data_of_a_figure_cannot_end_its_element():
    name = "</script><b>&amp;"
    chart = training_curves(curves({0: [1.0, 2.0]}, name), "a", ["a"], "Losses")
    markup = chart_markup(chart)
    (data,) = re.findall(r'<script type="application/json">(.*)</script></figure>', markup)
    assert "<" not in data
    assert json.loads(data)["series"][0]["name"] == name


def test_values_have_four_digits():
    assert drawn_value(1234567.0) == 1235000.0
    assert drawn_value(math.nan) is None
    assert np.isclose(drawn_value(0.123456) or 0, 0.1235)


def test_a_dollar_in_a_name_is_no_formula():
    name = "$\\loss$"
    chart = training_curves(curves({0: [1.0, 2.0]}, name), "a", ["a"], "Losses")
    assert name in render_svg(draw_chart(chart), "x", "alt")
