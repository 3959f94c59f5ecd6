"""Mean effects with t intervals and the p-values that belong to them.

Everything is on the scale on which models are compared (logarithms for ratios).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from harness.statistics.mean_tests import MeanTest

FEWEST = 3
"""The fewest blocks that are tested."""

FEWEST_FOR_SPREAD = 5
"""The fewest seeds whose spread is compared."""


@dataclass(frozen=True)
class Contrast(MeanTest):
    """An estimated mean with its standard error `se` (above zero) and its degrees of freedom `df`,
    tested by Student's t.
    """

    mean: float
    se: float
    df: float

    def interval(self, level: float) -> tuple[float, float]:
        """Returns the two-sided t interval of confidence `level`, in (0, 1)."""
        low, high = stats.t.interval(level, self.df, self.mean, self.se)
        return float(low), float(high)

    def p_above(self, margin: float) -> float:
        """Returns the p-value for an interval wholly above `margin`."""
        return min(1.0, 2 * float(stats.t.sf((self.mean - margin) / self.se, self.df)))

    def p_below(self, margin: float) -> float:
        """Returns the p-value for an interval wholly below `margin`."""
        return min(1.0, 2 * float(stats.t.cdf((self.mean - margin) / self.se, self.df)))


def varies(values: Sequence[float]) -> bool:
    """Whether the values, at least one, differ by more than rounding."""
    spread = max(values) - min(values)
    return spread > 1e-12 * max(abs(value) for value in values)


def paired(differences: Sequence[float]) -> Contrast:
    """Returns the mean of at least two differences that vary, as in the paired t test."""
    return stratified([differences])


def stratified(strata: Sequence[Sequence[float]]) -> Contrast:
    """Returns the mean of the strata's means, each of the same weight. Every stratum has at least
    two values, and one stratum at least varies.

    With variances s² and sizes n per stratum, K strata: se² = Σ s²/n / K², and the degrees of
    freedom follow Welch (1947) and Satterthwaite (1946): (Σ s²/n)² / Σ (s²/n)²/(n−1).
    One stratum gives the paired t test.
    """
    scaled, unit = _in_units(*strata)
    variances = [float(np.var(d, ddof=1)) / len(d) for d in scaled]
    total = sum(variances)
    spread = sum(v**2 / (len(d) - 1) for v, d in zip(variances, scaled, strict=True))
    mean = float(np.mean([np.mean(d) for d in scaled]))
    return Contrast(mean * unit, math.sqrt(total) / len(strata) * unit, total**2 / spread)


def welch(a: Sequence[float], b: Sequence[float]) -> Contrast:
    """Returns the mean of `a` minus that of `b`, two independent samples of at least two values
    each; at least one sample varies. As in Welch's t test (1947, Biometrika 34:28), except that
    the degrees of freedom are bounded (`welch_df`).
    """
    (a, b), unit = _in_units(a, b)
    of_a, of_b = (float(np.var(values, ddof=1)) / len(values) for values in (a, b))
    df = float(welch_df(of_a, len(a), of_b, len(b)))
    mean = float(np.mean(a)) - float(np.mean(b))
    return Contrast(mean * unit, math.sqrt(of_a + of_b) * unit, df)


def _in_units(*samples: Sequence[float]) -> tuple[list[list[float]], float]:
    """Divides the samples by a power of two, so that the largest value is about 1; returns them and
    that power. The division is exact. Without it the squares of very small values would be zero,
    and the squares of very large ones infinite.
    """
    largest = max(abs(value) for values in samples for value in values)
    unit = math.ldexp(1.0, math.frexp(largest)[1] - 1)
    return [[value / unit for value in values] for values in samples], unit


def welch_df(of_a: Any, n: Any, of_b: Any, m: Any) -> Any:
    """Returns Welch's degrees of freedom for the difference of two means with squared standard
    errors `of_a`, of n values, and `of_b`, of m values; all are numbers or arrays of one shape.
    They are at most those that equal variances would give.

    With ten values against three, the three may lie close together by chance. Then the standard
    error is too small and the degrees of freedom are too many: at a level of 99.2 %, which six
    comparisons leave, a difference was found twice as often as the level says. The bound has no
    effect where both samples have the same size.
    """
    return np.minimum(_satterthwaite(of_a, n, of_b, m), _satterthwaite(1 / n, n, 1 / m, m))


def _satterthwaite(of_a: Any, n: Any, of_b: Any, m: Any) -> Any:
    """Returns the degrees of freedom of a sum of squared standard errors (Satterthwaite 1946)."""
    return (of_a + of_b) ** 2 / (of_a**2 / (n - 1) + of_b**2 / (m - 1))


def bca(differences: Sequence[float], level: float) -> tuple[float, float] | None:
    """Returns the BCa bootstrap interval of the mean (Efron 1987), or None for fewer than ten
    values.

    It is a sensitivity check only; with fewer than ten values it covers far less than `level`.
    """
    if len(differences) < 10:
        return None
    # A fixed generator: the same table gives the same report.
    result = stats.bootstrap(
        (np.asarray(differences),), np.mean, confidence_level=level, rng=np.random.default_rng(0)
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
