"""The search: the default protocol, every single deviation from it, then pairs of deviations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

from harness.core.errors import BadInput
from harness.reconcile.claimed_number import ClaimedNumber
from harness.reconcile.evaluator import ProtocolValue
from harness.reconcile.protocol import Deviation, ScoringProtocol

REACH = 2.5
"""Standard deviations over draws within which another draw lies: a 95 % prediction interval from
eight of them (Student's t with 7 degrees of freedom, times √(1 + 1/8)).
"""
NEARLY = 0.02
"""A value within this share of the claimed number is near it."""
BLUNT = 0.1
"""The share of the claimed number beyond which a spread over draws would explain too much."""
LIKELY = 0.25
"""A pair is tried where its two single effects predict the claimed number to within this share."""

Fit = Literal["yes", "nearly", "no"]
Read = Callable[[ScoringProtocol], ProtocolValue]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Attempt:
    """A protocol that was tried: its deviations from the default, its value, its distance from the
    claimed number, the largest distance that counts as equal, and whether it gives the number.
    """

    deviations: tuple[Deviation, ...]
    protocol: ScoringProtocol
    value: ProtocolValue
    gap: float
    tolerance: float
    fit: Fit


@dataclass(frozen=True)
class Search:
    """All that was tried. `refused` has the single deviations that do not apply, with reasons.
    `pair_count` is the number of pairs whose single effects lead near the claimed number; `pairs`
    are the ones that were tried.
    """

    claim: ClaimedNumber
    default: Attempt
    singles: tuple[Attempt, ...]
    pairs: tuple[Attempt, ...] = ()
    pair_count: int = 0
    refused: dict[Deviation, str] = field(default_factory=dict)
    without_effect: tuple[Deviation, ...] = ()

    def attempts(self) -> list[Attempt]:
        """All attempts, the default first."""
        return [self.default, *self.singles, *self.pairs]

    def change(self, attempt: Attempt) -> float:
        """How far an attempt's value is from that of the default."""
        return attempt.value.value - self.default.value.value

    def steps(self, attempt: Attempt) -> list[tuple[Deviation, float]]:
        """What each deviation of an attempt changes alone, in the order of the protocol."""
        alone = {single.deviations[0]: self.change(single) for single in self.singles}
        return [(each, alone.get(each, 0.0)) for each in attempt.deviations]


@dataclass(frozen=True)
class SearchLimits:
    """The tolerance, to which the spread over draws is added (None: half a unit of the claimed
    number's last digit), and the most pairs that are tried.
    """

    tolerance: float | None = None
    pairs: int = 200


@dataclass(frozen=True)
class ProtocolReader:
    """Computes the numbers of protocols that deviate from the default, and compares them with the
    claim. `progress` gets a line about each protocol before its number is computed.
    """

    read: Read
    default: ScoringProtocol
    claim: ClaimedNumber
    limits: SearchLimits
    progress: Progress = lambda _: None

    def attempt(self, *deviations: Deviation) -> Attempt:
        """Computes the number of a protocol. Raises BadInput where that is not possible."""
        self.progress("; ".join(map(str, deviations)) or "the default protocol")
        protocol = self.default.deviate(*deviations)
        value = self.read(protocol)
        gap = abs(value.value - self.claim.value)
        limit = self.limits.tolerance
        rounding = self.claim.rounding if limit is None else limit
        tolerance = rounding * (1 + 1e-9) + REACH * value.spread
        near = max(3 * tolerance, NEARLY * abs(self.claim.value))
        is_blunt = REACH * value.spread > BLUNT * abs(self.claim.value)
        is_met = gap <= tolerance and not is_blunt
        fit: Fit = "yes" if is_met else "nearly" if gap <= near else "no"
        return Attempt(deviations, protocol, value, gap, tolerance, fit)


def search_protocols(reader: ProtocolReader, deviations: Sequence[Deviation]) -> Search:
    """Tries the default, each deviation alone and, where no single one gives the number, pairs.

    A pair is tried where the product of the factors by which its deviations change the number alone
    leads near to the claimed number. Raises BadInput where the default cannot be computed.
    """
    default = reader.attempt()
    singles: list[Attempt] = []
    refused: dict[Deviation, str] = {}
    without_effect: list[Deviation] = []
    for deviation in deviations:
        try:
            attempt = reader.attempt(deviation)
        except BadInput as error:
            refused[deviation] = str(error)
            continue
        if attempt.value == default.value:
            without_effect.append(deviation)
        else:
            singles.append(attempt)
    search = Search(
        reader.claim,
        default,
        tuple(singles),
        refused=refused,
        without_effect=tuple(without_effect),
    )
    if any(attempt.fit == "yes" for attempt in (default, *singles)):
        return search
    return _with_pairs(search, reader)


def _with_pairs(search: Search, reader: ProtocolReader) -> Search:
    candidates = _candidates(search)
    pairs = []
    for pair in candidates[: reader.limits.pairs]:
        try:
            attempt = reader.attempt(*pair)
        except BadInput:
            continue
        alone = {change for _, change in search.steps(attempt)}
        if search.change(attempt) not in alone:  # else one of the two does nothing here
            pairs.append(attempt)
    return replace(search, pairs=tuple(pairs), pair_count=len(candidates))


def _candidates(search: Search) -> list[tuple[Deviation, Deviation]]:
    """Pairs of different fields whose single effects lead near to the claim, the nearest first."""
    start, claimed = search.default.value.value, search.claim.value
    values = {single.deviations[0]: single.value.value for single in search.singles}
    values |= dict.fromkeys(search.without_effect, start)
    is_positive = start > 0 and min(values.values(), default=1.0) > 0

    def distance(pair: tuple[Deviation, Deviation]) -> float:
        a, b = (values[each] for each in pair)
        return abs((a * b / start if is_positive else a + b - start) - claimed)

    pairs = [pair for pair in combinations(values, 2) if pair[0].field != pair[1].field]
    likely = [pair for pair in pairs if distance(pair) <= LIKELY * abs(claimed)]
    return sorted(likely, key=distance)
