"""What became of one metric of one model on one dataset since a baseline was saved.

A *worsening* is the mean of today's values minus the baseline's, turned so that more is worse, and
of logarithms for metrics that are compared on the log scale. Its t interval is

- paired over the seeds that both have, where the seeds of one side are all among the other's: one
  seed means the same initial weights, data order and latents, so that a small change of the code
  leaves most of a seed's luck as it was;
- Welch's where they are not: other seeds are other draws.

Which of the two it is depends on the seeds alone, never on the values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from harness.core.counting import counted
from harness.metrics.base import Metric
from harness.regression.tolerance import Tolerance
from harness.statistics.formatting import percent
from harness.statistics.intervals import FEWEST, Contrast, paired, varies, welch
from harness.statistics.power import detectable_margin, seeds_until
from harness.statistics.scale import ComparisonScale, EffectKind, exponential

ALPHA = 0.05
"""Of two-sided intervals, of which only one side is worse: a check in which nothing has changed
says "regression" in at most half of this share of cases."""

PLAIN = 1 - ALPHA
"""The level of an interval before correction for several comparisons."""

SPREADS = 3.0
"""Without a tolerance, the worsening that must be ruled out, in standard deviations over the
baseline's seeds. It takes the mean beyond all but one in 700 of the baseline's single runs."""

Outcome = Literal[
    "regressed", "worse before correction", "improved", "unchanged", "tolerated", "not worse",
    "inconclusive", "not comparable",
]  # fmt: skip
"""A worsening that the printed interval shows is never "not worse": it is "regressed" where it
holds after the correction for several comparisons, "worse before correction" where it holds in this
one alone, and "tolerated" where it ends before the tolerance."""

PASSING: tuple[Outcome, ...] = ("improved", "unchanged", "tolerated", "not worse")
"""The outcomes that rule a regression out."""


@dataclass(frozen=True)
class RunSet:
    """The numbers of one side, its failures and its training keys, by seed; the seeds that are
    still to be measured, and those that the machine, not the model, kept from it, with the reason.
    """

    values: Mapping[int, float]
    failures: Mapping[int, str]
    keys: Mapping[int, str]
    missing: tuple[int, ...] = ()
    accidents: Mapping[int, str] = field(default_factory=dict)

    def distances(self, ideal: float) -> RunSet:
        """The same of the distances of the values from an ideal."""
        return replace(
            self, values={seed: abs(value - ideal) for seed, value in self.values.items()}
        )

    @property
    def seeds(self) -> set[int]:
        """All seeds that ended, with a number or without."""
        return {*self.values, *self.failures}


@dataclass(frozen=True)
class MetricPair:
    """A comparison to be made: one metric of a model on a dataset, before and now.

    `family` names the comparisons that are corrected together.
    """

    dataset: str
    model: str
    metric: Metric
    before: RunSet
    now: RunSet
    tolerance: Tolerance | None = None
    family: str = ""

    @property
    def sign(self) -> int:
        """One where more is worse, else minus one."""
        return 1 if self.metric.better == "lower" else -1

    def end(self, outcome: Outcome, reason: str) -> Change:
        """The change that it comes to."""
        return Change(
            self.dataset, self.model, self.metric.name, outcome, reason,
            (len(self.before.values), len(self.now.values)), self.tolerance,
        )  # fmt: skip


@dataclass(frozen=True)
class ChangeEffect:
    """Now against the baseline: as a "ratio" (of geometric means) or a "difference" (of means, in
    the metric's unit), with its interval of confidence `level`, which is the level at which the
    outcome was decided.

    `limit` is the worsening that must be ruled out, and `shows` the least that would have been
    called a regression in 8 of 10 cases; None where there is no noise.
    """

    kind: EffectKind
    value: float
    low: float
    high: float
    level: float
    limit: float
    shows: float | None


@dataclass(frozen=True)
class Change:
    """The outcome of one comparison, and why. `before` and `now` are means, geometric where the
    effect is a ratio, over as many `seeds`. `needed` is the number of seeds that would decide.
    """

    dataset: str
    model: str
    metric: str
    outcome: Outcome
    reason: str
    seeds: tuple[int, int] = (0, 0)
    tolerance: Tolerance | None = None
    before: float | None = None
    now: float | None = None
    effect: ChangeEffect | None = None
    needed: int | None = None


def examine(pair: MetricPair) -> Change | NoisyChange:
    """What a comparison comes to, or the test that decides it."""
    return (
        _unmeasured(pair)
        or _failed(pair)
        or _without_numbers(pair)
        or _unchanged(pair)
        or _too_few(pair)
        or _tested(pair)
    )


def _unmeasured(pair: MetricPair) -> Change | None:
    if accidents := pair.now.accidents:
        seed = min(accidents)
        others = f" (and {len(accidents) - 1} more)" if len(accidents) > 1 else ""
        return pair.end(
            "inconclusive", f"seed {seed} could not be measured: {accidents[seed]}{others}"
        )
    if not pair.now.missing:
        return None
    listed = ", ".join(map(str, pair.now.missing))
    return pair.end("inconclusive", f"not measured yet for seed {listed}")


def _failed(pair: MetricPair) -> Change | None:
    """A failure that the baseline has not is a regression without a test: where there is no number,
    there is none that could lie within noise.
    """
    before, now = pair.before, pair.now
    new = [seed for seed in now.failures if seed not in before.failures]
    known = [seed for seed in new if seed in before.values]
    if known or (new and not before.failures):
        seed = min(known or new)
        others = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
        return pair.end("regressed", f"seed {seed} {now.failures[seed]}{others}")
    shares = [len(side.failures) / len(side.seeds) for side in (before, now) if side.seeds]
    if new and shares[1] > shares[0]:
        mine, theirs = (f"{len(side.failures)} of {len(side.seeds)}" for side in (now, before))
        reason = f"{mine} seeds have no number, {theirs} in the baseline, whose seeds are others"
        return pair.end("inconclusive", reason)
    return None


def _without_numbers(pair: MetricPair) -> Change | None:
    if pair.before.values:
        return None
    reason = next(iter(pair.before.failures.values()))
    if not pair.now.values:
        return pair.end("not comparable", f"no number, now or before ({reason})")
    return pair.end("improved", f"the baseline has no number ({reason})")


def _unchanged(pair: MetricPair) -> Change | None:
    """The same values for the same seeds. Where not all of today's seeds are in the baseline, those
    that are must have trained under the same key: then code, recipe and data are the same.
    """
    before, now = pair.before, pair.now
    common = before.values.keys() & now.values.keys()
    same = all(before.values[seed] == now.values[seed] for seed in common)
    same_key = all(before.keys.get(seed) == now.keys.get(seed) for seed in common)
    if not (common and same and (same_key or now.values.keys() <= before.values.keys())):
        return None
    mean = float(np.mean([now.values[seed] for seed in common]))
    end = pair.end("unchanged", "equal to the last digit")
    return replace(end, before=mean, now=mean, seeds=(len(common), len(common)))


def _too_few(pair: MetricPair) -> Change | None:
    old, new = _compared(pair)
    if min(len(old), len(new)) >= FEWEST:
        return None
    counts = f"{counted(len(new), 'value')} against {len(old)} of the baseline"
    return pair.end("inconclusive", f"{counts}, and at least {FEWEST} of each are needed")


def _is_paired(pair: MetricPair) -> bool:
    before, now = pair.before.seeds, pair.now.seeds
    return before <= now or now <= before


def _compared(pair: MetricPair) -> tuple[list[float], list[float]]:
    """The values that are compared: of the common seeds, in one order, where seeds pair."""
    before, now = pair.before.values, pair.now.values
    if not _is_paired(pair):
        return list(before.values()), list(now.values())
    common = sorted(before.keys() & now.keys())
    return [before[seed] for seed in common], [now[seed] for seed in common]


def _tested(pair: MetricPair) -> Change | NoisyChange:
    """A test, or the plain answer where no value varies."""
    old, new = _compared(pair)
    every = list(pair.before.values.values())
    kind: EffectKind = "difference"
    if pair.metric.scale == "log" and min(*every, *new) > 0:
        kind = "ratio"
        old, new, every = ([math.log(x) for x in values] for values in (old, new, every))
    means = float(np.mean(old)), float(np.mean(new))
    before, now = (exponential(mean) if kind == "ratio" else mean for mean in means)
    margin = pair.tolerance.margin(before, kind, pair.metric.better) if pair.tolerance else 0.0
    start = replace(
        pair.end("inconclusive", ""), before=before, now=now, seeds=(len(old), len(new))
    )
    found = _worsening(pair, old, new)
    scale = ComparisonScale(kind, pair.sign)
    if isinstance(found, float):
        return _exact(start, scale, found, margin)
    limit = margin or SPREADS * float(np.std(every, ddof=1))
    return NoisyChange(start, scale, found, margin, limit, pair.family)


def _worsening(pair: MetricPair, old: Sequence[float], new: Sequence[float]) -> Contrast | float:
    """The mean worsening with its noise; a plain number where there is no noise."""
    if _is_paired(pair):
        differences = [pair.sign * (b - a) for a, b in zip(old, new, strict=True)]
        return paired(differences) if varies(differences) else differences[0]
    if not (varies(old) or varies(new)):
        return pair.sign * (new[0] - old[0])
    contrast = welch(new, old)
    return replace(contrast, mean=pair.sign * contrast.mean)


def _exact(start: Change, scale: ComparisonScale, worsening: float, margin: float) -> Change:
    value = scale.natural(worsening)
    effect = ChangeEffect(scale.kind, value, value, value, 1.0, scale.natural(margin), None)
    outcome: Outcome = "improved" if worsening < 0 else "tolerated"
    if worsening > margin:
        outcome = "regressed"
    elif worsening == 0:
        outcome = "unchanged"
    return replace(start, outcome=outcome, reason="the same in every seed", effect=effect)


@dataclass(frozen=True)
class NoisyChange:
    """A comparison whose worsening has noise: `margin` is what is tolerated of it, and `limit` what
    must be ruled out.
    """

    start: Change
    scale: ComparisonScale
    worsening: Contrast
    margin: float
    limit: float
    family: str = ""

    @property
    def p_worse(self) -> float:
        """The smallest alpha at which the interval lies on the worse side of zero."""
        return self.worsening.p_above(0.0)

    @property
    def p_regressed(self) -> float:
        """The smallest alpha at which it lies beyond the margin."""
        return self.worsening.p_above(self.margin)

    @property
    def p_improved(self) -> float:
        """The smallest alpha at which it lies on the better side of zero."""
        return self.worsening.p_below(0.0)

    def decide(self, to_regress: float, to_improve: float, strictest: float) -> Change:
        """The change, at the alphas that the correction leaves to call it worse or better;
        `strictest` is the alpha of the first of all tests.

        Ruling out is not corrected: a check finds no regression only where every comparison does
        (an intersection-union test, Berger 1982).
        """
        strict = 1 - strictest
        beyond = f"worse by more than {self.start.tolerance}" if self.margin else "worse"
        if self.p_regressed <= to_regress:
            reason = beyond if self.margin else "worse beyond noise"
            return self._end("regressed", reason, 1 - to_regress, strict)
        if self.p_improved <= to_improve:
            return self._end("improved", "better beyond noise", 1 - to_improve, strict)
        if self.p_regressed <= ALPHA:
            reason = (
                f"{beyond} at {percent(PLAIN)}, not at the {percent(1 - to_regress)} that the "
                "correction for several comparisons asks"
            )
            return self._open("worse before correction", reason, strict)
        if self.worsening.interval(PLAIN)[1] < self.limit:
            return self._ruled_out(strict)
        return self._open("inconclusive", self._doubt(), strict)

    def _ruled_out(self, strict: float) -> Change:
        if self.p_worse <= ALPHA:
            return self._end("tolerated", f"worse by less than {self._limit()}", PLAIN, strict)
        reason = f"a worsening by {self._limit()} is ruled out"
        return self._end("not worse", reason, PLAIN, strict)

    def _doubt(self) -> str:
        if not self.limit:
            return "the baseline has no spread over seeds to go by, so give a tolerance"
        worse = "worse, and " if self.p_worse <= ALPHA else ""
        return f"{worse}a worsening by {self._limit()} is not ruled out"

    def _limit(self) -> str:
        return f"{self.start.tolerance}" if self.margin else f"{SPREADS:g} times the seeds' spread"

    def _open(self, outcome: Outcome, reason: str, strict: float) -> Change:
        change = self._end(outcome, reason, PLAIN, strict)
        return replace(change, needed=self._needed(strict) if self.limit else None)

    def _needed(self, strict: float) -> int | None:
        """The fewest seeds that decide, one way or the other, with change and spread as seen."""
        mean, few = self.worsening.mean, min(self.start.seeds)
        ways = ((self.limit - mean, PLAIN), (mean - self.margin, strict))
        found = [seeds_until(self.worsening, (far,), level, few) for far, level in ways if far > 0]
        return min((n for n in found if n is not None), default=None)

    def _end(self, outcome: Outcome, reason: str, level: float, strict: float) -> Change:
        low, high = self.worsening.interval(level)
        shows = self.margin + self.worsening.se * detectable_margin(self.worsening.df, strict)
        value, limit, shows = map(self.scale.natural, (self.worsening.mean, self.limit, shows))
        low, high = sorted(map(self.scale.natural, (low, high)))
        effect = ChangeEffect(self.scale.kind, value, low, high, level, limit, shows)
        return replace(self.start, outcome=outcome, reason=reason, effect=effect)
