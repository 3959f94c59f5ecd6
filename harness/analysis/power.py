"""What a number of seeds can decide, before anything has run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.intervals import FEWEST, detectable
from harness.analysis.numbers import percent
from harness.spec.claim import Claim


@dataclass(frozen=True)
class Decidability:
    """Whether a claim can be decided, and the effect it takes.

    `effect` is the smallest distance of the mean from the limit that decides (zero, the margin,
    or the constant of `above` and `below`), in standard deviations of the differences between
    paired seeds, which each comparison would show with 80 % power. None where nothing can be
    decided. `level` is that of the interval in Holm's worst case, the first of all claims.
    """

    decidable: bool
    sentence: str
    level: float
    effect: float | None = None


def decidable(claim: Claim, seeds: int, datasets: Sequence[str], claims: int) -> Decidability:
    """What `seeds` on `datasets` (those the claim is about) can decide, one of `claims` claims."""
    level = 1 - claim.alpha / claims
    strata = len(datasets) if claim.over == "average" else 1
    if seeds * strata < FEWEST or seeds < 2:
        sentence = f"cannot be decided: at least {FEWEST} seeds are needed, and there are {seeds}"
        return Decidability(False, sentence, level)
    effect = detectable(seeds, strata, level)
    sentence = (
        f"can be decided where the effect is at least {effect:.1f} standard deviations of the "
        f"seeds' differences ({percent(level)} interval, 80 % power)"
    )
    return Decidability(True, sentence, level, effect)
