"""Whether there is anything for a rank correlation to follow: a metric that hardly changes beyond
its own noise ranks by chance, and nothing correlates with chance (restriction of range).

Of n values n(n − 1)/2 pairs can be told apart or not. A correlation with values of which most pairs
cannot be is near zero whatever the other metric does: it neither supports nor refutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from scipy import stats

from harness.claims.blocks import SeedValue
from harness.metrics.base import Metric
from harness.statistics.numbers import percent

ERRORS = 2.0
"""Two values are told apart where they differ by more than so many standard errors of their
difference."""

FEWEST_APART = 1 / 3
"""The share of pairs that must be told apart, or, where no value has a standard error, the mean
rank correlation between seeds that they must reach."""


def restricted(
    metric: Metric, models: Sequence[Mapping[int, SeedValue]], seeds: Sequence[int]
) -> str:
    """Why the values of a metric over some models, with a cell for each seed, are too much alike to
    be followed; empty where they are not. Seeds that lack a number are passed over.
    """
    whole = [seed for seed in seeds if all(of[seed].value is not None for of in models)]
    values = np.array([[of[seed].value for of in models] for seed in whole], dtype=np.float64)
    errors = np.array([[of[seed].stderr for of in models] for seed in whole], dtype=np.float64)
    if not values.size:
        return ""
    if np.isfinite(errors).all():
        share = float(np.mean([_told_apart(*of) for of in zip(values, errors, strict=True)]))
        if share >= FEWEST_APART:
            return ""
        return (
            f"{metric.title} hardly changes beyond its own noise: only {percent(share)} of the "
            f"pairs of values differ by more than {ERRORS:g} standard errors"
        )
    if len(whole) < 2 or np.ptp(values, axis=1).min() == 0:
        return ""
    pairs = combinations(values, 2)
    agreement = float(np.mean([stats.spearmanr(a, b).statistic for a, b in pairs]))
    if agreement >= FEWEST_APART:
        return ""
    return (
        f"{metric.title} hardly changes beyond its own noise: seeds do not agree on the order that "
        f"it gives (mean rank correlation between seeds {agreement:.2f})"
    )


def _told_apart(values: np.ndarray, errors: np.ndarray) -> float:
    """The share of pairs that are."""
    pairs = list(combinations(range(len(values)), 2))
    apart = [abs(values[i] - values[j]) > ERRORS * np.hypot(errors[i], errors[j]) for i, j in pairs]
    return float(np.mean(apart))
