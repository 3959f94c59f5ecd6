"""The exact sign-flip test of a mean, for differences that tie: counts, shares and successes.

Where two sides do not differ, each difference is as likely to have the other sign (Fisher 1935, The
Design of Experiments, section 21). Of n blocks there are 2ⁿ equally likely ways to set the signs;
the p-value is the share of them whose mean lies at least as far out. No variance is needed: of n
equal differences it is 2¹⁻ⁿ.

The interval has all shifts that are not rejected. Its ends are means of subsets of the differences
(Hartigan 1969, Journal of the American Statistical Association 64:1303): the k-th smallest and the
k-th largest of the 2ⁿ − 1 subset means bound an interval of confidence 1 − 2k/2ⁿ, exactly so where
differences are symmetric about their centre.

`scipy.stats.permutation_test` has the same p-value, but no interval, and enumerates every way by
itself. Equal values are enumerated here once, so that ties make it faster.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.statistics.mean_tests import MeanTest

MOST_SUBSETS = 2**21
"""The most different subsets that are enumerated."""

ROUNDING = 1e-12
"""Values that differ by less than this share of the largest are equal."""

Strata = Sequence[Sequence[float]]


@dataclass(frozen=True)
class SignFlip(MeanTest):
    """The exact test of the mean of strata's means. `values`, shape (groups,), are the differences
    that are equal, `weights` what each of them counts in the mean, and `counts` how many there are.
    """

    values: NDArray[np.float64]
    weights: NDArray[np.float64]
    counts: NDArray[np.int64]
    name = "exact sign-flip test"

    @property
    def blocks(self) -> int:
        """The number of differences."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:  # type: ignore[override]
        """The mean of the strata's means."""
        return float((self.values * self.weights) @ self.counts)

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that this many blocks can have."""
        return math.ldexp(1.0, 1 - self.blocks)

    def blocks_lacking(self, alpha: float) -> int:
        """Returns the number of further blocks without which no p-value can be as small as
        `alpha`.
        """
        return max(0, fewest_blocks(alpha) - self.blocks)

    def interval(self, level: float) -> tuple[float, float]:
        """Returns the interval of confidence `level`, or of the highest that is attainable."""
        means, upto = self._subsets
        rank = math.floor((1 - level) / self.smallest_p * (1 + 1e-9))
        rank = max(1, rank)
        low = means[np.searchsorted(upto, rank)]
        high = means[np.searchsorted(upto, upto[-1] - rank, side="right")]
        return float(low), float(high)

    def p_above(self, margin: float) -> float:
        """Returns the p-value for an interval wholly above `margin`."""
        return self._p(self._at_most(margin))

    def p_below(self, margin: float) -> float:
        """Returns the p-value for an interval wholly below `margin`."""
        return self._p(self._total - self._below(margin))

    def p_at_most(self, margin: float) -> float:
        """Returns the p-value for an interval that ends at `margin` or below."""
        return self._p(self._total - self._at_most(margin))

    def p_at_least(self, margin: float) -> float:
        """Returns the p-value for an interval that begins at `margin` or above."""
        return self._p(self._below(margin))

    def _p(self, subsets: float) -> float:
        """Returns the p-value where `subsets` subset means speak against the claim; the empty
        subset, which stands for the signs as observed, counts too.
        """
        return min(1.0, self.smallest_p * (1 + subsets))

    @cached_property
    def _subsets(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The means of all subsets but the empty one, ascending, and how many are at most each."""
        sums, weights, ways = np.zeros(1), np.zeros(1), np.ones(1)
        for value, weight, count in zip(self.values, self.weights, self.counts, strict=True):
            taken = np.arange(count + 1)
            sums = np.add.outer(sums, taken * weight * value).ravel()
            weights = np.add.outer(weights, taken * weight).ravel()
            ways = np.multiply.outer(ways, special.binom(count, taken)).ravel()
        means = sums[1:] / weights[1:]
        order = np.argsort(means, kind="stable")
        return means[order], np.cumsum(ways[1:][order])

    @property
    def _total(self) -> float:
        return float(self._subsets[1][-1])

    def _at_most(self, limit: float) -> float:
        """Returns the number of subset means that are at most `limit`."""
        return self._before(limit + self._tolerance(limit))

    def _below(self, limit: float) -> float:
        """Returns the number of subset means that are below `limit`."""
        return self._before(np.nextafter(limit - self._tolerance(limit), -np.inf))

    def _before(self, limit: float) -> float:
        means, upto = self._subsets
        place = int(np.searchsorted(means, limit, side="right"))
        return float(upto[place - 1]) if place else 0.0

    def _tolerance(self, limit: float) -> float:
        return ROUNDING * max(abs(limit), float(np.abs(self.values).max()))


