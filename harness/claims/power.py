"""What a number of seeds can decide, before anything has run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.config.claim import (
    Claim,
    CorrelationClaim,
    EquivalenceClaim,
    MonotoneClaim,
    OrderingClaim,
    SpreadClaim,
    TradeOffClaim,
)
from harness.statistics.intervals import FEWEST, FEWEST_FOR_SPREAD, Goal, detectable
from harness.statistics.numbers import percent


@dataclass(frozen=True)
class Decidability:
    """Whether a claim can be decided, and the effect it takes.

    `effect` is the smallest distance of the mean from the limit that decides (zero, the margin,
    or the constant of `above` and `below`), in standard deviations of the differences between
    paired seeds, which each comparison would show with 80 % power; of an equivalence, the smallest
    margin within which sides that are equal would be found so. None where nothing can be decided.
    `level` is that of the interval in Holm's worst case, the first of all claims.
    """

    decidable: bool
    sentence: str
    level: float
    effect: float | None = None


def decidable(claim: Claim, seeds: int, datasets: Sequence[str], claims: int) -> Decidability:
    """What `seeds` on `datasets` (those the claim is about) can decide, one of `claims` claims."""
    level = 1 - claim.alpha / claims
    strata = len(datasets) if claim.over == "average" else 1
    fewest = FEWEST_FOR_SPREAD if isinstance(claim, SpreadClaim) else FEWEST
    if seeds * strata < fewest or seeds < 2:
        sentence = f"cannot be decided: at least {fewest} seeds are needed, and there are {seeds}"
        return Decidability(False, sentence, level)
    goal: Goal = "within" if isinstance(claim, EquivalenceClaim) else "beyond"
    effect = detectable(seeds, strata, level, goal)
    how = f"({percent(level)} interval, 80 % power)"
    return Decidability(True, f"can be decided where {_needed(claim, effect)} {how}", level, effect)


def _needed(claim: Claim, effect: float) -> str:
    """What must be so for the claim to be decided, in the words of its shape."""
    said = NEEDED.get(type(claim), "the effect is at least {} of the seeds' differences")
    return said.format(f"{effect:.1f} standard deviations")


NEEDED: Mapping[type[Claim], str] = {
    EquivalenceClaim: "the sides are equal and the margin is at least {} of the seeds' differences",
    MonotoneClaim: "every step is at least {} of the seeds' differences",
    OrderingClaim: "neighbours are at least {} of the seeds' differences apart",
    TradeOffClaim: "the effect on each metric is at least {} of the seeds' differences",
    CorrelationClaim: "the mean correlation is at least {} over seeds from the constant",
    SpreadClaim: "the spreads are at least {} of the differences in distance apart",
}
