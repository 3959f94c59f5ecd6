"""Samples of all seeds over the density that the data are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.report.charts import ChartAxis, ScatterChart, ScatterSeries
from harness.report.palette import COLOURS, ModelStyle
from harness.report.results import Results
from harness.report.task_figures.data import figure_data_of
from harness.report.task_figures.part import TaskFigures

POINTS = 20_000
"""Points of a page, at most."""


def mode_figures(results: Results) -> TaskFigures:
    """A chart of each model on each dataset of points in the plane."""
    data = figure_data_of(results, "plane-samples")
    samples = sum(len(seeds) for models in data.values() for seeds in models.values())
    most = POINTS // max(1, samples)
    return TaskFigures(
        "modes",
        "Samples over the density",
        "The first samples of each seed, a colour a seed, over the density of the data in grey: "
        "a grey spot without points is a mode that the model dropped, and points off the grey are "
        "samples of nothing. Points outside the square are not drawn.",
        {
            dataset: [_chart(dataset, model, seeds, most) for model, seeds in by_model.items()]
            for dataset, by_model in data.items()
        },
    )


def _chart(
    dataset: str, model: str, seeds: Mapping[int, Mapping[str, Any]], most: int
) -> ScatterChart:
    first = next(iter(seeds.values()))
    reach = float(first["reach"])
    colours = list(COLOURS.values())
    return ScatterChart(
        model,
        f"Samples of {model} on {dataset} over the density of the data, a colour a seed",
        ChartAxis(""),
        ChartAxis(""),
        f"data:image/png;base64,{first['density']}",
        -reach,
        reach,
        tuple(
            ScatterSeries(
                f"seed {seed}",
                ModelStyle(colours[place % len(colours)], "circle"),
                tuple(data["xs"][:most]),
                tuple(data["ys"][:most]),
            )
            for place, (seed, data) in enumerate(sorted(seeds.items()))
        ),
    )
