"""Tests of one comparison, or of the average of several, and the effects that they print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from harness.claims.pairing import PairedSeeds, PairingKind
from harness.core.counting import counted
from harness.statistics.formatting import number
from harness.statistics.intervals import Contrast, bca, stratified, varies
from harness.statistics.mean_tests import MeanTest
from harness.statistics.one_mean import WIDENING, Limits, clip
from harness.statistics.power import Goal, seeds_needed
from harness.statistics.scale import ComparisonScale, EffectKind
from harness.statistics.sign_flip import few_distinct, sign_flip


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
    only `problem` is defined.
    """

    pairs: tuple[PairedSeeds, ...]
    strata: tuple[tuple[float, ...], ...]

    @property
    def problem(self) -> str:
        """Why it cannot be tested: too few blocks; empty where it can."""
        fewest = max(part.fewest for part in self.pairs)
        if self.blocks < fewest or min(len(stratum) for stratum in self.strata) < 2:
            blocks = counted(self.blocks, "block")
            return f"{blocks} on {self._datasets}, and at least {fewest} are needed"
        return ""

    @cached_property
    def mean_test(self) -> MeanTest:
        """The test of the mean difference: the exact sign-flip test where differences tie so often
        that their variance means little; Student's t otherwise. One model's values, unlike
        differences of two, may be skewed: beside a constant, signs are flipped only where no value
        varies.
        """
        is_flipped = few_distinct(self.strata) and not (self.pairs[0].constant and self.varies)
        flip = sign_flip(self.strata) if is_flipped else None
        return self.contrast if flip is None else flip

    @cached_property
    def contrast(self) -> Contrast:
        """The mean difference with its standard error, wider against a constant; only where
        differences vary.
        """
        contrast = stratified(self.strata)
        is_single = self.pairs[0].constant
        return replace(contrast, se=WIDENING * contrast.se) if is_single else contrast

    @property
    def varies(self) -> bool:
        """Whether the differences of a stratum vary."""
        return any(varies(stratum) for stratum in self.strata)

    @property
    def blocks(self) -> int:
        """The number of differences, over all strata."""
        return sum(len(stratum) for stratum in self.strata)

    def constant_text(self) -> str:
        """Describes blocks without variance: "the difference on grid is −3, the same in all 3
        seeds: the opposite of what is claimed".
        """
        first = self.pairs[0]
        kind = first.kind if first.kind in ("ratio", "rank correlation") else "difference"
        text = number(_natural(first, self.mean_test.mean), signed=kind == "difference")
        seeds = "seeds" if len(self.strata) == 1 else "blocks"
        same = f"the {kind} on {self._datasets} is {text}, the same in all {self.blocks} {seeds}"
        return f"{same}: {self._meaning()}"

    def _meaning(self) -> str:
        mean = self.mean_test.mean
        as_claimed = abs(mean) <= self.margin if self.goal == "within" else mean > self.margin
        if as_claimed:
            return "as is claimed"
        if mean == 0 == self.margin:
            return "none at all, where one is claimed"
        return "the opposite of what is claimed"

    @property
    def _datasets(self) -> str:
        """The names of the datasets, each once."""
        return ", ".join(dict.fromkeys(part.dataset for part in self.pairs))

    @property
    def _limits(self) -> Limits:
        """The least and the greatest mean difference that there can be."""
        return min(p.limits[0] for p in self.pairs), max(p.limits[1] for p in self.pairs)

    @property
    def margin(self) -> float:
        """The claim's margin, on the scale of the differences."""
        return self.pairs[0].margin

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
            return self.mean_test.p_within(self.margin)
        return self.mean_test.p_above(self.margin)

    @property
    def p_refuted(self) -> float:
        """The smallest alpha at which the interval lies below zero or within ±margin; where
        "within" is the goal, at which it lies wholly outside of ±margin.
        """
        test, margin = self.mean_test, self.margin
        if self.goal == "within":
            return min(test.p_above(margin), test.p_below(-margin))
        within = test.p_within(margin) if margin > 0 else 1.0
        return min(test.p_below(0.0), within)

    @property
    def decides(self) -> bool:
        """Whether any number of seeds like these would decide. A claim of any difference, however
        small, is not refuted by seeds that show none.
        """
        return self.varies or self.goal == "within" or self.margin > 0 or self.mean_test.mean != 0

    def seeds_needed(self, level: float) -> int | None:
        """Returns the number of seeds that would decide at confidence `level`, with an effect and a
        spread as observed; None where that is more than is considered.
        """
        if not self.decides:
            return None
        lacking = math.ceil(self.mean_test.blocks_lacking(1 - level) / len(self.strata))
        if not self.varies:
            return self.seeds + lacking
        needed = seeds_needed(self.contrast, self.margin, level, self.seeds, self.goal)
        return None if needed is None else max(needed, self.seeds + lacking)

    def effect(self, level: float) -> Effect:
        """Returns the mean effect and its interval of confidence `level` in (0, 1), in the metric's
        own terms. Where so few blocks have no interval of that confidence, it is the highest that
        they have.
        """
        first = self.pairs[0]
        # The bootstrap is of one sample; several strata are not one.
        bootstrap = bca(self.strata[0], level) if len(self.strata) == 1 and self.varies else None
        low, high = (clip(end, self._limits) for end in self.mean_test.interval(level))
        return Effect(
            first.kind,
            _natural(first, self.mean_test.mean),
            *_ordered(first, low, high),
            self.mean_test.attainable(level),
            _natural(first, 0.0),
            _natural(first, self.margin),
            "higher" if first.sign > 0 else "lower",
            _ordered(first, *bootstrap) if bootstrap else None,
            _natural(first, -self.margin) if self.goal == "within" else None,
        )


def single_test(part: PairedSeeds) -> ClaimTest:
    """Returns the test of one pairing by itself."""
    return ClaimTest((part,), (tuple(part.differences.values()),))


def average_test(parts: Sequence[PairedSeeds]) -> ClaimTest:
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
