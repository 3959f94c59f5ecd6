"""Mean effects with t intervals, and the power that a number of seeds has to decide about them.

Everything is on the scale on which models are compared (logarithms for ratios).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import optimize, stats

Goal = Literal["beyond", "within"]
"""Where a claim puts an effect: beyond a margin, or within it, either way."""

FEWEST = 3
"""Blocks below which nothing is tested."""

FEWEST_FOR_SPREAD = 5
"""Seeds below which spreads over seeds are not compared."""

POWER = 0.8
"""The chance of a decision that planning asks for."""

MOST_SEEDS = 1000
"""Where the search for a sufficient number of seeds gives up."""


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


def exponential(value: float) -> float:
    """e to the power of a value: ∞ where no number is that large, as the upper end of an interval
    of logarithms may be that three seeds leave wide.
    """
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


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


def power(distance: float, df: float, level: float) -> float:
    """The chance that an interval of confidence `level` ends short of a limit `distance` standard
    errors away from the true mean: the upper tail of the noncentral t (Cohen 1988, ch. 2).
    """
    critical = stats.t.isf((1 - level) / 2, df)
    return float(stats.nct.sf(critical, df, distance))


def seeds_needed(
    contrast: Contrast,
    margin: float,
    level: float,
    seeds: int,
    goal: Goal = "beyond",
) -> int | None:
    """The number of seeds at which an effect and spread as observed over `seeds` would be decided
    with 80 % power, one way or the other; None where a thousand would not do.
    """
    return seeds_until(contrast, _to_decision(contrast, margin, goal), level, seeds)


def seeds_until(
    contrast: Contrast, distances: Sequence[float], level: float, seeds: int
) -> int | None:
    """The number of seeds at which limits `distances` away from the true mean would all be found to
    lie outside the interval with 80 % power, where `seeds` gave the spread of `contrast`; None
    where a thousand would not do.
    """

    # The spread per seed stays, so the standard error shrinks with √n.
    def chance(n: int) -> float:
        df = contrast.df * (n - 1) / (seeds - 1)
        scale = math.sqrt(n / seeds) / contrast.se
        return 1 - sum(1 - power(distance * scale, df, level) for distance in distances)

    tried = range(max(seeds, FEWEST), MOST_SEEDS + 1)
    first = bisect_left(tried, POWER, key=chance)
    return tried[first] if first < len(tried) else None


def _to_decision(contrast: Contrast, margin: float, goal: Goal) -> tuple[float, ...]:
    """How far a mean lies from the limits that its interval must end short of.

    Beyond: above the margin (supported), below zero, or within ±margin (refuted). Within: from both
    ends of ±margin (equal), or outside of one of them (not equal).
    """
    mean = contrast.mean
    if goal == "within":
        outside = abs(mean) - margin
        return (outside,) if outside > 0 else (margin - mean, margin + mean)
    return (mean - margin if mean > margin else max(-mean, margin - abs(mean)),)


def detectable(seeds: int, strata: int, level: float, goal: Goal = "beyond") -> float:
    """The smallest mean effect, in standard deviations of the paired differences, that `seeds`
    in each of `strata` strata decide with 80 % power at confidence `level`. Where the goal is an
    interval within a margin: the smallest margin for which an effect of zero does.
    """
    # The interval may miss either end of the margin.
    wanted = POWER if goal == "beyond" else (1 + POWER) / 2
    return detectable_margin(strata * (seeds - 1), level, wanted) / math.sqrt(seeds * strata)


def detectable_margin(df: float, level: float, wanted: float = POWER) -> float:
    """How many standard errors a true mean must lie beyond a limit, so that the interval of
    confidence `level` lies beyond it with power `wanted`.
    """

    def excess(distance: float) -> float:
        return power(distance, df, level) - wanted

    high = 2 * float(stats.t.isf((1 - level) / 2, df)) + 2
    while excess(high) < 0:
        high *= 2
    return float(optimize.brentq(excess, 0.0, high))
