"""How models tell anomalies: ROC curves, and the scores of normal and unseen images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.counting import counted
from harness.evaluation.figure_data.anomalies import FALSE_ALARMS
from harness.report.charts import (
    ChartAxis,
    ChartLine,
    ChartRule,
    LineChart,
    LineSeries,
    drawn_value,
)
from harness.report.palette import COLOURS, ModelStyle, model_styles
from harness.report.results import Results
from harness.report.suite_figures import model_names
from harness.report.task_figures.data import figure_data_of
from harness.report.task_figures.part import TaskFigures

Seeds = Mapping[int, Mapping[str, Any]]
PARTS = {"normal": COLOURS["blue"], "anomalous": COLOURS["vermilion"]}


def anomaly_figures(results: Results) -> TaskFigures:
    """For each dataset the ROC curves of all models, and a histogram of scores for each model."""
    charts: dict[str, list[LineChart]] = {}
    for dataset, by_model in figure_data_of(results, "anomaly-detection").items():
        histograms = [_histogram(dataset, model, seeds) for model, seeds in by_model.items()]
        charts[dataset] = [_roc(results, dataset, by_model), *histograms]
    return TaskFigures(
        "anomaly",
        "Telling anomalies",
        "ROC curves have a thin line a seed and their mean. Histograms are of one seed, over each "
        "model's own scores: the less the two overlap, the better. The dashed line, where there is "
        "one, is the threshold that 5 % of the validation images lie above. Where scores come from "
        "in an image is among the images below.",
        charts,
    )


def _roc(results: Results, dataset: str, by_model: Mapping[str, Seeds]) -> LineChart:
    styles = model_styles(model_names(results))
    seeds = counted(len({seed for each in by_model.values() for seed in each}), "seed")
    return LineChart(
        "ROC curves: % of anomalous images found",
        f"ROC curves of {', '.join(by_model)} on {dataset}, {seeds}",
        ChartAxis("% of normal images above the threshold"),
        ChartAxis("% of anomalous images found"),
        tuple(round(100 * float(x), 2) for x in FALSE_ALARMS),
        tuple(
            LineSeries(model, styles[model], 0, has_markers=False, lines=_roc_lines(seeds_of))
            for model, seeds_of in by_model.items()
        ),
    )


def _roc_lines(seeds: Seeds) -> tuple[ChartLine, ...]:
    curves = {seed: 100 * np.array(data["found"]) for seed, data in seeds.items()}
    mean = np.mean(list(curves.values()), axis=0)
    lines = [ChartLine(f"seed {seed}", _values(curve)) for seed, curve in curves.items()]
    return (*(lines if len(lines) > 1 else []), ChartLine("mean", _values(mean), is_mean=True))


def _values(curve: Sequence[float] | np.ndarray[Any, Any]) -> tuple[float | None, ...]:
    return tuple(drawn_value(float(value)) for value in curve)


def _histogram(dataset: str, model: str, seeds: Seeds) -> LineChart:
    """The scores of the first seed. Each bin is a point at its middle."""
    seed, data = min(seeds.items())
    edges, is_log = np.array(data["edges"]), bool(data["is_log"])
    middles = np.sqrt(edges[1:] * edges[:-1]) if is_log else (edges[1:] + edges[:-1]) / 2
    threshold = data["threshold"]
    return LineChart(
        f"Scores of {model}, seed {seed}",
        f"Scores of normal and anomalous test images by {model} on {dataset}, seed {seed}",
        ChartAxis("anomaly score", is_log=is_log),
        ChartAxis("% of the images"),
        tuple(float(f"{x:.4g}") for x in middles),
        tuple(
            LineSeries(
                name,
                ModelStyle(colour, "circle"),
                0,
                has_markers=False,
                lines=(ChartLine("share", _values(100 * np.array(data[name]))),),
                is_filled=True,
            )
            for name, colour in PARTS.items()
        ),
        () if threshold is None else (ChartRule("threshold", float(f"{threshold:.4g}")),),
    )
