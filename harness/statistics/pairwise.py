"""Who is better than whom: paired tests of all pairs, tiers, and intervals of ranks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.statistics import holm
from harness.statistics.intervals import FEWEST, Contrast, varies, welch_df

ALPHA = 0.05


@dataclass(frozen=True)
class Sample:
    """What is known of one entrant, on the scale on which entrants are compared, more being better
    or worse as the caller has it.

    Values by seed; or, of a number that a paper states, mean and standard deviation over so many
    seeds. `deviation` is None for a single value.
    """

    mean: float
    deviation: float | None
    count: int
    by_seed: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def of(cls, by_seed: Mapping[int, float]) -> Sample:
        """That of at least one value."""
        values = list(by_seed.values())
        if len(values) == 1:
            return cls(values[0], None, 1, by_seed)
        spread = float(np.std(values, ddof=1)) if varies(values) else 0.0
        return cls(float(np.mean(values)), spread, len(values), by_seed)

    @property
    def is_tested(self) -> bool:
        """Whether there are seeds enough to compare it with others."""
        return self.count >= FEWEST and self.deviation is not None

    def interval(self, level: float) -> tuple[float, float] | None:
        """The t interval of the mean; None for a single value."""
        if self.deviation is None:
            return None
        if self.deviation == 0:
            return self.mean, self.mean
        se = self.deviation / math.sqrt(self.count)
        return Contrast(self.mean, se, self.count - 1).interval(level)


def difference(a: Sample, b: Sample) -> Contrast | float | None:
    """The mean difference a − b: over the seeds that both have, paired; of all their seeds
    (Welch 1947, bounded: `welch_df`) where fewer than three are common.

    A plain number where nothing varies, so that the difference is exact; None where neither does.
    """
    common = sorted(a.by_seed.keys() & b.by_seed.keys())
    if len(common) >= FEWEST:
        pairs = [a.by_seed[seed] - b.by_seed[seed] for seed in common]
        if not varies(pairs):
            return pairs[0]
        se = float(np.std(pairs, ddof=1)) / math.sqrt(len(pairs))
        return Contrast(float(np.mean(pairs)), se, len(pairs) - 1)
    if not (a.is_tested and b.is_tested):
        return None
    parts = [(s.deviation or 0.0) ** 2 / s.count for s in (a, b)]
    if not any(parts):
        return a.mean - b.mean
    df = float(welch_df(parts[0], a.count, parts[1], b.count))
    return Contrast(a.mean - b.mean, math.sqrt(sum(parts)), df)


@dataclass(frozen=True)
class PairwiseOrder:
    """Entrants, best first, and which are told apart.

    `above[i, j]` says that i is better than j: one-sided tests of all ordered pairs, Holm-corrected
    over all of them, so that with probability 1 − `ALPHA` not a single one is wrong.
    """

    names: tuple[str, ...]
    above: NDArray[np.bool_]

    def intervals(self) -> dict[str, tuple[int, int]]:
        """An interval for each rank: one more than the number of those told to be better, up to the
        number of all without those told to be worse.

        With probability 1 − `ALPHA` all hold at once (Mogstad, Romano, Shaikh & Wilhelm 2024,
        doi:10.1093/restud/rdad006, section 3, with Holm's steps in place of their bootstrap's).
        """
        count = len(self.names)
        better, worse = self.above.sum(axis=0), self.above.sum(axis=1)
        return {
            name: (1 + int(better[i]), count - int(worse[i])) for i, name in enumerate(self.names)
        }

    def tiers(self) -> dict[str, int]:
        """The best leads the first tier. Going down the means, an entrant shares the rank of its
        tier's leader unless the two are told apart; the first that is leads the next tier, whose
        rank is one more than the number of entrants above it.
        """
        ranks: dict[str, int] = {}
        leader = 0
        for i, name in enumerate(self.names):
            if self.above[leader, i]:
                leader = i
            ranks[name] = leader + 1
        return ranks


def pairwise_order(samples: Mapping[str, Sample]) -> PairwiseOrder:
    """The order of entrants that have at least three seeds; more is better."""
    tested = {name: s for name, s in samples.items() if s.is_tested}
    names = sorted(tested, key=lambda name: -tested[name].mean)
    p = _all_pairs([tested[name] for name in names])
    others = ~np.eye(len(names), dtype=bool)
    above = np.zeros_like(others)
    above[others] = holm.adjust(p[others]) <= ALPHA
    return PairwiseOrder(tuple(names), above)


def _all_pairs(samples: Sequence[Sample]) -> NDArray[np.float64]:
    """One-sided p-values, at [i, j] of the test that i is no better than j: `difference` for all
    pairs of a row at once.
    """
    seeds = sorted({seed for sample in samples for seed in sample.by_seed})
    values = np.array([[s.by_seed.get(seed, np.nan) for seed in seeds] for s in samples])
    means = np.array([s.mean for s in samples])
    parts = np.array([(s.deviation or 0.0) ** 2 / s.count for s in samples])
    counts = np.array([s.count for s in samples])
    p = np.ones((len(samples), len(samples)))
    for i, row in enumerate(values):
        pairs = row - values
        there = np.isfinite(pairs)
        n = there.sum(axis=1)
        paired = n >= FEWEST
        with np.errstate(all="ignore"):
            centre = np.where(there, pairs, 0.0).sum(axis=1) / n
            spread = np.where(there, pairs - centre[:, None], 0.0)
            variance = (spread**2).sum(axis=1) / (n - 1) / n
            largest = np.where(there, np.abs(pairs), 0.0).max(axis=1, initial=0.0)
            still = np.abs(spread).max(axis=1, initial=0.0) <= 1e-12 * largest
            variance = np.where(paired, np.where(still, 0.0, variance), parts[i] + parts)
            centre = np.where(paired, centre, means[i] - means)
            df = np.where(paired, n - 1, welch_df(parts[i], counts[i], parts, counts))
            tail = special.stdtr(df, -centre / np.sqrt(variance))
        # Without any spread a difference is exact (a parameter count, say), and so is a tie.
        p[i] = np.where(variance > 0, tail, np.where(centre > 0, 0.0, 1.0))
    return p
