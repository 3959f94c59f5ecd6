"""A comparison with noise, and how its interval decides it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.regression.changes import Change, ChangeEffect, ChangeOutcome
from harness.statistics.formatting import percent
from harness.statistics.intervals import Contrast
from harness.statistics.mean_tests import MeanTest
from harness.statistics.one_mean import ANY, Limits, clip
from harness.statistics.power import detectable_margin, seeds_until
from harness.statistics.scale import ComparisonScale

ALPHA = 0.05
"""Of two-sided intervals with one side that is worse: a check in which nothing has changed
says "regression" in at most half of this share of cases."""

PLAIN_LEVEL = 1 - ALPHA
"""The confidence of an interval before correction for several comparisons."""

SPREADS = 3.0
"""Without a tolerance, the worsening that must be ruled out, in standard deviations over the
baseline's seeds. A mean that is worse by this is worse than all but one in 700 single runs."""


@dataclass(frozen=True)
class NoisyChange:
    """A comparison whose worsening has noise. `margin` is the tolerated worsening, zero without a
    tolerance, and `limit` the worsening that must be ruled out. `start` is the change without its
    outcome, and `limits` are the least and the greatest worsening that there can be.
    """

    start: Change
    scale: ComparisonScale
    worsening: MeanTest
    margin: float
    limit: float
    family: str = ""
    limits: Limits = ANY

    @property
    def p_worse(self) -> float:
        """The smallest alpha at which the interval lies on the worse side of zero."""
        return self.worsening.p_above(0.0)

    @property
    def p_regressed(self) -> float:
        """The smallest alpha at which the interval lies beyond the margin."""
        return self.worsening.p_above(self.margin)

    @property
    def p_improved(self) -> float:
        """The smallest alpha at which the interval lies on the better side of zero."""
        return self.worsening.p_below(0.0)

    def decide(self, alpha_worse: float, alpha_better: float, alpha_first: float) -> Change:
        """Returns the change, at the alphas that the correction leaves for calling it worse or
        better. `alpha_first` is the alpha of the first of all tests.

        Ruling out a regression needs no correction: a check does so only where every comparison
        does (an intersection-union test, Berger 1982).
        """
        first_level = 1 - alpha_first
        beyond = f"worse by more than {self.start.tolerance}" if self.margin else "worse"
        if self.p_regressed <= alpha_worse:
            reason = beyond if self.margin else "worse beyond noise"
            return self._end("regressed", reason, 1 - alpha_worse, first_level)
        if self.p_improved <= alpha_better:
            return self._end("improved", "better beyond noise", 1 - alpha_better, first_level)
        if self.p_regressed <= ALPHA:
            reason = (
                f"{beyond} at {percent(PLAIN_LEVEL)}, not at the {percent(1 - alpha_worse)} that "
                "the correction for several comparisons asks"
            )
            return self._undecided("worse before correction", reason, first_level)
        if self.worsening.p_below(self.limit) <= ALPHA:
            return self._ruled_out(first_level)
        return self._undecided("inconclusive", self._doubt(), first_level)

    def _ruled_out(self, first_level: float) -> Change:
        if self.p_worse <= ALPHA:
            reason = f"worse by less than {self._limit_text()}"
            return self._end("tolerated", reason, PLAIN_LEVEL, first_level)
        reason = f"a worsening by {self._limit_text()} is ruled out"
        return self._end("not worse", reason, PLAIN_LEVEL, first_level)

    def _doubt(self) -> str:
        if not self.limit:
            return "the baseline has no spread over seeds to go by, so give a tolerance"
        if lacking := self.worsening.blocks_lacking(ALPHA):
            seeds = min(self.start.seeds)
            return (
                f"too few seeds for the {self.worsening.name}: {seeds}, and {lacking} more decide"
            )
        worse = "worse, and " if self.p_worse <= ALPHA else ""
        return f"{worse}a worsening by {self._limit_text()} is not ruled out"

    def _limit_text(self) -> str:
        return f"{self.start.tolerance}" if self.margin else f"{SPREADS:g} times the seeds' spread"

    def _undecided(self, outcome: ChangeOutcome, reason: str, first_level: float) -> Change:
        change = self._end(outcome, reason, PLAIN_LEVEL, first_level)
        lacking = self.worsening.blocks_lacking(1 - first_level)
        if lacking or not isinstance(self.worsening, Contrast):
            return replace(change, needed=min(self.start.seeds) + lacking if lacking else None)
        needed = self._needed(self.worsening, first_level) if self.limit else None
        return replace(change, needed=needed)

    def _needed(self, worsening: Contrast, first_level: float) -> int | None:
        """Returns the fewest seeds that decide, either way, with change and spread as observed."""
        mean, seeds = worsening.mean, min(self.start.seeds)
        limits = ((self.limit - mean, PLAIN_LEVEL), (mean - self.margin, first_level))
        counts = [
            seeds_until(worsening, (distance,), level, seeds)
            for distance, level in limits
            if distance > 0
        ]
        return min((count for count in counts if count is not None), default=None)

    def _end(self, outcome: ChangeOutcome, reason: str, level: float, first_level: float) -> Change:
        low, high = (clip(end, self.limits) for end in self.worsening.interval(level))
        value, limit = map(self.scale.natural, (self.worsening.mean, self.limit))
        low, high = sorted(map(self.scale.natural, (low, high)))
        level, shows = self.worsening.attainable(level), self._shows(first_level)
        effect = ChangeEffect(self.scale.kind, value, low, high, level, limit, shows)
        return replace(self.start, outcome=outcome, reason=reason, effect=effect)

    def _shows(self, first_level: float) -> float | None:
        """Returns the smallest worsening that would be called a regression in 8 of 10 cases."""
        if not isinstance(self.worsening, Contrast):
            return None
        distance = detectable_margin(self.worsening.df, first_level)
        return self.scale.natural(self.margin + self.worsening.se * distance)
