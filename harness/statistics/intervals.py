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

FEWEST = 3
"""Blocks below which nothing is tested."""

FEWEST_FOR_SPREAD = 5
"""Seeds below which spreads over seeds are not compared."""


@dataclass(frozen=True)
class Contrast:
    """An estimated mean: its standard error `se` (above zero) and degrees of freedom `df`.

    Each p-value is the smallest alpha at which the two-sided (1 − alpha) t interval lies where the
    name says, so that a p-value and an interval can never disagree.
    """

    mean: float
    se: float
    df: float

    def interval(self, level: float) -> tuple[float, float]:
        """The two-sided t interval of confidence `level`."""
        low, high = stats.t.interval(level, self.df, self.mean, self.se)
        return float(low), float(high)

    def p_above(self, margin: float) -> float:
        """For the interval lying wholly above `margin`."""
        return min(1.0, 2 * float(stats.t.sf((self.mean - margin) / self.se, self.df)))

    def p_below(self, margin: float) -> float:
        """For the interval lying wholly below `margin`."""
        return min(1.0, 2 * float(stats.t.cdf((self.mean - margin) / self.se, self.df)))

    def p_within(self, margin: float) -> float:
        """For the interval lying wholly inside ±`margin`: two one-sided tests (Schuirmann 1987)."""
        return max(self.p_above(-margin), self.p_below(margin))


def varies(values: Sequence[float]) -> bool:
    """Whether values differ by more than rounding."""
    spread = max(values) - min(values)
    return spread > 1e-12 * max(abs(value) for value in values)


def paired(differences: Sequence[float]) -> Contrast:
    """The mean of at least two differences that vary, as in the paired t test."""
    return stratified([differences])


def stratified(strata: Sequence[Sequence[float]]) -> Contrast:
    """The mean of the strata's means, each of the same weight.

    With variances s² and sizes n per stratum, K strata: se² = Σ s²/n / K², and the degrees of
    freedom are those of Welch (1947) and Satterthwaite (1946): (Σ s²/n)² / Σ (s²/n)²/(n−1).
    One stratum gives the paired t test.
    """
    scaled, unit = _in_units(*strata)
    variances = [float(np.var(d, ddof=1)) / len(d) for d in scaled]
    total = sum(variances)
    spread = sum(v**2 / (len(d) - 1) for v, d in zip(variances, scaled, strict=True))
    mean = float(np.mean([np.mean(d) for d in scaled]))
    return Contrast(mean * unit, math.sqrt(total) / len(strata) * unit, total**2 / spread)


def welch(a: Sequence[float], b: Sequence[float]) -> Contrast:
    """The mean of `a` minus that of `b`, two independent samples of which one varies at least, as
    in Welch's t test (1947), but for the bound of `welch_df`.
    """
    (a, b), unit = _in_units(a, b)
    of_a, of_b = (float(np.var(values, ddof=1)) / len(values) for values in (a, b))
    df = float(welch_df(of_a, len(a), of_b, len(b)))
    mean = float(np.mean(a)) - float(np.mean(b))
    return Contrast(mean * unit, math.sqrt(of_a + of_b) * unit, df)


def _in_units(*samples: Sequence[float]) -> tuple[list[list[float]], float]:
    """The samples divided by a power of two, which is exact, so that the largest value is about 1;
    and that power. The squares of very small values would be zero, and those of very large ones
    infinite.
    """
    largest = max(abs(value) for values in samples for value in values)
    unit = math.ldexp(1.0, math.frexp(largest)[1] - 1)
    return [[value / unit for value in values] for values in samples], unit


def welch_df(of_a: Any, n: Any, of_b: Any, m: Any) -> Any:
    """Welch's degrees of freedom for two means with squared standard errors `of_a` of n values and
    `of_b` of m, numbers or arrays: at most those that equal variances would give.

    With ten values against three, the three may lie close together by chance, and the degrees of
    freedom then rise where the standard error is too small: at a level of 99.2 %, which six
    comparisons leave, a difference was found twice as often as the level says. The bound is of no
    effect where both samples are of one size.
    """
    return np.minimum(_satterthwaite(of_a, n, of_b, m), _satterthwaite(1 / n, n, 1 / m, m))


def _satterthwaite(of_a: Any, n: Any, of_b: Any, m: Any) -> Any:
    """Degrees of freedom of the sum of two squared standard errors (1946)."""
    return (of_a + of_b) ** 2 / (of_a**2 / (n - 1) + of_b**2 / (m - 1))


def bca(differences: Sequence[float], level: float) -> tuple[float, float] | None:
    """The BCa bootstrap interval of the mean (Efron 1987), from ten values up; else None.

    A sensitivity check only: below ten values it covers far less than it says.
    """
    if len(differences) < 10:
        return None
    # A fixed generator: the same table gives the same report.
    result = stats.bootstrap(
        (np.asarray(differences),), np.mean, confidence_level=level, rng=np.random.default_rng(0)
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
