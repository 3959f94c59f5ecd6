"""One number for a model over several datasets: interquartile mean and probability of improvement.

Both are of Agarwal et al. 2021, arXiv:2108.13264, as are the percentile bootstrap intervals over
seeds, stratified by dataset. With few seeds on few datasets these cover less than their level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from harness.leaderboards.board import LEVEL, Board
from harness.metrics.base import Metric
from harness.statistics.scale import exponential

RESAMPLES = 2000
Runs = Sequence[NDArray[np.float64]]
"""The values of all training seeds, one array of shape (seeds,) for each dataset."""


@dataclass(frozen=True)
class BootstrapEstimate:
    """A value with its bootstrap interval, which is None where a dataset has a single seed."""

    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class ModelSummary:
    """A model over all datasets of a summary: its interquartile mean, the probability that it beats
    the summary's reference (None for that one), and how many values it rests on.
    """

    model: str
    iqm: BootstrapEstimate
    improvement: BootstrapEstimate | None
    runs: int


@dataclass(frozen=True)
class MetricSummary:
    """A metric over several datasets: the models that were measured on all of them, best first.

    `relative` says that values are ratios to the geometric mean of these models on each dataset:
    metrics that are compared on the log scale have another level on each. `partial` names models
    that some of the datasets lack, with one that does. `problem` says why there is no standing.
    """

    metric: str
    datasets: tuple[str, ...]
    relative: bool
    reference: str
    standings: tuple[ModelSummary, ...]
    partial: Mapping[str, str]
    problem: str = ""
    level: float = LEVEL


def interquartile_mean(runs: Runs) -> float:
    """Returns the mean of the middle half of all values, of all datasets together: of n values
    ⌊n/4⌋ are left out at each end (section 4.3 of the paper).
    """
    return float(stats.trim_mean(np.concatenate(runs), 0.25))


def improvement(x: Runs, y: Runs) -> float:
    """Returns the probability, in [0, 1], that a run of X is above a run of Y on the same dataset,
    averaged over datasets; a tie counts one half (section 4.3 of the paper). For one dataset it is
    the Mann–Whitney U statistic divided by the number of pairs.
    """
    return float(np.mean([_above(a, b) for a, b in zip(x, y, strict=True)]))


def iqm_interval(runs: Runs) -> tuple[float, float] | None:
    """Returns the bootstrap interval of `interquartile_mean`; None where a dataset has one seed."""

    def statistic(*resampled: NDArray[np.float64], axis: int) -> Any:
        return stats.trim_mean(np.concatenate(resampled, axis=axis), 0.25, axis=axis)

    return _bootstrap(runs, statistic)


def improvement_interval(x: Runs, y: Runs) -> tuple[float, float] | None:
    """Returns the bootstrap interval of `improvement`, both sides resampled; None where a dataset
    has one seed.

    A resample is represented by the number of times that each run was drawn. The pairs that X wins
    are cumulative sums over the sorted runs of Y, so that no table of all pairs is needed.
    """
    if min(len(values) for values in (*x, *y)) < 2:
        return None
    draws = np.random.default_rng(0)  # fixed: the same table gives the same page
    shares = np.mean([_resampled(a, b, draws) for a, b in zip(x, y, strict=True)], axis=0)
    low, high = np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _resampled(
    a: NDArray[np.float64], b: NDArray[np.float64], draws: np.random.Generator
) -> NDArray[np.float64]:
    """Returns the share of pairs in which a is above b, for each resample: shape (RESAMPLES,)."""
    of_a, of_b = (_times_drawn(len(values), draws) for values in (a, b))
    ranked = np.sort(b)
    upto = np.zeros((RESAMPLES, len(b) + 1))
    np.cumsum(of_b, axis=1, out=upto[:, 1:])
    below = upto[:, np.searchsorted(ranked, a, "left")]
    not_above = upto[:, np.searchsorted(ranked, a, "right")]
    share: NDArray[np.float64] = (of_a * (below + not_above)).sum(axis=1) / (2 * len(a) * len(b))
    return share


def _times_drawn(count: int, draws: np.random.Generator) -> NDArray[np.int64]:
    """Returns how often each of `count` runs is drawn: shape (RESAMPLES, count)."""
    drawn = draws.integers(count, size=(RESAMPLES, count))
    places = drawn + count * np.arange(RESAMPLES)[:, None]
    return np.bincount(places.ravel(), minlength=RESAMPLES * count).reshape(RESAMPLES, count)


def _above(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Returns the share of pairs in which a is above b, a tie counting one half."""
    ranked = np.sort(b)
    won = np.searchsorted(ranked, a, "left") + np.searchsorted(ranked, a, "right")
    return float(won.sum()) / (2 * len(a) * len(b))


