"""Compares one metric of one model on one dataset with a baseline.

A *worsening* is the mean of today's values minus the baseline's, multiplied by a sign so that more
is worse, and of logarithms for metrics that are compared on the log scale. Its t interval is

- paired over the common seeds, where the seeds of one side are all among the other's: the same seed
  means the same initial weights, data order and latents, so that a small change of the code leaves
  most of a seed's deviation as it was;
- Welch's where they are not: other seeds are independent draws.

The choice between the two depends on the seeds alone, never on the values. Where differences tie,
the test is exact, of permutations (`harness.statistics.sign_flip`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.core.counting import counted
from harness.regression.changes import Change, ChangeEffect, ChangeOutcome, MetricPair
from harness.regression.noisy_change import SPREADS, NoisyChange
from harness.statistics.intervals import FEWEST, paired, varies, welch
from harness.statistics.mean_tests import MeanTest
from harness.statistics.one_mean import ANY
from harness.statistics.scale import ComparisonScale, EffectKind, exponential
from harness.statistics.sign_flip import TwoConstants, few_distinct, sign_flip


def examine(pair: MetricPair) -> Change | NoisyChange:
    """Returns the outcome of a comparison, or the test that decides it where there is noise."""
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
    """A failure that the baseline does not have is a regression without a test: a number that does
    not exist cannot lie within noise.
    """
    before, now = pair.before, pair.now
    new = [seed for seed in now.failures if seed not in before.failures]
    measured_before = [seed for seed in new if seed in before.values]
    if measured_before or (new and not before.failures):
        seed = min(measured_before or new)
        others = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
        return pair.end("regressed", f"seed {seed} {now.failures[seed]}{others}")
    shares = [len(side.failures) / len(side.seeds) for side in (before, now) if side.seeds]
    if new and shares[1] > shares[0]:
        counts = [f"{len(side.failures)} of {len(side.seeds)}" for side in (now, before)]
        reason = (
            f"{counts[0]} seeds have no number, {counts[1]} in the baseline, whose seeds are others"
        )
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
    """Equal values for equal seeds. Where some of today's seeds are not in the baseline, the common
    ones must have the same training key too: then code, recipe and data are the same.
    """
    before, now = pair.before, pair.now
    common = before.values.keys() & now.values.keys()
    same_values = all(before.values[seed] == now.values[seed] for seed in common)
    same_keys = all(before.keys.get(seed) == now.keys.get(seed) for seed in common)
    no_other_seeds = now.values.keys() <= before.values.keys()
    if not (common and same_values and (same_keys or no_other_seeds)):
        return None
    mean = float(np.mean([now.values[seed] for seed in common]))
    end = pair.end("unchanged", "equal to the last digit")
    return replace(end, before=mean, now=mean, seeds=(len(common), len(common)))


def _too_few(pair: MetricPair) -> Change | None:
    old, new = _compared_values(pair)
    if min(len(old), len(new)) >= FEWEST:
        return None
    counts = f"{counted(len(new), 'value')} against {len(old)} of the baseline"
    return pair.end("inconclusive", f"{counts}, and at least {FEWEST} of each are needed")


def _is_paired(pair: MetricPair) -> bool:
    before, now = pair.before.seeds, pair.now.seeds
    return before <= now or now <= before


def _compared_values(pair: MetricPair) -> tuple[list[float], list[float]]:
    """Returns the values that are compared, before and now; where seeds are paired, only
    common seeds, in one order.
    """
    before, now = pair.before.values, pair.now.values
    if not _is_paired(pair):
        return list(before.values()), list(now.values())
    common = sorted(before.keys() & now.keys())
    return [before[seed] for seed in common], [now[seed] for seed in common]


def _tested(pair: MetricPair) -> Change | NoisyChange:
    """Returns a test, or the outcome where values follow from the recipe."""
    old, new = _compared_values(pair)
    baseline = list(pair.before.values.values())
    kind: EffectKind = "difference"
    if pair.metric.scale == "log" and min(*baseline, *new) > 0:
        kind = "ratio"
        old, new, baseline = ([math.log(x) for x in values] for values in (old, new, baseline))
    means = float(np.mean(old)), float(np.mean(new))
    before, now = (exponential(mean) if kind == "ratio" else mean for mean in means)
    margin = pair.tolerance.margin(before, kind, pair.metric.better) if pair.tolerance else 0.0
    start = replace(
        pair.end("inconclusive", ""), before=before, now=now, seeds=(len(old), len(new))
    )
    worsening = _worsening(pair, old, new)
    scale = ComparisonScale(kind, pair.sign)
    if isinstance(worsening, float):
        return _exact(start, scale, worsening, margin)
    limit = margin or SPREADS * float(np.std(baseline, ddof=1))
    least, greatest = pair.metric.limits
    limits = (least - greatest, greatest - least) if kind == "difference" else ANY
    return NoisyChange(start, scale, worsening, margin, limit, pair.family, limits)


def _worsening(pair: MetricPair, old: Sequence[float], new: Sequence[float]) -> MeanTest | float:
    """Returns the test of the mean worsening; a plain number where values follow from the recipe.
    Where differences tie, or nothing varies, it is an exact test of permutations.
    """
    if _is_paired(pair):
        differences = [pair.sign * (b - a) for a, b in zip(old, new, strict=True)]
        if pair.metric.of_recipe and not varies(differences):
            return differences[0]
        flip = sign_flip([differences]) if few_distinct([differences]) else None
        return flip or paired(differences)
    if not (varies(old) or varies(new)):
        mean = pair.sign * (new[0] - old[0])
        return mean if pair.metric.of_recipe else TwoConstants(mean, len(new), len(old))
    contrast = welch(new, old)
    return replace(contrast, mean=pair.sign * contrast.mean)


def _exact(start: Change, scale: ComparisonScale, worsening: float, margin: float) -> Change:
    """Returns the outcome of a worsening without noise."""
    value = scale.natural(worsening)
    effect = ChangeEffect(scale.kind, value, value, value, 1.0, scale.natural(margin), None)
    outcome: ChangeOutcome = "improved" if worsening < 0 else "tolerated"
    if worsening > margin:
        outcome = "regressed"
    elif worsening == 0:
        outcome = "unchanged"
    return replace(start, outcome=outcome, reason="the same in every seed", effect=effect)
