"""The power that a number of seeds has to decide about a mean effect, and the seeds it takes."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

from scipy import optimize, stats

from harness.statistics.intervals import FEWEST, Contrast

Goal = Literal["beyond", "within"]
"""Where a claim puts an effect: beyond a margin, or within it, either way."""

POWER = 0.8
"""The chance of a decision that planning asks for."""

MOST_SEEDS = 1000
"""Where the search for a sufficient number of seeds gives up."""


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
