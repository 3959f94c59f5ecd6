"""Whether the values of a metric differ enough for a rank correlation (restriction of range).

A metric that hardly changes beyond its own noise orders models by chance. Its correlation with any
other metric is then near zero whatever that one does: it neither supports nor refutes a claim. Of n
values there are n(n − 1)/2 pairs; what counts is the share of pairs that differ beyond noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.claims.seed_values import ValuesBySeed
from harness.metrics.base import Metric
from harness.statistics.formatting import percent

ERRORS = 2.0
"""Two values differ beyond noise where they do by more than this number of standard errors of their
difference."""

FEWEST_APART = 1 / 3
"""The least share of pairs that must differ beyond noise. Where a value has no standard error: the
least mean rank correlation between seeds."""


def restricted(metric: Metric, models: Sequence[ValuesBySeed], seeds: Sequence[int]) -> str:
    """Says why the values of a metric over `models` are too much alike for a rank correlation;
    empty where they are not. Seeds at which a model has no number are left out.
    """
    complete = [seed for seed in seeds if all(m[seed].value is not None for m in models)]
    values = np.array([[m[seed].value for m in models] for seed in complete], dtype=np.float64)
    errors = np.array([[m[seed].stderr for m in models] for seed in complete], dtype=np.float64)
    if not values.size:
        return ""
    if np.isfinite(errors).all():
        share = float(np.mean([_share_apart(*row) for row in zip(values, errors, strict=True)]))
        if share >= FEWEST_APART:
            return ""
        return (
            f"{metric.title} hardly changes beyond its own noise: only {percent(share)} of the "
            f"pairs of values differ by more than {ERRORS:g} standard errors"
        )
    if len(complete) < 2 or np.ptp(values, axis=1).min() == 0:
        return ""
    pairs = combinations(values, 2)
    agreement = float(np.mean([stats.spearmanr(a, b).statistic for a, b in pairs]))
    if agreement >= FEWEST_APART:
        return ""
    return (
        f"{metric.title} hardly changes beyond its own noise: seeds do not agree on the order that "
        f"it gives (mean rank correlation between seeds {agreement:.2f})"
    )


def _share_apart(values: NDArray[np.float64], errors: NDArray[np.float64]) -> float:
    """Returns the share of pairs of `values` (n) that differ beyond their standard `errors` (n)."""
    pairs = list(combinations(range(len(values)), 2))
    apart = [abs(values[i] - values[j]) > ERRORS * np.hypot(errors[i], errors[j]) for i, j in pairs]
    return float(np.mean(apart))
