"""The scale on which two means are compared, and the way back to a ratio or a difference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

EffectKind = Literal["ratio", "difference"]
"""How two means are compared: as a ratio of geometric means, or as a difference of means."""


@dataclass(frozen=True)
class ComparisonScale:
    """Differences between two sides: of logarithms where `kind` is "ratio", and multiplied by
    `sign` (1 or -1), so that a caller may let more mean better, worse, or what a claim says.
    """

    kind: EffectKind
    sign: int

    def natural(self, value: float) -> float:
        """Returns a value of the scale as a ratio or a difference of the metric itself."""
        unsigned = self.sign * value + 0.0  # no negative zero
        return exponential(unsigned) if self.kind == "ratio" else unsigned

    def natural_interval(self, bounds: tuple[float, float]) -> tuple[float, float]:
        """Returns an interval of the scale as one of the metric itself, the lower end first."""
        low, high = sorted(map(self.natural, bounds))
        return low, high


def exponential(value: float) -> float:
    """Returns e to the power of `value`, and infinity where that is too large for a float: the
    upper end of an interval of logarithms over three seeds may be.
    """
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
