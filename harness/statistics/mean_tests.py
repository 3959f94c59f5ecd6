"""What every test of a mean effect answers: an interval, and the p-values that belong to it."""

from __future__ import annotations

from abc import ABC, abstractmethod


class MeanTest(ABC):
    """A test of a mean effect, with the interval that belongs to it.

    Each p-value is the smallest alpha at which the two-sided interval of confidence 1 − alpha lies
    where the method's name says, so that a p-value and an interval never disagree.
    """

    name = ""
    """What the test is called, where a sentence must say so."""

    mean: float

    @abstractmethod
    def interval(self, level: float) -> tuple[float, float]:
        """Returns the two-sided interval of confidence `level`, in (0, 1)."""

    @abstractmethod
    def p_above(self, margin: float) -> float:
        """Returns the p-value for an interval wholly above `margin`."""

    @abstractmethod
    def p_below(self, margin: float) -> float:
        """Returns the p-value for an interval wholly below `margin`."""

    def p_at_most(self, margin: float) -> float:
        """Returns the p-value for an interval that ends at `margin` or below."""
        return self.p_below(margin)

    def p_at_least(self, margin: float) -> float:
        """Returns the p-value for an interval that begins at `margin` or above."""
        return self.p_above(margin)

    def p_within(self, margin: float) -> float:
        """Returns the p-value for an interval wholly within ±`margin`: two one-sided tests
        (Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657).
        """
        return max(self.p_at_least(-margin), self.p_at_most(margin))

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that this many values can have."""
        return 0.0

    def attainable(self, level: float) -> float:
        """Returns the highest confidence, at most `level`, that an interval can have."""
        return min(level, 1 - self.smallest_p)

    def blocks_lacking(self, alpha: float) -> int:
        """Returns how many more blocks are needed before a p-value can be as small as `alpha`; 0
        where the present ones suffice.
        """
        return 0
