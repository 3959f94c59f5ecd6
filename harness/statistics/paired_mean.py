"""The mean of paired differences, by the test that suits them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.statistics.intervals import paired
from harness.statistics.mean_tests import MeanTest
from harness.statistics.power import detectable_margin
from harness.statistics.sign_flip import few_distinct, sign_flip

FEW = 20
"""Up to this many differences the signs are all enumerated."""


@dataclass(frozen=True)
class PairedMean:
    """One-sided tests of the mean of at least two differences: the exact sign-flip test where there
    are few, or few different ones, and else Student's t.
    """

    differences: Sequence[float]
    test: MeanTest
    standard_error: float

    @classmethod
    def of(cls, differences: Sequence[float]) -> PairedMean:
        """The tests of these differences."""
        n, mean = len(differences), math.fsum(differences) / len(differences)
        variance = math.fsum((each - mean) ** 2 for each in differences) / (n - 1)
        is_flipped = n <= FEW or few_distinct([differences])
        flip = sign_flip([differences]) if is_flipped else None
        return cls(differences, flip or paired(differences), math.sqrt(variance / n))

    @property
    def mean(self) -> float:
        """The mean."""
        return self.test.mean

    def is_above(self, limit: float, alpha: float) -> bool:
        """Whether the mean is above `limit`, at the one-sided level `alpha`."""
        return self.test.p_above(limit) / 2 <= alpha

    def is_below(self, limit: float, alpha: float) -> bool:
        """Whether the mean is below `limit`, at the one-sided level `alpha`."""
        return self.test.p_below(limit) / 2 <= alpha

    def detects(self, alpha: float) -> float:
        """How far above a limit a mean must lie to be found above it in 8 of 10 cases."""
        if not self.standard_error:
            return 0.0
        return self.standard_error * detectable_margin(len(self.differences) - 1, 1 - 2 * alpha)