@dataclass(frozen=True)
class TwoConstants(MeanTest):
    """The exact permutation test of two independent samples, each without variance, whose values
    differ by `mean`. Of all ways to share out their `first` + `second` values just one, and its
    mirror image where both have the same size, is as far apart.
    """

    mean: float
    first: int
    second: int
    name = "exact permutation test"

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that samples of these sizes can have."""
        return 2 / math.comb(self.first + self.second, self.first)

    def interval(self, level: float) -> tuple[float, float]:
        """Returns the difference as both ends: no other shift makes the samples equal."""
        return self.mean, self.mean

    def p_above(self, margin: float) -> float:
        """Returns the p-value for a difference above `margin`."""
        return min(1.0, self.smallest_p) if self.mean > margin else 1.0

    def p_below(self, margin: float) -> float:
        """Returns the p-value for a difference below `margin`."""
        return min(1.0, self.smallest_p) if self.mean < margin else 1.0

    def p_at_most(self, margin: float) -> float:
        """Returns the p-value for a difference of at most `margin`."""
        return min(1.0, self.smallest_p) if self.mean <= margin else 1.0

    def p_at_least(self, margin: float) -> float:
        """Returns the p-value for a difference of at least `margin`."""
        return min(1.0, self.smallest_p) if self.mean >= margin else 1.0

    def blocks_lacking(self, alpha: float) -> int:
        """Returns the number of further values on each side without which no p-value can be as
        small as `alpha`.
        """
        more = 0
        while 2 / math.comb(self.first + self.second + 2 * more, self.first + more) > alpha:
            more += 1
        return more


def sign_flip(strata: Strata) -> SignFlip | None:
    """Returns the test of the mean of the strata's means, each of the same weight; None where there
    are more subsets than are enumerated. Every stratum has at least one value.
    """
    groups = [
        (value, 1 / (len(strata) * len(stratum)), count)
        for stratum in strata
        for value, count in _equal_values(stratum)
    ]
    if math.prod(count + 1 for *_, count in groups) > MOST_SUBSETS:
        return None
    values, weights, counts = zip(*groups, strict=True)
    return SignFlip(np.array(values), np.array(weights), np.array(counts))


def few_distinct(strata: Strata) -> bool:
    """Whether in a stratum at most half of the differences are distinct, so that a variance
    estimated from them means little.
    """
    return any(2 * sum(1 for _ in _equal_values(stratum)) <= len(stratum) for stratum in strata)


def fewest_blocks(alpha: float) -> int:
    """Returns the fewest blocks whose smallest p-value, 2¹⁻ⁿ, is at most `alpha` in (0, 1]."""
    return 1 + math.ceil(-math.log2(alpha) - 1e-9)


def _equal_values(stratum: Iterable[float]) -> Iterator[tuple[float, int]]:
    """Yields the distinct values in ascending order, and how often each is there."""
    ordered = sorted(stratum)
    tolerance = ROUNDING * max(abs(ordered[0]), abs(ordered[-1]))
    start = 0
    for i in range(1, len(ordered) + 1):
        if i == len(ordered) or ordered[i] - ordered[start] > tolerance:
            yield ordered[start], i - start
            start = i
