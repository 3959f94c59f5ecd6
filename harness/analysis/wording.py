"""The one sentence of a verdict that can be quoted by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.blocks import Pairs
from harness.analysis.effects import Comparison, Effect
from harness.analysis.intervals import MOST_SEEDS
from harness.analysis.numbers import decimals, interval, number, percent
from harness.metrics.base import Metric
from harness.spec.claim import Claim


@dataclass(frozen=True)
class Wording:
    """Says of a claim and its comparisons what they came to.

    `key` is the comparison that the verdict hangs on, `level` the confidence of its interval.
    """

    claim: Claim
    tests: Sequence[Comparison]
    metrics: Mapping[str, Metric]

    def about(self, comparison: Comparison) -> str:
        """What a comparison is of: "FID of vae/vae on digits"."""
        titles = _list(self.metrics[part.metric].title for part in comparison.pairs)
        models = _list(part.model for part in comparison.pairs)
        return f"{titles} of {models} on {_datasets(comparison.pairs)}"

    def supported(self, key: Comparison, level: float) -> str:
        """That the claim holds, with the effect that supports it least."""
        several = len(self.tests) > 1
        count = "both" if len(self.tests) == 2 else f"all {len(self.tests)}"
        scope = f" in {count} comparisons" if several else ""
        weakest = f"; the weakest is {self.about(key)}" if several else ""
        return f"Supported{scope}: {self._statement()}{weakest}: {self._measured(key, level)}."

    def refuted(self, key: Comparison, level: float) -> str:
        """That the claim does not hold, with the effect that speaks against it most."""
        reverse = key.contrast.interval(level)[1] < 0
        why = "it is the other way round" if reverse else "the effect lies within the margin"
        where = f" for {self.about(key)}" if len(self.tests) > 1 else ""
        measured = self._measured(key, level)
        return f"Refuted: that {self._statement()} does not hold; {why}{where}: {measured}."

    def inconclusive(self, key: Comparison, level: float, needed: int | None) -> str:
        """That the interval leaves both open, and how many seeds would help."""
        where = f"; the most doubtful is {self.about(key)}" if len(self.tests) > 1 else ""
        seeds = f"about {needed}" if needed else f"more than {MOST_SEEDS}"
        return (
            f"Inconclusive: the seeds leave open whether {self._statement()}{where}: "
            f"{self._measured(key, level)}. With an effect and spread as observed, "
            f"80 % power would need {seeds} seeds."
        )

    def _measured(self, key: Comparison, level: float) -> str:
        unit = self.metrics[key.pairs[0].metric].unit
        count = sum(len(stratum) for stratum in key.strata)
        spread = "over training seeds" if len(key.strata) == 1 else "over seeds within datasets"
        notes = "".join(f"; {note}" for note in dict.fromkeys(p.note for p in key.pairs) if note)
        return (
            f"{quantity(key.effect(level), unit)} ({percent(level)} interval {spread}, "
            f"{count} paired blocks{notes})"
        )

    def _statement(self) -> str:
        pairs = [part for test in self.tests for part in test.pairs]
        verb = "have" if len(self.claim.model) > 1 else "has"
        means = "on average " if self.claim.over == "average" and len(pairs) > 1 else ""
        margin = _margin(self.claim, pairs[0])
        return (
            f"{means}{_list(self.claim.model)} {verb} {self._predicate(pairs)}{margin} "
            f"on {_datasets(pairs)}"
        )

    def _predicate(self, pairs: Sequence[Pairs]) -> str:
        claim = self.claim
        if claim.above is not None or claim.below is not None:
            titles = _list(self.metrics[part.metric].title for part in pairs)
            side = f"above {claim.above:g}" if claim.above is not None else f"below {claim.below:g}"
            return f"{titles} {side}"
        sides = []
        for way, sign in (("higher", 1), ("lower", -1)):
            named = [self.metrics[part.metric].title for part in pairs if part.sign == sign]
            sides += [f"{way} {_list(named)}"] if named else []
        return f"{' and '.join(sides)} than {claim.against}"


def quantity(effect: Effect, unit: str = "") -> str:
    """An effect and its interval: "difference +0.21 [0.10, 0.32]", "ratio 0.41 [0.30, 0.56]"."""
    places = _telling(effect)
    signed = effect.kind == "difference"
    bounds = interval(effect.low, effect.high, places)
    unit = f" {unit}" if unit and signed else ""
    return f"{effect.kind} {number(effect.value, places, signed)} {bounds}{unit}"


def _telling(effect: Effect) -> int:
    """Two digits of the uncertainty, and up to two more where an end of the interval would
    otherwise print as the very limit that it lies beyond or short of.
    """
    places = decimals((effect.high - effect.low) / 2)
    edges = (effect.null, effect.limit)
    for more in range(places, places + 3):
        ends = {round(effect.low, more), round(effect.high, more)}
        if not ends & {round(edge, more) for edge in edges}:
            return more
    return places


def _margin(claim: Claim, part: Pairs) -> str:
    if claim.delta == 0:
        return ""
    if part.kind == "ratio":
        return f" by a factor of more than {1 + claim.delta:g}"
    return f" by more than {claim.delta:g}"


def _datasets(pairs: Sequence[Pairs]) -> str:
    return _list(part.dataset for part in pairs)


def _list(words: Iterable[str]) -> str:
    """Each word once, as in a sentence: "a, b and c"."""
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)} and {last}" if most else last
