"""What a search says of a claimed number: which protocols explain it, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.reconcile.search import Attempt, Search

MOST_BY_CHANCE = {1: 0.5, 2: 0.1}
"""How many attempts with one deviation, and with two, may at most be expected to meet the number by
chance. Where more are expected, an attempt that meets it is no evidence.
"""
NAMED = 3
"""The most explanations that the conclusion names; further ones are only counted."""


@dataclass(frozen=True)
class Explanation:
    """The protocols with the fewest deviations that give the claimed number, the likeliest first:
    protocols without random draws come first, then the nearest. `by_chance` is the number of
    protocols with as many deviations that are expected to give it by chance.
    """

    search: Search
    protocols: tuple[Attempt, ...]
    by_chance: float

    @property
    def is_explained(self) -> bool:
        """Whether a protocol explains the number, and better than chance would."""
        if not self.protocols:
            return False
        count = len(self.protocols[0].deviations)
        return not count or self.by_chance < MOST_BY_CHANCE[count]

    @property
    def causes(self) -> tuple[str, ...]:
        """The deviations of the likeliest protocol; none where nothing explains the number."""
        return tuple(map(str, self.protocols[0].deviations)) if self.is_explained else ()


def explain(search: Search) -> Explanation:
    """The explanation with the fewest deviations."""
    for level in ([search.default], search.singles, search.pairs):
        hits = [attempt for attempt in level if attempt.fit == "yes"]
        if hits:
            hits.sort(key=lambda attempt: (attempt.value.spread > 0, attempt.gap))
            return Explanation(search, tuple(hits), _by_chance(level, hits[0], search))
    return Explanation(search, (), 0.0)


def _by_chance(level: Sequence[Attempt], best: Attempt, search: Search) -> float:
    """The number of attempts expected to lie as near to the claimed number as `best` by chance. It
    is estimated from the density of values around the claimed number: the attempts in a window
    around it that do not meet it. Attempts with a larger tolerance than `best` has do not count.
    """
    if not best.deviations:
        return 0.0
    as_exact = [attempt for attempt in level if attempt.tolerance <= best.tolerance * 1.001]
    claim = search.claim
    window = max(10 * best.tolerance, min(0.25 * abs(claim.value), abs(search.change(best))))
    around = sum(attempt.fit != "yes" and attempt.gap <= window for attempt in as_exact)
    return max(around, 0.5) * best.tolerance / window


def conclusion(explanation: Explanation) -> str:
    """The last line of the table, in words."""
    search, claim = explanation.search, explanation.search.claim
    claimed = f"{claim.metric} {claim.text}"
    if not explanation.protocols:
        tried = f"{len(search.singles)} single deviations and {len(search.pairs)} pairs of them"
        nearest = min(search.attempts(), key=lambda attempt: attempt.gap)
        return (
            f"none of {tried} gives {claimed}; the nearest is {describe(nearest)} "
            f"with {nearest.value.value:.6g}"
        )
    best, *others = explanation.protocols
    if not best.deviations:
        return f"the default protocol gives {claimed}: there is no difference to explain"
    chance = f"about {explanation.by_chance:.2g} would by chance"
    if not explanation.is_explained:
        number = len(explanation.protocols)
        return (
            f"none: {number} of {len(search.pairs) or len(search.singles)} protocols meet {claimed}"
            f", but {chance}, so that this names no cause"
        )
    text = f"cause: {describe(best)} gives {best.value.value:.6g} for {claimed} ({chance})"
    if others:
        text += f"; the number alone does not exclude {_list(others)}"
    return text


def describe(attempt: Attempt) -> str:
    """The deviations of an attempt in words."""
    return " and ".join(map(str, attempt.deviations)) or "the default protocol"


def _list(attempts: Sequence[Attempt]) -> str:
    names = [describe(attempt) for attempt in attempts[:NAMED]]
    if more := len(attempts) - len(names):
        names.append(f"{more} more")
    return ", ".join(names)
