"""Order of entrants by paired tests of all pairs: tiers, and intervals of ranks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.statistics import holm
from harness.statistics.intervals import FEWEST, Contrast, paired, varies, welch_df
from harness.statistics.mean_tests import MeanTest
from harness.statistics.one_mean import ANY, Limits, OneMean
from harness.statistics.sign_flip import ROUNDING, TwoConstants, few_distinct, sign_flip

ALPHA = 0.05
"""The probability of any wrong statement in one order."""


@dataclass(frozen=True)
class Sample:
    """The values of one entrant, on the scale on which entrants are compared.

    `mean`, standard `deviation` and `count` are over training seeds. `by_seed` is empty for numbers
    that a paper states. `deviation` is None for a single value.
    """

    mean: float
    deviation: float | None
    count: int
    by_seed: Mapping[int, float] = field(default_factory=dict)
    limits: Limits = ANY
    of_recipe: bool = False

    @classmethod
    def of(
        cls, by_seed: Mapping[int, float], limits: Limits = ANY, of_recipe: bool = False
    ) -> Sample:
        """Returns the sample of values by seed, at least one."""
        values = list(by_seed.values())
        if len(values) == 1:
            return cls(values[0], None, 1, by_seed, limits, of_recipe)
        spread = float(np.std(values, ddof=1)) if varies(values) else 0.0
        return cls(float(np.mean(values)), spread, len(values), by_seed, limits, of_recipe)

    @property
    def is_tested(self) -> bool:
        """Whether it has enough seeds to be compared with others."""
        return self.count >= FEWEST and self.deviation is not None

    def interval(self, level: float) -> tuple[float, float] | None:
        """Returns the interval of the mean of confidence `level`, within the limits; None for a
        single value.
        """
        if self.deviation is None:
            return None
        if self.deviation == 0:
            return self.mean, self.mean
        se = self.deviation / math.sqrt(self.count)
        return OneMean(self.mean, se, self.count - 1, self.limits).interval(level)


def difference(a: Sample, b: Sample) -> MeanTest | float | None:
    """Returns the test of the mean difference a − b: paired over the seeds that both have; where
    fewer than three are common, of all their seeds (Welch 1947, bounded: `welch_df`). Where
    differences tie, or nothing varies, it is an exact test of permutations.

    It is a plain number where values follow from the recipe, and None where there are too few
    seeds.
    """
    common = sorted(a.by_seed.keys() & b.by_seed.keys())
    if a.of_recipe and b.of_recipe and not (a.deviation or b.deviation):
        return a.mean - b.mean if a.is_tested and b.is_tested else None
    if len(common) >= FEWEST:
        differences = [a.by_seed[seed] - b.by_seed[seed] for seed in common]
        flip = sign_flip([differences]) if few_distinct([differences]) else None
        return flip or paired(differences)
    if not (a.is_tested and b.is_tested):
        return None
    variances = [_variance_of_mean(sample) for sample in (a, b)]
    if not any(variances):
        return TwoConstants(a.mean - b.mean, a.count, b.count)
    df = float(welch_df(variances[0], a.count, variances[1], b.count))
    return Contrast(a.mean - b.mean, math.sqrt(sum(variances)), df)


def difference_limits(a: Sample, b: Sample) -> Limits:
    """Returns the least and the greatest difference that there can be."""
    return a.limits[0] - b.limits[1], a.limits[1] - b.limits[0]


def _variance_of_mean(sample: Sample) -> float:
    return (sample.deviation or 0.0) ** 2 / sample.count


@dataclass(frozen=True)
class PairwiseOrder:
    """Entrants, best first, and for each pair whether one is better than the other.

    `above`, shape (n, n), is True at [i, j] where i is better than j by a one-sided test. The tests
    of all ordered pairs are Holm-corrected, so that with probability 1 − `ALPHA` none is wrong.
    """

    names: tuple[str, ...]
    above: NDArray[np.bool_]

    def intervals(self) -> dict[str, tuple[int, int]]:
        """Returns an interval for the rank of each entrant: from one more than the number of
        entrants that are better, to the number of all entrants minus those that are worse.

        With probability 1 − `ALPHA` all hold at once (Mogstad, Romano, Shaikh & Wilhelm 2024,
        doi:10.1093/restud/rdad006, section 3, with Holm's steps in place of their bootstrap's).
        """
        count = len(self.names)
        better, worse = self.above.sum(axis=0), self.above.sum(axis=1)
        return {
            name: (1 + int(better[i]), count - int(worse[i])) for i, name in enumerate(self.names)
        }

    def told_apart(self) -> frozenset[tuple[str, str]]:
        """Returns the pairs (better, worse) of entrants that the tests tell apart."""
        return frozenset(
            (self.names[int(i)], self.names[int(j)]) for i, j in np.argwhere(self.above)
        )

    def tiers(self) -> dict[str, int]:
        """Returns the rank of each entrant's tier. The best entrant leads the first tier. In the
        order of the means, an entrant has the rank of the tier's leader, unless the leader is
        better by the tests: then it leads the next tier, whose rank is one more than the number of
        entrants before it.
        """
        ranks: dict[str, int] = {}
        leader = 0
        for i, name in enumerate(self.names):
            if self.above[leader, i]:
                leader = i
            ranks[name] = leader + 1
        return ranks


def pairwise_order(samples: Mapping[str, Sample]) -> PairwiseOrder:
    """Returns the order of the entrants that have at least three seeds; larger is better."""
    tested = {name: s for name, s in samples.items() if s.is_tested}
    names = sorted(tested, key=lambda name: -tested[name].mean)
    p = _all_pairs([tested[name] for name in names])
    others = ~np.eye(len(names), dtype=bool)
    above = np.zeros_like(others)
    above[others] = holm.adjust(p[others]) <= ALPHA
    return PairwiseOrder(tuple(names), above)


def _all_pairs(samples: Sequence[Sample]) -> NDArray[np.float64]:
    """Returns the one-sided p-values of all pairs, shape (n, n): at [i, j] for the hypothesis that
    i is not better than j. The same as `difference`, for all pairs of a row at once.
    """
    seeds = sorted({seed for sample in samples for seed in sample.by_seed})
    values = np.array([[s.by_seed.get(seed, np.nan) for seed in seeds] for s in samples])
    means = np.array([s.mean for s in samples])
    variances = np.array([_variance_of_mean(s) for s in samples])
    counts = np.array([s.count for s in samples])
    p = np.ones((len(samples), len(samples)))
    for i, row in enumerate(values):
        differences = row - values
        is_common = np.isfinite(differences)
        n = is_common.sum(axis=1)
        is_paired = n >= FEWEST
        with np.errstate(all="ignore"):
            mean = np.where(is_common, differences, 0.0).sum(axis=1) / n
            deviations = np.where(is_common, differences - mean[:, None], 0.0)
            squared_se = (deviations**2).sum(axis=1) / (n - 1) / n
            largest = np.where(is_common, np.abs(differences), 0.0).max(axis=1, initial=0.0)
            is_constant = np.abs(deviations).max(axis=1, initial=0.0) <= 1e-12 * largest
            squared_se = np.where(is_constant, 0.0, squared_se)
            squared_se = np.where(is_paired, squared_se, variances[i] + variances)
            mean = np.where(is_paired, mean, means[i] - means)
            df = np.where(is_paired, n - 1, welch_df(variances[i], counts[i], variances, counts))
            p[i] = special.stdtr(df, -mean / np.sqrt(squared_se))
        for j in np.flatnonzero((squared_se == 0) | (is_paired & _few_distinct(differences))):
            p[i, j] = _exact_p(samples[i], samples[int(j)])
    return p


def _exact_p(a: Sample, b: Sample) -> float:
    """Returns the one-sided p-value for a not being better than b, where differences tie."""
    test = difference(a, b)
    if isinstance(test, MeanTest):
        return test.p_above(0.0) / 2
    return 0.0 if test and test > 0 else 1.0


def _few_distinct(differences: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Returns `few_distinct` of each row of differences; NaN stands for a missing difference."""
    steps = np.diff(np.sort(differences, axis=1), axis=1)
    tolerance = ROUNDING * np.nan_to_num(np.abs(differences)).max(axis=1, initial=0.0)
    distinct = 1 + (steps > tolerance[:, None]).sum(axis=1)
    few: NDArray[np.bool_] = 2 * distinct <= np.isfinite(differences).sum(axis=1)
    return few
