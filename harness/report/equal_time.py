"""Models after the same training time, read off training fractions without training more."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.config.training_fraction import split_fraction
from harness.core.measurement import CellResult
from harness.leaderboards.board import Board
from harness.leaderboards.leaderboard import boards
from harness.metrics.base import Metric

Seconds = Mapping[tuple[str, str, int], float]
"""How long a cell was trained, by dataset, model (or training fraction) and seed."""


@dataclass(frozen=True)
class EqualTime:
    """The boards of a dataset after the same `seconds` of training."""

    dataset: str
    seconds: float
    boards: tuple[Board, ...]


def equal_time_boards(
    cells: Sequence[CellResult], table: pd.DataFrame, metrics: Mapping[str, Metric]
) -> Iterator[EqualTime]:
    """Yield the boards of each dataset after the whole training of its fastest model: of models
    that were measured at training fractions on both sides of that time, by the metrics that were.

    A value is interpolated between the two fractions, in the logarithm of time, and of the value
    where the metric is compared as ratios. Nothing is extrapolated.
    """
    seconds = {
        (cell.dataset, cell.model, cell.seed): float(cell.costs["seconds"])
        for cell in cells
        if "seconds" in cell.costs and cell.status == "ok"
    }
    measured = table[(table["status"] == "ok") & table["metric"].isin(_quality(metrics))]
    for dataset, rows in measured.groupby("dataset", sort=False):
        points = _points(rows, seconds)
        if points.empty:
            continue
        whole = points[points["share"] == 1].groupby("model")["seconds"].mean()
        end = float(whole.min())
        read = pd.DataFrame(_read(points, metrics, end), columns=table.columns)
        if read["model"].nunique() > 1:
            yield EqualTime(str(dataset), end, tuple(boards(read, metrics)))


def _quality(metrics: Mapping[str, Metric]) -> list[str]:
    return [name for name, metric in metrics.items() if metric.kind != "cost"]


def _points(rows: pd.DataFrame, seconds: Seconds) -> pd.DataFrame:
    """The rows of models that were measured at training fractions, with model, share and time."""
    names = [split_fraction(model) for model in rows["model"]]
    keys = zip(rows["dataset"], rows["model"], rows["seed"], strict=True)
    points = rows.assign(
        seconds=[seconds.get(key, math.nan) for key in keys],
        model=[name for name, _ in names],
        share=[share for _, share in names],
    ).dropna(subset=["seconds"])
    early = set(points.loc[points["share"] < 1, "model"])
    return points[points["model"].isin(early)]


def _read(
    points: pd.DataFrame, metrics: Mapping[str, Metric], end: float
) -> Iterator[Mapping[str, object]]:
    """A row of the tidy table for each model, seed and metric, at that time of training."""
    for (_, _, name), group in points.groupby(["model", "seed", "metric"], sort=False):
        course = group.sort_values("seconds")
        if len(course) > 1 and course["seconds"].iloc[0] <= end:
            value = _interpolated(course, metrics[str(name)], end)
            yield {**course.iloc[-1].to_dict(), "value": value}


def _interpolated(course: pd.DataFrame, metric: Metric, end: float) -> float:
    values = course["value"].to_numpy(float)
    is_ratio = metric.scale == "log" and bool((values > 0).all())
    times = np.log(course["seconds"].to_numpy(float))
    value = float(np.interp(math.log(end), times, np.log(values) if is_ratio else values))
    return math.exp(value) if is_ratio else value
