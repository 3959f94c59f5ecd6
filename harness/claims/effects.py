"""Tests of one comparison, or of the average of several, and the effect they print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from harness.claims.blocks import Kind, PairedSeeds
from harness.core.counting import counted
from harness.statistics.intervals import Contrast, Goal, bca, exponential, stratified, varies
from harness.statistics.numbers import number


@dataclass(frozen=True)
class Effect:
    """A mean effect, model against the other side, with its interval of confidence `level`.

    As a "ratio" (model / other, geometric mean), a "difference" (model − other, mean, in the
    metric's units), a "difference in spread" over seeds, or a "rank correlation". On the same
    scale, `null` is no effect (1, 0, or the constant), and `limit` what the claim asks the interval
    to lie beyond; an equivalence asks it to lie between `mirror` and `limit`. `bootstrap` is the
    BCa interval, from ten blocks up.
    """

    kind: Kind
    value: float
    low: float
    high: float
    level: float
    null: float
    limit: float
    towards: Literal["higher", "lower"]
    bootstrap: tuple[float, float] | None = None
    mirror: float | None = None


@dataclass(frozen=True)
class ClaimTest:
    """One or several pairings tested as one, as `strata` of differences turned so that more is
    what the claim says. `problem` says why they cannot be tested, and is empty where they can.
    """

    pairs: tuple[PairedSeeds, ...]
    strata: tuple[tuple[float, ...], ...]

    @property
    def problem(self) -> str:
        """Too few blocks, or no variance; empty where there is enough to test."""
        count = sum(len(stratum) for stratum in self.strata)
        where = ", ".join(dict.fromkeys(part.dataset for part in self.pairs))
        fewest = max(part.fewest for part in self.pairs)
        if count < fewest or min(len(stratum) for stratum in self.strata) < 2:
            blocks = counted(count, "block")
            return f"{blocks} on {where}, and at least {fewest} are needed"
        if not any(varies(stratum) for stratum in self.strata):
            return f"no variance: {self._constant(count, where)}, and no noise to test it against"
        return ""

    @property
    def opposed(self) -> bool:
        """Whether there is no variance, and every block speaks against the claim."""
        constant = all(stratum and not varies(stratum) for stratum in self.strata)
        return constant and not self._as_claimed

    @property
    def _as_claimed(self) -> bool:
        means = [sum(stratum) / len(stratum) for stratum in self.strata]
        if self.goal == "within":
            return all(abs(mean) <= self.margin for mean in means)
        return all(mean > self.margin for mean in means)

    def _constant(self, count: int, where: str) -> str:
        """What blocks without variance all say: "the difference on grid is −3, the same in all 3
        seeds: the opposite of what is claimed".
        """
        first = self.pairs[0]
        value = sum(stratum[0] for stratum in self.strata) / len(self.strata)
        what = first.kind if first.kind in ("ratio", "rank correlation") else "difference"
        said = number(_natural(first, value), signed=what == "difference")
        blocks = "seeds" if len(self.strata) == 1 else "blocks"
        if self._as_claimed:
            way = "as is claimed"
        elif value == 0 == self.margin:
            way = "none at all, where one is claimed"
        else:
            way = "the opposite of what is claimed"
        return f"the {what} on {where} is {said}, the same in all {count} {blocks}: {way}"

    @property
    def margin(self) -> float:
        """The claim's margin, on the scale of the differences."""
        return self.pairs[0].margin

    @cached_property
    def contrast(self) -> Contrast:
        """The mean difference with its standard error."""
        return stratified(self.strata)

    @property
    def seeds(self) -> int:
        """The seeds of the smallest stratum."""
        return min(len(stratum) for stratum in self.strata)

    @property
    def goal(self) -> Goal:
        """Where the claim puts the effect: beyond the margin, or within it."""
        return self.pairs[0].goal

    @property
    def p_supported(self) -> float:
        """The smallest alpha at which the interval lies beyond the margin, or within ±margin where
        that is the goal.
        """
        if self.goal == "within":
            return self.contrast.p_within(self.margin)
        return self.contrast.p_above(self.margin)

    @property
    def p_refuted(self) -> float:
        """The smallest alpha at which it lies beyond zero the other way, or within ±margin; where
        that is the goal, wholly outside.
        """
        if self.goal == "within":
            return min(self.contrast.p_above(self.margin), self.contrast.p_below(-self.margin))
        within = self.contrast.p_within(self.margin) if self.margin > 0 else 1.0
        return min(self.contrast.p_below(0.0), within)

    def effect(self, level: float) -> Effect:
        """The mean effect and its interval, in the metric's own terms."""
        first = self.pairs[0]
        # Several strata have no one sample to resample.
        resampled = bca(self.strata[0], level) if len(self.strata) == 1 else None
        low, high = self.contrast.interval(level)
        return Effect(
            first.kind,
            _natural(first, self.contrast.mean),
            *_ordered(first, low, high),
            level,
            _natural(first, 0.0),
            _natural(first, self.margin),
            "higher" if first.sign > 0 else "lower",
            _ordered(first, *resampled) if resampled else None,
            _natural(first, -self.margin) if self.goal == "within" else None,
        )


def test_single(part: PairedSeeds) -> ClaimTest:
    """A pairing tested by itself."""
    return ClaimTest((part,), (tuple(part.differences.values()),))


def test_average(parts: Sequence[PairedSeeds]) -> ClaimTest:
    """Pairings tested as their average.

    Metrics and models share trained cells, so they are averaged within a block, over the seeds
    that all of them have; the datasets are the strata, of equal weight.
    """
    datasets = dict.fromkeys(part.dataset for part in parts)
    strata = []
    for dataset in datasets:
        members = [part.differences for part in parts if part.dataset == dataset]
        seeds = sorted(set.intersection(*(set(member) for member in members)))
        strata.append(tuple(sum(m[s] for m in members) / len(members) for s in seeds))
    return ClaimTest(tuple(parts), tuple(strata))


def _natural(part: PairedSeeds, value: float) -> float:
    """From the scale of the differences to a ratio or a difference, model against the other."""
    turned = part.sign * value
    if part.kind == "rank correlation":  # an interval of t knows no bounds, a correlation does
        return min(1.0, max(-1.0, turned + part.origin))
    return exponential(turned) if part.kind == "ratio" else turned + 0.0


def _ordered(part: PairedSeeds, low: float, high: float) -> tuple[float, float]:
    a, b = sorted((_natural(part, low), _natural(part, high)))
    return a, b
