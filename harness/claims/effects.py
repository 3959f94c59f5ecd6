"""Tests of one comparison, or of the average of several, and the effects that they print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from harness.claims.pairing import PairedSeeds, PairingKind
from harness.core.counting import counted
from harness.statistics.formatting import number
from harness.statistics.intervals import Contrast, bca, stratified, varies
from harness.statistics.power import Goal
from harness.statistics.scale import ComparisonScale, EffectKind


@dataclass(frozen=True)
class Effect:
    """A mean effect, model against the other side, with its interval of confidence `level`.

    `kind` is "ratio" (model / other, geometric mean), "difference" (model − other, mean, in the
    metric's unit), "difference in spread" over seeds, or "rank correlation". On the same scale,
    `null` is no effect (1, 0, or the claim's constant), and `limit` is where the claim says that
    the interval lies beyond, on the side `towards`; an equivalence says that it lies between
    `mirror` and `limit`. `bootstrap` is the BCa interval, given from ten blocks up.
    """

    kind: PairingKind
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
    """One or several pairings that are tested as one. `strata` are their differences, one tuple a
    dataset, larger where the claim says so. Where `problem` is not empty nothing can be tested, and
    only `problem` and `opposed` are defined.
    """

    pairs: tuple[PairedSeeds, ...]
    strata: tuple[tuple[float, ...], ...]

    @property
    def problem(self) -> str:
        """Why it cannot be tested, too few blocks or no variance; empty where it can."""
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
        """Describes blocks without variance: "the difference on grid is −3, the same in all 3
        seeds: the opposite of what is claimed".
        """
        first = self.pairs[0]
        value = sum(stratum[0] for stratum in self.strata) / len(self.strata)
        kind = first.kind if first.kind in ("ratio", "rank correlation") else "difference"
        text = number(_natural(first, value), signed=kind == "difference")
        blocks = "seeds" if len(self.strata) == 1 else "blocks"
        if self._as_claimed:
            meaning = "as is claimed"
        elif value == 0 == self.margin:
            meaning = "none at all, where one is claimed"
        else:
            meaning = "the opposite of what is claimed"
        return f"the {kind} on {where} is {text}, the same in all {count} {blocks}: {meaning}"

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
        """The number of seeds of the smallest stratum."""
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
        """The smallest alpha at which the interval lies below zero or within ±margin; where
        "within" is the goal, at which it lies wholly outside of ±margin.
        """
        if self.goal == "within":
            return min(self.contrast.p_above(self.margin), self.contrast.p_below(-self.margin))
        within = self.contrast.p_within(self.margin) if self.margin > 0 else 1.0
        return min(self.contrast.p_below(0.0), within)

    def effect(self, level: float) -> Effect:
        """Returns the mean effect and its interval of confidence `level` in (0, 1), in the metric's
        own terms.
        """
        first = self.pairs[0]
        # The bootstrap is of one sample; several strata are not one.
        bootstrap = bca(self.strata[0], level) if len(self.strata) == 1 else None
        low, high = self.contrast.interval(level)
        return Effect(
            first.kind,
            _natural(first, self.contrast.mean),
            *_ordered(first, low, high),
            level,
            _natural(first, 0.0),
            _natural(first, self.margin),
            "higher" if first.sign > 0 else "lower",
            _ordered(first, *bootstrap) if bootstrap else None,
            _natural(first, -self.margin) if self.goal == "within" else None,
        )


def test_single(part: PairedSeeds) -> ClaimTest:
    """Returns the test of one pairing by itself."""
    return ClaimTest((part,), (tuple(part.differences.values()),))


def test_average(parts: Sequence[PairedSeeds]) -> ClaimTest:
    """Returns the test of the average of pairings.

    Metrics and models come from the same trained cells, so they are averaged within a seed, over
    the seeds that all of them have; the datasets are the strata, of equal weight.
    """
    strata = []
    for dataset in dict.fromkeys(part.dataset for part in parts):
        members = [part.differences for part in parts if part.dataset == dataset]
        seeds = sorted(set.intersection(*map(set, members)))
        strata.append(tuple(sum(m[s] for m in members) / len(members) for s in seeds))
    return ClaimTest(tuple(parts), tuple(strata))


def _natural(part: PairedSeeds, value: float) -> float:
    """Converts a value of the differences' scale to the effect's kind, model against the other."""
    if part.kind == "rank correlation":  # a t interval may leave [-1, 1], a correlation cannot
        return min(1.0, max(-1.0, part.sign * value + part.origin))
    kind: EffectKind = "ratio" if part.kind == "ratio" else "difference"
    return ComparisonScale(kind, part.sign).natural(value)


def _ordered(part: PairedSeeds, low: float, high: float) -> tuple[float, float]:
    lower, upper = sorted((_natural(part, low), _natural(part, high)))
    return lower, upper