def _bootstrap(runs: Runs, statistic: Callable[..., Any]) -> tuple[float, float] | None:
    if min(len(values) for values in runs) < 2:
        return None
    # A fixed generator: the same table gives the same page.
    interval = stats.bootstrap(
        tuple(runs),
        statistic,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(interval.confidence_interval.low), float(interval.confidence_interval.high)


def summaries(
    boards: Sequence[Board],
    table: pd.DataFrame,
    metrics: Mapping[str, Metric],
    against: str | None = None,
) -> list[MetricSummary]:
    """Returns a summary of each metric that has a leaderboard on several datasets.

    It takes the first board of each dataset, which has the most numbers. The reference is
    `against`, if that model is on all boards, or else the best model.
    """
    boards_of: dict[str, list[Board]] = {}
    for board in boards:
        if not board.apart and sum(row.mean is not None for row in board.rows) > 1:
            boards_of.setdefault(board.metric, []).append(board)
    return [
        _summary(metrics[name], of_metric, table, against)
        for name, of_metric in boards_of.items()
        if len(of_metric) > 1
    ]


def _summary(
    metric: Metric, boards: Sequence[Board], table: pd.DataFrame, against: str | None
) -> MetricSummary:
    datasets = tuple(board.dataset for board in boards)
    names = dict.fromkeys(
        row.model for board in boards for row in board.rows if row.mean is not None
    )
    lacking = {name: [b.dataset for b in boards if not _measured(b, name)] for name in names}
    if not metric.has_sides or metric.own_scale:
        problem = f"of this metric {metric.preference}, and models are not ranked over datasets"
        return MetricSummary(metric.name, datasets, False, "", (), {}, problem)
    whole = [name for name, without in lacking.items() if not without]
    partial = {name: without[0] for name, without in lacking.items() if without}
    if len(whole) < 2:
        problem = "fewer than two models are measured on all of these datasets"
        return MetricSummary(metric.name, datasets, False, "", (), partial, problem)
    runs = _runs(boards, table, whole)
    relative = metric.scale == "log"
    if relative:
        if any(values.min() <= 0 for scores in runs.values() for values in scores):
            problem = "a value is not above zero, so that there are no ratios"
            return MetricSummary(metric.name, datasets, True, "", (), partial, problem)
        runs = _logarithms(runs)
    back: Callable[[float], float] = exponential if relative else float
    sign = 1 if metric.better == "higher" else -1
    means = {name: interquartile_mean(scores) for name, scores in runs.items()}
    best_first = sorted(means, key=lambda name: -sign * means[name])
    reference = against if against in runs else best_first[0]
    standings = tuple(
        ModelSummary(
            name,
            _estimate(means[name], iqm_interval(runs[name]), back),
            None if name == reference else _improvement(runs[name], runs[reference], sign),
            sum(len(values) for values in runs[name]),
        )
        for name in best_first
    )
    return MetricSummary(metric.name, datasets, relative, reference, standings, partial)


def _measured(board: Board, model: str) -> bool:
    row = board.row(model)
    return row is not None and row.mean is not None and not row.quoted


def _runs(
    boards: Sequence[Board], table: pd.DataFrame, models: Sequence[str]
) -> dict[str, list[NDArray[np.float64]]]:
    """Returns the values of each model on each board, in the order of seeds."""
    ok = table[(table["status"] == "ok") & np.isfinite(table["value"])]
    runs: dict[str, list[NDArray[np.float64]]] = {model: [] for model in models}
    for board in boards:
        rows = ok[
            (ok["dataset"] == board.dataset)
            & (ok["metric"] == board.metric)
            & (ok["protocol_key"] == board.protocol_key)
        ].sort_values("seed", kind="stable")
        values = dict(iter(rows.groupby("model", sort=False)["value"]))
        for model in models:
            runs[model].append(values[model].to_numpy(dtype=np.float64))
    return runs


def _logarithms(
    runs: Mapping[str, Sequence[NDArray[np.float64]]],
) -> dict[str, list[NDArray[np.float64]]]:
    """Returns logarithms of the ratios to the geometric mean of all models on each dataset."""
    logs = {name: [np.log(values) for values in groups] for name, groups in runs.items()}
    level = np.mean([[values.mean() for values in groups] for groups in logs.values()], axis=0)
    return {
        name: [values - centre for values, centre in zip(groups, level, strict=True)]
        for name, groups in logs.items()
    }


def _estimate(
    value: float, interval: tuple[float, float] | None, back: Callable[[float], float]
) -> BootstrapEstimate:
    return BootstrapEstimate(
        back(value), (back(interval[0]), back(interval[1])) if interval else None
    )


def _improvement(x: Runs, y: Runs, sign: int) -> BootstrapEstimate:
    """Returns the probability that X is better than Y, with its interval."""
    a, b = [sign * values for values in x], [sign * values for values in y]
    return BootstrapEstimate(improvement(a, b), improvement_interval(a, b))
