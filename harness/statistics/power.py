"""The power that a number of seeds has to decide about a mean effect, and the seeds it takes."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

from scipy import optimize, stats

from harness.statistics.intervals import FEWEST, Contrast

Goal = Literal["beyond", "within"]
"""Where a claim says that an effect lies: beyond a margin, or within ± the margin."""

POWER = 0.8
"""The probability of a decision that plans aim at."""

MOST_SEEDS = 1000
"""The largest number of seeds that is considered."""


def power(distance: float, df: float, level: float) -> float:
    """Returns the probability that an interval of confidence `level`, with `df` degrees of freedom,
    ends before a limit that lies `distance` standard errors from the true mean: the upper tail of
    the noncentral t distribution (Cohen 1988, Statistical Power Analysis, ch. 2).
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
    """Returns the number of seeds that would decide with 80 % power about an effect and spread as
    observed over `seeds` seeds, either way; None where that is more than `MOST_SEEDS`.
    """
    return seeds_until(contrast, _distances_to_limits(contrast, margin, goal), level, seeds)


def seeds_until(
    contrast: Contrast, distances: Sequence[float], level: float, seeds: int
) -> int | None:
    """Returns the number of seeds at which all limits, `distances` from the true mean, would lie
    outside of the interval with 80 % power, with the spread of `contrast` over `seeds` seeds; None
    where that is more than `MOST_SEEDS`.
    """

    # The spread over seeds stays, so the standard error falls with √n.
    def decision_power(n: int) -> float:
        df = contrast.df * (n - 1) / (seeds - 1)
        scale = math.sqrt(n / seeds) / contrast.se
        return 1 - sum(1 - power(distance * scale, df, level) for distance in distances)

    counts = range(max(seeds, FEWEST), MOST_SEEDS + 1)
    first = bisect_left(counts, POWER, key=decision_power)
    return counts[first] if first < len(counts) else None


def _distances_to_limits(contrast: Contrast, margin: float, goal: Goal) -> tuple[float, ...]:
    """Returns the distances of a mean from the limits that its interval must not reach.

    For "beyond" it is decided by an interval above the margin (supported), below zero, or within
    ±margin (refuted). For "within", by one between both ends of ±margin (equal), or outside of one
    of them (not equal).
    """
    mean = contrast.mean
    if goal == "within":
        outside = abs(mean) - margin
        return (outside,) if outside > 0 else (margin - mean, margin + mean)
    return (mean - margin if mean > margin else max(-mean, margin - abs(mean)),)


def detectable(seeds: int, strata: int, level: float, goal: Goal = "beyond") -> float:
    """Returns the smallest mean effect that `seeds` seeds in each of `strata` strata decide with 80
    % power at confidence `level`, in standard deviations of the paired differences. Where the goal
    is "within": the smallest margin within which an effect of zero is shown to lie.
    """
    # An interval within a margin must not reach either of two ends.
    target = POWER if goal == "beyond" else (1 + POWER) / 2
    return detectable_margin(strata * (seeds - 1), level, target) / math.sqrt(seeds * strata)


def detectable_margin(df: float, level: float, target: float = POWER) -> float:
    """Returns the number of standard errors by which a true mean must lie beyond a limit, so that
    the interval of confidence `level` lies beyond it with power `target`.
    """

    def excess(distance: float) -> float:
        return power(distance, df, level) - target

    high = 2 * float(stats.t.isf((1 - level) / 2, df)) + 2
    while excess(high) < 0:
        high *= 2
    return float(optimize.brentq(excess, 0.0, high))
