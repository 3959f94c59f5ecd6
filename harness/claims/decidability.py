"""Whether a number of seeds can decide a claim, before anything has run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.config.claim import Claim
from harness.config.claim_shapes import (
    CorrelationClaim,
    EquivalenceClaim,
    FrontierClaim,
    MonotoneClaim,
    OrderingClaim,
    SpreadClaim,
    SuccessClaim,
    TradeOffClaim,
)
from harness.metrics.base import Metric
from harness.statistics.formatting import percent
from harness.statistics.intervals import FEWEST, FEWEST_FOR_SPREAD
from harness.statistics.one_mean import WIDENING
from harness.statistics.power import Goal, detectable
from harness.statistics.sign_flip import fewest_blocks


@dataclass(frozen=True)
class Decidability:
    """Whether a claim can be decided, and how large an effect that needs.

    `effect` is the smallest distance of the mean from the limit that decides (zero, the margin, or
    the constant of `above` and `below`) that each comparison would show with 80 % power. For an
    equivalence it is the smallest margin within which equal sides would be shown to lie. It is in
    standard deviations of the differences between paired seeds, and None where nothing can be
    decided. `level` is the interval's confidence in Holm's worst case, the first of all claims.
    """

    decidable: bool
    sentence: str
    level: float
    effect: float | None = None


def decidable(
    claim: Claim,
    seeds: int,
    datasets: Sequence[str],
    claims: int,
    metrics: Mapping[str, Metric] | None = None,
) -> Decidability:
    """Returns what `seeds` seeds can decide about a claim on `datasets`, those it is about.
    `claims` is the number of claims in its suite, over which Holm's correction is. With `metrics`
    it also says where counts may tie, so that the exact test needs more seeds.
    """
    level = 1 - claim.alpha / claims
    strata = len(datasets) if claim.over == "average" else 1
    fewest = FEWEST_FOR_SPREAD if isinstance(claim, SpreadClaim) else FEWEST
    if seeds * strata < fewest or seeds < 2:
        sentence = f"cannot be decided: at least {fewest} seeds are needed, and there are {seeds}"
        return Decidability(False, sentence, level)
    goal: Goal = "within" if isinstance(claim, EquivalenceClaim) else "beyond"
    widening = WIDENING if is_beside_a_constant(claim) else 1.0
    effect = widening * detectable(seeds, strata, level, goal)
    condition = _condition(claim, effect)
    sentence = f"can be decided where {condition} ({percent(level)} interval, 80 % power)"
    counts = [name for name in claim.measured if metrics and metrics[name].counts]
    lacking = fewest_blocks(1 - level) - seeds * strata if counts else 0
    if lacking > 0:
        more = math.ceil(lacking / strata)
        sentence += (
            f"; where all seeds have the same {' or '.join(counts)}, only with {more} more, by the "
            "exact sign-flip test"
        )
    return Decidability(True, sentence, level, effect)


def is_beside_a_constant(claim: Claim) -> bool:
    """Whether the other side of a claim is a constant, so that its interval is wider."""
    constants = ("above", "below", "equals")
    return any(getattr(claim, name, None) is not None for name in constants)


def _condition(claim: Claim, effect: float) -> str:
    """Returns what must hold for the claim to be decided, in the words of its shape."""
    template = CONDITIONS.get(type(claim), "the effect is at least {} of the seeds' differences")
    return template.format(f"{effect:.1f} standard deviations")


CONDITIONS: Mapping[type[Claim], str] = {
    EquivalenceClaim: "the sides are equal and the margin is at least {} of the seeds' differences",
    MonotoneClaim: "every step is at least {} of the seeds' differences",
    OrderingClaim: "neighbours are at least {} of the seeds' differences apart",
    TradeOffClaim: "the effect on each metric is at least {} of the seeds' differences",
    CorrelationClaim: "the mean correlation is at least {} over seeds from the constant",
    FrontierClaim: "the costs at equal quality are at least {} of the seeds' differences apart",
    SuccessClaim: "the shares are at least {} of the seeds' differences apart",
    SpreadClaim: "the spreads are at least {} of the differences in distance apart",
}
