"""The mean of one sample, whose values may have a range and may be skewed.

Student's t interval misses the mean of skewed values on the side of their long tail, and values
near the end of a range are skewed; the interval may also leave the range. Here the mean is
transformed, the interval is computed with the standard error of a first-order expansion (the delta
method), and its ends are transformed back. The transform is the logit of the mean's place in a
range with two ends, and the logarithm of its distance from the end of a range with one. In
simulations of values of a range it covers best of what was tried (t clipped to the range, t of
logits, t of arcsines, a Beta distribution by moments): see `docs/statistics.md`. Transforming every
value instead of the mean would change what is estimated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from harness.statistics.intervals import Contrast
from harness.statistics.mean_tests import MeanTest

Limits = tuple[float, float]
"""The least and the greatest value that a quantity can have; infinite where there is none."""

ANY: Limits = (-math.inf, math.inf)

WIDENING = 2.0
"""The factor by which the standard error of a mean is widened where it is compared with a constant:
for skewed values (skewness up to 4, three to twenty seeds) a verdict at 5 % is then false in at
most 5 % of simulations. Differences between two models need none: they are nearly symmetric."""


@dataclass(frozen=True)
class OneMean(MeanTest):
    """The mean of a sample with standard error `se` (above zero) and degrees of freedom `df`, of a
    quantity within `limits`.
    """

    mean: float
    se: float
    df: float
    limits: Limits = ANY

    def interval(self, level: float) -> tuple[float, float]:
        """Returns the interval of confidence `level`, in (0, 1), within the limits."""
        low, high = self._transformed.interval(level)
        return self._back(low), self._back(high)

    def p_above(self, margin: float) -> float:
        """Returns the p-value for an interval wholly above `margin`."""
        return self._transformed.p_above(self._transform(margin))

    def p_below(self, margin: float) -> float:
        """Returns the p-value for an interval wholly below `margin`."""
        return self._transformed.p_below(self._transform(margin))

    @cached_property
    def _ends(self) -> Limits:
        """The limits that the mean lies between; a limit that it reaches is left out."""
        low, high = self.limits
        return (low if low < self.mean else -math.inf, high if high > self.mean else math.inf)

    @cached_property
    def _transformed(self) -> Contrast:
        low, high = self._ends
        slope = 1.0
        if math.isfinite(low) or math.isfinite(high):
            slope = 1 / (self.mean - low) + 1 / (high - self.mean)
        return Contrast(self._transform(self.mean), slope * self.se, self.df)

    def _transform(self, value: float) -> float:
        """Returns a value on the scale without ends."""
        low, high = self._ends
        if math.isinf(low) and math.isinf(high):
            return value
        above = math.log(max(value - low, 0.0) or math.ulp(0.0)) if math.isfinite(low) else 0.0
        below = math.log(max(high - value, 0.0) or math.ulp(0.0)) if math.isfinite(high) else 0.0
        return above - below

    def _back(self, value: float) -> float:
        """Returns the value whose transform is given, within the limits."""
        low, high = self._ends
        if math.isinf(low) and math.isinf(high):
            return clip(value, self.limits)
        if math.isinf(high):
            return low + math.exp(min(value, 700.0))
        if math.isinf(low):
            return high - math.exp(min(-value, 700.0))
        share = 1 / (1 + math.exp(-value)) if value > -700 else 0.0
        return low + (high - low) * share


def clip(value: float, limits: Limits) -> float:
    """Returns the value, or the limit that it lies beyond."""
    return min(max(value, limits[0]), limits[1])
